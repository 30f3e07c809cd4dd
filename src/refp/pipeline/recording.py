"""Records of a history from estimates and from tables of planes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.digests import Contents, hash_path
from refp.core.errors import HistoryError
from refp.core.files import library_versions
from refp.core.parallel import SERIAL, Execution
from refp.estimate.batch import Qualify, estimate_each
from refp.estimate.estimator import Estimator, ImageEstimate, recipe_of
from refp.estimate.focus_estimate import FocusEstimate
from refp.estimate.verdict import judge_focus
from refp.history import (
    HistoryRecord,
    Purpose,
    RecordVerdict,
    name_instrument,
    new_id,
    serial_of,
)
from refp.models import ModelCard
from refp.pipeline.tables import PLANE_COLUMNS, read_plane_table
from refp.sweeps import SingleImage, declared_identity


@dataclass(frozen=True, slots=True)
class Origin:
    """Fields that the records of one run share.

    Attributes
    ----------
    operator, note
        Operator, and a remark.
    at
        Time of the measurement, with its zone.
    purpose
        ``daily`` for a daily check, ``refocus`` for an image of a refocus run.
    serial
        Serial number of the instrument; empty: as stated by each image.
    tolerance_um
        Tolerance of the verdicts, um; ``None``: no verdict.
    """

    operator: str = ""
    note: str = ""
    at: datetime = field(default_factory=lambda: datetime.now().astimezone())
    purpose: Purpose = ""
    serial: str = ""
    tolerance_um: float | None = None


def record_each(
    estimator: Estimator,
    images: Sequence[SingleImage],
    origin: Origin,
    *,
    qualify: Qualify | None = None,
    execution: Execution = SERIAL,
) -> list[HistoryRecord]:
    """Estimate images as ``refp estimate`` does, and return a record of each, refusals included.

    Raises
    ------
    WorkersError, ModelError
        As :func:`refp.estimate.batch.estimate_each`.
    """
    made: list[HistoryRecord] = []
    contents = Contents()

    def keep(number: int, result: ImageEstimate) -> None:
        sha256 = contents.of(images[number].path)
        made.append(record_estimate(result, estimator, sha256, with_serial(origin, images[number])))

    estimate_each(estimator, images, execution=execution, qualify=qualify, each=keep)
    return made


def with_serial(origin: Origin, image: SingleImage) -> Origin:
    """Return the origin with the serial number that the image states, unless it has one."""
    return origin if origin.serial else replace(origin, serial=declared_identity(image.path).serial)


def record_estimate(
    result: ImageEstimate, estimator: Estimator, image_sha256: str, origin: Origin
) -> HistoryRecord:
    """Return the record of one estimate.

    Parameters
    ----------
    result
        The estimate with its beads.
    estimator
        Estimator that made it.
    image_sha256
        SHA-256 of the image file.
    origin
        Operator, time, remark, purpose and tolerance.
    """
    e, card = result.estimate, estimator.card
    tilt_y, tilt_x = (float(tilt) for tilt in e.tilt_um_per_px)
    return HistoryRecord(
        id=new_id(),
        recorded_at=origin.at,
        kind="estimate",
        instrument=name_instrument(card.instrument.name, origin.serial),
        operator=origin.operator,
        image=result.image,
        image_sha256=image_sha256,
        model=card.name,
        model_sha256=estimator.file_sha256,
        recipe=_recipe(card),
        version=library_versions()["refp"],
        status="refused" if e.status == "refused" else "ok",
        reason=e.reason,
        delta_z_um=e.delta_z_um,
        u_um=e.u_um,
        lower_um=e.lower_um,
        upper_um=e.upper_um,
        coverage=e.coverage,
        n_beads=e.n_beads,
        n_beads_used=e.n_beads_used,
        background=_background(result),
        tilt_y_um_per_px=tilt_y,
        tilt_x_um_per_px=tilt_x,
        note=origin.note,
        purpose=origin.purpose,
        serial=origin.serial,
        verification=e.verification,
        verdict=_verdict(e, origin.tolerance_um),
        tolerance_um=float("nan") if origin.tolerance_um is None else origin.tolerance_um,
    )


def _verdict(estimate: FocusEstimate, tolerance_um: float | None) -> RecordVerdict:
    """Return the verdict as recorded: none without a tolerance, and none on a refused image."""
    if tolerance_um is None:
        return ""
    verdict = judge_focus(estimate, tolerance_um)
    return "" if verdict == "refused" else verdict


def record_planes(
    path: Path, instrument: str | Mapping[str, str], origin: Origin
) -> list[HistoryRecord]:
    """Return a record of each determined plane of a ``planes.csv``.

    Parameters
    ----------
    path
        Table of ``refp plane``; the recipe is read from ``planes.json`` beside it.
    instrument
        Instrument as of :func:`refp.history.name_instrument`, which the table does not hold: one for
        all, or one for each data set.
    origin
        Operator, time, remark and purpose.

    Raises
    ------
    HistoryError
        If the file is not such a table, or holds no determined plane.
    """
    try:
        table = read_plane_table(path)
    except (OSError, ValueError) as error:
        raise HistoryError(f"{path}: not a table of planes ({error}); give planes.csv") from error
    missing = [name for name in PLANE_COLUMNS if name not in table]
    if missing:
        raise HistoryError(f"{path}: no column {missing[0]!r}; give the planes.csv of 'refp plane'")
    determined = table[np.isfinite(table["refp_um"])]
    if determined.empty:
        raise HistoryError(f"{path}: no plane in it was determined; see its flags")
    recipe, version = _made_by(path.with_name("planes.json"))
    shared = HistoryRecord(
        id=new_id(),
        recorded_at=origin.at,
        kind="plane",
        instrument="-",
        operator=origin.operator,
        image_sha256=hash_path(path),
        recipe=recipe,
        version=version,
        status="ok",
        note=origin.note,
    )
    made = []
    for _, row in determined.iterrows():
        own = instrument if isinstance(instrument, str) else instrument[str(row["dataset"])]
        made.append(_plane(replace(shared, instrument=own, serial=serial_of(own)), row))
    return made


def _plane(shared: HistoryRecord, row: pd.Series) -> HistoryRecord:
    name = f"{row['dataset']}, exp {row['experiment']}, FOV {row['fov']}"
    if pd.notna(row["exposure_ms"]):
        name += f", {row['exposure_ms']:g} ms"
    return replace(
        shared,
        id=new_id(),
        image=name,
        n_beads=int(row["n_beads"]),
        n_beads_used=int(row["n_beads"]),
        refp_um=float(row["refp_um"]),
        refp_u_um=float(row["refp_u_um"]),
    )


def _made_by(path: Path) -> tuple[str, str]:
    """Return recipe and version of planes; empty where the file is missing."""
    try:
        stamp = json.loads(path.read_bytes())["provenance"]
        return str(stamp["recipe"]), str(stamp["refp"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _recipe(card: ModelCard) -> str:
    recipe = recipe_of(card)
    return f"{recipe.name} {recipe.digest}"


def _background(result: ImageEstimate) -> float:
    if result.measured is None or not result.used.any():
        return float("nan")
    return float(np.median(result.measured.profiles.background[result.used]))
