"""Write a data set atomically: frames as plain TIFF, and its ``sweep.toml``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unicodedata import normalize

import tomli_w

from refp.core.arrays import Image, full_scale
from refp.core.errors import DataError
from refp.core.files import write_bytes, write_whole
from refp.sweeps.listing import list_files
from refp.sweeps.pattern import DEFAULT_PATTERN, parse_pattern
from refp.sweeps.propose import propose_pattern
from refp.sweeps.source import as_options
from refp.sweeps.sweep_file import SWEEP_FILE, make_sweep_file

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
    settings = make_sweep_file(table, str(path)).model_dump(exclude_defaults=True)
    write_bytes(tomli_w.dumps(settings).encode(), path)
    return path


def write_proposed_sweep_file(
    folder: Path,
    *,
    instrument: str | None = None,
    pixel_size_um: float | None = None,
    bead_diameter_um: float | None = None,
    z_step_um: float | None = None,
) -> Path:
    """Write the ``sweep.toml`` of a folder with the pattern that fits its names, and return its path.

    Parameters
    ----------
    folder
        Folder of images.
    instrument, pixel_size_um, bead_diameter_um, z_step_um
        Entries of the file; those that are not given are left out.

    Raises
    ------
    DataError
        If the folder holds no images, or no pattern fits their names.
    OutputError
        If the file cannot be written.
    """
    files = list_files(folder) if folder.is_dir() else []
    pattern = propose_pattern([normalize("NFC", path.name) for path in files])
    if not pattern:
        problem = "no pattern fits the names of its images" if files else "no folder of images"
        raise DataError(f"{folder}: {problem}; list the frames in a --manifest")
    table = as_options(
        instrument=instrument,
        pattern=pattern,
        pixel_size_um=pixel_size_um,
        bead_diameter_um=bead_diameter_um,
        z_step_um=z_step_um,
    )
    path = folder / SWEEP_FILE
    settings = make_sweep_file(table, str(path)).model_dump(exclude_defaults=True)
    write_bytes(tomli_w.dumps(settings).encode(), path)
    return path
