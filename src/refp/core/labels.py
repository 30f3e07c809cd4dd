"""Labels, the dZ that estimates are compared with: their origin, uncertainty and agreement."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from refp.core.arrays import BoolArray, FloatArray

Origin = Literal["nominal", "stage-corrected", "simulated"]
ORIGINS: Final[dict[Origin, str]] = {
    "nominal": "nominal Z less the reference plane",
    "stage-corrected": "Z corrected for the stage's errors less the reference plane",
    "simulated": "true Z less the true reference plane, as simulated",
}
"""Definition of labelled dZ by its origin."""
WIDTH_95 = 1.96
"""Half width of a 95 % interval in standard uncertainties."""

SIGNIFICANT = 0.05
"""Level of the test whether the observed coverage is below the nominal one."""


@dataclass(frozen=True, slots=True)
class Label:
    """Labelled dZ of an image, its standard uncertainty, um, and its origin."""

    dz_um: float
    u_um: float
    origin: Origin


def describe_origins(origins: Iterable[str]) -> str:
    """Return the definitions of the labels of a table, each once."""
    known = {str(origin): text for origin, text in ORIGINS.items()}
    return "; ".join(known[origin] for origin in dict.fromkeys(origins))


def name_labels(origins: Iterable[str]) -> str:
    """Return the name of the known dZ of a table: true dZ if all of it is simulated."""
    return "true dZ" if set(origins) == {"simulated"} else "labelled dZ"


def reach_um(half_um: ArrayLike, label_u_um: ArrayLike) -> FloatArray:
    """Return the half width of intervals with the uncertainty of their labels, um."""
    reach: FloatArray = np.hypot(half_um, WIDTH_95 * np.asarray(label_u_um, dtype=np.float64))
    return reach


def hold_labels(
    lower_um: ArrayLike, upper_um: ArrayLike, label_um: ArrayLike, label_u_um: ArrayLike
) -> BoolArray:
    """Return whether each interval holds its label, the uncertainty of the label included.

    This is the one rule for observed coverage and for images that a report marks. An interval that is
    not known holds nothing.
    """
    lower, upper = (np.asarray(end, dtype=np.float64) for end in (lower_um, upper_um))
    distance = np.abs((lower + upper) / 2 - np.asarray(label_um, dtype=np.float64))
    inside: BoolArray = distance <= reach_um((upper - lower) / 2, label_u_um)
    return inside
