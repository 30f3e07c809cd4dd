"""Images of known dZ from a short sweep, and a model's estimates of them: for adaptation, verification."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.errors import DataError, ModelError
from refp.core.parallel import Execution
from refp.estimate import Assessment, KnownImages
from refp.estimate.estimator import Estimator
from refp.models import ModelCard
from refp.models.tiles import plane_of_sweeps
from refp.pipeline.checks import check_determined
from refp.pipeline.planes import define_planes
from refp.plane import PooledStack, ReferencePlane
from refp.settings import Recipe
from refp.sweeps import DataSet, Frame


@dataclass(frozen=True, slots=True)
class KnownFrame:
    """A frame with Z of its reference plane and the plane's standard uncertainty, um."""

    frame: Frame
    refp_um: float
    refp_u_um: float

    @property
    def dz_um(self) -> float:
        """Known dZ, um."""
        return self.frame.z_um - self.refp_um


@dataclass(frozen=True, slots=True)
class Located:
    """Frames of known dZ, and the determined planes of their sweeps."""

    frames: list[KnownFrame]
    planes: list[ReferencePlane]


@dataclass(frozen=True, slots=True)
class AssessedFrame:
    """A frame, its known dZ, um, and the results of family and look-up."""

    frame: Frame
    dz_um: float
    assessment: Assessment


def check_of_beads(card: ModelCard, stack: PooledStack, remedy: str) -> None:
    """Refuse a model of whole images, whose fit cannot be checked.

    Raises
    ------
    ModelError
        With the remedy.
    """
    if not stack.mean.size:
        raise ModelError(
            f"model {card.name}: was trained on whole images, so similarity to its training data "
            f"cannot be checked; {remedy}"
        )


def locate_frames(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    black_level: float,
    purpose: str,
    execution: Execution,
) -> Located:
    """Locate the frames of sweeps whose reference plane is determined.

    Parameters
    ----------
    datasets
        Short sweeps of one instrument.
    recipe
        Settings of the method.
    black_level
        Black level of the camera, grey levels, which a sweep of one exposure does not determine.
    purpose
        Purpose of the sweep and remedy, for the message.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If there are too few frames, or no plane is determined.
    """
    planes = define_planes(datasets, recipe, execution=execution, black_level=black_level)
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    check_determined(labels, datasets[0].root, purpose)
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps if sweep.key in labels]
    frames = [KnownFrame(frame, *labels[sweep.key]) for sweep in sweeps for frame in sweep.frames]
    return Located(frames, [plane for plane in planes.result.planes if plane.determined])


def assess_frames(
    estimator: Estimator, known: Sequence[KnownFrame], title: str, execution: Execution
) -> list[AssessedFrame]:
    """Return the results of family and look-up for each frame with enough usable beads.

    Raises
    ------
    DataError
        If there is none.
    """
    assessed: list[AssessedFrame] = []
    for i, one in enumerate(known):
        assessment = estimator.assess(one.frame.read())
        if assessment is not None:
            assessed.append(AssessedFrame(one.frame, one.dz_um, assessment))
        execution.progress(title, i + 1, len(known))
    if not assessed:
        raise DataError("no image has enough usable beads; see 'refp inspect'")
    return assessed


def known_images(assessed: Sequence[AssessedFrame], stage_um: float) -> KnownImages:
    """Return the estimates as arrays; ``stage_um`` is the stage's repeatability."""
    assessments = [one.assessment for one in assessed]
    u_beads_um = np.array([a.combined.u_beads_um for a in assessments])
    return KnownImages(
        dz_um=np.array([one.dz_um for one in assessed]),
        estimated_um=np.array([a.combined.dz_um for a in assessments]),
        lookup_um=np.array([a.lookup_um for a in assessments]),
        u_um=np.hypot(u_beads_um, stage_um),
        size=np.array([a.size.value for a in assessments]),
        size_sd=np.array([a.size.normal_sd for a in assessments]),
        reduced_chi2=np.array([a.reduced_chi2 for a in assessments]),
    )
