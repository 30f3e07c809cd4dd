"""Estimate the errors of labels before training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray
from refp.plane.plane import BeadPlanes, FieldAxis
from refp.settings import Instrument

TYPICAL_FREEDOM = 20.0
"""Assumed degrees of freedom of a smooth function of dZ along a sweep, without a fitted stack."""
HEIGHT_DIAMETERS = 0.02
"""Assumed scatter of beads' planes, in diameters, where too few beads determine it."""


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Standard uncertainties of labels, um.

    Attributes
    ----------
    stage_u_um
        Stage errors that neighbouring frames have in common, which models learn with the labels.
    height_um
        Standard deviation of beads' own planes about the slide.
    rise_um_per_size
        Rise of a bead's own plane with its relative size; 0 where unknown, and then included in
        ``height_um``.
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
    """Estimate the standard uncertainties of labels.

    Parameters
    ----------
    axes, beads
        Axes and bead planes of the training sweeps; may be empty.
    n_frames
        Number of training frames.
    instrument
        Stage and bead.

    Notes
    -----
    A stack with ``f`` effective degrees of freedom fitted to ``n`` frames absorbs the fraction
    ``f / n`` of the variance of their stage errors; this fraction remains in the labels.
    """
    rise, about_slide = _rise(beads)
    if not np.isfinite(about_slide):
        among = np.array([field.spread_um for field in beads])
        about_slide = _rms(among[np.isfinite(among)])
    if not np.isfinite(about_slide):
        about_slide = HEIGHT_DIAMETERS * instrument.bead.diameter_um
    return LabelErrors(_stage(axes, n_frames, instrument), about_slide, rise)


def _stage(axes: Sequence[FieldAxis], n_frames: int, instrument: Instrument) -> float:
    absorbed = [
        axis.stage_sigma_um * float(np.sqrt(axis.origin.edf / len(axis.origin.x_um)))
        for axis in axes
        if len(axis.origin.x_um)
    ]
    if absorbed:
        return _rms(np.array(absorbed))
    fraction = min(TYPICAL_FREEDOM / max(n_frames, 1), 1.0)
    return float(instrument.stage.repeatability_um * np.sqrt(fraction))


def _rise(beads: Sequence[BeadPlanes]) -> tuple[float, float]:
    """Return the mean rise of planes with size, and the scatter about it; NaN where unknown."""
    slides = [field.slide for field in beads if np.isfinite(field.slide.rise_um_per_size)]
    if not slides:
        return 0.0, float("nan")
    weight = [1.0 / max(slide.rise_u_um_per_size, 1e-9) ** 2 for slide in slides]
    rise = float(np.average([slide.rise_um_per_size for slide in slides], weights=weight))
    return rise, _rms(np.array([slide.residual_um for slide in slides]))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")
