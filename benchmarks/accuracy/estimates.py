"""Estimates of images with known dZ, and their summary."""

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
class TestImage:
    """An image, made on demand, with its name and true dZ (NaN: none)."""

    name: str
    make: Callable[[], Image]
    dz_true_um: float = np.nan


@dataclass(frozen=True)
class TestEstimate:
    """Estimate of an image; ``code`` is that of a refusal, else empty."""

    name: str
    dz_true_um: float
    dz_um: float
    lower_um: float
    upper_um: float
    code: str

    @property
    def error_um(self) -> float:
        """Error: estimated minus true dZ."""
        return self.dz_um - self.dz_true_um

    @property
    def covers(self) -> bool:
        """True if the interval contains the true dZ; False without a true dZ."""
        return self.lower_um <= self.dz_true_um <= self.upper_um


@dataclass(frozen=True)
class EstimateWith:
    """Estimation by one model, which is loaded once in every process."""

    model: Path
    max_beads: int | None = None

    def __call__(self, image: TestImage) -> TestEstimate:
        """Estimate dZ of one image."""
        estimate = _estimator(self.model, self.max_beads).estimate(image.make()).estimate
        return TestEstimate(
            image.name,
            image.dz_true_um,
            estimate.delta_z_um,
            estimate.lower_um,
            estimate.upper_um,
            estimate.code,
        )


@cache
def _estimator(model: Path, max_beads: int | None) -> Estimator:
    return Estimator(load_model(model), max_beads)


def estimate_images(
    model: Path, images: Sequence[TestImage], workers: Workers, max_beads: int | None = None
) -> list[TestEstimate]:
    """Estimate dZ of images with a model."""
    return map_ordered(EstimateWith(model, max_beads), images, execution=Execution(workers))


def dz_range_um(model: Path) -> tuple[float, float]:
    """Return the trained range of a model."""
    return load_model(model).card.dz_range_um


def count(estimates: Sequence[TestEstimate]) -> dict[str, object]:
    """Return numbers of refusals by reason and of silently wrong estimates, coverage and errors.

    An estimate is silently wrong if its interval does not contain the true dZ, or if none exists.
    """
    estimated = [estimate for estimate in estimates if not estimate.code]
    wrong = [estimate for estimate in estimated if not estimate.covers]
    errors = np.array([estimate.error_um for estimate in estimated])
    return {
        "n": len(estimates),
        "refused": len(estimates) - len(estimated),
        "reasons": dict(Counter(estimate.code for estimate in estimates if estimate.code)),
        "silently_wrong": len(wrong),
        "within_interval": _mean(np.array([estimate.covers for estimate in estimated])),
        "width_um": _mean(
            np.array([estimate.upper_um - estimate.lower_um for estimate in estimated])
        ),
        "bias_um": _mean(errors),
        "rms_um": float(np.sqrt(_mean(errors**2))),
        "largest_um": float(np.max(np.abs(errors), initial=0.0)) if estimated else np.nan,
    }


def worst(estimates: Sequence[TestEstimate], n: int = 3) -> list[dict[str, object]]:
    """Return the silently wrong estimates with the true dZ farthest outside the interval."""
    wrong = [estimate for estimate in estimates if not estimate.code and not estimate.covers]
    wrong.sort(key=_outside, reverse=True)
    return [
        {
            "image": estimate.name,
            "dz_true_um": estimate.dz_true_um,
            "lower_um": estimate.lower_um,
            "upper_um": estimate.upper_um,
        }
        for estimate in wrong[:n]
    ]


def _outside(estimate: TestEstimate) -> float:
    """Return the distance of the true dZ from the interval; infinite without a true dZ."""
    gap = max(estimate.lower_um - estimate.dz_true_um, estimate.dz_true_um - estimate.upper_um)
    return gap if np.isfinite(gap) else np.inf


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else np.nan
