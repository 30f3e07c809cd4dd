"""Measurement of the beads of one frame: detection, fit, selection, features."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, Image, IntArray
from refp.core.errors import DataError, MissingExtraError, WorkersError
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.rows import join, take
from refp.measure.beads import Beads, find_beads, flag_touching, place_beads
from refp.measure.features import BeadFeatures, flag_outliers, measure_features
from refp.measure.profiles import (
    RadialProfiles,
    find_own_rings,
    fit_profiles,
    judge_beads,
    judge_placed,
)
from refp.settings import Instrument, Recipe
from refp.sweeps import Frame, SingleImage


@dataclass(frozen=True, slots=True)
class FrameMeasurement:
    """Beads, profiles and features of one frame, with the same bead in each row.

    The profiles have no spline coefficients, which are not needed once the features are measured.
    """

    beads: Beads
    profiles: RadialProfiles
    features: BeadFeatures

    def __len__(self) -> int:
        return len(self.beads)

    @property
    def usable(self) -> BoolArray:
        """Whether each bead is usable, shape ``(n,)``."""
        return (self.beads.flags & UNUSABLE_BEAD) == 0


def take_beads(frame: FrameMeasurement, index: IntArray | BoolArray) -> FrameMeasurement:
    """Return the beads of a frame at ``index``, an index array or a mask."""
    return FrameMeasurement(
        take(frame.beads, index), take(frame.profiles, index), take(frame.features, index)
    )


def join_beads(frames: Sequence[FrameMeasurement]) -> FrameMeasurement:
    """Join the beads of at least one measurement of the same frame."""
    return FrameMeasurement(
        join([frame.beads for frame in frames]),
        join([frame.profiles for frame in frames]),
        join([frame.features for frame in frames]),
    )


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
        In decreasing order of confidence.
    """
    candidates = find_beads(image, instrument, recipe.find)
    fitted = fit_profiles(image, candidates.center_px, instrument, recipe.profile)
    rings = find_own_rings(image, candidates, fitted, instrument.tile_side_px / 2)
    if rings.any():
        reach_px = recipe.find.touching_radii * instrument.bead_radius_px
        candidates, fitted = flag_touching(take(candidates, ~rings), reach_px), take(fitted, ~rings)
    beads, profiles = judge_beads(candidates, fitted, recipe.judge)
    order = np.argsort(-beads.confidence, kind="stable")
    return _measure(take(beads, order), take(profiles, order), recipe)


def measure_places(
    image: Image, center_px: FloatArray, typical: Beads, instrument: Instrument, recipe: Recipe
) -> FrameMeasurement:
    """Measure beads at known positions of an image.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels of 8 or 16 bits.
    center_px
        Shape ``(n, 2)``, inside the frame.
    typical
        Usable beads of the image, for comparison.
    instrument
        Bead, pixel, tile, camera.
    recipe
        Settings of every step.

    Returns
    -------
    FrameMeasurement
        In the order of ``center_px``, flagged ``PLACED``.
    """
    places = place_beads(image, center_px, instrument)
    fitted = fit_profiles(image, center_px, instrument, recipe.profile)
    beads, profiles = judge_placed(places, fitted, typical, recipe.judge)
    placed = replace(beads, flags=beads.flags | np.uint32(BeadFlag.PLACED))
    return _measure(placed, profiles, recipe)


def _measure(beads: Beads, profiles: RadialProfiles, recipe: Recipe) -> FrameMeasurement:
    """Measure the features, drop the splines, and store the rings in single precision."""
    features = measure_features(profiles, recipe.feature)
    light = replace(
        profiles,
        coefficients=np.empty((len(profiles), 0)),
        intensity=profiles.intensity.astype(np.float32),
    )
    return with_outliers(FrameMeasurement(beads, light, features), recipe)


def with_outliers(frame: FrameMeasurement, recipe: Recipe) -> FrameMeasurement:
    """Flag the outliers among the beads of a frame again."""
    flags = frame.beads.flags & ~np.uint32(BeadFlag.OUTLIER)
    flags = flag_outliers(flags, frame.features.steepest_slope, recipe.feature)
    return replace(frame, beads=replace(frame.beads, flags=flags))


def check_seen(unread: Sequence[Frame | SingleImage]) -> None:
    """Check that no file that the workers could not read is readable in this process."""
    for frame in unread:
        with suppress(DataError, MissingExtraError):
            frame.read()
            raise WorkersError(
                f"{frame.path}: readable by this process, but not by the workers of the cluster; make "
                "the data available to them under the same path"
            )
