"""Archives that people upload: what is in them is looked at before anything is unpacked."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from refp.errors import DataError
from refp.web.settings import MEGABYTE, Limits

RESERVED = frozenset('<>:"|?*')
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, RuntimeError)
"""What reading a damaged, encrypted or truncated archive raises; ``RuntimeError`` asks a password."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name in it, how large it says it is, and how to read it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a file's content is that of a ZIP or TAR."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error):
        return False


def check_archive(path: Path, name: str, limits: Limits) -> None:
    """Refuse an archive that is damaged, too large, or would put a file elsewhere.

    Parameters
    ----------
    path, name
        Where it lies, and what its owner calls it.
    limits
        ``archive_files`` and ``unpacked_bytes`` of it.

    Raises
    ------
    DataError
        Naming the archive and the file in it.
    """
    with _members(path, name) as members:
        _checked(members, name, limits)


def unpack(path: Path, name: str, folder: Path, limits: Limits) -> Path:
    """Unpack an archive into a folder that is not there; errors as of :func:`check_archive`.

    Returns
    -------
    Path
        The folder with its files: the only one in the archive, where that is all it holds.
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    part.mkdir(parents=True)
    with _members(path, name) as members:
        left = limits.unpacked_bytes
        for member, inside in _checked(members, name, limits):
            target = part / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, target.open("xb") as file:
                left -= _copy(source, file, left, name)
    part.rename(folder)
    within = list(folder.iterdir())
    return within[0] if len(within) == 1 and within[0].is_dir() else folder


def _copy(source: IO[bytes], file: IO[bytes], most: int, name: str) -> int:
    """Copy a file; what it says of its size is not believed."""
    copied = 0
    while chunk := source.read(MEGABYTE):
        copied += len(chunk)
        if copied > most:
            raise DataError(f"{name}: unpacks to more than it says; send the folder in parts")
        file.write(chunk)
    return copied


def _checked(
    members: list[Member], name: str, limits: Limits
) -> list[tuple[Member, PurePosixPath]]:
    if not members:
        raise DataError(f"{name}: no file is in it; pack the folder of images")
    if len(members) > limits.archive_files:
        most = limits.archive_files
        raise DataError(f"{name}: {len(members)} files, at most {most}; send it in parts")
    total = sum(member.size for member in members)
    if total > limits.unpacked_bytes:
        most_mb = limits.unpacked_bytes / MEGABYTE
        raise DataError(
            f"{name}: {total / MEGABYTE:.0f} MB unpacked, at most {most_mb:g}; send it in parts"
        )
    pairs = [(member, _inside(member.name, name)) for member in members]
    lower = [str(inside).lower() for _, inside in pairs]  # some file systems see no difference
    if len(set(lower)) < len(lower):
        twice = next(one for one in lower if lower.count(one) > 1)
        raise DataError(f"{name}: two files are called {twice}; pack it again")
    return pairs


def _inside(member: str, name: str) -> PurePosixPath:
    """Return a name that stays in the folder that it is put into, on every system."""
    path = PurePosixPath(member.replace("\\", "/"))
    odd = path.is_absolute() or PureWindowsPath(member).drive or ".." in path.parts
    if odd or not path.parts or set(member) & RESERVED or not member.isprintable():
        raise DataError(f"{name}: {member!r} leads out of the folder or is no name; pack it again")
    return path


@contextmanager
def _members(path: Path, name: str) -> Iterator[list[Member]]:
    """Open an archive and list its files; links and devices are refused."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                yield [_of_zip(packed, one, name) for one in packed.infolist() if not one.is_dir()]
        else:
            with tarfile.open(path) as tar:
                yield [_of_tar(tar, one, name) for one in tar if not one.isdir()]
    except BROKEN as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{name}: cannot be unpacked ({reason}); pack it again as ZIP or TAR"
        ) from error


def _of_zip(packed: zipfile.ZipFile, one: zipfile.ZipInfo, name: str) -> Member:
    if stat.S_ISLNK(one.external_attr >> 16):
        raise DataError(f"{name}: {one.filename!r} is a link; pack the files themselves")
    return Member(one.filename, one.file_size, lambda: packed.open(one))


def _of_tar(tar: tarfile.TarFile, one: tarfile.TarInfo, name: str) -> Member:
    if not one.isfile():
        raise DataError(f"{name}: {one.name!r} is a link or device; pack the files themselves")

    def read() -> IO[bytes]:
        file = tar.extractfile(one)
        assert file is not None
        return file

    return Member(one.name, one.size, read)
