"""Numbers in words, as a person at the instrument reads them."""

from dataclasses import dataclass
from math import isfinite
from statistics import median

from refp.web.messages import ImageView, Opinions, Row

PLUS_MINUS, UM = "\N{PLUS-MINUS SIGN}", "\N{MICRO SIGN}m"
TILT_COVERAGE = 2.0
"""A tilt is told where it is more than so many standard uncertainties."""
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


COLORS = ("#440154", "#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725")
"""Viridis, which rises in lightness: from beads that say least to those that say most."""
MIN_SPAN_UM = 2.0
"""Beads that differ by less than this both ways are not told apart by colour."""


@dataclass(frozen=True, slots=True)
class BeadColors:
    """What each bead says of dZ beside the others, as a colour.

    Attributes
    ----------
    colors
        Of each bead; empty where it says nothing by itself.
    span_um
        The colours go from so much less than the median of the beads to so much more.
    """

    colors: tuple[str, ...]
    span_um: float


def color_beads(view: ImageView) -> BeadColors:
    """Return the colours of the beads that count, by what each says of dZ by itself."""
    own = [bead.dz_um if bead.used else None for bead in view.beads]
    known = [value for value in own if value is not None]
    if not known:
        return BeadColors(("",) * len(own), 0.0)
    middle = median(known)
    span_um = max(MIN_SPAN_UM, *(abs(value - middle) for value in known))
    last = len(COLORS) - 1
    places = (
        None if v is None else round(last * (v - middle + span_um) / (2 * span_um)) for v in own
    )
    return BeadColors(tuple("" if k is None else COLORS[k] for k in places), span_um)


def describe_tilt(row: Row, view: ImageView) -> str:
    """Say how much the slide rises across the image, and which way; nothing where it is not known."""
    down, right = _number(row["tilt_y_um_per_px"]), _number(row["tilt_x_um_per_px"])
    u_down, u_right = _number(row["tilt_y_u_um_per_px"]), _number(row["tilt_x_u_um_per_px"])
    if not all(map(isfinite, (down, right, u_down, u_right))):
        return ""
    parts = []
    for rise, u, names in (
        (down * view.height_px, u_down * view.height_px, ("top", "bottom")),
        (right * view.width_px, u_right * view.width_px, ("left", "right")),
    ):
        if abs(rise) > TILT_COVERAGE * u:
            toward = names[rise > 0]
            parts.append(
                f"{abs(rise):.1f} {PLUS_MINUS}{TILT_COVERAGE * u:.1f} {UM} to the {toward}"
            )
    return "rises " + " and ".join(parts) if parts else "none seen"


SWEEP_FLAGS = {
    "too_few_frames": "too few usable frames",
    "ss_not_bracketed": "the plane may lie outside the sweep, by the steepest slope",
    "ci_not_bracketed": "the plane may lie outside the sweep, by the centre intensity",
    "no_beads": "no usable bead in any frame",
    "peak_saturated": "frames about the plane are saturated and were left out",
    "features_disagree": "steepest slope and centre intensity disagree",
}
"""By the names of :class:`refp.core.flags.SweepFlag`."""


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
