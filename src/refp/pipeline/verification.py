"""Verify a model on the instrument at hand, with a short sweep across its reference plane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.digests import hash_paths
from refp.core.errors import DataError
from refp.core.files import library_versions
from refp.core.parallel import SERIAL, Execution
from refp.estimate import KnownImages
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.focus_estimate import WIDTH_95
from refp.estimate.verification import Level, judge_model, overall
from refp.history.history import new_id
from refp.history.verification import Verification
from refp.models import Calibration
from refp.pipeline.checks import check_instrument, check_same_instrument
from refp.pipeline.known_images import (
    AssessedFrame,
    Located,
    assess_frames,
    check_of_beads,
    known_images,
    locate_frames,
)
from refp.pipeline.recording import Origin
from refp.plane.budget import BEADS, STAGE, expand_budget
from refp.settings import Identity, join_identities
from refp.sweeps import DataSet

VALID_DAYS = 30
"""Default validity, days; assumed. Condenser and objective can be moved at any time: daily checks show a
change between two verifications, and a lamp or an objective ages in months."""
TOLERANCE_UM = 7.5
"""Default tolerance: the repeatability of the article's stage, which its models reach for most images."""
PURPOSE = (
    "verify with; take frames on both sides of it, such as nine from 40 um below to 40 um above"
)

SHARED = frozenset({STAGE, BEADS})
"""Contributions to the plane that shift the known dZ of the frames and their estimates alike: the mean
stage error, and the heights of the beads, which both come from."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A verification, and its images.

    Attributes
    ----------
    record
        Record for the history.
    images
        A row per image: nominal Z, known and estimated dZ, statistics of fit.
    """

    record: Verification
    images: pd.DataFrame


def verify_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    origin: Origin,
    *,
    tolerance_um: float = TOLERANCE_UM,
    valid_days: int = VALID_DAYS,
    execution: Execution = SERIAL,
) -> Verified:
    """Compare a model's estimates with a short sweep of one instrument.

    Parameters
    ----------
    estimator
        Model, loaded from its file.
    datasets
        Five to nine frames across the plane, for example.
    origin
        Operator, remark and time of the record.
    tolerance_um
        Tolerance of bias and slope together, um.
    valid_days
        Validity of the record, days.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    ModelError
        If the model is of another type of instrument, or of whole images.
    DataError
        If no serial number is stated, there are too few frames, or the plane is not determined.
    """
    card = estimator.card
    check_of_beads(card, estimator.stack, "train a model of beads to verify it")
    check_same_instrument(datasets)
    for dataset in datasets:
        check_instrument(card, dataset.instrument, dataset.root)
    identity = _identity(datasets)
    black = card.instrument.optics.black_level or 0.0
    located = locate_frames(datasets, recipe_of(card), black, PURPOSE, execution)
    assessed = assess_frames(estimator, located.frames, "verifying", execution)
    images = known_images(assessed, datasets[0].instrument.stage.repeatability_um)
    fits = _fits(images, card.calibration)
    criteria = judge_model(images, _level(located, assessed), fits, tolerance_um)
    record = Verification(
        id=new_id(),
        verified_at=origin.at,
        valid_until=origin.at + timedelta(days=valid_days),
        instrument=card.instrument.name,
        **identity.model_dump(),
        operator=origin.operator,
        note=origin.note,
        model=card.name,
        model_sha256=estimator.file_sha256,
        data_sha256=hash_paths(one.frame.path for one in located.frames),
        version=library_versions()["refp"],
        tolerance_um=tolerance_um,
        half_range_um=float(abs(images.dz_um).max()),
        n_images=len(assessed),
        outcome=overall(criteria),
        criteria=criteria,
    )
    return Verified(record, _image_table(assessed, images))


def _identity(datasets: Sequence[DataSet]) -> Identity:
    identity = join_identities(dataset.identity for dataset in datasets)
    if not identity.serial:
        raise DataError(
            f"{datasets[0].root}: states no serial number; a verification is that of one instrument: give "
            "--serial, or serial under [identity] of sweep.toml"
        )
    return identity


def _level(located: Located, assessed: Sequence[AssessedFrame]) -> Level:
    """Return the uncertainty of the planes relative to their frames, and of the estimates' mean noise."""
    planes = [
        expand_budget(plane.refp_um, [part for part in plane.budget if part.term not in SHARED])
        for plane in located.planes
    ]
    widest = max(planes, key=lambda plane: plane.half_width_um)
    noise_um = np.array([one.assessment.combined.noise_um for one in assessed])
    mean_um = float(np.sqrt(np.mean(noise_um**2) / len(noise_um)))
    return Level(
        math.hypot(widest.u_um, mean_um), math.hypot(widest.half_width_um, WIDTH_95 * mean_um)
    )


def _fits(images: KnownImages, known: Calibration) -> dict[str, tuple[FloatArray, float]]:
    """Return the statistics of fit of the images with their limits of refusal."""
    return {"reduced_chi2": (images.reduced_chi2, known.maximum_reduced_chi2)}


def _image_table(assessed: Sequence[AssessedFrame], images: KnownImages) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": [one.frame.label for one in assessed],
            "z_um": [one.frame.z_um for one in assessed],
            "delta_z_true_um": images.dz_um,
            "delta_z_um": images.estimated_um,
            "error_um": images.estimated_um - images.dz_um,
            "reduced_chi2": images.reduced_chi2,
        }
    )
