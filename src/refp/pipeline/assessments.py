"""Results of a model for the frames of a short sweep, for adaptation and verification."""

from collections.abc import Sequence

from refp.core.errors import DataError, ModelError
from refp.core.parallel import Execution
from refp.estimate import Assessment
from refp.estimate.estimator import Estimator
from refp.models import ModelCard
from refp.plane import PooledStack
from refp.sweeps import Frame


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


def assess_frames(
    estimator: Estimator, frames: Sequence[Frame], title: str, execution: Execution
) -> list[tuple[Frame, Assessment]]:
    """Return the results of family and look-up for each frame with enough usable beads.

    Raises
    ------
    DataError
        If there is none.
    """
    assessed: list[tuple[Frame, Assessment]] = []
    for i, frame in enumerate(frames):
        assessment = estimator.assess(frame.read())
        if assessment is not None:
            assessed.append((frame, assessment))
        execution.progress(title, i + 1, len(frames))
    if not assessed:
        raise DataError("no image has enough usable beads; see 'refp inspect'")
    return assessed
