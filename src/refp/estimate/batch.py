"""Estimate many images, one after another or by many processes, holding on to little of each."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from refp.core.parallel import HERE, Progress, Workers, iter_ordered, no_progress
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
    workers: Workers = HERE,
    progress: Progress = no_progress,
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
    workers, progress
        Who works, and who is told how far the work is.
    each
        Told every estimate as soon as it is there, in order.

    Raises
    ------
    WorkersError
        If the workers are lost, or do not see the images.
    ModelError
        If they do not see the model's file.
    """
    workers = workers if estimator.travels else HERE
    if workers.scheduler is not None:  # its workers have working folders of their own
        images = [replace(image, path=image.path.absolute()) for image in images]
    estimates: list[FocusEstimate] = []
    for result in iter_ordered(estimator.estimate_source, images, len(images), workers):
        if each is not None:
            each(len(estimates), result)
        estimates.append(result.estimate)
        progress("estimating", len(estimates), len(images))
    if workers.scheduler is not None:
        pairs = zip(images, estimates, strict=True)
        check_seen([image for image, e in pairs if e.reason.startswith("unreadable")])
    return estimates
