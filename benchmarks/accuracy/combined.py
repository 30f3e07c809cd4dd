"""Families combined by variance: ``python -m benchmarks.accuracy.combined``.

Every image of the twin's test sets is estimated by ``lookup`` and by ``profile``, which are trained on the
same sweep. The combination weights each by the inverse of its own variance, that of the beads, the
members and the calibration; plane and stage errors of the labels are common to both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.models import twin_model
from benchmarks.accuracy.twin import A2K, NIKON, frames
from refp.core.arrays import FloatArray
from refp.core.files import write_json
from refp.estimate.estimator import Estimator
from refp.models import load_model
from refp.settings import FamilyName

FAMILIES: tuple[FamilyName, ...] = ("lookup", "profile")
TESTS = {A2K: ("a2k-test1", "a2k-test2", "a2k-cells"), NIKON: ("nikon-test1", "nikon-two")}
BEADS = (3, 6, None)


@dataclass(frozen=True)
class Errors:
    """Errors and own standard uncertainties of ``n`` images by each family; shape ``(2, n)``, um."""

    error_um: FloatArray
    own_um: FloatArray


def estimate_both(training: str, test: str, max_beads: int | None) -> Errors:
    """Estimate the images of a test set by both families; images that either refuses are left out."""
    estimators = [
        Estimator(load_model(twin_model(training, family).path), max_beads) for family in FAMILIES
    ]
    errors, own = [], []
    for frame, dz_um in frames(test):
        image = frame.read()
        both = [estimator.estimate(image).estimate for estimator in estimators]
        if all(estimate.status == "ok" for estimate in both):
            errors.append([estimate.delta_z_um - dz_um for estimate in both])
            own.append([estimate.parts.own_um for estimate in both])
    return Errors(np.array(errors).T, np.array(own).T)


def compare(errors: Errors) -> dict[str, object]:
    """Return errors of each family, and of the combination by variance and by equal weights."""
    weight = errors.own_um**-2.0
    ways = {
        **dict(zip(FAMILIES, errors.error_um, strict=True)),
        "by_variance": (weight * errors.error_um).sum(axis=0) / weight.sum(axis=0),
        "equal_weights": errors.error_um.mean(axis=0),
    }
    return {
        "n": errors.error_um.shape[1],
        "correlation": float(np.corrcoef(errors.error_um)[0, 1]),
        "weight_of_lookup": float(np.median(weight[0] / weight.sum(axis=0))),
        "ways": {name: statistics(error_um) for name, error_um in ways.items()},
    }


def statistics(error_um: FloatArray) -> dict[str, float]:
    """Return RMS, mean, scatter about the mean and largest error, um."""
    return {
        "rms_um": float(np.sqrt(np.mean(error_um**2))),
        "bias_um": float(error_um.mean()),
        "scatter_um": float(error_um.std(ddof=1)),
        "largest_um": float(np.abs(error_um).max()),
    }


def totals(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return, per number of beads, the RMS by variance over that of each family, over the test sets.

    The logarithm of the ratio is averaged; images of a set share a field, so its standard error is
    over sets.
    """
    found = []
    for beads in dict.fromkeys(row["beads"] for row in rows):
        own = [row["ways"] for row in rows if row["beads"] == beads]
        for family in FAMILIES:
            ratios = [ways["by_variance"]["rms_um"] / ways[family]["rms_um"] for ways in own]
            logs = np.log(ratios)
            found.append(
                {
                    "beads": beads,
                    "family": family,
                    "sets": len(own),
                    "ratio": float(np.exp(logs.mean())),
                    "ratio_u": float(np.exp(logs.mean()) * logs.std(ddof=1) / np.sqrt(len(logs))),
                    "largest_ratio": max(ratios),
                }
            )
    return found


def main() -> None:
    """Write combined.json."""
    rows = []
    for training, tests in TESTS.items():
        for test in tests:
            for beads in BEADS:
                compared = compare(estimate_both(training, test, beads))
                rows.append(
                    {"training": training, "test": test, "beads": beads or "all"} | compared
                )
                print(rows[-1], flush=True)
    result = {"conditions": conditions(), "totals": totals(rows), "rows": rows}
    write_json(result, HERE / "accuracy" / "combined.json")


if __name__ == "__main__":
    main()
