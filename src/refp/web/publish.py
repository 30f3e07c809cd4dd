"""Model files among those of a server: put there whole, under a free name, and never replaced."""

import os
import re
import shutil
from pathlib import Path

from refp.errors import OutputError
from refp.record import hash_file

SUFFIX = ".refp"
RETIRED = "retired"
"""Folder beside the models in use, of those that are not."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


def check_name(name: str) -> str:
    """Return the file name of a model that people call so.

    Raises
    ------
    OutputError
        If it would not be one on every system.
    """
    stem = name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(stem) or stem.endswith((" ", ".")):
        raise OutputError(
            f"name {name!r}: use up to 80 letters, digits, spaces, dots, '-' and '_', such as a2k-2026"
        )
    return stem + SUFFIX


def publish(made: Path, target: Path) -> None:
    """Put a file under a name that is free; one of the same content that is there already will do.

    Raises
    ------
    OutputError
        If another file has the name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.copyfile(made, part)
    try:
        if not _link(part, target) and hash_file(part) != hash_file(target):
            raise OutputError(f"{target.name}: exists already; choose another name")
    finally:
        part.unlink(missing_ok=True)


def _link(part: Path, target: Path) -> bool:
    """Give a file its name unless that is taken; whether it was free."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        part.rename(target)
    return True
