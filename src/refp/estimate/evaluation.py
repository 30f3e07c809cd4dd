"""Summarise errors: RMS, bias, fractions, coverage, and skill against the constant predictor."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray
from refp.estimate.focus_estimate import WIDTH_95

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
        Fraction of estimated images whose interval holds the true dZ, label uncertainty included.
    label_u_um
        Standard uncertainty of the known dZ: of the stage's position and of the reference plane, um.
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
    label_u_um: float

    def as_dict(self) -> dict[str, float]:
        """Return the summary as one flat row, fractions as ``within_2.5_um``."""
        row = asdict(self)
        fractions = row.pop("within")
        names = [f"within_{limit:g}_um" for limit in THRESHOLDS_UM]
        return row | dict(zip(names, fractions, strict=True))


def summarise(errors: pd.DataFrame, label_u_um: float = 0.0) -> Summary:
    """Summarise an error table.

    Parameters
    ----------
    errors
        Columns ``status``, ``error_um``, ``delta_z_true_um``, ``lower_um``, ``upper_um``.
    label_u_um
        Standard uncertainty of the known dZ, um; 0 where dZ is exact.

    Notes
    -----
    The constant predictor returns the mean dZ of the estimated images: skill 0 is no better than
    that, 1 is without error.
    """
    ok = errors[errors["status"] == "ok"]
    error = ok["error_um"].to_numpy(dtype=np.float64)
    truth = ok["delta_z_true_um"].to_numpy(dtype=np.float64)
    lower, upper = ok["lower_um"].to_numpy(), ok["upper_um"].to_numpy()
    half_width = np.hypot((upper - lower) / 2, WIDTH_95 * label_u_um)
    inside = np.abs((lower + upper) / 2 - truth) <= half_width
    rms, constant = _rms(error), _rms(truth - truth.mean()) if len(truth) else float("nan")
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
        coverage_observed=_mean(inside),
        label_u_um=label_u_um,
    )


def _mean(values: FloatArray | BoolArray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(_mean(values**2)))
