"""The daily check of three frames: dZ at the plane, slope between its neighbours, and fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from refp.core.digests import hash_path
from refp.core.errors import DataError, MissingExtraError
from refp.core.parallel import SERIAL, Execution
from refp.estimate import Assessment
from refp.estimate.batch import Qualify
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.history import HistoryRecord
from refp.pipeline.recording import Origin, record_estimate, with_serial
from refp.sweeps import SingleImage, declared_z_um

N_FRAMES = 3


@dataclass(frozen=True, slots=True)
class _Taken:
    """An image of the check, its offset along Z, um, and its results."""

    image: SingleImage
    offset_um: float
    result: ImageEstimate
    assessment: Assessment | None


def offsets_of(images: Sequence[SingleImage]) -> tuple[float, ...]:
    """Return the offsets of three images from the middle one, um, by the Z that they state.

    Returns
    -------
    tuple of float
        Empty where they are not three images at different stated Z.
    """
    if len(images) != N_FRAMES:
        return ()
    stated = [declared_z_um(image) for image in images]
    z_um = [z for z in stated if z is not None]
    if len(set(z_um)) < N_FRAMES:
        return ()
    return tuple(z - sorted(z_um)[1] for z in z_um)


def check_offsets(images: Sequence[SingleImage], offsets_um: Sequence[float]) -> None:
    """Refuse offsets that are not those of three images at different Z.

    Raises
    ------
    DataError
        With the number of images and the offsets.
    """
    n = len(images)
    given = ",".join(f"{offset:g}" for offset in offsets_um)
    if not n == len(offsets_um) == len(set(offsets_um)) == N_FRAMES:
        raise DataError(
            f"--offsets-um {given}: {n} images; give three images and their three different offsets, "
            "such as -15,0,15"
        )


def record_check(
    estimator: Estimator,
    images: Sequence[SingleImage],
    offsets_um: Sequence[float],
    origin: Origin,
    *,
    qualify: Qualify | None = None,
    execution: Execution = SERIAL,
) -> HistoryRecord:
    """Estimate three images of the check slide, and return one record of them.

    Parameters
    ----------
    estimator
        Loaded model.
    images, offsets_um
        Three images, and their nominal Z relative to each other, um.
    origin
        Operator, time, remark and purpose.
    qualify
        Applied to the estimate of the middle image.
    execution
        Callback for progress.

    Returns
    -------
    HistoryRecord
        That of the middle image, with the slope of dZ against the offsets (NaN where an image is refused)
        and the largest T squared a ring of the images.

    Raises
    ------
    DataError
        If they are not three images at different offsets.
    """
    check_offsets(images, offsets_um)
    pairs = sorted(zip(offsets_um, images, strict=True), key=lambda pair: pair[0])
    taken = []
    for offset_um, image in pairs:
        taken.append(_Taken(image, offset_um, *_estimate(estimator, image)))
        execution.progress("estimating", len(taken), N_FRAMES)
    middle = taken[1]
    result = middle.result
    if qualify is not None:
        result = replace(result, estimate=qualify(middle.image, result.estimate))
    own = with_serial(replace(origin, note=_note(origin.note, taken)), middle.image)
    record = record_estimate(result, estimator, hash_path(middle.image.path), own)
    slope, slope_u = _slope(taken, estimator.card.instrument.stage.repeatability_um)
    return replace(record, slope=slope, slope_u=slope_u, t_squared=_largest_t_squared(taken))


def _estimate(estimator: Estimator, image: SingleImage) -> tuple[ImageEstimate, Assessment | None]:
    """Return estimate and assessment of an image; an unreadable image is refused."""
    try:
        measured, result = estimator.examine(image.read(), image.label)
    except (DataError, MissingExtraError):
        return estimator.estimate_source(image), None
    return result, estimator.assess_measured(measured)


def _slope(taken: Sequence[_Taken], stage_um: float) -> tuple[float, float]:
    """Return the slope of dZ against nominal Z, and its standard uncertainty; NaN after a refusal.

    The beads are the same in all three images, so that their heights cancel: the noise of each image and
    the stage remain.
    """
    if any(one.result.estimate.status == "refused" for one in taken):
        return math.nan, math.nan
    offset_um = np.array([one.offset_um for one in taken])
    dz_um = np.array([one.result.estimate.delta_z_um for one in taken])
    noise_um = np.array([one.assessment.combined.noise_um for one in taken if one.assessment])
    apart = offset_um - offset_um.mean()
    weight = apart / float((apart**2).sum())
    u = float(np.sqrt((weight**2 * (noise_um**2 + stage_um**2)).sum()))
    return float((weight * dz_um).sum()), u


def _largest_t_squared(taken: Sequence[_Taken]) -> float:
    known = [one.assessment.t_squared for one in taken if one.assessment is not None]
    return max(known, default=math.nan)


def _note(note: str, taken: Sequence[_Taken]) -> str:
    """Return the remark, followed by the other images of the check."""
    low, middle, high = taken
    others = " and ".join(
        f"{one.image.label} at {one.offset_um - middle.offset_um:+g} um" for one in (low, high)
    )
    return f"{note}; with {others}" if note else f"with {others}"
