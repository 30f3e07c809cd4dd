"""Numbers in words, as a person at the instrument reads them."""

from dataclasses import dataclass

from refp.web.answer import Opinions, Row

IN_PLANE_UM = 0.05
"""Nearer than this dZ is written as 0.0."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as it is shown: its word, a sign that needs no colour, and what it means."""

    word: str
    sign: str
    meaning: str


VERDICTS = {
    "pass": Verdict("pass", "\N{CHECK MARK}", "the whole interval lies within the tolerance"),
    "fail": Verdict(
        "fail", "\N{MULTIPLICATION X}", "the whole interval lies outside the tolerance"
    ),
    "inconclusive": Verdict("inconclusive", "?", "the interval reaches over the tolerance's limit"),
    "refused": Verdict("refused", "\N{EN DASH}", "no number can be trusted"),
}


SWEEP_FLAGS = {
    "too_few_frames": "too few usable frames",
    "ss_not_bracketed": "the plane may lie outside the sweep, by the steepest slope",
    "ci_not_bracketed": "the plane may lie outside the sweep, by the centre intensity",
    "no_beads": "no usable bead in any frame",
    "peak_saturated": "frames about the plane are saturated and were left out",
    "features_disagree": "steepest slope and centre intensity disagree",
}
"""By the names of :class:`refp.flags.SweepFlag`."""


def describe_sweep_flags(flags: str) -> str:
    """Say what the flags of a plane mean; empty where there are none."""
    return "; ".join(SWEEP_FLAGS[flag] for flag in flags.split("|") if flag)


def describe_dz(row: Row) -> tuple[str, str]:
    """Return the number of micrometres, and where that is from the reference plane."""
    value = _number(row["delta_z_um"])
    if abs(value) < IN_PLANE_UM:
        return "0.0", "in the reference plane"
    where = "above" if value > 0 else "below"
    return f"{abs(value):.1f}", f"{where} the reference plane"


def plus_minus(row: Row) -> str:
    """Return half of the interval."""
    half = (_number(row["upper_um"]) - _number(row["lower_um"])) / 2
    return f"\N{PLUS-MINUS SIGN}{half:.1f}"


def describe_verdict(row: Row) -> Verdict | None:
    """Return what is shown of the verdict; nothing without a tolerance or a number."""
    return VERDICTS.get(str(row.get("verdict", "")))


def describe_opinions(opinions: Opinions) -> str:
    """Say which family spoke and whether the look-up, its second opinion, agrees."""
    if opinions.family == "lookup":
        return "The look-up spoke; this model has no second opinion."
    return (
        f"The {opinions.family} family spoke; the look-up says {opinions.lookup_um:+.1f} \N{MICRO SIGN}m "
        f"and agrees: {opinions.apart_um:.1f} \N{MICRO SIGN}m apart, "
        f"up to {opinions.limit_um:.1f} is usual."
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
