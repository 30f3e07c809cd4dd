"""Checks of a job before it is queued, and the planes that a job wrote; run in workers."""

import json
from collections.abc import Sequence
from pathlib import Path

from refp.core.errors import DataError, RecipeError
from refp.core.files import rows_of, to_json
from refp.pipeline.tables import read_plane_table
from refp.settings import instrument_names, recipe_names
from refp.sweeps.readers import read_header
from refp.web.messages import Row
from refp.web.settings import Limits
from refp.web.storage.archive import check_archive, has_archive, is_archive
from refp.web.storage.job_files import planes_folder
from refp.web.storage.roots import find_inside

ARCHIVE = ".archive"
TIFF = b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"


def check_paths(paths: Sequence[str], roots: Sequence[Path]) -> None:
    """Raise if a path is outside the roots or does not exist.

    Raises
    ------
    OutsideRoots
        If a path is outside the roots.
    DataError
        If a path does not exist.
    """
    for path in paths:
        if not find_inside(path, roots).exists():
            raise DataError(f"{path}: no such file or folder; check the path")


def check_sweeps(path: Path, name: str, limits: Limits) -> str:
    """Return the suffix for storing a file with sweeps, by its content.

    Raises
    ------
    DataError
        If it is neither a valid archive nor a TIFF.
    """
    if is_archive(path):
        check_archive(path, name, limits)
        return ARCHIVE
    with path.open("rb") as file:
        if not file.read(4).startswith(TIFF):
            raise DataError(f"{name}: neither ZIP, TAR nor TIFF; pack the folder of images as ZIP")
    if has_archive(path):
        raise DataError(f"{name}: the file is both a TIFF and a ZIP; send one of them")
    try:
        pixels = read_header(path).shape
    except DataError as error:
        raise DataError(str(error).replace(str(path), name).replace(path.name, name)) from error
    if pixels[0] * pixels[1] > limits.pixels:
        raise DataError(f"{name}: more than {limits.pixels / 1e6:.0f} million pixels; crop it")
    return ".tif"


def check_options(recipe: str, instrument: str) -> None:
    """Raise if a recipe or an instrument is not one of the package; paths are not accepted.

    Raises
    ------
    RecipeError
        If one is unknown; the message lists the names.
    """
    for kind, name, known in (
        ("recipe", recipe, recipe_names()),
        ("instrument", instrument or instrument_names()[0], instrument_names()),
    ):
        if name not in known:
            raise RecipeError(f"{kind} {name!r}: choose {', '.join(known)}")


def read_planes(home: Path, job: str) -> list[Row]:
    """Return the rows of the ``planes.csv`` that a job wrote."""
    table = read_plane_table(planes_folder(home, job) / "planes.csv")
    rows: list[Row] = json.loads(to_json(rows_of(table)))
    return rows
