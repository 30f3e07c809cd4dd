"""The image of a bead as a function of radius and distance from its plane: a picture, not physics.

Four parts: a dark disc with a rim that blurs with distance, a bright spot in its centre, a bright
halo about it, and a shelf of light inside it. Spot and disc floor are even in Z to second order,
so that centre intensity and steepest slope have their extremes at the plane; what tells above from
below close to the plane lies in rim and halo.
"""

import numpy as np
from scipy.special import ndtr

from refp.arrays import BoolArray, FloatArray
from refp.synthetic.settings import BeadScatter

HALO_OFFSET, HALO_WIDTH = 1.8, 0.8
"""Where the halo lies outside the rim, and how wide it is, in sigmas of the rim."""
SHELF_DEPTHS = 2.2
"""Distance above the plane at which the shelf has half its brightness."""


def relative_intensity(
    r_radii: FloatArray, dz_um: FloatArray, scatter: BeadScatter, depth_um: float
) -> FloatArray:
    """Return the intensity of a bead's image over background.

    Parameters
    ----------
    r_radii
        Distance from the bead's centre, in bead radii.
    dz_um
        Focal plane minus the bead's own plane, um; broadcast with ``r_radii``.
    scatter
        Shape of the image.
    depth_um
        Depth of field, um.

    Returns
    -------
    ndarray
        Of the broadcast shape, never negative; 1 far from the bead.
    """
    u = np.asarray(dz_um) / depth_um
    rim = _rim_sigma(u, scatter)
    disc = _disc(r_radii, rim)
    dark = scatter.darkness * (1 - 0.1 * np.maximum(_side(u), 0)) * disc
    light = _spot(r_radii, u, scatter) + _shelf(r_radii, u, scatter) * disc
    return np.maximum(1 - dark + light + _halo(r_radii, u, rim, scatter), 0)


def reach_radii(dz_um: FloatArray, scatter: BeadScatter, depth_um: float) -> FloatArray:
    """Return the distance beyond which a bead leaves the background alone, in bead radii."""
    return 1 + (HALO_OFFSET + 4 * HALO_WIDTH) * _rim_sigma(np.asarray(dz_um) / depth_um, scatter)


def cell_intensity(
    r_radii: FloatArray, dz_um: FloatArray, bright: BoolArray, depth_um: float
) -> FloatArray:
    """Return the intensity of a cell's image over background.

    Parameters
    ----------
    r_radii
        Distance from the cell's centre, in cell radii.
    dz_um
        Focal plane minus the cell's plane, um.
    bright
        Whether the cell's centre is bright at its plane.
    depth_um
        Depth of field, um.
    """
    u = np.asarray(dz_um) / depth_um
    sigma = np.sqrt(0.2**2 + (0.12 * u) ** 2)
    fade = 0.2 / sigma
    ring = -0.45 * fade * np.exp(-0.5 * ((r_radii - 1) / sigma) ** 2)
    inside = np.where(bright, 0.5, -0.3) * fade * np.exp(-0.5 * (r_radii / (2 * sigma)) ** 2)
    return np.maximum(1 + ring + inside, 0)


def cell_reach_radii(dz_um: FloatArray, depth_um: float) -> FloatArray:
    """Return the distance beyond which a cell leaves the background alone, in cell radii."""
    return 1 + 8 * np.sqrt(0.2**2 + (0.12 * np.asarray(dz_um) / depth_um) ** 2)


def _side(u: FloatArray) -> FloatArray:
    """Run from -1 far below to 1 far above; grows as the cube, so that it moves no extreme."""
    return u**3 / (1 + np.abs(u) ** 3)


def _rim_sigma(u: FloatArray, scatter: BeadScatter) -> FloatArray:
    blur = scatter.rim_blur * (u - scatter.rim_shift_depths)
    return np.sqrt(scatter.rim_sigma_radii**2 + blur**2)


def _disc(r: FloatArray, sigma: FloatArray) -> FloatArray:
    """A disc of radius 1 with a blurred rim; even in ``r``, thus smooth at the centre."""
    return ndtr((1 - r) / sigma) + ndtr((1 + r) / sigma) - 1


def _spot(r: FloatArray, u: FloatArray, scatter: BeadScatter) -> FloatArray:
    sigma = scatter.spot_sigma_radii * np.sqrt(1 + 0.5 * u**2) * (1 + 0.25 * _side(u))
    height = scatter.spot_height * (1 - 0.2 * _side(u)) / (1 + scatter.spot_fading * u**2 / 2) ** 2
    return height * np.exp(-0.5 * (r / sigma) ** 2)


def _shelf(r: FloatArray, u: FloatArray, scatter: BeadScatter) -> FloatArray:
    above = np.maximum(u, 0)
    rise = above**4 / (SHELF_DEPTHS**4 + above**4)
    sigma = 0.2 * (1 + above / 6)
    return scatter.shelf * rise * np.exp(-0.5 * ((r - 0.65) / sigma) ** 2)


def _halo(r: FloatArray, u: FloatArray, rim: FloatArray, scatter: BeadScatter) -> FloatArray:
    height = scatter.halo * (1 - 0.8 * np.tanh(u)) / (1 + (u / 8) ** 2)
    return height * np.exp(-0.5 * ((r - 1 - HALO_OFFSET * rim) / (HALO_WIDTH * rim)) ** 2)
