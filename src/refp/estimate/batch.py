"""Estimate many images, one after another or by many processes, holding on to little of each."""

from collections.abc import Callable, Sequence
from dataclasses import replace

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
"""Told the number of an image and its estimate with the beads, which are let go after it."""


def estimate_each(
    estimator: Estimator,
    images: Sequence[SingleImage | Frame],
    *,
    execution: Execution = SERIAL,
    each: Each | None = None,
) -> list[FocusEstimate]:
    """Estimate dZ of single images, in their order.

    Parameters
    ----------
    estimator
        A model at work; other processes load it once each, from its file. One that has no file works
        in this process alone.
    images
        Read when their turn comes.
    execution
        Executor for the work, and callback for progress.
    each
        Told every estimate as soon as it is there, in order.

    Raises
    ------
    WorkersError
        If the workers are lost, or do not see the images.
    ModelError
        If they do not see the model's file.
    """
    workers = execution.workers if estimator.travels else SERIAL.workers
    if workers.scheduler is not None:  # its workers have working folders of their own
        images = [replace(image, path=image.path.absolute()) for image in images]
    estimates: list[FocusEstimate] = []
    for result in iter_ordered(estimator.estimate_source, images, len(images), workers):
        if each is not None:
            each(len(estimates), result)
        estimates.append(result.estimate)
        execution.progress("estimating", len(estimates), len(images))
    if workers.scheduler is not None:
        pairs = zip(images, estimates, strict=True)
        check_seen([image for image, e in pairs if e.reason.startswith("unreadable")])
    return estimates
