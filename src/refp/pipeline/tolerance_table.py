"""Tables of ``refp tolerance``: results of assays, fits, and the images of an archive that they concern."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.pipeline.audit_store import AUDIT_FILE
from refp.pipeline.fractions import fraction_interval
from refp.pipeline.tolerance import AssayFit, fit_assay

POINT_COLUMNS = ("dataset", "delta_z_um", "result", "field")
FIT_COLUMNS = (
    *("dataset", "result_name", "unit", "n_results", "n_positions", "n_fields"),
    *("result_at_plane", "slope_per_um", "slope_u_per_um", "slope_lower", "slope_upper"),
    *("curvature_per_um2", "curvature_lower", "curvature_upper", "allowed_bias"),
    *("tolerance_low_um", "tolerance_high_um", "guarded_low_um", "guarded_high_um"),
    *("lowest_um", "highest_um"),
)
"""Columns of ``tolerance.csv``, a row per data set; numbers are NaN where there is no fit."""
CHANGED_COLUMNS = ("n_images", "n_changed", "n_beyond", "fraction_lower", "fraction_upper")
"""Further columns where an audit is given."""
CURVE_POINTS = 201
FIELD_NAMES = ("field", "fov", "replicate", "sample", "well")
NOT_RESULTS = {
    *("dataset", "z_um", "delta_z_um", "image", "experiment", "exposure_ms", "page", "t"),
    *FIELD_NAMES,
}
_CHUNK_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class AllowedBias:
    """The allowed bias of an assay's result.

    Attributes
    ----------
    result, unit
        Name of the result's column, and its unit.
    bias
        Largest allowed difference from the result at the plane, in its unit.
    """

    result: str
    unit: str
    bias: float


def read_assay(
    path: Path, result: str = "", refp_um: float | None = None
) -> tuple[str, pd.DataFrame]:
    """Read a table of an assay's results.

    Parameters
    ----------
    path
        CSV with column ``delta_z_um``, or ``z_um`` and the plane given, and the result; optional columns
        are ``dataset``, and one of ``field``, ``fov``, ``replicate``, ``sample`` and ``well``.
    result
        Column of the result; default: the only other column of numbers.
    refp_um
        Z of the reference plane.

    Returns
    -------
    str
        Column of the result.
    pandas.DataFrame
        A row per complete result: ``POINT_COLUMNS``.

    Raises
    ------
    DataError
        If the table cannot be read, or a column is missing or not a number.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the assay's table cannot be read: {error}") from error
    name = result or _only_result(path, table)
    fields = [column for column in FIELD_NAMES if column in table.columns][:1]
    points = pd.DataFrame(
        {
            "dataset": table["dataset"].astype(str) if "dataset" in table.columns else path.stem,
            "delta_z_um": _dz_um(path, table, refp_um),
            "result": _numbers(path, table, name),
            "field": table[fields[0]].astype(str) if fields else "",
        }
    )
    return name, points.dropna().reset_index(drop=True)


def _only_result(path: Path, table: pd.DataFrame) -> str:
    numbers = table.select_dtypes("number").columns
    names = [str(name) for name in numbers if name not in NOT_RESULTS]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise DataError(
            f"{path}: columns of numbers: {found}; name that of the result: --result NAME"
        )
    return names[0]


def _dz_um(path: Path, table: pd.DataFrame, refp_um: float | None) -> pd.Series:
    if "delta_z_um" in table.columns:
        if refp_um is not None:
            raise DataError(f"{path}: has delta_z_um, which --refp-um would change; leave it out")
        return _numbers(path, table, "delta_z_um")
    if refp_um is None:
        raise DataError(
            f"{path}: has no column delta_z_um; add it, or give z_um and the plane as --refp-um"
        )
    return _numbers(path, table, "z_um") - refp_um


