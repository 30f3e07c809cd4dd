"""The data sets of a job: folders under the roots of the server, or uploads."""

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refp.core.errors import DataError, InputError, RecipeError, RefpError
from refp.settings import instrument_names
from refp.sweeps import DataSet, as_options, open_dataset, write_proposed_sweep_file
from refp.sweeps.header import Header
from refp.sweeps.listing import lowest_folder, walk_images
from refp.sweeps.readers import read_header
from refp.sweeps.sweep_file import SWEEP_FILE, read_sweep_file
from refp.web.job import OPTIONS, JobSettings
from refp.web.jobs.proposals import UnreadNamesError, propose_reading
from refp.web.storage.archive import RESERVED, is_archive, unpack
from refp.web.storage.home import Home
from refp.web.storage.job_files import data_folder
from refp.web.storage.roots import OutsideRoots, find_inside


@contextmanager
def open_datasets(
    request: Mapping[str, Any], job: str, settings: JobSettings
) -> Iterator[list[DataSet]]:
    """Open the data sets of a request; remove unpacked files at the end.

    Parameters
    ----------
    request
        ``data`` lists for each data set its ``path`` under a root, or its ``stored`` file with its
        ``name``, and the ``pattern`` that was chosen for its names, if any; further fields are
        :data:`refp.web.job.OPTIONS`.
    job, settings
        Id of the job, and its folders and limits.

    Raises
    ------
    OutsideRoots
        If a file is outside the roots.
    DataError, RecipeError
        As of :func:`refp.sweeps.open_dataset`, and if an image is too large.
    UnreadNamesError
        If no name of the images of a folder matches a known pattern.
    """
    options = {name: request[name] for name in OPTIONS if request.get(name) not in (None, "")}
    instrument = options.get("instrument")
    if instrument and instrument not in instrument_names():
        known = ", ".join(instrument_names())
        raise DataError(
            f"instrument {instrument!r}: choose {known}, or give pixel size and bead diameter"
        )
    folder = data_folder(settings.home, job)
    try:
        yield [
            _open_numbered(number, one, options, folder / str(number), settings)
            for number, one in enumerate(request["data"])
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_archive(request: Mapping[str, Any], job: str, settings: JobSettings) -> Iterator[Path]:
    """Yield the folder of an archive of images; remove unpacked files at the end.

    Parameters
    ----------
    request
        ``data`` lists the ``path`` under a root, or the ``stored`` upload with its ``name``.
    job, settings
        Id of the job, and its folders and limits.

    Raises
    ------
    OutsideRoots
        If the folder or a file in it is outside the roots.
    DataError
        If an upload cannot be unpacked, or an image is too large.
    """
    (one,) = request["data"]
    folder = data_folder(settings.home, job)
    try:
        if "path" in one:
            path, allowed = find_inside(one["path"], settings.roots), settings.roots
        else:
            path = _lay_out(one, folder / "0", settings)
            path = path if path.is_dir() else path.parent
            allowed = (path,)
        check_within(path, allowed)
        for file in walk_images(path):
            try:
                header = read_header(file)
            except RefpError:  # the audit refuses it with the reason
                continue
            _check_size(file, header, settings)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_within(path: Path, allowed: Sequence[Path]) -> None:
    """Raise unless all files of a data set, links and named files included, are in allowed folders.

    Parameters
    ----------
    path
        A folder or a file, resolved.
    allowed
        Folders that all files have to be in.

    Raises
    ------
    OutsideRoots
        If a file is elsewhere; the message names it.
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


def _open_numbered(
    number: int,
    one: Mapping[str, str],
    options: Mapping[str, Any],
    folder: Path,
    settings: JobSettings,
) -> DataSet:
    """Open one data set of a request; the pattern that was chosen for it precedes that of the request."""
    chosen = {"pattern": one["pattern"]} if "pattern" in one else {}
    try:
        return _open(one, {**options, **chosen}, folder, settings)
    except UnreadNamesError as error:
        error.proposal["number"] = number
        raise


def _open(
    one: Mapping[str, str], options: Mapping[str, Any], folder: Path, settings: JobSettings
) -> DataSet:
    if "path" not in one:
        return _open_sent(one, options, folder, settings)
    path = find_inside(one["path"], settings.roots)
    if path.is_dir() and not (path / SWEEP_FILE).is_file():
        path = lowest_folder(path)
    check_within(path, settings.roots)
    return _open_checked(path, options, settings, settings.roots)


def _open_sent(
    one: Mapping[str, str], options: Mapping[str, Any], folder: Path, settings: JobSettings
) -> DataSet:
    """Open an upload; error messages name its original files."""
    name = one["name"]
    path = _lay_out(one, folder, settings)
    try:
        allowed = (path if path.is_dir() else path.parent,)
        check_within(path, allowed)
        if "pattern" in one:
            write_proposed_sweep_file(path, as_options(**options), overwrite=True)
        return _open_checked(path, options, settings, allowed)
    except OutsideRoots as error:
        named = Path(str(error).rpartition(": outside")[0]).name
        raise DataError(
            f"{name}: it refers to {named}, which is not part of the upload; "
            "pack all files of the data set into one archive"
        ) from error
    except UnreadNamesError as error:
        raise UnreadNamesError(_with_own_names(error, folder), error.proposal) from error
    except InputError as error:
        raise type(error)(_with_own_names(error, folder)) from error


def _with_own_names(error: Exception, folder: Path) -> str:
    return str(error).replace(f"{folder.resolve()}{os.sep}", "")


def _open_checked(
    path: Path, options: Mapping[str, Any], settings: JobSettings, allowed: Sequence[Path]
) -> DataSet:
    try:
        dataset = open_dataset(path, **options)
    except (DataError, RecipeError) as error:
        proposal = propose_reading(path, options)
        if proposal is None:
            raise
        raise UnreadNamesError(str(error), proposal) from error
    for file in dict.fromkeys(frame.path for frame in dataset.frames):
        find_inside(str(file), allowed)  # a link inside may lead to another that leads outside
        _check_size(file, read_header(file), settings)
    return dataset


def _check_size(file: Path, header: Header, settings: JobSettings) -> None:
    height, width = header.shape
    if height * width > settings.limits.pixels:
        most = settings.limits.pixels / 1e6
        raise DataError(f"{file.name}: more than {most:.0f} million pixels; crop it")


def _lay_out(one: Mapping[str, str], folder: Path, settings: JobSettings) -> Path:
    """Unpack an uploaded archive into a new folder, or copy an uploaded file there; return the path."""
    stored = Home(settings.home).sweeps().find(one["stored"])
    name = one["name"]
    if is_archive(stored):
        inside = unpack(stored, name, folder / _stem(name), settings.limits)
        return inside.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name if name.lower().endswith((".tif", ".tiff")) else f"{name}.tif")
    shutil.copyfile(stored, path)
    return path.resolve()


def _stem(name: str) -> str:
    """Return the folder name for an archive, which is the default name of its data set."""
    for suffix in (".zip", ".tgz", ".gz", ".xz", ".bz2", ".tar"):
        name = name.removesuffix(suffix)
    return "".join("_" if c in RESERVED else c for c in name).strip(". ") or "data"


def _paths_of(manifest: Path) -> list[str]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            return [row.get("path") or "" for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []  # reading it as a manifest raises the error
