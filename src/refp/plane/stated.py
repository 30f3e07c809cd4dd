"""Planes that the user states, for sweeps that do not show one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.plane.budget import STATED, expand_budget
from refp.plane.plane import Contribution, FieldAxis, ReferencePlane
from refp.settings import PlaneSettings


def state_planes(planes: Sequence[ReferencePlane], settings: PlaneSettings) -> list[ReferencePlane]:
    """Return the planes with the stated Z, if the settings state one.

    Parameters
    ----------
    planes
        Planes as located; the planes of their features remain for comparison.
    settings
        Stated plane and its standard uncertainty.

    Returns
    -------
    list of ReferencePlane
        Flagged ``STATED``. A sweep without a usable bead has no plane even so.
    """
    if settings.stated_um is None:
        return list(planes)
    return [_state(plane, settings.stated_um, settings.stated_u_um) for plane in planes]


def _state(plane: ReferencePlane, stated_um: float, u_um: float) -> ReferencePlane:
    flags = plane.flags & (SweepFlag.NO_BEADS | ~UNUSABLE_SWEEP) | SweepFlag.STATED
    if flags & SweepFlag.NO_BEADS:
        return replace(plane, flags=flags)
    budget = (Contribution(STATED, "", u_um, np.inf),)
    expanded = expand_budget(stated_um, budget)
    return replace(
        plane,
        refp_um=stated_um,
        refp_u_um=u_um,
        dof=expanded.dof,
        lower_um=stated_um - expanded.half_width_um,
        upper_um=stated_um + expanded.half_width_um,
        budget=budget,
        flags=flags,
    )


def stated_zero(axis: FieldAxis, settings: PlaneSettings) -> float | None:
    """Return the stated plane on a field's axis, um; ``None`` where none is stated."""
    if settings.stated_um is None:
        return None
    return settings.stated_um - float(np.mean(list(axis.shift_um.values())))
