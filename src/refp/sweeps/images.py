"""Single images in the files and folders that a user names."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from refp.core.errors import DataError, RefpError
from refp.sweeps.frame import SingleImage
from refp.sweeps.header import Header
from refp.sweeps.listing import list_files, lowest_folder
from refp.sweeps.pages import Choice, check_one_channel
from refp.sweeps.readers import RASTER_SUFFIXES, SUFFIXES, is_zarr, read_header


def list_images(
    paths: Sequence[str | Path], *, channel: str = "", t: int | None = None
) -> list[SingleImage]:
    """List the single images in files and folders, without reading pixels.

    A folder is replaced by its images in natural order, a stack by its pages, and a time series by its
    time points. A file that cannot be read, or that has several channels of which none is chosen, is
    listed too, so that reading it raises the error.

    Parameters
    ----------
    paths
        Files and folders.
    channel
        Name of the channel, or its number from 0; required of files of several channels. Of colour
        images ``red``, ``green`` (the default), ``blue`` or ``mean``.
    t
        Number of the time point, from 0; default: all.

    Raises
    ------
    DataError
        If a path does not exist, or a folder holds no image, or none of this channel and time point.

    Examples
    --------
    >>> import refp
    >>> images = refp.list_images(["test"])
    >>> len(images)
    9
    >>> images[0].read().shape
    (160, 200)
    """
    choice = Choice(channel, t)
    images = [image for path in paths for image in images_of(Path(path), choice)]
    if not images:
        chosen = [f"--channel {channel}"] * bool(channel) + [f"--t {t}"] * (t is not None)
        raise DataError(f"{paths[0]}: no image of {' '.join(chosen)}; choose another")
    return images


def images_of(path: Path, choice: Choice) -> list[SingleImage]:
    """List the single images of a file or folder as :func:`list_images`; none if there is none chosen.

    Raises
    ------
    DataError
        If the path does not exist, or a folder holds no image.
    """
    files = _files(path)
    headers = {file: _header(file, choice) for file in files}
    problem = _problem_of_set(path, headers, choice)
    return [image for file in files for image in _pages(file, headers[file], choice, problem)]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the path")
    if path.is_file() or is_zarr(path):
        return [path]
    files = list_files(path) or list_files(lowest_folder(path))
    if not files:
        raise DataError(f"{path}: no image in this folder; refp reads {', '.join(SUFFIXES)}")
    return files


def _problem_of_set(path: Path, headers: Mapping[Path, Header | None], choice: Choice) -> str:
    """Return the reason if the files of an acquisition in a folder are of several channels."""
    try:
        check_one_channel(
            path,
            (
                (header, page)
                for file, header in headers.items()
                if header is not None and header.stated.set_name
                for page in choice.pages(file, header)
            ),
        )
    except DataError as error:
        return str(error)
    return ""


def _pages(
    path: Path, header: Header | None, choice: Choice, problem: str
) -> Iterable[SingleImage]:
    if problem or header is None:
        return [SingleImage(path, problem=problem, colour=choice.colour)]
    try:
        pixel_um = header.stated.pixel_size_um
        return [
            SingleImage(path, page, pixel_size_um=pixel_um, colour=choice.colour)
            for page in choice.pages(path, header)
        ]
    except DataError as error:
        return [SingleImage(path, problem=str(error))]


def _header(path: Path, choice: Choice) -> Header | None:
    """Return the header; ``None`` for a file that cannot be read, or of which any choice is one page."""
    if path.suffix.lower() in RASTER_SUFFIXES and not choice.channel:
        return None
    try:
        return read_header(path)
    except RefpError:
        return None
