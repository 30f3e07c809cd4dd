"""Survey of a folder that does not open as a data set: its images, their beads, a pattern to read it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import DataError, UnknownInstrumentError
from refp.core.parallel import Progress, ignore_progress
from refp.measure.frame import measure_frame
from refp.pipeline.pixel_fit import fitting_diameter, instrument_of_beads
from refp.settings import Instrument, Recipe
from refp.sweeps import (
    DataSet,
    FolderSurvey,
    as_options,
    open_dataset,
    read_header,
    read_plane,
    survey_folder,
)
from refp.sweeps.declare import resolve_instrument
from refp.sweeps.listing import list_files
from refp.sweeps.source import Source, find_source

N_SAMPLES = 3
"""Images of a folder in which beads are looked for."""


@dataclass(frozen=True, slots=True)
class SampledBeads:
    """Beads in a few images of a folder.

    Attributes
    ----------
    images
        Names of the images.
    n_usable
        Usable beads of each.
    diameter_px
        Diameter of the beads: that of the instrument, or the one that fits; 0 if none fits.
    is_known
        Whether bead diameter and pixel size are known.
    """

    images: tuple[str, ...] = ()
    n_usable: tuple[int, ...] = ()
    diameter_px: float = 0.0
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Unopened:
    """A folder that does not open as a data set.

    Attributes
    ----------
    path
        The folder as named.
    survey
        Its contents.
    reason
        Reason why it does not open.
    beads
        Beads in a few of its images.
    """

    path: Path
    survey: FolderSurvey
    reason: str
    beads: SampledBeads = SampledBeads()


def open_or_survey(
    path: Path, options: dict[str, Any], recipe: Recipe, progress: Progress = ignore_progress
) -> DataSet | Unopened:
    """Open a data set; or survey a folder whose sweeps, pattern or instrument are not known.

    Parameters
    ----------
    path
        Folder or file of a data set.
    options
        Arguments of :func:`refp.open_dataset`.
    recipe
        Settings of the method, for the beads.
    progress
        Callback for progress.

    Raises
    ------
    DataError
        If a file, or a folder whose pattern or manifest is stated, does not open; or there is no image.
    RecipeError
        If an option or ``sweep.toml`` is wrong.
    """
    source = find_source(path, as_options(**options))
    is_stated = bool(source.settings.pattern or source.settings.manifest)
    if source.is_file or is_stated:
        return open_dataset(path, **options)
    if not list_files(source.root):  # a survey of it reads no header
        survey = survey_folder(path)
        if survey.holds_datasets:
            return Unopened(path, survey, "folders below have a sweep.toml of their own")
    try:
        return open_dataset(path, **options)
    except (DataError, UnknownInstrumentError) as error:
        survey = survey_folder(path)
        beads = sample_beads(survey, _instrument(source, survey), recipe, progress)
        return Unopened(path, survey, str(error).removeprefix(f"{survey.root}: "), beads)


def sample_beads(
    survey: FolderSurvey,
    instrument: Instrument | None,
    recipe: Recipe,
    progress: Progress = ignore_progress,
) -> SampledBeads:
    """Find the beads of three images of the commonest kind.

    Parameters
    ----------
    survey
        The folder.
    instrument
        Its instrument; ``None``: not known, so that the diameter that fits is searched.
    recipe
        Settings of the method.
    progress
        Callback for progress.
    """
    read = _read_samples(survey)
    images = list(read.values())
    if not images:
        return SampledBeads()
    known = instrument is not None
    if instrument is None:
        diameter_px = fitting_diameter(images, recipe, progress)
        if not diameter_px:
            return SampledBeads(tuple(read), (0,) * len(read))
        instrument = instrument_of_beads(diameter_px)
    found = [measure_frame(image, instrument, recipe) for image in images]
    n_usable = tuple(int(np.count_nonzero(frame.usable)) for frame in found)
    return SampledBeads(tuple(read), n_usable, 2 * instrument.bead_radius_px, known)


def survey_rows(found: Unopened) -> list[dict[str, object]]:
    """Return a row per kind of image, and per folder below, with the proposed pattern."""
    survey = found.survey
    kinds: list[dict[str, object]] = [
        {
            "folder": str(survey.root),
            "suffix": kind.suffix,
            "size": kind.size,
            "n_images": len(kind.files),
            "n_pages": kind.n_pages[1],
            "states_z": kind.states_z,
            "sweep_file": False,
            "pattern": survey.pattern if kind is survey.kinds[0] else "",
        }
        for kind in survey.kinds
    ]
    folders: list[dict[str, object]] = [
        {
            "folder": str(survey.root / folder.name),
            "suffix": "",
            "size": "",
            "n_images": folder.n_images,
            "n_pages": None,
            "states_z": None,
            "sweep_file": folder.has_sweep_file,
            "pattern": folder.pattern,
        }
        for folder in survey.folders
    ]
    return kinds + folders


def describe_survey(found: Unopened) -> list[str]:
    """Return the lines about a folder: images, files left out, beads, and how to read it as sweeps.

    A command to copy is a line of its own, which begins with spaces.
    """
    survey = found.survey
    below = sum(folder.n_images for folder in survey.folders)
    own = sum(len(kind.files) for kind in survey.kinds)
    counted = [f"{own} images"] * bool(own)
    counted += [f"{below} images in {len(survey.folders)} folders below"] * bool(below)
    reason = found.reason.partition("; ")[0] if survey.pattern else found.reason
    lines = [f"{survey.root}: {', '.join(counted)}; not read as sweeps: {reason}"]
    lines += [f"left out: {item.path.name}: {item.reason}" for item in survey.left_out]
    lines += [_describe_beads(found.beads)] if found.beads.images else []
    return [*lines, *_remedies(found)]


def _remedies(found: Unopened) -> list[str]:
    survey = found.survey
    if survey.holds_datasets:
        first = next(folder.name for folder in survey.folders if folder.has_sweep_file)
        return ["to inspect one of them:", f"  refp inspect {_quoted(survey.root / first)}"]
    if not survey.pattern:
        return []
    options = [" --instrument NAME"] * (not found.beads.is_known)
    options += [" --z-step-um STEP"] * survey.needs_step
    command = f"refp inspect {_quoted(found.path)} --write-sweep-toml{''.join(options)}"
    return [f"the pattern {survey.pattern!r} fits; to write it into a sweep.toml:", f"  {command}"]


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def _describe_beads(beads: SampledBeads) -> str:
    n = len(beads.images)
    if not beads.diameter_px:
        return f"beads in {n} of the images: none of any size from 6 to 170 px"
    counts = f"beads in {n} of the images: {', '.join(map(str, beads.n_usable))} usable"
    if beads.is_known:
        return f"{counts}, of {beads.diameter_px:.1f} px"
    return (
        f"{counts}, about {beads.diameter_px:.2g} px wide; state their size with --instrument, or with "
        "--bead-diameter-um and --pixel-size-um"
    )


def _read_samples(survey: FolderSurvey) -> dict[str, Image]:
    """Read images of the commonest kind, spread evenly; a file that cannot be read is passed over."""
    files: Sequence[Path] = survey.kinds[0].files if survey.kinds else ()
    read: dict[str, Image] = {}
    for k in np.unique(np.linspace(0, len(files) - 1, N_SAMPLES + 2).astype(int)[1:-1]):
        with suppress(DataError):
            page = read_header(files[k]).n_planes // 2
            read[files[k].name] = read_plane(files[k], page)
    return read


def _instrument(source: Source, survey: FolderSurvey) -> Instrument | None:
    """Return the instrument that options or files state; ``None`` if it is not known."""
    files = survey.kinds[0].files[:1] if survey.kinds else ()
    try:
        return resolve_instrument(source, {file: read_header(file).stated for file in files})[0]
    except UnknownInstrumentError:
        return None
