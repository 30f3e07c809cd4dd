"""Summarise errors: RMS, bias, fractions, coverage, and skill against the constant predictor."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray
from refp.core.labels import hold_labels
from refp.estimate.coverage import observe_coverage
from refp.models.card import Coverage

THRESHOLDS_UM = (2.5, 5.0, 7.5, 10.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of the errors of a set of images; NaN where no image was estimated.

    Attributes
    ----------
    n_images, n_ok, n_refused
        Images of known dZ; those estimated; those refused.
    rms_um, bias_um, largest_um
        RMS, mean and largest absolute error of the estimated images, um.
    within
        Fraction of estimated images with an error of at most 2.5, 5, 7.5 and 10 um.
    constant_rms_um, skill
        RMS error of the best constant predictor on the same images, and ``1 - rms / constant``.
    coverage_observed
        Fraction of estimated images whose interval holds the label, label uncertainty included.
    coverage_nominal, coverage_p_value
        Nominal coverage, and the probability of so low an observed one if it were true
        (:func:`refp.estimate.coverage.observe_coverage`).
    label_u_um
        RMS standard uncertainty of the labels, um; 0 where they are exact.
    """

    n_images: int
    n_ok: int
    n_refused: int
    rms_um: float
    bias_um: float
    largest_um: float
    within: tuple[float, ...]
    constant_rms_um: float
    skill: float
    coverage_observed: float
    coverage_nominal: float
    coverage_p_value: float
    label_u_um: float

    def as_dict(self) -> dict[str, float]:
        """Return the summary as one flat row, fractions as ``within_2.5_um``."""
        row = asdict(self)
        fractions = row.pop("within")
        names = [f"within_{limit:g}_um" for limit in THRESHOLDS_UM]
        return row | dict(zip(names, fractions, strict=True))


def summarise(errors: pd.DataFrame) -> Summary:
    """Summarise an error table.

    Parameters
    ----------
    errors
        Columns ``status, error_um, delta_z_true_um, lower_um, upper_um, coverage``; where known,
        ``label_u_um``, else the labels are exact, and ``dataset, experiment, fov``.

    Notes
    -----
    The constant predictor returns the mean dZ of the estimated images: skill 0 is no better than
    that, 1 is without error.
    """
    ok = errors[errors["status"] == "ok"]
    error = ok["error_um"].to_numpy(dtype=np.float64)
    label = ok["delta_z_true_um"].to_numpy(dtype=np.float64)
    u_um = errors.get("label_u_um", pd.Series(0.0, index=errors.index)).to_numpy(dtype=np.float64)
    rms, constant = _rms(error), _rms(label - label.mean()) if len(label) else float("nan")
    coverage = _coverage(ok, u_um[(errors["status"] == "ok").to_numpy()])
    return Summary(
        n_images=len(errors),
        n_ok=len(ok),
        n_refused=len(errors) - len(ok),
        rms_um=rms,
        bias_um=_mean(error),
        largest_um=float(np.abs(error).max()) if len(error) else float("nan"),
        within=tuple(_mean(np.abs(error) <= limit) for limit in THRESHOLDS_UM),
        constant_rms_um=constant,
        skill=1.0 - rms / constant if constant > 0 else float("nan"),
        coverage_observed=coverage.observed if coverage else float("nan"),
        coverage_nominal=coverage.nominal if coverage else float("nan"),
        coverage_p_value=coverage.p_value if coverage else float("nan"),
        label_u_um=_rms(u_um),
    )


def _coverage(ok: pd.DataFrame, label_u_um: FloatArray) -> Coverage | None:
    """Return the coverage of estimated images; ``None`` without any."""
    if ok.empty:
        return None
    label = ok["delta_z_true_um"].to_numpy(dtype=np.float64)
    names = ok.reindex(columns=["dataset", "experiment", "fov"])
    numbers = names.groupby(list(names.columns), dropna=False).ngroup()
    field = numbers.to_numpy().astype(np.int64)
    inside = hold_labels(ok["lower_um"], ok["upper_um"], label, label_u_um)
    return observe_coverage(inside, field, label, float(ok["coverage"].median()))


def _mean(values: FloatArray | BoolArray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(_mean(values**2)))