def _numbers(path: Path, table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise DataError(
            f"{path}: has no column {name}; it has {', '.join(map(str, table.columns))}"
        )
    values = pd.to_numeric(table[name], errors="coerce")
    wrong = table[name][values.isna() & table[name].notna()]
    if len(wrong):
        raise DataError(
            f"{path}: {name} {wrong.iloc[0]!r} is not a number; correct row {wrong.index[0] + 2}"
        )
    return values


def fit_sets(
    points: pd.DataFrame, allowed: AllowedBias, source: str
) -> tuple[dict[str, AssayFit], dict[str, str]]:
    """Fit the results of each data set.

    Parameters
    ----------
    points
        A row per result: ``POINT_COLUMNS``; without ``field``, results are of one field each.
    allowed
        The result and its allowed bias.
    source
        Origin of the table, for messages.

    Returns
    -------
    dict of AssayFit
        Fits by data set.
    dict of str
        Reasons why other data sets have no fit.
    """
    fits: dict[str, AssayFit] = {}
    reasons: dict[str, str] = {}
    for name, rows in points.groupby("dataset", sort=False):
        fields = rows["field"].tolist() if "field" in rows.columns else None
        dz_um, result = (rows[column].to_numpy(dtype=float) for column in ("delta_z_um", "result"))
        try:
            fits[str(name)] = fit_assay(
                dz_um, result, fields, f"{source}: {name}, {allowed.result}"
            )
        except DataError as error:
            reasons[str(name)] = str(error)
    return fits, reasons


def fit_table(
    points: pd.DataFrame, fits: Mapping[str, AssayFit], allowed: AllowedBias
) -> pd.DataFrame:
    """Return a row per data set: ``FIT_COLUMNS``."""
    shared = {"result_name": allowed.result, "unit": allowed.unit, "allowed_bias": allowed.bias}
    rows: list[dict[str, object]] = []
    for name, n in Counter(points["dataset"].astype(str).tolist()).items():
        own = _numbers_of(fits[name], allowed) if name in fits else {}
        rows.append({"dataset": name, "n_results": n, **shared, **own})
    return pd.DataFrame(rows, columns=list(FIT_COLUMNS))


def _numbers_of(fit: AssayFit, allowed: AllowedBias) -> dict[str, float]:
    plane, slope, curvature = (fit.at_plane(k) for k in range(3))
    about = fit.tolerance(allowed.bias)
    return {
        "n_positions": fit.n_positions,
        "n_fields": fit.n_fields,
        "result_at_plane": plane.value,
        "slope_per_um": slope.value,
        "slope_u_per_um": slope.u,
        "slope_lower": slope.lower,
        "slope_upper": slope.upper,
        "curvature_per_um2": curvature.value,
        "curvature_lower": curvature.lower,
        "curvature_upper": curvature.upper,
        "tolerance_low_um": about.low_um,
        "tolerance_high_um": about.high_um,
        "guarded_low_um": about.guarded_low_um,
        "guarded_high_um": about.guarded_high_um,
        "lowest_um": fit.range_um[0],
        "highest_um": fit.range_um[1],
    }


def curve_table(fits: Mapping[str, AssayFit]) -> pd.DataFrame:
    """Return the fitted curves with their 95 % intervals: ``dataset, delta_z_um, result, lower, upper``."""
    parts = []
    for name, fit in fits.items():
        dz_um = np.linspace(*fit.range_um, CURVE_POINTS)
        result, u = fit.curve(dz_um)
        half = fit.factor * u
        values = {"result": result, "lower": result - half, "upper": result + half}
        parts.append(pd.DataFrame({"dataset": name, "delta_z_um": dz_um, **values}))
    columns = ["dataset", "delta_z_um", "result", "lower", "upper"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def changed_table(fits: Mapping[str, AssayFit], allowed: AllowedBias, audit: Path) -> pd.DataFrame:
    """Return a row per data set: the images of an archive whose result differs by more than allowed.

    The bias of an image is that of the curve at its dZ. An image beyond the measured range of dZ is not
    judged: the interval of the fraction extends from the Wilson limit as if none of these differed to
    the one as if all did.

    Parameters
    ----------
    fits
        Fits by data set.
    allowed
        The result and its allowed bias.
    audit
        Output folder of ``refp audit``, or a table with columns ``delta_z_um`` and ``status``.

    Raises
    ------
    DataError
        If the table cannot be read, or holds no estimate.
    """
    counts = {name: np.zeros(3, dtype=int) for name in fits}
    for dz_um in _archive_dz_um(audit / AUDIT_FILE if audit.is_dir() else audit):
        for name, fit in fits.items():
            counts[name] += _count_changed(fit, dz_um, allowed.bias)
    rows = []
    for name, (n, n_changed, n_beyond) in counts.items():
        lower, _ = fraction_interval(int(n_changed), int(n))
        _, upper = fraction_interval(int(n_changed + n_beyond), int(n))
        rows.append((name, n, n_changed, n_beyond, lower, upper))
    table = pd.DataFrame(rows, columns=["dataset", *CHANGED_COLUMNS])
    if not table["n_images"].all():
        raise DataError(f"{audit}: holds no estimated image; give the output of 'refp audit'")
    return table


def _count_changed(fit: AssayFit, dz_um: FloatArray, allowed_bias: float) -> Sequence[int]:
    low_um, high_um = fit.range_um
    inside = (dz_um >= low_um) & (dz_um <= high_um)
    bias, _ = fit.bias(dz_um[inside])
    return len(dz_um), int((np.abs(bias) > allowed_bias).sum()), int((~inside).sum())


def _archive_dz_um(path: Path) -> Iterator[FloatArray]:
    """Yield dZ of the estimated images of a table, a part at a time."""
    columns = ["delta_z_um", "status"]
    try:
        with pd.read_csv(path, usecols=columns, chunksize=_CHUNK_ROWS) as parts:
            for part in parts:
                known = part[(part["status"] != "refused") & part["delta_z_um"].notna()]
                yield known["delta_z_um"].to_numpy(dtype=float)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a table of estimates ({error}); give audit.csv") from error
