"""Radial maps: images of spheres against stage position and radius, for a range of sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import i0e

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.synthetic.optics.microscope import Microscope
from refp.synthetic.optics.scatter import Sphere

REACH_DEPTHS, REACH_RADII = 11.0, 2.5
"""Range of maps on both sides of the focus of the sphere's centre: a bead's own plane is about two radii
from it, and the article's sweeps extend nine depths of field from there."""
STEPS_PER_DEPTH = 6
STEPS_PER_PERIOD = 5.5
"""Steps of a map; the error of cubic splines through it is less than 0.0003 of background."""
FINE = 8
"""Steps of a blurred profile per step of a map."""


@dataclass(frozen=True)
class RadialMap:
    """The image of one sphere.

    Attributes
    ----------
    z_um
        Shape ``(z,)``, stage position relative to the focus of the sphere's centre, in even steps.
    r_um
        Shape ``(r,)``, distance from the image's centre, from 0 in even steps.
    values
        Shape ``(z, r)``, intensity over background.
    """

    z_um: FloatArray
    r_um: FloatArray
    values: FloatArray

    def at(self, z_um: FloatArray, r_um: FloatArray, beyond: float = 1.0) -> FloatArray:
        """Return the profile at stage positions and radii.

        Parameters
        ----------
        z_um, r_um
            Shapes ``(k,)`` and ``(n,)``.
        beyond
            Value beyond the largest radius of the map.

        Returns
        -------
        ndarray
            Shape ``(k, n)``.

        Raises
        ------
        DataError
            If a position is outside the map.
        """
        reach_um = self.z_um[-1]
        if np.abs(z_um).max() > reach_um:
            worst = float(z_um[np.abs(z_um).argmax()])
            raise DataError(
                f"Z is {worst:+.4g} um from a sphere's focus; simulated images cover "
                f"+-{reach_um:.4g} um: shorten the sweep"
            )
        # Even in r: the slope at the centre is 0.
        across = CubicSpline(self.r_um, self._along(z_um), axis=1, bc_type=("clamped", "natural"))
        inside = r_um <= self.r_um[-1]
        return np.where(inside, across(np.where(inside, r_um, 0.0)), beyond)

    @cached_property
    def _along(self) -> CubicSpline:
        return CubicSpline(self.z_um, self.values, axis=0)

    def blurred(self, sigma_um: float) -> "RadialMap":
        """Return the map blurred by an isotropic Gaussian."""
        fine_um = np.linspace(0.0, self.r_um[-1], FINE * (len(self.r_um) - 1) + 1)
        gaussian = np.exp(-0.5 * ((self.r_um[:, None] - fine_um) / sigma_um) ** 2)
        rings = gaussian * i0e(np.outer(self.r_um, fine_um) / sigma_um**2) * fine_um
        rings /= rings.sum(axis=1, keepdims=True)
        return RadialMap(self.z_um, self.r_um, self.at(self.z_um, fine_um) @ rings.T)


@dataclass(frozen=True, slots=True)
class SphereMaps:
    """The images of spheres of one kind, over a range of radii and near one index.

    Attributes
    ----------
    radius_um
        Shape ``(n,)``, rising.
    maps
        One map for each radius.
    index
        Refractive index of all spheres.
    per_index
        Derivative with respect to the index, at the middle radius; 0 if all spheres have one index.
    """

    radius_um: FloatArray
    maps: Sequence[RadialMap]
    index: float
    per_index: RadialMap

    @property
    def r_um(self) -> FloatArray:
        """Radii of the maps."""
        return self.maps[0].r_um

    def at(self, radius_um: float, index: float, z_um: FloatArray, r_um: FloatArray) -> FloatArray:
        """Return the profiles of one sphere.

        The maps of the two nearest radii are scaled to the radius of the sphere and interpolated.

        Parameters
        ----------
        radius_um, index
            Radius and index of the sphere; for a radius outside the range the nearest map is scaled.
        z_um, r_um
            As in :meth:`RadialMap.at`.
        """
        place = float(np.interp(radius_um, self.radius_um, np.arange(len(self.maps))))
        low = min(int(place), max(len(self.maps) - 2, 0))
        profile = np.zeros((len(z_um), len(r_um)))
        for k, weight in ((low, 1 - (place - low)), (low + 1, place - low)):
            if weight > 0:
                stretched_um = r_um * (self.radius_um[k] / radius_um)
                profile += weight * self.maps[k].at(z_um, stretched_um)
        if index != self.index:
            middle_um = self.radius_um[len(self.maps) // 2]
            slope = self.per_index.at(z_um, r_um * (middle_um / radius_um), beyond=0.0)
            profile += (index - self.index) * slope
        return profile

    def blurred(self, sigma_um: float) -> "SphereMaps":
        """Return the maps blurred by an isotropic Gaussian."""
        return SphereMaps(
            self.radius_um,
            [one.blurred(sigma_um) for one in self.maps],
            self.index,
            self.per_index.blurred(sigma_um),
        )


def map_grid(sphere: Sphere, microscope: Microscope) -> tuple[FloatArray, FloatArray]:
    """Return stage positions and radii of a sphere's map, um."""
    reach = REACH_DEPTHS + REACH_RADII * sphere.radius_um / microscope.depth_um
    n_steps = int(np.ceil(reach * STEPS_PER_DEPTH))
    z_um = np.arange(-n_steps, n_steps + 1) / STEPS_PER_DEPTH * microscope.depth_um
    na = microscope.numerical_aperture
    # Light leaves the sphere within the objective's cone; a few fringes are outside.
    reach_um = (
        1.15 * (sphere.radius_um + z_um[-1] * microscope.spread) + 2 * microscope.wavelength_um / na
    )
    step_um = microscope.period_um / STEPS_PER_PERIOD
    return z_um, np.arange(0.0, reach_um, step_um)
