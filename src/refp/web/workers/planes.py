"""The planes of jobs, read from their files; run in workers."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from refp.core.errors import DataError
from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.plane import COVERAGE, Contribution, StatedPlane, compare_planes
from refp.sweeps import SweepKey
from refp.web.messages import Row
from refp.web.storage.job_files import planes_folder
from refp.web.workers.views import ComparedSet

INSTRUMENT = "instrument"


def read_sets(home: Path, jobs: Sequence[str]) -> list[list[Row]]:
    """Return the planes of jobs with their intervals; none for missing or damaged files.

    Each row is one of ``planes.csv`` with ``dof``, ``lower_um`` and ``upper_um``.
    """
    return [_rows_or_none(_path(home, job)) for job in jobs]


def _rows_or_none(path: Path) -> list[Row]:
    try:
        return _rows(path) if path.is_file() else []
    except DataError:
        return []


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
        for row in _rows(_path(home, compared.id), whole=True):
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


def _rows(path: Path, *, whole: bool = False) -> list[Row]:
    """Return the planes of a file, with their budgets if ``whole``."""
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["planes"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            "the files of these planes are gone or damaged; define them again"
        ) from error
    return [{k: v for k, v in row.items() if whole or k != "budget"} for row in rows]


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
        key=SweepKey(dataset, row["experiment"], row["fov"], row["exposure_ms"]),
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
