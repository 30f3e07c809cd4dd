"""What is known of the labels' errors before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray
from refp.plane.plane import BeadPlanes, FieldAxis
from refp.settings import Instrument

TYPICAL_FREEDOM = 20.0
"""Independent places along a sweep that a smooth function of dZ tells apart, where no stack says it."""
HEIGHT_DIAMETERS = 0.02
"""Scatter of beads' planes where a sweep shows too few beads to tell; assumed."""


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Errors that labels carry, standard uncertainties in um.

    Attributes
    ----------
    stage_u_um
        From stage errors: what neighbouring frames have in common is learnt with the labels.
    height_um
        Standard deviation of beads' own planes about the slide.
    rise_um_per_size
        How far a bead's own plane rises with its relative size; 0 where that is not known, and part
        of ``height_um`` then.
    """

    stage_u_um: float
    height_um: float
    rise_um_per_size: float


def estimate_label_errors(
    axes: Sequence[FieldAxis],
    beads: Sequence[BeadPlanes],
    n_frames: int,
    instrument: Instrument,
) -> LabelErrors:
    """Estimate the errors of labels.

    Parameters
    ----------
    axes, beads
        From the planes of the training sweeps; may be empty.
    n_frames
        Frames that are trained on.
    instrument
        Stage and bead.

    Notes
    -----
    A stack with ``f`` effective degrees of freedom through ``n`` frames follows the share ``f / n`` of
    the variance of their stage errors, and what it has followed it cannot tell.
    """
    rise, about_slide = _rise(beads)
    if not np.isfinite(about_slide):
        among = np.array([field.spread_um for field in beads])
        about_slide = _rms(among[np.isfinite(among)])
    if not np.isfinite(about_slide):
        about_slide = HEIGHT_DIAMETERS * instrument.bead.diameter_um
    return LabelErrors(_stage(axes, n_frames, instrument), about_slide, rise)


def _stage(axes: Sequence[FieldAxis], n_frames: int, instrument: Instrument) -> float:
    followed = [
        axis.stage_sigma_um * float(np.sqrt(axis.origin.edf / len(axis.origin.x_um)))
        for axis in axes
        if len(axis.origin.x_um)
    ]
    if followed:
        return _rms(np.array(followed))
    taken = min(TYPICAL_FREEDOM / max(n_frames, 1), 1.0)
    return float(instrument.stage.repeatability_um * np.sqrt(taken))


def _rise(beads: Sequence[BeadPlanes]) -> tuple[float, float]:
    """Return the fields' mean rise of planes with size, and the scatter about it; NaN where unknown."""
    slides = [field.slide for field in beads if np.isfinite(field.slide.rise_um_per_size)]
    if not slides:
        return 0.0, float("nan")
    weight = [1.0 / max(slide.rise_u_um_per_size, 1e-9) ** 2 for slide in slides]
    rise = float(np.average([slide.rise_um_per_size for slide in slides], weights=weight))
    return rise, _rms(np.array([slide.residual_um for slide in slides]))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")
