"""The pixel size that fits the beads of images, by the radius of their edges."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import DataError, RecipeError
from refp.core.parallel import Progress, ignore_progress
from refp.measure.dataset import Measurement
from refp.measure.features import SweepMeasurement, feature_curve
from refp.measure.frame import measure_frame
from refp.settings import Instrument, Recipe, make_instrument
from refp.sweeps import DataSet

STEP = 1.12
"""Ratio of two pixel sizes that are tried; the detector finds beads that are 10 % off."""
DIAMETERS_PX = tuple(6.0 * 1.19**k for k in range(20))
"""Diameters of beads that are tried for an unknown instrument."""
MAX_MISFIT = 0.2
"""Misfit of edges of beads of one size: half a step, and 0.1 of scatter and blur."""
SEARCHED_PX = 800
"""Side of the part of an image in which beads of unknown size are searched."""
N_STEPS = 18
"""Pixel sizes from an eighth to eight times that of the instrument."""
MAX_FRAMES = 3
MIN_BEADS = 2
"""Fewest usable beads of a frame on which a pixel size is proposed."""
EDGE_RADII = (0.83, 1.35)
"""Edges of beads near the plane over the nominal radius: 0.95 to 1.01 on simulated instruments, up to
1.25 in nearly coherent light."""
NEAR = 0.5
"""Steepest slope over its extremum, above which a frame is near the plane."""


def pixel_size_note(measurement: Measurement, recipe: Recipe) -> str:
    """Return a remark if the beads of a data set fit another pixel size; empty if they fit the stated one.

    Parameters
    ----------
    measurement
        A measured data set.
    recipe
        Settings of the method.
    """
    instrument = measurement.instrument
    stated = f"{instrument.bead.diameter_um:g} um at {instrument.optics.pixel_size_um:g} um a pixel"
    if not any(sweep.usable.any() for sweep in measurement.sweeps):
        fits_um = fitting_pixel_size(measurement.dataset, recipe)
        if not fits_um:
            return ""
        return f"no usable bead of {stated}; the beads would fit {_proposal(fits_um)}"
    edges = np.array([_edge(sweep, recipe) for sweep in measurement.sweeps])
    edge = float(np.median(edges[np.isfinite(edges)])) if np.isfinite(edges).any() else 1.0
    if EDGE_RADII[0] <= edge <= EDGE_RADII[1]:
        return ""
    fits_um = instrument.optics.pixel_size_um / edge
    wide = f"the beads are {edge:.2g} times as wide as beads of {stated}"
    return f"{wide}; they would fit {_proposal(fits_um)}"


def fitting_pixel_size(dataset: DataSet, recipe: Recipe) -> float:
    """Return the pixel size with which beads of the nominal diameter are found, um.

    Parameters
    ----------
    dataset
        Data set without a usable bead.
    recipe
        Settings of the method.

    Returns
    -------
    float
        0 if none of the sizes tried finds beads in the frames read.
    """
    images = list(_images(dataset))
    own_um = dataset.instrument.optics.pixel_size_um
    best_um, least = 0.0, math.inf
    for size_um in own_um * STEP ** np.arange(-N_STEPS, N_STEPS + 1.0):
        edges = _edges(images, dataset.instrument, float(size_um), recipe)
        off = (
            abs(math.log(np.mean(edges))) if len(edges) >= MIN_BEADS * len(images) > 0 else math.inf
        )
        if off < least:
            best_um, least = float(size_um / np.mean(edges)), off
    return best_um


def fitting_diameter(
    images: Sequence[Image], recipe: Recipe, progress: Progress = ignore_progress
) -> float:
    """Return the diameter of the beads of images of an unknown instrument, pixels.

    Beads are of one size, so that their edges agree, whereas cells and dirt differ. The largest diameter
    is taken, since the bright centre of a bead and its inner rings are round too.

    Parameters
    ----------
    images
        Grey images, shape ``(y, x)`` each; the middle of a large one is searched.
    recipe
        Settings of the method.
    progress
        Callback for progress.

    Returns
    -------
    float
        0 if none of the diameters tried, 6 to 170 pixels, finds beads of one size.
    """
    found = 0.0
    middles = [_middle(image) for image in images]
    for k, diameter_px in enumerate(DIAMETERS_PX):
        progress("searching beads", k + 1, len(DIAMETERS_PX))
        for some in (middles[len(middles) // 2 :][:1], middles):  # most sizes fail on one image
            edges = _edges(some, instrument_of_beads(diameter_px), 1.0, recipe)
            if not some or len(edges) < MIN_BEADS * len(some) or _misfit(edges) > MAX_MISFIT:
                break
        else:
            found = diameter_px * float(np.mean(edges))
    return found


def instrument_of_beads(diameter_px: float) -> Instrument:
    """Return an instrument of beads of a diameter in pixels, whose pixel size is not known."""
    table = {"optics": {"pixel_size_um": 1.0}, "bead": {"diameter_um": diameter_px}}
    return make_instrument(table, "beads of unknown size")


def _misfit(edges: Sequence[float]) -> float:
    """Return how far edges are from one bead radius, and from each other."""
    logs = np.log(edges)
    return abs(float(logs.mean())) + float(logs.std())


def _middle(image: Image) -> Image:
    """Return the middle of an image that is larger than needed."""
    y, x = (max(side - SEARCHED_PX, 0) // 2 for side in image.shape)
    return image[y : y + SEARCHED_PX, x : x + SEARCHED_PX]


def _proposal(size_um: float) -> str:
    return f"about {size_um:.2g} um a pixel; give --pixel-size-um or --bead-diameter-um"


def _edge(sweep: SweepMeasurement, recipe: Recipe) -> float:
    """Return the mean edge of the usable beads near the plane, in bead radii; NaN without one."""
    height = -feature_curve(sweep, recipe.feature).steepest_slope
    if not (height > 0).any():
        return math.nan
    near = height > NEAR * np.nanmax(height)
    edges = sweep.profiles.edge_radii[sweep.usable & near[sweep.frame_index]]
    return float(edges.mean()) if len(edges) else math.nan


def _images(dataset: DataSet) -> Iterator[Image]:
    """Yield frames of the first sweep, spread evenly."""
    frames = dataset.sweeps[0].frames
    for k in np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES + 2).astype(int)[1:-1]):
        with suppress(DataError):
            yield frames[k].read()


def _edges(
    images: Sequence[Image], instrument: Instrument, pixel_um: float, recipe: Recipe
) -> list[float]:
    """Return the edges of the usable beads of images at a pixel size; empty if beads are too small."""
    try:
        tried = instrument.replace("tile_px", None).replace("optics.pixel_size_um", pixel_um)
    except RecipeError:
        return []
    measured = [measure_frame(image, tried, recipe) for image in images]
    return [float(e) for m in measured for e in m.profiles.edge_radii[m.usable]]
