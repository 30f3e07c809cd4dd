"""Estimate the errors of labels before training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray
from refp.plane.plane import BeadPlanes, FieldAxis, PlaneResult, PositionErrors
from refp.settings import Instrument
from refp.sweeps.frame import SweepKey

TYPICAL_FREEDOM = 20.0
"""Assumed degrees of freedom of a smooth function of dZ along a sweep, without a fitted stack."""
ASSUMED_DOF = 10.0
HEIGHT_DIAMETERS = 0.02
"""Assumed scatter of beads' planes, in diameters, where too few beads determine it."""
POSITIONS = 61


@dataclass(frozen=True, slots=True)
class StageErrors:
    """Stage errors that neighbouring frames have in common, which models learn with the labels.

    Attributes
    ----------
    dz_um, u_um
        Shape ``(m,)`` each: dZ, rising, and the standard uncertainty of labels there.
    dof
        Degrees of freedom.
    """

    dz_um: FloatArray
    u_um: FloatArray
    dof: float

    def at(self, dz_um: FloatArray) -> FloatArray:
        """Return the standard uncertainty at values of dZ; beyond the ends, that of the end."""
        return np.interp(dz_um, self.dz_um, self.u_um)


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Standard uncertainties of labels, um.

    Attributes
    ----------
    refp_u_um, refp_dof
        Of the mean reference plane of the fields, and its degrees of freedom. Stage errors are
        left out where ``stage`` includes them.
    stage
        Stage errors that labels keep, relative to the reference plane.
    height_um
        Standard deviation of beads' own planes about the slide.
    rise_um_per_size
        Rise of a bead's own plane with its relative size; 0 where unknown, and then included in
        ``height_um``.
    """

    refp_u_um: float
    refp_dof: float
    stage: StageErrors
    height_um: float
    rise_um_per_size: float


def estimate_label_errors(
    result: PlaneResult,
    labelled: Collection[SweepKey],
    n_frames: int,
    instrument: Instrument,
    *,
    on_axes: bool,
) -> LabelErrors:
    """Estimate the standard uncertainties of labels.

    Parameters
    ----------
    result
        Planes, axes and bead planes of the training sweeps.
    labelled
        Sweeps whose planes label frames.
    n_frames
        Number of training frames.
    instrument
        Stage and bead.
    on_axes
        Whether frames are labelled by their positions on the axes, and not by nominal Z.

    Notes
    -----
    The mean stage error of a sweep moves frames and plane alike, so it is no error of dZ. Without
    draws of the stage errors, a stack with ``f`` effective degrees of freedom fitted to ``n`` frames
    absorbs the fraction ``f / n`` of their variance; this fraction remains in the labels.
    """
    from refp.plane.budget import AXIS, STAGE, expand_mean  # estimation does not need GTC

    planes = [plane for plane in result.planes if plane.key in labelled and plane.determined]
    fields = {plane.key.field for plane in planes}
    drawn = [errors for errors in result.positions if errors.field in fields]
    known = on_axes and len(drawn) == len(fields) > 0
    mean = expand_mean(planes, without=(STAGE, AXIS) if known else ()) if planes else None
    if known:
        stage = _mean_of_fields(drawn)
    else:
        stage = _assumed(result.axes if on_axes else (), n_frames, instrument)
    height_um, rise = _heights(result.beads, instrument)
    return LabelErrors(
        refp_u_um=mean.u_um if mean else 0.0,
        refp_dof=mean.dof if mean else np.inf,
        stage=stage,
        height_um=height_um,
        rise_um_per_size=rise,
    )


def _mean_of_fields(fields: Sequence[PositionErrors]) -> StageErrors:
    """Return the error of the mean of fields with stage errors of their own."""
    low = min(float(errors.dz_um[0]) for errors in fields)
    high = max(float(errors.dz_um[-1]) for errors in fields)
    grid = np.linspace(low, high, POSITIONS)
    each = np.array([np.interp(grid, errors.dz_um, errors.sd_um) for errors in fields])
    u_um = np.sqrt((each**2).sum(axis=0)) / len(fields)
    dof = float(sum(errors.dof for errors in fields))
    return StageErrors(grid, u_um, dof)


def _assumed(axes: Sequence[FieldAxis], n_frames: int, instrument: Instrument) -> StageErrors:
    """Return one uncertainty for all dZ."""
    from refp.plane.budget import stage_sigma  # estimation does not need GTC

    stated_um = instrument.stage.repeatability_um
    absorbed = [
        stage_sigma(axis, stated_um)[0] * float(np.sqrt(axis.origin.edf / len(axis.origin.x_um)))
        for axis in axes
        if len(axis.origin.x_um)
    ]
    if absorbed:
        u_um = _rms(np.array(absorbed))
    else:
        fraction = min(TYPICAL_FREEDOM / max(n_frames, 1), 1.0)
        u_um = float(stated_um * np.sqrt(fraction))
    return StageErrors(np.zeros(1), np.array([u_um]), ASSUMED_DOF)


def _heights(beads: Sequence[BeadPlanes], instrument: Instrument) -> tuple[float, float]:
    """Return the scatter of beads' own planes about the slide, and their rise with size."""
    rise, about_slide = _rise(beads)
    if not np.isfinite(about_slide):
        among = np.array([field.spread_um for field in beads])
        about_slide = _rms(among[np.isfinite(among)])
    if not np.isfinite(about_slide):
        about_slide = HEIGHT_DIAMETERS * instrument.bead.diameter_um
    return about_slide, rise


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
