"""Verify a model on the instrument at hand, with a short sweep across its reference plane."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.digests import Contents, hash_paths
from refp.core.errors import DataError
from refp.core.files import library_versions
from refp.core.parallel import SERIAL, Execution
from refp.estimate import Assessment
from refp.estimate.estimator import Estimator
from refp.estimate.verification import fit_slope, judge_model, overall
from refp.history.history import new_id
from refp.history.verification import Verification
from refp.models import Calibration, ModelCard
from refp.pipeline.assessments import assess_frames, check_of_beads, locate_by_estimates
from refp.pipeline.checks import check_instrument, check_same_instrument
from refp.pipeline.recording import Origin
from refp.settings import Identity, join_identities
from refp.sweeps import DataSet, Frame

VALID_DAYS = 30
"""Default validity, days; assumed. Condenser and objective can be moved at any time: daily checks show a
change between two verifications, and a lamp or an objective ages in months."""
TOLERANCE_UM = 7.5
"""Default tolerance: the repeatability of the article's stage, which its models reach for most images."""
PURPOSE = (
    "verify with; take frames on both sides of it, such as nine from 40 um below to 40 um above"
)


def verify_model(
    estimator: Estimator,
    datasets: Sequence[DataSet],
    origin: Origin,
    *,
    tolerance_um: float = TOLERANCE_UM,
    valid_days: int = VALID_DAYS,
    execution: Execution = SERIAL,
) -> Verification:
    """Compare a model's estimates with a short sweep of one instrument, and return the record.

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
        If no serial number is stated, the model was trained or adapted on any of these files, there are
        too few frames, or the plane is not determined.
    """
    card = estimator.card
    check_of_beads(card, estimator.stack, "train a model of beads to verify it")
    check_same_instrument(datasets)
    for dataset in datasets:
        check_instrument(card, dataset.instrument, dataset.root)
    identity = _identity(datasets)
    frames = [frame for dataset in datasets for frame in dataset.frames]
    data_sha256 = _digest_unseen(frames, card, datasets[0].root)
    assessed = assess_frames(estimator, frames, "verifying", execution)
    sweeps = locate_by_estimates(datasets, assessed, estimator, PURPOSE, execution)
    line = fit_slope(sweeps)
    fits = _fits([assessment for _, assessment in assessed], card.calibration)
    criteria = judge_model(sweeps, line, fits, tolerance_um)
    return Verification(
        id=new_id(),
        verified_at=origin.at,
        valid_until=origin.at + timedelta(days=valid_days),
        instrument=card.instrument.name,
        **identity.model_dump(),
        operator=origin.operator,
        note=origin.note,
        model=card.name,
        model_sha256=estimator.file_sha256,
        data_sha256=data_sha256,
        version=library_versions()["refp"],
        tolerance_um=tolerance_um,
        half_range_um=float(abs(line.dz_um).max()),
        n_images=len(assessed),
        outcome=overall(criteria),
        criteria=criteria,
    )


def _digest_unseen(frames: Sequence[Frame], card: ModelCard, root: Path) -> str:
    """Return the digest of the images; refuse those of the training, which verify nothing."""
    contents = Contents()
    seen = {f.path for f in frames if card.was_trained_on(contents.of(f.path))}
    if seen:
        raise DataError(
            f"{root}: the model was trained or adapted on {min(seen).name}, {len(seen)} of these files; a "
            "verification needs a sweep recorded for it, of five to nine images about the plane"
        )
    return hash_paths((frame.path for frame in frames), contents.of)


def _identity(datasets: Sequence[DataSet]) -> Identity:
    identity = join_identities(dataset.identity for dataset in datasets)
    if not identity.serial:
        raise DataError(
            f"{datasets[0].root}: states no serial number; a verification is that of one instrument: give "
            "--serial, or serial under [identity] of sweep.toml"
        )
    return identity


def _fits(
    assessments: Sequence[Assessment], known: Calibration
) -> dict[str, tuple[FloatArray, float]]:
    """Return the statistics of fit of the frames with their limits of refusal."""
    reduced_chi2 = np.array([assessment.reduced_chi2 for assessment in assessments])
    t_squared = np.array([assessment.t_squared for assessment in assessments])
    return {
        "reduced_chi2": (reduced_chi2, known.maximum_reduced_chi2),
        "t_squared": (t_squared, known.residuals.maximum_t_squared),
    }
