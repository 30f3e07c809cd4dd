"""Tables as text for a page: units in the headers, significant digits."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

NOTHING = "\N{EN DASH}"
"""Text of a missing value."""
NOT_KNOWN = "not known"
"""Text of an exposure that no file states."""

HEADERS = {
    "dataset": "data set",
    "experiment": "experiment",
    "fov": "FOV",
    "exposure_ms": "exposure (ms)",
    "refp_um": "REFP (um)",
    "refp_u_um": "u of REFP (um)",
    "refp_ss_um": "SS plane (um)",
    "refp_ss_u_um": "u of SS plane (um)",
    "refp_ci_um": "CI plane (um)",
    "refp_ci_u_um": "u of CI plane (um)",
    "refp_with_u": "REFP \N{PLUS-MINUS SIGN} u (um)",
    "ss_with_u": "SS plane \N{PLUS-MINUS SIGN} u (um)",
    "ci_with_u": "CI plane \N{PLUS-MINUS SIGN} u (um)",
    "n_frames": "frames",
    "n_frames_used": "frames used",
    "n_beads": "beads per image",
    "n_beads_used": "beads used",
    "z_um": "Z (um)",
    "delta_z_um": "dZ (um)",
    "delta_z_true_um": "labelled dZ (um)",
    "lowest_dz_um": "lowest labelled dZ (um)",
    "highest_dz_um": "highest labelled dZ (um)",
    "error_um": "error (um)",
    "u_um": "u (um)",
    "lower_um": "from (um)",
    "upper_um": "to (um)",
    "n_images": "images",
    "n_ok": "estimated",
    "n_refused": "refused",
    "n_members": "members",
    "rms_um": "RMS error (um)",
    "bias_um": "bias (um)",
    "largest_um": "largest error (um)",
    "constant_rms_um": "RMS of the constant predictor (um)",
    "coverage_observed": "observed coverage, label uncertainty included",
    "coverage_nominal": "nominal coverage",
    "coverage_p_value": "p of so low a coverage",
    "label_u_um": "u of the label (um)",
    "known_dz": "labelled dZ",
    "n_training": "images of the training",
    "skill": "skill against the constant predictor",
    "features_with_u": "by features \N{PLUS-MINUS SIGN} u (um)",
    "difference_um": "difference (um)",
    "interval_um": "interval (um)",
    "dof": "degrees of freedom",
    "stage_sigma_with_u": "repeatability \N{PLUS-MINUS SIGN} u (um)",
    "n_frames_trusted": "frames trusted",
    "n_beads_followed": "beads followed",
    "n_off_plane": "off the plane",
    "spread_um": "spread of heights (um)",
    "tilt_y_with_u": "tilt along y \N{PLUS-MINUS SIGN} u (um / 1000 px)",
    "tilt_x_with_u": "tilt along x \N{PLUS-MINUS SIGN} u (um / 1000 px)",
    "bend_with_u": "bend \N{PLUS-MINUS SIGN} u (um at 1000 px)",
    "residual_um": "beads about the slide (um)",
    "held_out": "held out",
    "n_tiles": "tiles",
    "bead_rms_um": "RMS error of a bead (um)",
    "n_steps": "steps",
    "n_first": "planes of first",
    "n_second": "planes of second",
}
_UNITS = {"um": "um", "ms": "ms", "px": "px"}
_PERCENT = ("within_", "coverage")
_SIGNED = {
    *("error_um", "bias_um", "delta_z_um", "delta_z_true_um", "difference_um", "height_um"),
    *("lower_um", "upper_um"),
}


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table as text.

    Attributes
    ----------
    caption
        Content of the rows.
    headers
        One per column, units included.
    rows
        The cells as text.
    numeric
        Per column, whether it is aligned as numbers.
    marked
        Indices of highlighted rows.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    marked: frozenset[int] = frozenset()


def format_table(
    table: pd.DataFrame,
    caption: str = "",
    marked: Collection[int] = (),
    numeric: Collection[str] = (),
) -> ReportTable:
    """Turn a table into text, column by column.

    Parameters
    ----------
    table
        Any table; units of names that end in ``_um``, ``_ms`` or ``_px`` go into the header.
    caption
        Content of the rows.
    marked
        Positions of rows to highlight.
    numeric
        Columns of text to be aligned as numbers.
    """
    columns = [(str(name), table.iloc[:, i]) for i, name in enumerate(table.columns)]
    cells = [_cells(name, column) for name, column in columns]
    return ReportTable(
        caption=caption,
        headers=tuple(header(name) for name, _ in columns),
        rows=tuple(zip(*cells, strict=True)) if cells else (),
        numeric=tuple(name in numeric or _is_numeric(column) for name, column in columns),
        marked=frozenset(marked),
    )


def with_uncertainty(values: pd.Series, u: pd.Series) -> list[str]:
    """Return values with their standard uncertainties as text, with common decimals."""
    decimals = decimals_for(u)
    return [
        f"{fixed(v, decimals)} \N{PLUS-MINUS SIGN} {fixed(e, decimals)}"
        if np.isfinite(v)
        else NOTHING
        for v, e in zip(values, u, strict=True)
    ]


def decimals_for(u: ArrayLike) -> int:
    """Return the number of decimals, 2 to 4, for two digits of the smallest uncertainty."""
    known = np.asarray(u, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    return int(np.clip(np.ceil(-np.log10(known.min())) + 1, 2, 4)) if known.size else 2


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """Return a number with the given decimals, with a plus sign if ``sign``."""
    if np.isnan(value):
        return NOTHING
    return _minus(f"{value:+.{decimals}f}" if sign else f"{value:.{decimals}f}")


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def header(name: str) -> str:
    """Return the header of a column, with its unit."""
    if name in HEADERS:
        return HEADERS[name]
    stem, _, unit = name.rpartition("_")
    if name.startswith("within_"):
        return f"within {stem.removeprefix('within_')} um"
    words = (stem if stem and unit in _UNITS else name).replace("_", " ")
    return f"{words} ({_UNITS[unit]})" if stem and unit in _UNITS else words


def format_value(name: str, value: object) -> str:
    """Return one value as text in the format of column ``name``."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return NOT_KNOWN if name == "exposure_ms" else NOTHING
    if isinstance(value, str | bool | np.bool_):
        return str(value) or NOTHING
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return _number_format(name)(float(value))
    return str(value)


def _cells(name: str, column: pd.Series) -> Sequence[str]:
    return [format_value(name, value) for value in column]


def _number_format(name: str) -> Callable[[float], str]:
    if name.startswith(_PERCENT) and name != "coverage_p_value":
        return percent
    if name == "skill":
        return lambda v: _minus(f"{v:.3f}")
    if name == "dof":
        return lambda v: "\N{INFINITY}" if np.isinf(v) else f"{v:.0f}"
    if name in _SIGNED:
        return lambda v: _minus(f"{v:+.2f}")
    if name.endswith("_um") and name != "z_um":
        return lambda v: _minus(f"{v:.2f}")
    return lambda v: _minus(f"{v:.6g}" if abs(v) < 1e6 else f"{v:.0f}")


def percent(fraction: float) -> str:
    """Return a fraction as a percentage; only exactly 1 reads 100 %."""
    if not np.isfinite(fraction):
        return NOTHING
    rounded = f"{100 * fraction:.1f}"
    if rounded == "100.0" and fraction < 1:
        rounded = "99.9"
    return f"{rounded.removesuffix('.0')} %"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
