"""Uploaded archives: checked before they are unpacked."""

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
from refp.core.moves import move
from refp.sweeps.listing import is_ignored, lowest_folder
from refp.web.settings import MEGABYTE, Limits
from refp.web.storage.models import is_plain

MAX_NAME = 1000
RESERVED = frozenset('<>:"|?*')
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, RuntimeError)
"""Exceptions of a damaged, encrypted (``RuntimeError``) or truncated archive."""


ZIP = b"PK\x03\x04", b"PK\x05\x06"
PACKED = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
"""First bytes of ZIP, and of compressed TAR (gzip, bzip2, xz)."""
MAX_MAGIC = 8
ENCRYPTED = 1
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name, its declared size, and a function that opens it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Return whether a file begins as a ZIP or TAR, damaged ones included."""
    with path.open("rb") as file:
        head = file.read(MAX_MAGIC)
    if head.startswith((*ZIP, *PACKED)):
        return True
    try:
        return tarfile.is_tarfile(path)
    except BROKEN:
        return False


def has_archive(path: Path) -> bool:
    """Return whether a file has the end record of a ZIP, whatever its first bytes."""
    return zipfile.is_zipfile(path)


def check_archive(path: Path, name: str, limits: Limits) -> None:
    """Raise if an archive is damaged, too large, or has a file outside its folder.

    Parameters
    ----------
    path, name
        Path and original name.
    limits
        Limits ``archive_files`` and ``unpacked_bytes``.

    Raises
    ------
    DataError
        If it fails; the message names the archive and the file in it.
    """
    with _members(path, name) as members:
        _checked(members, name, limits)


def unpack(path: Path, name: str, folder: Path, limits: Limits) -> Path:
    """Unpack an archive into a new folder; errors as of :func:`check_archive`.

    Returns
    -------
    Path
        The folder with the files, below the folders of the archive that hold only one folder.
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
    move(part, folder)
    return lowest_folder(folder)


def _copy(source: IO[bytes], file: IO[bytes], max_bytes: int, name: str) -> int:
    """Copy a file; return its size, which may exceed the declared size."""
    copied = 0
    while chunk := source.read(MEGABYTE):
        copied += len(chunk)
        if copied > max_bytes:
            raise DataError(
                f"{name}: unpacked, it is larger than declared; send the folder in parts"
            )
        file.write(chunk)
    return copied


def _checked(
    members: Iterable[Member], name: str, limits: Limits
) -> list[tuple[Member, PurePosixPath]]:
    """Return the files of an archive with their relative paths, those of systems left out."""
    pairs: list[tuple[Member, PurePosixPath]] = []
    total = 0
    for member in members:
        if _is_ignored(member.name):
            continue
        pairs.append((member, _inside(member.name, name)))
        total += member.size
        if len(pairs) > limits.archive_files:
            max_files = limits.archive_files
            raise DataError(f"{name}: more than {max_files} files; send it in parts")
        if total > limits.unpacked_bytes:
            max_mb = limits.unpacked_bytes / MEGABYTE
            raise DataError(f"{name}: more than {max_mb:g} MB unpacked; send it in parts")
    if not pairs:
        raise DataError(f"{name}: the archive has no file; pack the folder of images")
    _check_distinct([inside for _, inside in pairs], name)
    return pairs


def _is_ignored(member: str) -> bool:
    """Whether a file is one that a system adds to a folder or an archive."""
    return any(
        is_ignored(part) for part in member.replace("\\", "/").split("/") if set(part) - {"."}
    )


def _check_distinct(paths: Sequence[PurePosixPath], name: str) -> None:
    """Raise if two names differ in case only, or a file has the name of a folder."""
    seen: set[str] = set()
    folders = {_folded(folder) for path in paths for folder in path.parents}
    for path in paths:
        if _folded(path) in seen | folders:
            raise DataError(f"{name}: two files have the name {str(path)!r}; pack it again")
        seen.add(_folded(path))


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _inside(member: str, name: str) -> PurePosixPath:
    """Return the relative path of a file if it is valid and inside the folder on every system."""
    path = PurePosixPath(member.replace("\\", "/"))
    odd = path.is_absolute() or PureWindowsPath(member).drive or ".." in path.parts
    odd = odd or len(member) > MAX_NAME or not all(map(is_plain, path.parts))
    if odd or not path.parts or set(member) & RESERVED or not member.isprintable():
        raise DataError(
            f"{name}: {member!r} is outside the folder or not a valid name; pack it again"
        )
    if path.name.lower().endswith(ARCHIVES):
        raise DataError(
            f"{name}: {member!r} is an archive in an archive; pack the images themselves"
        )
    return path


@contextmanager
def _members(path: Path, name: str) -> Iterator[Iterator[Member]]:
    """Open an archive and yield its files; raise for links and devices."""
    with path.open("rb") as file:
        is_zip = file.read(MAX_MAGIC).startswith(ZIP)
    try:
        if is_zip:
            with zipfile.ZipFile(path) as packed:
                # Not `is_dir`, which fails on a name without a character.
                files = [one for one in packed.infolist() if not one.filename.endswith("/")]
                yield (_of_zip(packed, one, name) for one in files)
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
        raise DataError(f"{name}: {one.filename!r} is encrypted; pack it without a password")
    if one.compress_type not in METHODS:
        raise DataError(f"{name}: unsupported compression; pack it as plain ZIP")
    return Member(one.filename, one.file_size, lambda: packed.open(one))


def _of_tar(tar: tarfile.TarFile, one: tarfile.TarInfo, name: str) -> Member:
    if not one.isfile():
        raise DataError(f"{name}: {one.name!r} is a link or device; pack the files themselves")

    def read() -> IO[bytes]:
        file = tar.extractfile(one)
        assert file is not None
        return file

    return Member(one.name, one.size, read)
