"""Write a data set atomically: frames as plain TIFF, and its ``sweep.toml``."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from refp.core.arrays import Image, full_scale
from refp.core.errors import DataError
from refp.core.files import write_bytes, write_whole
from refp.core.outputs import check_output
from refp.sweeps.open import open_source
from refp.sweeps.pattern import DEFAULT_PATTERN, parse_pattern
from refp.sweeps.source import find_source
from refp.sweeps.survey import survey_folder
from refp.sweeps.sweep_file import SWEEP_FILE, SweepFile, make_sweep_file

Table = Mapping[str, Any]


def write_frame(path: Path, image: Image) -> None:
    """Write a grey image as a plain TIFF.

    Parameters
    ----------
    path
        File to write; an existing file is replaced.
    image
        Shape ``(y, x)``, ``uint8`` or ``uint16``.

    Raises
    ------
    TypeError
        If the image is not of unsigned integers.
    OutputError
        If the file cannot be written.
    """
    full_scale(image)
    from tifffile import imwrite

    write_whole(path, lambda part: imwrite(part, image, photometric="minisblack", metadata=None))


def write_sweep_file(
    folder: Path,
    *,
    dataset: str,
    instrument: str = "",
    pattern: str = DEFAULT_PATTERN,
    optics: Table | None = None,
    bead: Table | None = None,
) -> Path:
    """Write the ``sweep.toml`` of a folder of frames and return its path.

    Parameters
    ----------
    folder
        Folder of the data set.
    dataset
        Name of the data set.
    instrument
        Name of a recipe; empty if ``optics`` and ``bead`` are complete.
    pattern
        Pattern of the file names.
    optics, bead
        Overrides of the recipe.

    Raises
    ------
    RecipeError
        If the pattern is wrong.
    OutputError
        If the file cannot be written.
    """
    parse_pattern(pattern)
    path = folder / SWEEP_FILE
    table = {
        "dataset": dataset,
        "instrument": instrument,
        "pattern": pattern,
        "optics": dict(optics or {}),
        "bead": dict(bead or {}),
    }
    _write_settings(make_sweep_file(table, str(path)), path)
    return path


def write_proposed_sweep_file(
    folder: Path, options: Table = MappingProxyType({}), *, overwrite: bool = False
) -> Path:
    """Write the ``sweep.toml`` of a folder after the pattern that fits its names, and return its path.

    A pattern among the options precedes the one that is proposed. The file is written only if the data
    set opens with it. Entries of a ``sweep.toml`` that it replaces are kept, unless an option is given.
    Files that state their Z need no pattern.

    Parameters
    ----------
    folder
        Folder of images, or of folders of images.
    options
        Entries of the file; from :func:`as_options`.
    overwrite
        Whether a ``sweep.toml`` may be replaced.

    Raises
    ------
    DataError
        If the folder holds no images, no pattern fits their names, or the data set does not open.
    RecipeError
        If the instrument is not known, or an option is wrong.
    OutputError
        If there is a ``sweep.toml`` already, or it cannot be written.
    """
    survey = survey_folder(folder)
    path = survey.root / SWEEP_FILE
    check_output(path, overwrite=overwrite)
    proposed = {"pattern": survey.pattern} if survey.pattern else {}
    entries = {**proposed, **options}
    if not survey.states_z and "pattern" not in entries:
        raise DataError(
            f"{folder}: no pattern fits the names of its images; list the frames in a --manifest"
        )
    source = find_source(survey.root, entries)
    open_source(source)
    _write_settings(source.settings, path)
    return path


def _write_settings(settings: SweepFile, path: Path) -> None:
    table = settings.model_dump(exclude_defaults=True)
    write_bytes(tomli_w.dumps(table).encode(), path)
