"""Summarise errors: RMS, bias, shares, coverage, and skill against the constant predictor."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray
from refp.estimate.focus_estimate import WIDTH_95

THRESHOLDS_UM = (2.5, 5.0, 7.5, 10.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the errors of a set of images come to; NaN where no image was estimated.

    Attributes
    ----------
    n_images, n_ok, n_refused
        Images of known dZ; those estimated; those refused.
    rms_um, bias_um, largest_um
        Of the estimated images' errors.
    within
        Share of estimated images with an error of at most 2.5, 5, 7.5 and 10 um.
    constant_rms_um, skill
        RMS of the best constant answer on the same images, and ``1 - rms / constant``.
    coverage_observed
        Share of estimated images whose interval holds the dZ, the known dZ's own uncertainty allowed
        for.
    label_u_um
        That standard uncertainty: of the stage's position and of the reference plane.
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
        """Return the summary as one flat row, shares as ``within_2.5_um``."""
        row = asdict(self)
        shares = row.pop("within")
        names = [f"within_{limit:g}_um" for limit in THRESHOLDS_UM]
        return row | dict(zip(names, shares, strict=True))


def summarise(errors: pd.DataFrame, label_u_um: float = 0.0) -> Summary:
    """Summarise an error table.

    Parameters
    ----------
    errors
        Columns ``status``, ``error_um``, ``delta_z_true_um``, ``lower_um``, ``upper_um``.
    label_u_um
        Standard uncertainty of the known dZ; 0 where it is the truth.

    Notes
    -----
    The constant predictor answers the mean dZ of the estimated images, whatever it is shown: skill
    0 is no better than not looking, 1 is no error.
    """
    ok = errors[errors["status"] == "ok"]
    error = ok["error_um"].to_numpy(dtype=np.float64)
    truth = ok["delta_z_true_um"].to_numpy(dtype=np.float64)
    lower, upper = ok["lower_um"].to_numpy(), ok["upper_um"].to_numpy()
    reach = np.hypot((upper - lower) / 2, WIDTH_95 * label_u_um)
    inside = np.abs((lower + upper) / 2 - truth) <= reach
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
