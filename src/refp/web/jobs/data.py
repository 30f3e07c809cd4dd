"""The data sets of a job: folders under the server's roots, or what somebody uploaded."""

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refp.core.errors import DataError, InputError
from refp.settings import instrument_names
from refp.sweeps import DataSet, open_dataset
from refp.sweeps.readers import read_header
from refp.sweeps.sweep_file import SWEEP_FILE, read_sweep_file
from refp.web.job import OPTIONS, JobPlace
from refp.web.storage.archive import RESERVED, is_archive, unpack
from refp.web.storage.home import Home
from refp.web.storage.job_files import data_folder
from refp.web.storage.roots import OutsideRoots, find_inside


@contextmanager
def opened(request: Mapping[str, Any], job: str, place: JobPlace) -> Iterator[list[DataSet]]:
    """Open the data sets that a request names; what was unpacked is removed at the end.

    Parameters
    ----------
    request
        ``data``: for each data set its ``path`` under a root, or the ``stored`` file with its
        ``name``; and what :data:`refp.web.job.OPTIONS` say of them.
    job, place
        Whose data they are, and where.

    Raises
    ------
    OutsideRoots
        If something lies outside the roots.
    DataError, RecipeError
        As of :func:`refp.sweeps.open_dataset`, and if an image is too large.
    """
    options = {name: request[name] for name in OPTIONS if request.get(name)}
    instrument = options.get("instrument")
    if instrument and instrument not in instrument_names():
        known = ", ".join(instrument_names())
        raise DataError(f"instrument {instrument!r}: choose {known}, or state pixel and bead")
    folder = data_folder(place.home, job)
    try:
        yield [
            _open(one, options, folder / str(number), place)
            for number, one in enumerate(request["data"])
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_within(path: Path, allowed: Sequence[Path]) -> None:
    """Refuse a data set any part of which, by a link or by its own words, lies elsewhere.

    Parameters
    ----------
    path
        A folder or a file, resolved.
    allowed
        Where all of it has to lie.

    Raises
    ------
    OutsideRoots
        Naming the part.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        for one in path.rglob("*"):
            find_inside(str(one), allowed)
    toml = folder / SWEEP_FILE
    if not toml.is_file():
        return
    find_inside(str(toml), allowed)
    stated = read_sweep_file(toml)
    if stated.instrument and stated.instrument not in instrument_names():
        find_inside(str(folder / stated.instrument), allowed)
    if stated.manifest:
        manifest = find_inside(str(folder / stated.manifest), allowed)
        for name in _paths_of(manifest):
            find_inside(str(manifest.parent / name), allowed)


def _open(
    one: Mapping[str, str], options: Mapping[str, Any], folder: Path, place: JobPlace
) -> DataSet:
    if "path" not in one:
        return _open_sent(one, options, folder, place)
    path = find_inside(one["path"], place.roots)
    check_within(path, place.roots)
    return _opened(path, options, place, place.roots)


def _open_sent(
    one: Mapping[str, str], options: Mapping[str, Any], folder: Path, place: JobPlace
) -> DataSet:
    """Open what was uploaded; messages name what its owner knows."""
    name = one["name"]
    path = _lay_out(one, folder, place)
    try:
        allowed = (path if path.is_dir() else path.parent,)
        check_within(path, allowed)
        return _opened(path, options, place, allowed)
    except OutsideRoots as error:
        named = Path(str(error).rpartition(": outside")[0]).name
        raise DataError(
            f"{name}: {named} is named in it and lies outside of it; pack all that belongs together"
        ) from error
    except InputError as error:
        message = str(error).replace(f"{folder.resolve()}{os.sep}", "")
        raise type(error)(message) from error


def _opened(
    path: Path, options: Mapping[str, Any], place: JobPlace, allowed: Sequence[Path]
) -> DataSet:
    dataset = open_dataset(path, **options)
    for file in dict.fromkeys(frame.path for frame in dataset.frames):
        find_inside(str(file), allowed)  # a link within may lead to another that leads out
        height, width = read_header(file).shape[:2]
        if height * width > place.limits.pixels:
            most = place.limits.pixels / 1e6
            raise DataError(f"{file.name}: more than {most:.0f} million pixels; cut it")
    return dataset


def _lay_out(one: Mapping[str, str], folder: Path, place: JobPlace) -> Path:
    """Put an uploaded file into a folder of its own: unpacked, or under its own name."""
    stored = Home(place.home).sweeps().find(one["stored"])
    name = one["name"]
    if is_archive(stored):
        inside = unpack(stored, name, folder / _stem(name), place.limits)
        return inside.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name if name.lower().endswith((".tif", ".tiff")) else f"{name}.tif")
    shutil.copyfile(stored, path)
    return path.resolve()


def _stem(name: str) -> str:
    """Return the name of an archive's folder, which is its data set's if nothing else is."""
    for suffix in (".zip", ".tgz", ".gz", ".xz", ".bz2", ".tar"):
        name = name.removesuffix(suffix)
    return "".join("_" if c in RESERVED else c for c in name).strip(". ") or "data"


def _paths_of(manifest: Path) -> list[str]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            return [row.get("path") or "" for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []  # reading it as a manifest says why
