"""Ask models for the dZ of pictures whose truth is known, and count what they say."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from refp.core.arrays import FloatArray, Image
from refp.core.parallel import Execution, Workers, map_ordered
from refp.estimate.estimator import Estimator
from refp.models import load_model


@dataclass(frozen=True)
class Picture:
    """An image that is made when it is asked about, its name and its true dZ (NaN: it has none)."""

    name: str
    make: Callable[[], Image]
    dz_true_um: float = np.nan


@dataclass(frozen=True)
class Answer:
    """What a model says of a picture; ``code`` is that of a refusal, empty where it answers."""

    name: str
    dz_true_um: float
    dz_um: float
    lower_um: float
    upper_um: float
    code: str

    @property
    def error_um(self) -> float:
        """Estimated minus true dZ."""
        return self.dz_um - self.dz_true_um

    @property
    def held(self) -> bool:
        """Whether the interval holds the truth; it cannot where there is none."""
        return self.lower_um <= self.dz_true_um <= self.upper_um


@dataclass(frozen=True)
class Ask:
    """A model that is asked; loaded once in every process."""

    model: Path
    max_beads: int | None = None

    def __call__(self, picture: Picture) -> Answer:
        """Estimate one picture."""
        said = _estimator(self.model, self.max_beads).estimate(picture.make()).estimate
        return Answer(
            picture.name,
            picture.dz_true_um,
            said.delta_z_um,
            said.lower_um,
            said.upper_um,
            "" if said.status == "ok" else said.reason.partition(":")[0],
        )


@cache
def _estimator(model: Path, max_beads: int | None) -> Estimator:
    return Estimator(load_model(model), max_beads)


def ask(
    model: Path, pictures: Sequence[Picture], workers: Workers, max_beads: int | None = None
) -> list[Answer]:
    """Ask a model about pictures."""
    return map_ordered(Ask(model, max_beads), pictures, execution=Execution(workers))


def dz_range_um(model: Path) -> tuple[float, float]:
    """Return the trained range of a model."""
    return load_model(model).card.dz_range_um


def count(answers: Sequence[Answer]) -> dict[str, object]:
    """Count refusals by reason; of the other answers state errors and how many are silently wrong.

    Silently wrong is an answer whose interval does not hold the truth, or that has no truth.
    """
    spoken = [answer for answer in answers if not answer.code]
    wrong = [answer for answer in spoken if not answer.held]
    errors = np.array([answer.error_um for answer in spoken])
    return {
        "n": len(answers),
        "refused": len(answers) - len(spoken),
        "reasons": dict(Counter(answer.code for answer in answers if answer.code)),
        "silently_wrong": len(wrong),
        "within_interval": _mean(np.array([answer.held for answer in spoken])),
        "width_um": _mean(np.array([answer.upper_um - answer.lower_um for answer in spoken])),
        "bias_um": _mean(errors),
        "rms_um": float(np.sqrt(_mean(errors**2))),
        "largest_um": float(np.max(np.abs(errors), initial=0.0)) if spoken else np.nan,
    }


def worst(answers: Sequence[Answer], n: int = 3) -> list[dict[str, object]]:
    """Return the silently wrong answers that are farthest outside their interval."""
    wrong = [answer for answer in answers if not answer.code and not answer.held]
    wrong.sort(key=_outside, reverse=True)
    return [
        {
            "image": answer.name,
            "dz_true_um": answer.dz_true_um,
            "lower_um": answer.lower_um,
            "upper_um": answer.upper_um,
        }
        for answer in wrong[:n]
    ]


def _outside(answer: Answer) -> float:
    """How far the truth lies outside the interval; infinitely where there is none."""
    gap = max(answer.lower_um - answer.dz_true_um, answer.dz_true_um - answer.upper_um)
    return gap if np.isfinite(gap) else np.inf


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else np.nan
