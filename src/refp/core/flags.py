"""Quality flags of beads and of sweeps: one bit, one name, one line each.

A flag marks a property of a bead or a sweep. The masks :data:`UNUSABLE_BEAD` and
:data:`UNUSABLE_SWEEP` list the flags that exclude it.
"""

from enum import IntFlag
from typing import TypeVar


class BeadFlag(IntFlag):
    """Flags of one bead in one frame."""

    BORDER = 1 << 0
    """The edge of the frame cuts the bead."""
    TOUCHING = 1 << 1
    """Another bead is so near that the two profiles overlap."""
    SATURATED = 1 << 2
    """At least one pixel of the bead's tile is at the camera's white level."""
    ODD_SHAPE = 1 << 3
    """Not round: the radial profile explains too little of the tile."""
    NO_CENTER = 1 << 4
    """The centre fit did not converge; its position is the detector's."""
    OUTLIER = 1 << 5
    """Outside the interquartile fences of its frame for a feature."""
    CUT_TILE = 1 << 6
    """The tile reaches over the edge of the frame; rings are incomplete."""
    LOW_CONFIDENCE = 1 << 7
    """It may be no bead, or is found in few frames of its sweep."""
    OFF_PLANE = 1 << 8
    """The bead's own plane differs from that of the other beads of the field."""
    PLACED = 1 << 9
    """Not found in this frame; placed where the other frames of its sweep show it."""
    STATIC = 1 << 10
    """It does not change with Z: dirt on the camera or its window, no bead."""


class SweepFlag(IntFlag):
    """Flags of one combination of experiment, FOV and exposure."""

    TOO_FEW_FRAMES = 1 << 0
    """Fewer usable frames than the fit needs."""
    SS_NOT_BRACKETED = 1 << 1
    """The steepest slope has no extremum inside the sweep: the plane may be outside."""
    CI_NOT_BRACKETED = 1 << 2
    """The centre intensity has no maximum inside the sweep: the plane may be outside."""
    NO_BEADS = 1 << 3
    """No usable bead in any frame."""
    PEAK_SATURATED = 1 << 4
    """Frames about the plane were left out because they are saturated."""
    FEATURES_DISAGREE = 1 << 5
    """The planes of steepest slope and centre intensity differ by more than the bead allows."""
    STATED = 1 << 6
    """The plane is stated by the user, not located."""
    IMPLAUSIBLE_Z = 1 << 7
    """The beads change with Z faster or slower than the aperture allows: the stated Z is wrong."""
    TRUSTED_Z = 1 << 8
    """The same, but the user trusts the stated Z, so that the plane is located."""


UNUSABLE_BEAD = (
    BeadFlag.BORDER
    | BeadFlag.TOUCHING
    | BeadFlag.ODD_SHAPE
    | BeadFlag.NO_CENTER
    | BeadFlag.LOW_CONFIDENCE
    | BeadFlag.OFF_PLANE
    | BeadFlag.STATIC
)
"""Beads with any of these flags are reported, but not used for measurement. ``LOW_CONFIDENCE`` is one
of them: in a single image only the confidence separates beads from cells; one cell among few beads
biases dZ, whereas one bead fewer only widens the interval."""

UNUSABLE_SWEEP = (
    SweepFlag.TOO_FEW_FRAMES
    | SweepFlag.SS_NOT_BRACKETED
    | SweepFlag.CI_NOT_BRACKETED
    | SweepFlag.NO_BEADS
    | SweepFlag.FEATURES_DISAGREE
    | SweepFlag.IMPLAUSIBLE_Z
)
"""The reference plane of a sweep with any of these flags is not determined."""

BEAD_REMEDIES = {
    BeadFlag.BORDER: "Nothing; move the field if many beads are at its edge.",
    BeadFlag.TOUCHING: "Nothing; dilute the beads if most of them touch.",
    BeadFlag.SATURATED: "Use a shorter exposure or less light.",
    BeadFlag.ODD_SHAPE: "Nothing for cells and clumps; else check the optics for dirt or tilt.",
    BeadFlag.NO_CENTER: "Nothing for single beads; else check bead diameter and pixel size.",
    BeadFlag.OUTLIER: "Nothing; the bead is left out of the median.",
    BeadFlag.CUT_TILE: "Nothing; the rings inside the frame are used.",
    BeadFlag.LOW_CONFIDENCE: "Look at 'refp inspect --overlay'; if beads have it, check bead diameter "
    "and pixel size.",
    BeadFlag.OFF_PLANE: "Nothing for single beads; let the beads settle if many are marked.",
    BeadFlag.PLACED: "Nothing; the bead is measured where it must be.",
    BeadFlag.STATIC: "Clean the camera's window and the optics near it.",
}
"""Remedy of each flag of a bead."""

SWEEP_REMEDIES = {
    SweepFlag.TOO_FEW_FRAMES: "Record more frames, with less light where they are saturated.",
    SweepFlag.SS_NOT_BRACKETED: "Extend the sweep past the plane, or take --feature ci or --refp-um.",
    SweepFlag.CI_NOT_BRACKETED: "Extend the sweep past the plane, or take --feature ss or --refp-um.",
    SweepFlag.NO_BEADS: "Look at 'refp inspect --overlay'; check bead diameter, pixel size and sample.",
    SweepFlag.PEAK_SATURATED: "Use a shorter exposure or less light.",
    SweepFlag.FEATURES_DISAGREE: "Check the condenser's alignment; --feature ss or ci takes one of "
    "them, and --refp-um states the plane.",
    SweepFlag.STATED: "Nothing; remove --refp-um to locate the plane.",
    SweepFlag.IMPLAUSIBLE_Z: "Correct the unit, step or direction of Z; --trust-z uses the stated Z "
    "all the same.",
    SweepFlag.TRUSTED_Z: "Compare the Z step with the stage; without --trust-z such a sweep has no plane.",
}
"""Remedy of each flag of a sweep."""

F = TypeVar("F", BeadFlag, SweepFlag)


def describe(flags: F) -> str:
    """Return the names of the flags that are set, lower case, joined by ``|``; empty for none."""
    return "|".join(str(f.name).lower() for f in type(flags) if f in flags)
