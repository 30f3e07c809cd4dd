"""Texts and colours of numbers on the page Estimate."""

import re
from dataclasses import dataclass
from math import isfinite
from statistics import median

from refp.web.messages import ImageView, LookupComparison, Row

PLUS_MINUS, UM, MINUS = "\N{PLUS-MINUS SIGN}", "\N{MICRO SIGN}m", "\N{MINUS SIGN}"
TILT_COVERAGE = 2.0
"""A tilt is shown above this number of standard uncertainties."""
_HYPHEN, _UNIT = re.compile(r"(?<![\w.-])-(?=\d)"), re.compile(r"(?<=[\d.] )um\b")
IN_PLANE_UM = 0.05
"""Absolute dZ below which 0.0 is shown, um."""
INDISTINGUISHABLE = "indistinguishable from the reference plane"
"""Side of a dZ of 0.0 whose interval holds 0."""
NO_MOVE = "no move"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Text of a verdict: word, sign, meaning."""

    word: str
    sign: str
    meaning: str


VERDICTS = {
    "pass": Verdict("pass", "\N{CHECK MARK}", "the whole interval is within the tolerance"),
    "fail": Verdict("fail", "\N{MULTIPLICATION X}", "the whole interval is outside the tolerance"),
    "inconclusive": Verdict("inconclusive", "?", "the interval includes a limit of the tolerance"),
    "unverified": Verdict(
        "unverified", "?", "no verdict: the model is not verified on this instrument"
    ),
    "refused": Verdict("refused", "\N{EN DASH}", "the image has no reliable estimate"),
}


COLORS = ("#440154", "#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725")
"""Viridis, of rising lightness: from the smallest dZ of a bead to the largest."""
MIN_SPAN_UM = 2.0
"""Smallest half-width of the colour scale, um."""


@dataclass(frozen=True, slots=True)
class BeadColors:
    """Colours of beads by their own dZ relative to the median.

    Attributes
    ----------
    colors
        Colour of each bead; empty for a bead without dZ of its own.
    span_um
        Half-width of the colour scale about the median, um.
    """

    colors: tuple[str, ...]
    span_um: float


def color_beads(view: ImageView) -> BeadColors:
    """Return the colours of the used beads by their own dZ."""
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
    """Return the rise of the slide across the image with its direction; empty if unknown."""
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
    return "rises " + " and ".join(parts) if parts else "not significant"


SWEEP_FLAGS = {
    "too_few_frames": "too few usable frames",
    "ss_not_bracketed": "the plane may be outside the sweep, by the steepest slope",
    "ci_not_bracketed": "the plane may be outside the sweep, by the centre intensity",
    "no_beads": "no usable bead in any frame",
    "peak_saturated": "some frames near the plane are saturated; these are not used",
    "features_disagree": "steepest slope and centre intensity disagree",
    "implausible_z": "the stated Z does not fit the beads: a wrong step or unit",
    "trusted_z": "the stated Z does not fit the beads, but was trusted",
    "stated": "the plane is stated, not located",
}
"""Texts of :class:`refp.core.flags.SweepFlag`, by name in lower case."""


def describe_plane(refp_um: float, half_width_um: float) -> tuple[str, str]:
    """Return a reference plane and half the width of its interval, to the same decimal place."""
    digits = 1 if half_width_um >= 1 else 2
    return f"{refp_um:.{digits}f}", f"{PLUS_MINUS}{half_width_um:.{digits}f}"


def describe_sweep_flags(flags: str) -> str:
    """Return the text of the flags of a plane; empty without flags."""
    return "; ".join(SWEEP_FLAGS[flag] for flag in flags.split("|") if flag)


def signed(value: float, digits: int = 1) -> str:
    """Return a number with its sign, a minus sign for negative ones; without a sign if 0 is shown."""
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{MINUS}{text}" if value < 0 else f"+{text}"


def typeset(text: object) -> str:
    """Return a text of the commands with minus signs before numbers, and with µm for um."""
    return _HYPHEN.sub(MINUS, _UNIT.sub(UM, str(text)))


def describe_dz(row: Row) -> tuple[str, str]:
    """Return absolute dZ, um, and its side of the reference plane."""
    value = _number(row["delta_z_um"])
    if abs(value) < IN_PLANE_UM:
        holds_zero = _number(row["lower_um"]) <= 0 <= _number(row["upper_um"])
        return "0.0", INDISTINGUISHABLE if holds_zero else "in the reference plane"
    where = "above" if value > 0 else "below"
    return f"{abs(value):.1f}", f"{where} the reference plane"


def describe_move(row: Row) -> str:
    """Return the way and the distance to the reference plane, of the stage where that is known.

    ``row`` is that of an image that is not refused.
    """
    value, move = _number(row["delta_z_um"]), row["stage_move_um"]
    if abs(value) < IN_PLANE_UM:
        return NO_MOVE
    if move is None:
        return f"focal plane {abs(value):.1f} {UM} {'down' if value > 0 else 'up'}"
    return f"{'raise' if _number(move) > 0 else 'lower'} Z of the stage by {abs(value):.1f} {UM}"


def plus_minus(row: Row) -> str:
    """Return half the width of the interval."""
    half = (_number(row["upper_um"]) - _number(row["lower_um"])) / 2
    return f"\N{PLUS-MINUS SIGN}{half:.1f}"


def describe_verdict(row: Row) -> Verdict | None:
    """Return the text of the verdict; ``None`` without a tolerance."""
    return VERDICTS.get(str(row.get("verdict", "")))


def describe_comparison(comparison: LookupComparison) -> str:
    """Return the comparison of the estimate with the look-up of the same image."""
    if comparison.family == "lookup":
        return (
            "This model has only one method, the look-up, so no second one confirms the estimate."
        )
    return (
        f"Estimated by the family {comparison.family}. By the look-up dZ is "
        f"{signed(comparison.lookup_um)} {UM}; the two differ by {comparison.difference_um:.1f} {UM}, "
        f"within the limit of {comparison.limit_um:.1f} {UM}."
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
