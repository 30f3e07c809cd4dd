"""Sweeps whose stated Z cannot be true: they have no plane and no part in the planes of others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from refp.core.flags import SweepFlag
from refp.measure.features import FeatureCurve
from refp.plane import FeaturePlane, FieldAxis, PlaneResult, Pool, PooledProfile, ReferencePlane
from refp.plane.axial import describe_axial_scale
from refp.plane.locate import Located, make_plane
from refp.plane.stack import EMPTY_STACK
from refp.settings import Instrument

NAN = float("nan")
REMEDY = (
    "correct the metadata, list the frames in a --manifest, give --z-step-um, or add --trust-z if "
    "the aperture is another"
)


def stated_z_notes(curves: Sequence[FeatureCurve], instrument: Instrument) -> list[str]:
    """Return a remark about each sweep whose stated Z does not fit its images, with the remedy."""
    notes = ((curve.key, describe_axial_scale(curve, instrument)) for curve in curves)
    return [f"{key}: {note}; {REMEDY}" for key, note in notes if note]


def with_undetermined(
    result: PlaneResult | None, curves: Sequence[FeatureCurve], wrong: set[int]
) -> PlaneResult:
    """Return the planes of all sweeps from those of the sweeps whose Z may be right.

    Parameters
    ----------
    result
        Planes of the sweeps that are not in ``wrong``, in their order; ``None`` without any.
    curves
        Feature curves of all sweeps.
    wrong
        Numbers of the sweeps whose stated Z cannot be right.
    """
    kept = [k for k in range(len(curves)) if k not in wrong]
    if result is None:
        blank = tuple(_undetermined(curve) for curve in curves)
        return PlaneResult(blank, blank, _empty_pool(), (), ())
    return replace(
        result,
        planes=_merged(result.planes, curves, kept),
        by_features=_merged(result.by_features, curves, kept),
        axes=tuple(_renumbered(axis, kept) for axis in result.axes),
    )


def with_trusted(result: PlaneResult, trusted: set[int]) -> PlaneResult:
    """Return the planes with flag ``TRUSTED_Z`` of the sweeps whose implausible Z the user trusts."""
    planes = tuple(
        replace(plane, flags=plane.flags | SweepFlag.TRUSTED_Z) if k in trusted else plane
        for k, plane in enumerate(result.planes)
    )
    return replace(result, planes=planes)


def _merged(
    planes: Sequence[ReferencePlane], curves: Sequence[FeatureCurve], kept: Sequence[int]
) -> tuple[ReferencePlane, ...]:
    located = dict(zip(kept, planes, strict=True))
    return tuple(located.get(k) or _undetermined(curve) for k, curve in enumerate(curves))


def _renumbered(axis: FieldAxis, kept: Sequence[int]) -> FieldAxis:
    """Return an axis whose sweeps have their numbers among all sweeps."""
    numbers = np.array(kept, dtype=np.int64)
    profiles = replace(axis.profiles, sweep=numbers[axis.profiles.sweep])
    shift_um = {kept[number]: shift for number, shift in axis.shift_um.items()}
    return replace(axis, profiles=profiles, shift_um=shift_um)


def _undetermined(curve: FeatureCurve) -> ReferencePlane:
    n = len(curve.z_um)
    none = FeaturePlane(NAN, NAN, NAN, NAN, np.zeros(n, dtype=np.bool_), np.full(n, NAN))
    located = Located(none, none, "both", 0.0)
    return make_plane(curve, located, SweepFlag.IMPLAUSIBLE_Z, (), 0)


def _empty_pool() -> Pool:
    """Return a pool of no sweep; a file of it is refused where a pool is asked for."""
    profile = PooledProfile(np.empty(0), np.empty(0), NAN)
    return Pool(profile, profile, EMPTY_STACK, NAN, NAN, NAN, 0.0)
