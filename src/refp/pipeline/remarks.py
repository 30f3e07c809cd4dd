"""Remarks on sweeps: reasons why a plane is not determined, remedies, and static detections."""

from collections.abc import Iterable

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.flags import BeadFlag, SweepFlag
from refp.measure.features import FeatureCurve, SweepMeasurement
from refp.pipeline.planes import Planes
from refp.plane import ReferencePlane

OTHER = {"ss": "ci", "ci": "ss"}
NEAR_END = 0.1
"""Fraction of the sweep from its ends within which an extremum may be outside."""
NAMES = {"ss": "steepest slope", "ci": "centre intensity"}


def remarks_on(results: Iterable[Planes]) -> list[str]:
    """Return one line for each sweep without a plane, and for each with static detections."""
    lines: list[str] = []
    for planes in results:
        sweeps = (sweep for m in planes.measurements for sweep in m.sweeps)
        static = [(sweep.key, count_static(sweep)) for sweep in sweeps]
        lines += [f"{key}: {describe_static(n)}" for key, n in static if n]
        lines += explain_undetermined(planes)
    return lines


def count_static(sweep: SweepMeasurement) -> int:
    """Return the number of places of a sweep that do not change with Z."""
    static = (sweep.beads.flags & np.uint32(BeadFlag.STATIC)) > 0
    return len(np.unique(sweep.bead_number[static]))


def describe_static(n: int) -> str:
    """Return the remark on places that do not change with Z."""
    things = "detection does" if n == 1 else "detections do"
    return f"{n} {things} not change with Z (static): dirt on the camera or its window, not used"


def explain_undetermined(planes: Planes) -> list[str]:
    """Return one line for each sweep whose plane is not determined, with the option that helps.

    Sweeps whose stated Z is impossible have a note of their own.
    """
    pairs = zip(planes.result.planes, planes.curves, strict=True)
    return [
        f"{plane.key}: {_reason(plane, curve)}"
        for plane, curve in pairs
        if not plane.determined and not plane.flags & SweepFlag.IMPLAUSIBLE_Z
    ]


def _reason(plane: ReferencePlane, curve: FeatureCurve) -> str:
    if plane.flags & SweepFlag.NO_BEADS:
        return "no usable bead in any frame; see 'refp inspect --overlay'"
    if plane.flags & SweepFlag.TOO_FEW_FRAMES:
        return (
            f"{plane.n_frames_used} of {plane.n_frames} frames can be used; record more frames, with "
            "less light where they are saturated"
        )
    if plane.flags & SweepFlag.FEATURES_DISAGREE:
        return (
            f"the steepest slope is extreme at Z {plane.ss.z_um:.4g} um, the centre intensity at "
            f"{plane.ci.z_um:.4g} um, further apart than the bead allows; --feature ss or --feature ci "
            "takes one of them, --refp-um states the plane"
        )
    missing = (
        ("ss", SweepFlag.SS_NOT_BRACKETED, curve.steepest_slope, curve.ss_saturated, -1),
        ("ci", SweepFlag.CI_NOT_BRACKETED, curve.center_intensity, curve.ci_saturated, 1),
    )
    parts = [
        f"{NAMES[name]}: {_where(curve.z_um, sign * value, saturated)}"
        for name, flag, value, saturated, sign in missing
        if plane.flags & flag
    ]
    found = [
        f"--feature {OTHER[name]} takes the other feature, or "
        for name, flag, *_ in missing
        if plane.flags & flag and len(parts) == 1
    ]
    return f"{'; '.join(parts)}; {''.join(found)}--refp-um states the plane"


def _where(z_um: FloatArray, value: FloatArray, saturated: BoolArray) -> str:
    """Describe the frames in which the extremum of a feature would be."""
    known = np.isfinite(value)
    if not known.any():
        return "no frame has a usable bead"
    at = int(np.flatnonzero(known)[np.argmax(value[known])])
    low, high = float(z_um[known][0]), float(z_um[known][-1])
    near_end = min(z_um[at] - low, high - z_um[at]) <= NEAR_END * (high - low)
    if saturated[at] and not near_end:
        return f"the frames about Z {z_um[at]:.4g} um, where it is extreme, are saturated; use less light"
    if not near_end:
        return f"its extremum at Z {z_um[at]:.4g} um does not exceed the scatter of the frames"
    side = "below" if z_um[at] - low < high - z_um[at] else "above"
    return f"extreme at the end of the sweep, Z {z_um[at]:.4g} um; add frames {side} it"
