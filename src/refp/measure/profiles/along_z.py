"""Judgement of a place in a sweep by its own profiles along Z.

A bead changes smoothly with Z, in any light. Dirt on the camera does not change; pieces of rings and
noise change at random. No limit of symmetry, depth or contrast of a single frame is used, since these
depend on the light: they hold only against the other places of the field.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from refp.core.arrays import BoolArray, FloatArray

REACH_RADII = 1.5
"""Distance from the centre within which the profiles of a place are compared along Z."""
CHANGE_QUANTILE = 0.9
"""A bead changes most about its plane, which may be in few frames; dirt is disturbed in few frames."""
STATIC_CHANGE = 0.1
"""Change over amplitude up to which a place is static. Simulated dirt has 0.06 to 0.1 from noise alone,
beads have 0.5 and more in sweeps that include their plane, 0.23 in one that is far from it."""
NOISY_CHANGE = 0.2
"""The same where the change is not smooth, so that it is noise."""
SMOOTH = 1.0
"""Limit of the ratio of von Neumann: 2 for values that are independent of their neighbours, below 0.5
for a bead in a sweep that resolves its change, about 0.9 at the coarsest steps."""
ROUND_QUANTILE = 0.9
MIN_ROUND = 0.7
"""r_squared that a tenth of a place's frames must reach: pieces of rings have 0.3, a bead in oblique light
0.9, two touching beads 0.75."""
FAINT = 0.1
"""Amplitude over the typical one of the place below which a frame does not show the bead."""
UNLIKE_NEIGHBOURS = 25.0
"""Squared deviation from the neighbours in Z, over the typical one, from which a frame is unlike them."""
NEAR_FRAMES = 9


@dataclass(frozen=True, slots=True)
class AlongZ:
    """Places of a field, judged over its frames.

    Attributes
    ----------
    static
        Shape ``(t,)``: the place does not change with Z.
    bead
        Shape ``(t,)``: it is round, changes smoothly, and is as clear as the clearest such place.
    clear
        Shape ``(f, t)``: the frame shows the place as its neighbours in Z do.
    """

    static: BoolArray
    bead: BoolArray
    clear: BoolArray


def inner_profiles(normalised: FloatArray, radius_radii: FloatArray) -> FloatArray:
    """Return the rings that are compared along Z, shape ``(n, k)``; 1 where not known."""
    return np.nan_to_num(normalised[:, radius_radii <= REACH_RADII], nan=1.0)


def judge_along_z(profile: FloatArray, r_squared: FloatArray, minimum_contrast: float) -> AlongZ:
    """Judge the places of a field by their profiles in all its frames.

    Parameters
    ----------
    profile
        Shape ``(f, t, m)``, in rising Z, from :func:`inner_profiles`.
    r_squared
        Shape ``(f, t)``.
    minimum_contrast
        Amplitude of a bead over that of the clearest place: beads of one field are alike.
    """
    amplitude = np.sqrt(np.mean((profile - 1.0) ** 2, axis=2))
    typical = np.median(amplitude, axis=0)
    static = find_static(profile)
    round_ = np.quantile(r_squared, ROUND_QUANTILE, axis=0) >= MIN_ROUND
    moving = round_ & ~static & (_von_neumann(profile) < SMOOTH)
    clearest = typical[moving].max(initial=0.0)
    return AlongZ(
        static=static,
        bead=moving & (typical >= minimum_contrast * clearest),
        clear=(amplitude >= FAINT * typical) & _like_neighbours(profile),
    )


def find_static(profile: FloatArray) -> BoolArray:
    """Return which places do not change with Z, shape ``(t,)``.

    Parameters
    ----------
    profile
        Shape ``(f, t, m)``, in rising Z, from :func:`inner_profiles`.
    """
    change = np.sqrt(np.mean((profile - np.median(profile, axis=0)) ** 2, axis=2))
    amplitude = np.median(np.sqrt(np.mean((profile - 1.0) ** 2, axis=2)), axis=0)
    relative = np.quantile(change, CHANGE_QUANTILE, axis=0) / np.maximum(amplitude, 1e-12)
    noisy = _von_neumann(profile) >= SMOOTH
    return np.asarray((relative <= STATIC_CHANGE) | (noisy & (relative <= NOISY_CHANGE)))


def _von_neumann(profile: FloatArray) -> FloatArray:
    """Return the mean squared difference of neighbours in Z over the variance, shape ``(t,)``."""
    step = np.mean(np.diff(profile, axis=0) ** 2, axis=(0, 2))
    return np.asarray(step / np.maximum(np.var(profile, axis=0).mean(axis=1), 1e-12))


def _like_neighbours(profile: FloatArray) -> BoolArray:
    """Return which frames of each place are as near to their neighbours in Z as those are, ``(f, t)``."""
    between = (profile[:-2] + profile[2:]) / 2
    deviation = np.mean((profile[1:-1] - between) ** 2, axis=2)
    deviation = np.pad(deviation, ((1, 1), (0, 0)), mode="edge")
    typical = median_filter(deviation, (NEAR_FRAMES, 1), mode="nearest")
    # A frame between two that are unlike deviates by a quarter as much, and less than they do.
    unlike = deviation > UNLIKE_NEIGHBOURS * np.maximum(typical, 1e-12)
    peak = deviation >= np.maximum(np.roll(deviation, 1, axis=0), np.roll(deviation, -1, axis=0))
    return ~(unlike & peak)
