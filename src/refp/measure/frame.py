"""Measure every bead of one frame: find, fit, judge, read the features off."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, Image
from refp.core.errors import DataError, WorkersError
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.rows import take
from refp.measure.beads import Beads, find_beads, place_beads
from refp.measure.features import BeadFeatures, flag_outliers, measure_features
from refp.measure.profiles import RadialProfiles, fit_profiles, judge_beads, judge_placed
from refp.settings import Instrument, Recipe
from refp.sweeps import Frame, SingleImage


@dataclass(frozen=True, slots=True)
class FrameMeasurement:
    """Beads, profiles and features of one frame, row by row the same beads.

    The profiles come without their splines, which nothing reads once the features are measured.
    """

    beads: Beads
    profiles: RadialProfiles
    features: BeadFeatures

    def __len__(self) -> int:
        return len(self.beads)

    @property
    def usable(self) -> BoolArray:
        """Beads that may measure, shape ``(n,)``."""
        return (self.beads.flags & UNUSABLE_BEAD) == 0


def measure_frame(image: Image, instrument: Instrument, recipe: Recipe) -> FrameMeasurement:
    """Find and measure the beads of one image.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels of 8 or 16 bits.
    instrument
        Bead, pixel, tile, camera.
    recipe
        Settings of every step.

    Returns
    -------
    FrameMeasurement
        The surest bead first.
    """
    candidates = find_beads(image, instrument, recipe.find)
    fitted = fit_profiles(image, candidates.center_px, instrument, recipe.profile)
    beads, profiles = judge_beads(candidates, fitted, recipe.judge)
    order = np.argsort(-beads.confidence, kind="stable")
    return _measure(take(beads, order), take(profiles, order), recipe)


def measure_places(
    image: Image, center_px: FloatArray, typical: Beads, instrument: Instrument, recipe: Recipe
) -> FrameMeasurement:
    """Measure an image where beads are known to stand.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels of 8 or 16 bits.
    center_px
        Shape ``(n, 2)``, inside the frame.
    typical
        Usable beads of the image, to compare with.
    instrument
        Bead, pixel, tile, camera.
    recipe
        Settings of every step.

    Returns
    -------
    FrameMeasurement
        Row by row as ``center_px``, flagged ``PLACED``.
    """
    places = place_beads(image, center_px, instrument)
    fitted = fit_profiles(image, center_px, instrument, recipe.profile)
    beads, profiles = judge_placed(places, fitted, typical, recipe.judge)
    placed = replace(beads, flags=beads.flags | np.uint32(BeadFlag.PLACED))
    return _measure(placed, profiles, recipe)


def _measure(beads: Beads, profiles: RadialProfiles, recipe: Recipe) -> FrameMeasurement:
    """Read the features off, let the splines go, and keep the rings in half the memory."""
    features = measure_features(profiles, recipe.feature)
    light = replace(
        profiles,
        coefficients=np.empty((len(profiles), 0)),
        intensity=profiles.intensity.astype(np.float32),
    )
    return with_outliers(FrameMeasurement(beads, light, features), recipe)


def with_outliers(frame: FrameMeasurement, recipe: Recipe) -> FrameMeasurement:
    """Flag the outliers among the beads that the frame now has."""
    flags = frame.beads.flags & ~np.uint32(BeadFlag.OUTLIER)
    flags = flag_outliers(flags, frame.features.steepest_slope, recipe.feature)
    return replace(frame, beads=replace(frame.beads, flags=flags))


def check_seen(unread: Sequence[Frame | SingleImage]) -> None:
    """Refuse a cluster whose workers cannot read what can be read here: frames would be lost."""
    for frame in unread:
        with suppress(DataError):
            frame.read()
            raise WorkersError(
                f"{frame.path}: read here, but not by the workers of the cluster; give them the "
                "data under the same path"
            )
