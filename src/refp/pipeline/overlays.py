"""Pictures of frames with their beads, and of one bead through Z."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from refp.core.flags import BeadFlag, describe
from refp.core.parallel import Progress
from refp.estimate import judge_focus
from refp.estimate.estimator import ImageEstimate
from refp.measure.beads import Beads
from refp.measure.dataset import Measurement
from refp.measure.features import SweepMeasurement
from refp.models import ModelCard
from refp.models.tiles import crop_tiles
from refp.pipeline.planes import Planes
from refp.plane import ReferencePlane
from refp.reports import Montage, Overlay, draw_overlay, save_png
from refp.sweeps import Frame, SingleImage

MONTAGE_TILES = 9


def overlay_of_sweep(planes: Planes) -> Overlay:
    """Return the beads found in the frame nearest to the first determined plane."""
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    chosen, plane = _typical_sweep(sweeps, planes.result.planes)
    z_um = np.array([frame.z_um for frame in chosen.frames])
    middle = plane.refp_um if plane.determined else float(np.median(z_um))
    index = int(np.argmin(np.abs(z_um - middle)))
    return _frame_overlay(chosen, index)


def _typical_sweep(
    sweeps: Sequence[SweepMeasurement], planes: Sequence[ReferencePlane]
) -> tuple[SweepMeasurement, ReferencePlane]:
    """Return the first sweep with a plane that is not saturated there, else the first."""
    pairs = list(zip(sweeps, planes, strict=True))
    determined = [pair for pair in pairs if pair[1].determined]
    clear = [pair for pair in determined if not pair[1].flags]
    return (clear or determined or pairs)[0]


def _frame_overlay(sweep: SweepMeasurement, index: int) -> Overlay:
    rows = sweep.frame_index == index
    frame = sweep.frames[index]
    return Overlay(
        title=frame.label,
        image=frame.read(),
        center_px=sweep.profiles.center_px[rows],
        radius_px=sweep.profiles.bead_radius_px,
        usable=sweep.typical[rows],
        labels=_flag_texts(sweep.beads.flags[rows]),
        numbers=[int(number) for number in sweep.bead_number[rows]],
    )


def _flag_texts(flags: Iterable[int]) -> list[str]:
    """Return the names of all flags of each bead, joined by ``|``."""
    return [describe(BeadFlag(int(flag))) for flag in flags]


def sweep_montage(planes: Planes) -> list[Montage]:
    """Return the bead that is found in most frames through Z; none where there is no plane."""
    sweeps = [sweep for m in planes.measurements for sweep in m.sweeps]
    sweep, plane = _typical_sweep(sweeps, planes.result.planes)
    if not plane.determined:
        return []
    numbers, counts = np.unique(sweep.bead_number[sweep.typical], return_counts=True)
    rows = np.flatnonzero(sweep.typical & (sweep.bead_number == numbers[np.argmax(counts)]))
    z_um = np.array([sweep.frames[i].z_um for i in sweep.frame_index[rows]])
    targets = np.linspace(z_um.min(), z_um.max(), MONTAGE_TILES) - plane.refp_um
    # The middle tile is the one nearest to the plane.
    targets[MONTAGE_TILES // 2] = 0.0
    nearest = sorted({int(np.argmin(np.abs(z_um - plane.refp_um - t))) for t in targets})
    instrument = planes.measurements[0].instrument
    side = instrument.tile_side_px
    tiles = [
        crop_tiles(
            sweep.frames[sweep.frame_index[row]].read(), sweep.profiles.center_px[[row]], side
        )[0]
        for row in rows[nearest]
    ]
    dz_um = [float(z_um[i] - plane.refp_um) for i in nearest]
    title = f"{sweep.key}, bead {numbers[np.argmax(counts)]}"
    return [Montage(title, tiles, dz_um, instrument.optics.pixel_size_um)]


def write_overlays(
    sources: Sequence[SingleImage | Frame],
    estimates: Sequence[ImageEstimate],
    card: ModelCard,
    folder: Path,
    progress: Progress,
) -> None:
    """Write a picture of each estimated image with its beads."""
    draw = overlay_writer(sources, card, folder)
    for i, result in enumerate(estimates):
        draw(i, result)
        progress("drawing", i + 1, len(sources))


def overlay_writer(
    sources: Sequence[SingleImage | Frame],
    card: ModelCard,
    folder: Path,
    tolerance_um: float | None = None,
) -> Callable[[int, ImageEstimate], None]:
    """Return a function that draws an image, given its index and its estimate."""
    radius, names = card.instrument.bead_radius_px, _picture_names(sources)

    def draw(i: int, result: ImageEstimate) -> None:
        if result.measured is None:
            return
        centers = result.measured.profiles.center_px
        labels = _labels(result.measured.beads)
        title = f"{result.image}: {_outcome(result, tolerance_um)}"
        numbers = range(1, len(labels) + 1)
        image = sources[i].read()
        overlay = Overlay(title, image, centers, radius, result.used, labels, numbers)
        _save_overlay(overlay, folder / f"{names[i]}.png")

    return draw


def _labels(beads: Beads) -> list[str]:
    return _flag_texts(beads.flags)


def _outcome(result: ImageEstimate, tolerance_um: float | None) -> str:
    estimate = result.estimate
    if estimate.status == "refused":
        return f"refused, {estimate.reason}"
    half = (estimate.upper_um - estimate.lower_um) / 2
    text = f"dZ = {estimate.delta_z_um:.1f} \N{PLUS-MINUS SIGN} {half:.1f} um"
    return text if tolerance_um is None else f"{text}, {judge_focus(estimate, tolerance_um)}"


def write_sweep_overlays(
    measurements: Sequence[Measurement], folder: Path, progress: Progress
) -> None:
    """Write a picture of each frame with its beads."""
    todo = [(s, i) for m in measurements for s in m.sweeps for i in range(len(s.frames))]
    names = _picture_names([sweep.frames[index] for sweep, index in todo])
    for done, ((sweep, index), name) in enumerate(zip(todo, names, strict=True), start=1):
        path = folder / f"{sweep.key.dataset}_{name}.png"
        _save_overlay(_frame_overlay(sweep, index), path)
        progress("drawing", done, len(todo))


def _save_overlay(overlay: Overlay, path: Path) -> None:
    save_png(draw_overlay(overlay), path)


def _picture_names(sources: Sequence[SingleImage | Frame]) -> list[str]:
    """Name pictures by their image, with a number where folders hold images of one name."""
    names: dict[str, None] = {}  # a set that keeps its order
    for source in sources:
        name, count = _file_name(source), 2
        while name in names:
            name, count = f"{_file_name(source)}_{count}", count + 1
        names[name] = None
    return list(names)


def _file_name(source: SingleImage | Frame) -> str:
    return source.path.stem + (f"_{source.page}" if source.page else "")
