"""Check of the stated Z against the axial scale of the images.

The steepest slope of a bead falls to half its height on both sides of the plane within a distance that
diffraction and the bead set. In coherent light it is a few depths of field, a depth being wavelength over
the squared aperture. With a wide cone of light at a high aperture it grows with the diameter, over which a
bead focuses rays of different angles. ``benchmarks/accuracy/axial_scale`` measures both. A step left at
its default, a wrong unit, or numbers of frames read as micrometres differ from them by more than aperture
and noise allow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.measure.features.features import FeatureCurve
from refp.settings import Instrument

WIDTH_DEPTHS = 1.85
"""Width of the curve at half height in coherent light, in depths of field."""
WIDTH_DIAMETERS = 0.5
"""Contribution of the bead in a wide cone of light, in diameters; squares add."""
MAX_FACTOR = 3.0
"""Largest factor between the width seen and these two limits at a known aperture, which allows for the
condenser, noise, saturation and aberrations."""
MAX_FACTOR_ASSUMED = 6.0
"""The same at an aperture assumed from the pixel size, which is wrong by up to 1.5 times."""
HALF = 0.5
MIN_FRAMES = 5


@dataclass(frozen=True, slots=True)
class AxialScale:
    """Width of the steepest-slope curve at half its height, as stated and as expected.

    Attributes
    ----------
    lower_um, upper_um
        Bounds of the width by the stated Z: between the outermost frames above half the height, and
        between the innermost below it; 0 and infinity where it is not seen.
    narrow_um, wide_um
        Expected widths in coherent light and in a wide cone of light.
    max_factor
        Largest plausible factor between a bound and an expected width.
    """

    lower_um: float
    upper_um: float
    narrow_um: float
    wide_um: float
    max_factor: float

    @property
    def expected_um(self) -> float:
        """Geometric mean of the expected widths."""
        return math.sqrt(self.narrow_um * self.wide_um)

    @property
    def is_seen(self) -> bool:
        """Whether the sweep shows the width."""
        return math.isfinite(self.upper_um)

    @property
    def is_plausible(self) -> bool:
        """Whether the stated Z may be right; also where the width is not seen."""
        smallest, largest = self.narrow_um / self.max_factor, self.wide_um * self.max_factor
        return self.upper_um >= smallest and self.lower_um <= largest

    @property
    def factor(self) -> float:
        """Factor by which the stated Z would have to be multiplied."""
        seen = math.sqrt(max(self.lower_um, self.upper_um / 4) * self.upper_um)
        return self.expected_um / seen


def axial_scale(curve: FeatureCurve, instrument: Instrument) -> AxialScale:
    """Compare the width of a sweep's steepest-slope curve with that expected of the instrument.

    A sweep that does not show the fall to half its height on both sides of the extremum bounds the width
    from neither side, so that a short sweep is plausible.

    Parameters
    ----------
    curve
        Feature curve of one sweep.
    instrument
        Its bead, its aperture, or the pixel size from which it is assumed, and its wavelength.
    """
    known = instrument.objective.numerical_aperture is not None
    lower, upper = _width(curve.z_um, -curve.steepest_slope)
    max_factor = MAX_FACTOR if known else MAX_FACTOR_ASSUMED
    return AxialScale(lower, upper, *expected_widths_um(instrument), max_factor)


def expected_widths_um(instrument: Instrument) -> tuple[float, float]:
    """Return the expected widths in coherent light and in a wide cone of light."""
    depth_um = instrument.illumination.wavelength_um / instrument.numerical_aperture**2
    narrow_um = WIDTH_DEPTHS * depth_um
    return narrow_um, math.hypot(narrow_um, WIDTH_DIAMETERS * instrument.bead.diameter_um)


def implausible_sweeps(curves: Sequence[FeatureCurve], instrument: Instrument) -> set[int]:
    """Return the numbers of the sweeps whose stated Z cannot be right.

    A sweep that does not show the width is judged with the others of its data set, whose Z comes from
    the same source.
    """
    scales = [axial_scale(curve, instrument) for curve in curves]
    wrong = {k for k, scale in enumerate(scales) if not scale.is_plausible}
    datasets = {curves[k].key.dataset for k in wrong}
    unseen = {k for k, scale in enumerate(scales) if not scale.is_seen}
    return wrong | {k for k in unseen if curves[k].key.dataset in datasets}


def describe_axial_scale(curve: FeatureCurve, instrument: Instrument) -> str:
    """Return why the stated Z is impossible, and the factor that would fit; empty if it is not."""
    scale = axial_scale(curve, instrument)
    if scale.is_plausible:
        return ""
    assumed = "" if instrument.objective.numerical_aperture is not None else " (assumed)"
    step_um = float(np.median(np.diff(curve.z_um)))
    return (
        f"the stated Z is impossible: the steepest slope falls to half its height within "
        f"{scale.lower_um:.3g} to {scale.upper_um:.3g} um, which takes about {scale.expected_um:.3g} um "
        f"at an aperture of {instrument.numerical_aperture:.3g}{assumed}; a factor of about "
        f"{scale.factor:.2g} would fit (steps of {scale.factor * step_um:.2g} um)"
    )


def _width(z_um: FloatArray, height: FloatArray) -> tuple[float, float]:
    """Return bounds of the width at half height; 0 and infinity if it is not seen on both sides."""
    known = np.isfinite(height)
    z_um, height = z_um[known], _median3(height[known])
    if len(height) < MIN_FRAMES:
        return 0.0, math.inf
    top = int(np.argmax(height))
    below = height < HALF * height[top]
    left, right = _last_pair(below[:top][::-1]), _last_pair(below[top + 1 :])
    if left < 0 or right < 0 or height[top] <= 0:
        return 0.0, math.inf
    first, last = top - 1 - left, top + 1 + right
    return float(z_um[last - 1] - z_um[first + 1]), float(z_um[last] - z_um[first])


def _last_pair(below: BoolArray) -> int:
    """Return the index of the first of two neighbours below half height; -1 without two."""
    pairs = np.flatnonzero(below[:-1] & below[1:])
    return int(pairs[0]) if len(pairs) else -1


def _median3(values: FloatArray) -> FloatArray:
    """Return the running median of three, the ends unchanged."""
    smooth = values.copy()
    if len(values) > 2:
        smooth[1:-1] = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    return smooth
