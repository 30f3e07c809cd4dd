"""Estimates as rows of a table, without pandas, whose import takes longer than the work."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from itertools import chain

from refp.estimate.focus_estimate import FocusEstimate
from refp.estimate.verdict import VERDICTS, judge_focus

ESTIMATE_COLUMNS = (
    *("image", "delta_z_um", "u_um", "lower_um", "upper_um", "coverage"),
    *("n_beads", "n_beads_used", "status", "reason", "model"),
)
DETAIL_COLUMNS = (
    *("u_beads_um", "u_members_um", "u_calibration_um", "u_refp_um", "u_stage_um", "dof"),
    *("tilt_y_um_per_px", "tilt_y_u_um_per_px", "tilt_x_um_per_px", "tilt_x_u_um_per_px"),
    *("bead_size", "bead_size_u", "stage_move_um", "verification"),
)
"""Contributions to ``u_um`` and its degrees of freedom, tilt of the slide, size of the beads, change of the
stage's Z that leads to the reference plane, state of verification of the instrument; in files and JSON."""
VERDICT_COLUMN = "verdict"
"""Last column of the estimates, only where a tolerance is given."""

Row = dict[str, object]


def estimate_rows(
    images: Iterable[str], estimates: Iterable[FocusEstimate], model: str
) -> list[Row]:
    """Return one row per image, with the columns ``ESTIMATE_COLUMNS`` and ``DETAIL_COLUMNS``."""
    rows: list[Row] = []
    for image, e in zip(images, estimates, strict=True):
        values = (
            *(image, e.delta_z_um, e.u_um, e.lower_um, e.upper_um, e.coverage),
            *(e.n_beads, e.n_beads_used, e.status, e.reason, model),
        )
        row: Row = dict(zip(ESTIMATE_COLUMNS, values, strict=True))
        row.update(zip(DETAIL_COLUMNS, _details(e), strict=True))
        rows.append(row)
    return rows


def describe_parts(estimate: FocusEstimate) -> str:
    """Return one line with the contributions to the uncertainty of an estimate."""
    values = zip(DETAIL_COLUMNS, astuple(estimate.parts), strict=False)
    parts = ", ".join(f"{column[2:-3]} {value:.2g}" for column, value in values)
    return f"u = {estimate.u_um:.2g} um from {parts}"


def describe_verification(estimates: Iterable[FocusEstimate]) -> str:
    """Return one line with each state of verification and its number of images."""
    n = Counter(estimate.verification for estimate in estimates)
    states = (f"{state} ({count} image{'s' if count > 1 else ''})" for state, count in n.items())
    return "verification: " + ", ".join(states)


def _details(e: FocusEstimate) -> tuple[float | str, ...]:
    tilts = zip(e.tilt_um_per_px.tolist(), e.tilt_u_um_per_px.tolist(), strict=True)
    tilt = chain.from_iterable(tilts)
    return (*astuple(e.parts), e.dof, *tilt, e.size, e.size_u, e.stage_move_um, e.verification)


def with_verdicts(
    rows: Sequence[Row], estimates: Iterable[FocusEstimate], tolerance_um: float
) -> list[Row]:
    """Return the rows with the verdict on each estimate as their last column."""
    verdicts = (judge_focus(estimate, tolerance_um) for estimate in estimates)
    return [{**row, VERDICT_COLUMN: v} for row, v in zip(rows, verdicts, strict=True)]


def describe_verdicts(rows: Iterable[Row], tolerance_um: float) -> str:
    """Return one line with the number of images of each verdict."""
    n = Counter(row[VERDICT_COLUMN] for row in rows)
    counts = ", ".join(f"{n[verdict]} {verdict}" for verdict in VERDICTS)
    return f"tolerance \N{PLUS-MINUS SIGN}{tolerance_um:g} um: {counts}"
