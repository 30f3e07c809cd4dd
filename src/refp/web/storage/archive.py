"""Archives that people upload: what is in them is looked at before anything is unpacked."""

import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from refp.core.errors import DataError
from refp.web.settings import MEGABYTE, Limits
from refp.web.storage.models import is_plain

MAX_NAME = 1000
RESERVED = frozenset('<>:"|?*')
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, RuntimeError)
"""What reading a damaged, encrypted or truncated archive raises; ``RuntimeError`` asks a password."""


ZIP = b"PK\x03\x04", b"PK\x05\x06"
PACKED = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
"""What ZIP, and packed TAR (gzip, bzip2, xz), begin with."""
MAX_MAGIC = 8
ENCRYPTED = 1
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name in it, how large it says it is, and how to read it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a file begins as a ZIP or TAR does; damaged, it is one still."""
    with path.open("rb") as file:
        head = file.read(MAX_MAGIC)
    if head.startswith((*ZIP, *PACKED)):
        return True
    try:
        return tarfile.is_tarfile(path)
    except BROKEN:
        return False


def has_archive(path: Path) -> bool:
    """Whether a file, whatever it begins as, is read as a ZIP by programs that look at its end."""
    return zipfile.is_zipfile(path)


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
    members: Iterable[Member], name: str, limits: Limits
) -> list[tuple[Member, PurePosixPath]]:
    """Return the files of an archive and where each goes; no more of it is read than may be."""
    pairs: list[tuple[Member, PurePosixPath]] = []
    total = 0
    for member in members:
        pairs.append((member, _inside(member.name, name)))
        total += member.size
        if len(pairs) > limits.archive_files:
            most = limits.archive_files
            raise DataError(f"{name}: more than {most} files are in it; send it in parts")
        if total > limits.unpacked_bytes:
            most_mb = limits.unpacked_bytes / MEGABYTE
            raise DataError(f"{name}: more than {most_mb:g} MB unpacked; send it in parts")
    if not pairs:
        raise DataError(f"{name}: no file is in it; pack the folder of images")
    _check_apart([inside for _, inside in pairs], name)
    return pairs


def _check_apart(paths: Sequence[PurePosixPath], name: str) -> None:
    """Refuse names that some system takes for one: alike in case, or a file that is a folder."""
    seen: set[str] = set()
    folders = {_alike(folder) for path in paths for folder in path.parents}
    for path in paths:
        if _alike(path) in seen | folders:
            raise DataError(f"{name}: two files are called {str(path)!r}; pack it again")
        seen.add(_alike(path))


def _alike(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _inside(member: str, name: str) -> PurePosixPath:
    """Return a name that stays in the folder that it is put into, on every system."""
    path = PurePosixPath(member.replace("\\", "/"))
    odd = path.is_absolute() or PureWindowsPath(member).drive or ".." in path.parts
    odd = odd or len(member) > MAX_NAME or not all(map(is_plain, path.parts))
    if odd or not path.parts or set(member) & RESERVED or not member.isprintable():
        raise DataError(f"{name}: {member!r} leads out of the folder or is no name; pack it again")
    if path.name.lower().endswith(ARCHIVES):
        raise DataError(
            f"{name}: {member!r} is an archive in an archive; pack the images themselves"
        )
    return path


@contextmanager
def _members(path: Path, name: str) -> Iterator[Iterator[Member]]:
    """Open an archive and list its files; links and devices are refused."""
    with path.open("rb") as file:
        is_zip = file.read(MAX_MAGIC).startswith(ZIP)
    try:
        if is_zip:
            with zipfile.ZipFile(path) as packed:
                yield (_of_zip(packed, one, name) for one in packed.infolist() if not one.is_dir())
        else:
            with tarfile.open(path) as tar:
                yield (_of_tar(tar, one, name) for one in tar if not one.isdir())
    except BROKEN as error:
        reason = (
            str(error).partition("\n")[0].rstrip(":").replace(str(path), name)
            or type(error).__name__
        )
        raise DataError(
            f"{name}: cannot be unpacked ({reason}); pack it again as ZIP or TAR"
        ) from error


def _of_zip(packed: zipfile.ZipFile, one: zipfile.ZipInfo, name: str) -> Member:
    if stat.S_ISLNK(one.external_attr >> 16):
        raise DataError(f"{name}: {one.filename!r} is a link; pack the files themselves")
    if one.flag_bits & ENCRYPTED:
        raise DataError(f"{name}: {one.filename!r} asks for a password; pack it without one")
    if one.compress_type not in METHODS:
        raise DataError(f"{name}: packed in a way that is not read here; pack it as plain ZIP")
    return Member(one.filename, one.file_size, lambda: packed.open(one))


def _of_tar(tar: tarfile.TarFile, one: tarfile.TarInfo, name: str) -> Member:
    if not one.isfile():
        raise DataError(f"{name}: {one.name!r} is a link or device; pack the files themselves")

    def read() -> IO[bytes]:
        file = tar.extractfile(one)
        assert file is not None
        return file

    return Member(one.name, one.size, read)
