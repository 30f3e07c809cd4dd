"""Number of beads, frames, exposures and fields that a tolerance needs, before images are taken."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.errors import RecipeError
from refp.core.files import write_csv
from refp.core.labels import WIDTH_95
from refp.core.parallel import SERIAL, Execution
from refp.reports import draw_plan, save_svg
from refp.settings import Instrument
from refp.synthetic import SceneSettings, dz_bound, looks_of
from refp.synthetic.optics import make_microscope

RANGE_DEPTHS = 5.0
RANGE_POINTS = 21
BACKGROUNDS = (1 / 8, 1 / 4, 1 / 2)
"""Background over the largest grey level, at which exposures are planned."""
FIELDS, BEADS = (1, 2, 4), (6, 12, 20)
MIN_FRAMES, MAX_FRAMES, MAX_BEADS = 21, 1000, 100
"""With eleven frames over the range, half of the simulated sweeps are not determined."""
EFFICIENCY = 3.0
"""Scatter of one bead over its bound: that of the look-up on the A2K is 2 to 3, as
``benchmarks/accuracy/limit.py`` measures it."""
REFP_FRACTION = 0.5
"""Fraction of the variance of an image that its REFP may take."""


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """Inputs of a plan.

    Attributes
    ----------
    tolerance_um
        Largest half width of the 95 % interval.
    height_sd_um
        Standard deviation of the beads' own planes about the REFP.
    stage_um
        Standard deviation of the stage's positions.
    dz_um
        Shape ``(n,)``, evenly spaced over the range of dZ.
    exposures_ms
        Shape ``(e,)``.
    bead_um
        Shape ``(e, n)``: standard deviation of dZ from one bead.
    """

    tolerance_um: float
    height_sd_um: float
    stage_um: float
    dz_um: FloatArray
    exposures_ms: FloatArray
    bead_um: FloatArray

    @property
    def planned_refp_um(self) -> float:
        """Largest standard uncertainty of the REFP of an image, um."""
        return float(self.tolerance_um / WIDTH_95 * REFP_FRACTION**0.5)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One planned acquisition.

    Attributes
    ----------
    what
        ``"refp"``: a sweep that defines the plane; ``"image"``: a single image whose dZ is estimated.
    n_fov, n_frames, n_beads
        Fields of view, frames and beads in each.
    exposure_ms
        Exposure, ms.
    u_photons_um, u_heights_um, u_stage_um, u_refp_um
        Standard uncertainties due to image noise, bead heights, the stage and, for an image, its
        REFP.
    u_um, half_width_um
        Combined standard uncertainty, and half the 95 % interval.
    """

    what: Literal["refp", "image"]
    n_fov: int
    n_frames: int
    n_beads: int
    exposure_ms: float
    u_photons_um: float
    u_heights_um: float
    u_stage_um: float
    u_refp_um: float
    u_um: float
    half_width_um: float


def find_limits(
    instrument: Instrument,
    tolerance_um: float,
    *,
    height_sd_um: float | None = None,
    range_um: float | None = None,
    efficiency: float = EFFICIENCY,
    execution: Execution = SERIAL,
) -> PlanLimits:
    """Compute the inputs of a plan for an instrument.

    Parameters
    ----------
    instrument
        Its optics, bead, camera and stage.
    tolerance_um
        Largest half width of the 95 % interval.
    height_sd_um
        Standard deviation of the beads' own planes; default: from their simulated heights and their
        spread in size.
    range_um
        Largest distance of images from the REFP, um; default: five depths of field.
    efficiency
        Standard deviation of the method over the Cramer-Rao bound; 1 is the limit of any method.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    RecipeError
        If tolerance or range are not above zero, or the efficiency is below 1.
    DataError
        If the range goes beyond simulated images.
    """
    depth_um = make_microscope(instrument).depth_um
    range_um = RANGE_DEPTHS * depth_um if range_um is None else range_um
    for name, value in (("tolerance", tolerance_um), ("range", range_um)):
        if not value > 0:
            raise RecipeError(f"{name} = {value} um: must be above 0")
    if efficiency < 1:
        raise RecipeError(f"efficiency = {efficiency}: must be at least 1, the bound of any method")
    looks_of(instrument, SceneSettings(), execution=execution)
    dz_um = np.linspace(-range_um, range_um, RANGE_POINTS)
    exposures_ms = _exposures(instrument)
    bounds = []
    for exposure_ms in exposures_ms:
        bounds.append(dz_bound(instrument, dz_um, float(exposure_ms)).sd_um)
        execution.progress("Bounding", len(bounds), len(exposures_ms))
    return PlanLimits(
        tolerance_um=tolerance_um,
        height_sd_um=bead_heights(instrument) if height_sd_um is None else height_sd_um,
        stage_um=instrument.stage.repeatability_um,
        dz_um=dz_um,
        exposures_ms=exposures_ms,
        bead_um=efficiency * np.array(bounds),
    )


def _exposures(instrument: Instrument) -> FloatArray:
    """Return the exposures of a plan, ms."""
    levels = instrument.white_level - instrument.camera.offset
    return np.array(BACKGROUNDS) * levels / instrument.camera.grey_levels_per_ms


def bead_heights(instrument: Instrument) -> float:
    """Return the standard deviation of the planes of simulated beads, due to height and size, um."""
    looks = looks_of(instrument, SceneSettings())
    bead = instrument.bead
    size = 1.0 + max(bead.diameter_spread, 1e-3)
    nominal_um = looks.nominal_radius_um
    rise_um = looks.own_plane_um(size * nominal_um, bead.index) - looks.nominal_plane_um
    rise_um += (size - 1.0) * nominal_um / instrument.sample.medium_index
    by_size_um = rise_um * bead.diameter_spread / (size - 1.0)
    return float(np.hypot(SceneSettings().height_sd_um, by_size_um))


