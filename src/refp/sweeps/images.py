"""Single images in the files and folders that a user names."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from refp.core.errors import DataError, RefpError
from refp.sweeps.frame import SingleImage
from refp.sweeps.listing import is_zarr, list_files
from refp.sweeps.readers import RASTER_SUFFIXES, SUFFIXES, read_header


def list_images(paths: Sequence[str | Path]) -> list[SingleImage]:
    """List the single images in files and folders, without reading pixels.

    A folder is replaced by its images in natural order, a stack by its pages. A file that cannot be
    read is listed too, so that reading it raises the error.

    Raises
    ------
    DataError
        If a path does not exist or a folder holds no image.

    Examples
    --------
    >>> import refp
    >>> images = refp.list_images(["test"])
    >>> len(images)
    9
    >>> images[0].read().shape
    (160, 200)
    """
    return [image for path in paths for file in _files(Path(path)) for image in _planes(file)]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the path")
    if path.is_file() or is_zarr(path):
        return [path]
    files = list_files(path)
    if not files:
        raise DataError(f"{path}: no image in this folder; refp reads {', '.join(SUFFIXES)}")
    return files


def _planes(path: Path) -> Iterable[SingleImage]:
    return (SingleImage(path, page) for page in range(_n_planes(path)))


def _n_planes(path: Path) -> int:
    if path.suffix.lower() in RASTER_SUFFIXES:
        return 1
    try:
        return read_header(path).n_planes
    except RefpError:
        return 1
