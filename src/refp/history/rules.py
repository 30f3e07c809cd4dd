"""Westgard's rules for the values of a control chart.

Westgard, Barry, Hunt and Groth, *A multi-rule Shewhart chart for quality control in clinical
chemistry*, Clin. Chem. 27, 493 (1981).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from refp.core.arrays import BoolArray, FloatArray

RULES: Mapping[str, str] = {
    "1_2s": "one value more than 2 standard deviations from the mean: a warning",
    "1_3s": "one value more than 3 standard deviations from the mean",
    "2_2s": "two values in a row more than 2 standard deviations from the mean, on the same side",
    "R_4s": "of two values in a row one more than 2 standard deviations above the mean, one below",
    "4_1s": "four values in a row more than 1 standard deviation from the mean, on the same side",
    "10_x": "ten values in a row on the same side of the mean",
}
WARNING = "1_2s"
"""The rule that warns; all others reject."""


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires, and the index of the value that completes its pattern."""

    index: int
    rule: str


def fired(z: ArrayLike) -> list[Firing]:
    """Return the rules that fire, by rising index and in the order of ``RULES``.

    Parameters
    ----------
    z
        Shape ``(n,)``, in order of time: value less the baseline's mean, over its standard
        deviation. NaN is skipped: it fires no rule and does not end a run.
    """
    values = np.asarray(z, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    masks = _masks(values[known])
    table = np.stack([masks[rule] for rule in RULES], axis=1)
    names = list(RULES)
    return [Firing(int(known[i]), names[k]) for i, k in np.argwhere(table).tolist()]


def _masks(z: FloatArray) -> dict[str, BoolArray]:
    high, low = z > 2, z < -2
    opposite = np.zeros(len(z), dtype=np.bool_)
    opposite[1:] = (high[1:] & low[:-1]) | (low[1:] & high[:-1])
    return {
        "1_2s": high | low,
        "1_3s": np.abs(z) > 3,
        "2_2s": _run(high, 2) | _run(low, 2),
        "R_4s": opposite,
        "4_1s": _run(z > 1, 4) | _run(z < -1, 4),
        "10_x": _run(z > 0, 10) | _run(z < 0, 10),
    }


def _run(mask: BoolArray, length: int) -> BoolArray:
    """Return whether the last ``length`` entries are all true, for each entry."""
    out = np.zeros(len(mask), dtype=np.bool_)
    sums = np.concatenate([[0], np.cumsum(mask)])
    out[length - 1 :] = sums[length:] - sums[:-length] == length
    return out