def make_plan(limits: PlanLimits) -> list[PlanRow]:
    """Return the acquisitions that reach a tolerance: sweeps first, then single images.

    For each number of fields and beads the row has the smallest number of frames that reaches the
    tolerance and determines a plane, at the middle exposure; for each exposure the smallest number of
    beads of an image anywhere in the range. A row that does not reach the tolerance has the largest
    number tried.
    """
    sweeps = [_fewest_frames(limits, n_fov, n_beads) for n_fov in FIELDS for n_beads in BEADS]
    refp_um = limits.planned_refp_um
    images = [_fewest_beads(limits, k, refp_um) for k in range(len(limits.exposures_ms))]
    return [*sweeps, *images]


def plan_rows(rows: Sequence[PlanRow], tolerance_um: float) -> list[dict[str, object]]:
    """Return a row for each acquisition, with whether it reaches the tolerance."""
    return [
        asdict(row) | {"reached": "yes" if row.half_width_um <= tolerance_um else "no"}
        for row in rows
    ]


def write_plan(limits: PlanLimits, rows: Sequence[PlanRow], name: str, folder: Path) -> None:
    """Write ``plan.csv`` and ``plan.svg``.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    write_csv(pd.DataFrame(plan_rows(rows, limits.tolerance_um)), folder / "plan.csv")
    bounds = [
        {"exposure_ms": float(exposure), "dz_um": float(dz), "sd_um": float(sd)}
        for exposure, line in zip(limits.exposures_ms, limits.bead_um, strict=True)
        for dz, sd in zip(limits.dz_um, line, strict=True)
    ]
    frames = np.unique(np.geomspace(MIN_FRAMES, MAX_FRAMES, 40).round()).astype(int)
    sweeps = [asdict(sweep_row(limits, 1, n, int(k))) for n in BEADS for k in frames]
    u_refp_um = limits.planned_refp_um
    images = [
        asdict(image_row(limits, k, n, u_refp_um))
        for k in range(len(limits.exposures_ms))
        for n in range(1, MAX_BEADS + 1)
    ]
    figure = draw_plan(
        pd.DataFrame(bounds),
        pd.DataFrame(sweeps),
        pd.DataFrame(images),
        limits.tolerance_um,
        f"{name}: acquisitions for {limits.tolerance_um:g} um at 95 %",
    )
    save_svg(figure, folder / "plan.svg")


def sweep_row(limits: PlanLimits, n_fov: int, n_beads: int, n_frames: int) -> PlanRow:
    """Return the uncertainty of a sweep with frames evenly spaced over the range.

    The beads of each frame give an estimate of the plane; the plane is their mean over frames, weighted
    by the inverse variance due to stage and noise.
    """
    exposure = len(limits.exposures_ms) // 2
    dz_um = np.linspace(limits.dz_um[0], limits.dz_um[-1], n_frames + 2)[1:-1]
    frame_um = np.interp(dz_um, limits.dz_um, limits.bead_um[exposure]) / np.sqrt(n_beads)
    weight = 1.0 / (limits.stage_um**2 + frame_um**2)
    weight /= weight.sum()
    u_photons_um = np.sqrt(np.sum((weight * frame_um) ** 2) / n_fov)
    u_stage_um = limits.stage_um * np.sqrt(np.sum(weight**2) / n_fov)
    u_heights_um = limits.height_sd_um / np.sqrt(n_beads * n_fov)
    return _row(
        "refp",
        (n_fov, n_frames, n_beads),
        float(limits.exposures_ms[exposure]),
        (u_photons_um, u_heights_um, u_stage_um, 0.0),
    )


def image_row(limits: PlanLimits, exposure: int, n_beads: int, u_refp_um: float) -> PlanRow:
    """Return the largest uncertainty of an image over the range."""
    bead_um = float(limits.bead_um[exposure].max())
    return _row(
        "image",
        (1, 1, n_beads),
        float(limits.exposures_ms[exposure]),
        (bead_um / n_beads**0.5, limits.height_sd_um / n_beads**0.5, 0.0, u_refp_um),
    )


def _fewest_frames(limits: PlanLimits, n_fov: int, n_beads: int) -> PlanRow:
    rows = (sweep_row(limits, n_fov, n_beads, n) for n in range(MIN_FRAMES, MAX_FRAMES + 1))
    return _first(rows, limits.tolerance_um)


def _fewest_beads(limits: PlanLimits, exposure: int, u_refp_um: float) -> PlanRow:
    rows = (image_row(limits, exposure, n, u_refp_um) for n in range(1, MAX_BEADS + 1))
    return _first(rows, limits.tolerance_um)


def _first(rows: Iterator[PlanRow], tolerance_um: float) -> PlanRow:
    """Return the first row that reaches the tolerance, else the last."""
    for row in rows:
        if row.half_width_um <= tolerance_um:
            break
    return row


def _row(
    what: Literal["refp", "image"],
    counts: tuple[int, int, int],
    exposure_ms: float,
    parts_um: tuple[float, float, float, float],
) -> PlanRow:
    u_um = float(np.linalg.norm(parts_um))
    photons_um, heights_um, stage_um, refp_um = map(float, parts_um)
    return PlanRow(
        what=what,
        n_fov=counts[0],
        n_frames=counts[1],
        n_beads=counts[2],
        exposure_ms=exposure_ms,
        u_photons_um=photons_um,
        u_heights_um=heights_um,
        u_stage_um=stage_um,
        u_refp_um=refp_um,
        u_um=u_um,
        half_width_um=WIDTH_95 * u_um,
    )
