"""The planes of jobs, read from their files; run in workers."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from refp.core.errors import DataError
from refp.core.files import to_json
from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.core.positions import found_z_um
from refp.plane import COVERAGE, Contribution, StatedPlane, compare_planes, mean_by_field
from refp.sweeps import SweepKey
from refp.web.messages import Row
from refp.web.storage.job_files import planes_folder
from refp.web.workers.views import ComparedSet, FieldView, field_key

INSTRUMENT = "instrument"
GONE = "the files of these planes are gone or damaged; define them again"
KEYS = ["dataset", "experiment", "fov", "exposure_ms"]
CURVE_NAMES = {
    "z_um": "z_um",
    "ss": "steepest_slope",
    "ci": "center_intensity",
    "ss_fitted": "ss_fitted",
    "ci_fitted": "ci_fitted",
    "saturated": "saturated",
}
"""Column of ``curves.parquet`` by the name in the curves of a field."""


def read_fields(home: Path, jobs: Sequence[str]) -> list[list[FieldView]]:
    """Return the fields of jobs with their planes; none for missing or damaged files."""
    return [_fields_or_none(_path(home, job)) for job in jobs]


def _fields_or_none(path: Path) -> list[FieldView]:
    try:
        return _fields(_rows(path)) if path.is_file() else []
    except DataError:
        return []


def _fields(rows: Sequence[Row]) -> list[FieldView]:
    by_field: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        by_field.setdefault(_field_of(row), []).append(row)
    planes = [_stated(row, "", str(row["dataset"])) for row in rows]
    means = {tuple(map(str, one.key)): one for one in mean_by_field(planes)}
    views = []
    for key, own in by_field.items():
        mean = means[key]
        known = mean.n > 0
        half_um = (mean.upper_um - mean.lower_um) / 2 if known else None
        plain = [{k: v for k, v in row.items() if k != "budget"} for row in own]
        views.append(FieldView(*key, mean.refp_um if known else None, half_um, plain))
    return views


def _field_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["dataset"]), str(row["experiment"]), str(row["fov"])


def read_curves(home: Path, job: str) -> dict[str, list[Row]]:
    """Return the feature curves of a job for each field: a curve for each exposure.

    A curve has ``exposure_ms``, ``None`` if it is not known, and by rising ``z_um`` (corrected for the
    stage) steepest slope ``ss``, centre intensity ``ci``, their fits ``ss_fitted`` and
    ``ci_fitted``, and ``saturated``.

    Raises
    ------
    DataError
        If the file is missing or damaged.
    """
    import pandas as pd  # slow to import

    path = planes_folder(home, job) / "curves.parquet"
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(GONE) from error
    trusted = table["trusted"].fillna(value=False).astype(bool)
    table["z_um"] = found_z_um(table["z_um"], table["stage_error_um"], trusted)
    table["saturated"] = table["ss_saturated"] | table["ci_saturated"]
    curves: dict[str, list[Row]] = {}
    for key, own in table.sort_values("z_um").groupby(KEYS, sort=True, dropna=False):
        *field, exposure_ms = key
        values = {new: own[old].tolist() for new, old in CURVE_NAMES.items()}
        row: Row = json.loads(
            to_json({"exposure_ms": None if exposure_ms == 0 else exposure_ms, **values})
        )
        curves.setdefault(field_key(*field), []).append(row)
    return curves


def compare_sets(home: Path, sets: Sequence[ComparedSet]) -> tuple[list[Row], list[Row]]:
    """Compare the planes of several jobs, as ``comparison.csv`` does for one job.

    Parameters
    ----------
    home, sets
        Home of the server, and the jobs.

    Returns
    -------
    tuple
        The determined planes, each with its difference from the mean of its instrument
        (``relative_um``); and the differences within instruments, ``significant`` if the interval
        excludes zero. Different instruments are not compared: their stages have different zeros.

    Raises
    ------
    DataError
        If files are missing or damaged.
    """
    named = _named(sets)
    points: dict[str, list[Row]] = {}
    stated: dict[str, list[StatedPlane]] = {}
    for compared in sets:
        for row in _rows(_path(home, compared.id)):
            instrument = compared.instruments[str(row["dataset"])]
            plane = _stated(row, compared.id, named[compared.id, str(row["dataset"])])
            if plane.determined:
                stated.setdefault(instrument, []).append(plane)
                points.setdefault(instrument, []).append(_point(row, compared, instrument, plane))
    differences = [
        {**asdict(one), "coverage": COVERAGE, "significant": one.lower_um * one.upper_um > 0}
        for one in compare_planes(list(stated.items()))
        if one.kind != INSTRUMENT
    ]
    return [row for own in points.values() for row in _relative(own)], differences


def _path(home: Path, job: str) -> Path:
    return planes_folder(home, job) / "planes.json"


def _rows(path: Path) -> list[Row]:
    """Return the planes of a file, with their budgets; older files have 0 for an unknown exposure."""
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["planes"]
        return [{**row, "exposure_ms": row["exposure_ms"] or None} for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(GONE) from error


def _named(sets: Sequence[ComparedSet]) -> dict[tuple[str, str], str]:
    """Return a unique name for each data set of each job."""
    keys = [(compared.id, name) for compared in sets for name in compared.instruments]
    titles = {compared.id: compared.title for compared in sets}
    own = Counter(name for _, name in keys)
    names = [name if own[name] == 1 else f"{titles[job]}: {name}" for job, name in keys]
    seen: Counter[str] = Counter()
    unique: dict[tuple[str, str], str] = {}
    for key, name in zip(keys, names, strict=True):
        seen[name] += 1
        unique[key] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return unique


def _stated(row: Mapping[str, Any], job: str, dataset: str) -> StatedPlane:
    """Return a plane; planes of different jobs share no error."""
    flags = SweepFlag(0)
    for name in filter(None, str(row["flags"]).split("|")):
        flags |= SweepFlag[name.upper()]
    budget = tuple(
        Contribution(
            term=part["term"],
            source=f"{job} {part['source']}",
            u_um=part["u_um"],
            dof=math.inf if part["dof"] is None else part["dof"],
        )
        for part in row["budget"]
    )
    known = row["refp_um"] is not None
    return StatedPlane(
        key=SweepKey(dataset, row["experiment"], row["fov"], row["exposure_ms"] or 0.0),
        refp_um=row["refp_um"] if known else math.nan,
        budget=budget,
        determined=known and not flags & UNUSABLE_SWEEP,
    )


def _point(
    row: Mapping[str, Any], compared: ComparedSet, instrument: str, plane: StatedPlane
) -> Row:
    names = ("experiment", "fov", "exposure_ms", "refp_um", "refp_u_um", "lower_um", "upper_um")
    own = {"id": compared.id, "title": compared.title, INSTRUMENT: instrument}
    return {**own, "dataset": plane.key.dataset, **{name: row[name] for name in names}}


def _relative(points: Sequence[Row]) -> list[Row]:
    """Add to each plane of an instrument its difference from their mean."""
    mean_um = sum(float(str(row["refp_um"])) for row in points) / len(points)
    return [{**row, "relative_um": float(str(row["refp_um"])) - mean_um} for row in points]
