"""Estimate many images serially or in worker processes; pixels are released after each."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from refp.core.parallel import (
    SERIAL,
    Execution,
    iter_ordered,
)
from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.measure.frame import check_seen
from refp.sweeps import Frame, SingleImage

Each = Callable[[int, ImageEstimate], object]
"""Callback with the index of an image and its estimate with beads, which are released afterwards."""
Qualify = Callable[[SingleImage | Frame, FocusEstimate], FocusEstimate]
"""Returns the estimate of an image with the state of verification of its instrument."""


def estimate_each(
    estimator: Estimator,
    images: Sequence[SingleImage | Frame],
    *,
    execution: Execution = SERIAL,
    qualify: Qualify | None = None,
    each: Each | None = None,
) -> list[FocusEstimate]:
    """Estimate dZ of single images, in their order.

    Parameters
    ----------
    estimator
        Loaded model; each worker process loads it once from its file. One without a file runs in this
        process only.
    images
        Read one after another.
    execution
        Executor for the work, and callback for progress.
    qualify
        Applied to each estimate, in this process; default: estimates have no state of verification.
    each
        Called with each estimate, in order.

    Raises
    ------
    WorkersError
        If the workers are lost, or cannot read the images.
    ModelError
        If they cannot read the model's file.
    """
    given = images
    workers = execution.workers if estimator.picklable else SERIAL.workers
    if workers.scheduler is not None:  # its workers have other working folders
        images = [replace(image, path=image.path.absolute()) for image in images]
    estimates: list[FocusEstimate] = []
    for result in iter_ordered(estimator.estimate_source, images, len(images), workers):
        if qualify is not None:
            own = given[len(estimates)]
            result = replace(result, estimate=qualify(own, result.estimate))
        if each is not None:
            each(len(estimates), result)
        estimates.append(result.estimate)
        execution.progress("estimating", len(estimates), len(images))
    if workers.scheduler is not None:
        pairs = zip(images, estimates, strict=True)
        check_seen([image for image, e in pairs if e.is_unread])
    return estimates


def warm_up(estimator: Estimator) -> None:
    """Estimate a synthetic image, so that libraries and kernels are loaded before the first real one."""
    radius = estimator.card.instrument.bead_radius_px
    side = int(16 * radius)
    y, x = np.mgrid[:side, :side] - side // 2
    disc = np.hypot(y, x) <= radius
    estimator.estimate(np.where(disc, 60, 120 + (x + y) % 5).astype(np.uint8))
