"""Model files of a server: published complete, under a free name, and never replaced."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from refp.core.digests import hash_file
from refp.core.errors import OutputError
from refp.core.moves import move
from refp.web.settings import WebSettings

SUFFIX, REPORT = ".refp", ".html"
DEFAULT = "default.txt"
"""File that names the default model, beside the models."""
RETIRED = "retired"
"""Folder of retired models, beside the models in use."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d) *(\..*)?", re.IGNORECASE)
"""Names that Windows reserves, with any suffix."""


class NameTaken(OutputError):  # noqa: N818  the class name gives the code
    """Another file has the requested name."""


def model_files(settings: WebSettings) -> list[Path]:
    """Return the current model files, the default first.

    The default is the chosen one; else the first of ``--model``, or the oldest of the folder, so that a
    new model does not become the default by its name.
    """
    folder = settings.own_models
    if folder is None:
        return list(dict.fromkeys(settings.models))
    further = sorted(folder.glob(f"*{SUFFIX}"), key=_age)
    chosen = chosen_default(folder)
    return sorted(dict.fromkeys([*settings.models, *further]), key=lambda path: path.name != chosen)


def chosen_default(folder: Path) -> str:
    """Return the file name of the model that is the chosen default; empty if none was chosen."""
    try:
        return (folder / DEFAULT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def choose_default(folder: Path, file: str) -> None:
    """Make a model the default by its file name; an empty name removes the choice.

    Raises
    ------
    OutputError
        If the choice cannot be written.
    """
    part = folder / f".{DEFAULT}.{os.getpid()}.part"
    try:
        part.write_bytes(f"{file}\n".encode())
        move(part, folder / DEFAULT)
    except OSError as error:
        raise OutputError(
            f"{folder / DEFAULT}: cannot be written: {error.strerror}; check its permissions"
        ) from error


def retired_files(settings: WebSettings) -> list[Path]:
    """Return the retired model files."""
    folder = settings.own_models
    return sorted((folder / RETIRED).glob(f"*{SUFFIX}")) if folder is not None else []


def _age(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except OSError:  # removed since it was listed
        return 0, path.name


def is_plain(name: str) -> bool:
    """Return whether a name is valid on every system: not reserved, no trailing dot or space."""
    return not name.endswith((" ", ".")) and not DEVICE.fullmatch(name)


def check_name(name: str) -> str:
    """Return the file name of a model with a given name.

    Raises
    ------
    OutputError
        If it is not valid on every system.
    """
    stem = name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(stem) or not is_plain(stem):
        raise OutputError(
            f"name {_short(name)!r}: use up to 80 letters, digits, spaces, dots, '-' and '_', such as "
            "a2k-2026"
        )
    return stem + SUFFIX


def check_free(name: str, folder: Path, others: Iterable[str] = ()) -> str:
    """Return the file name of a new model.

    Parameters
    ----------
    name
        Name of the model, with or without suffix.
    folder
        Folder of models in use; names of retired models count as taken.
    others
        Further taken file names.

    Raises
    ------
    OutputError
        As :func:`check_name`.
    NameTaken
        If a model or a report has the name, compared without case.
    """
    file = check_name(name)
    stem = file.removesuffix(SUFFIX).casefold()
    for path in (folder / RETIRED).glob("*"):
        if path.suffix in (SUFFIX, REPORT) and path.stem.casefold() == stem:
            raise NameTaken(
                f"{file}: a retired model has this name; choose another name, or restore that model"
            )
    known = [*others, *(path.name for path in folder.glob("*"))]
    if {f"{stem}{SUFFIX}", f"{stem}{REPORT}"} & {name.casefold() for name in known}:
        raise NameTaken(f"{file}: exists already; choose another name")
    return file


def publish(made: Path, target: Path) -> bool:
    """Copy a file to a free name; accept an existing file of the same content.

    Returns
    -------
    bool
        Whether the file is new.

    Raises
    ------
    NameTaken
        If another file has the name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.copyfile(made, part)
    try:
        is_new = _link(part, target)
        if not is_new:
            _check_same(part, target)
        return is_new
    finally:
        part.unlink(missing_ok=True)


def publish_model(made: Path, target: Path) -> None:
    """Publish a model and its report, if there is one; errors as of :func:`publish`.

    The report is copied last, so that it is never beside another model.
    """
    report, shown = made.with_suffix(REPORT), target.with_suffix(REPORT)
    if report.is_file() and shown.exists():
        _check_same(report, shown)
    publish(made, target)
    if report.is_file():
        publish(report, shown)


def move_model(model: Path, folder: Path) -> Path:
    """Move a model and its report to a folder in which their names are free.

    Returns
    -------
    Path
        The new path. An interrupted move can be repeated.

    Raises
    ------
    NameTaken
        If another file there has one of the names; nothing is moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [(path, folder / path.name) for path in (model, model.with_suffix(REPORT))]
    there = [(path, target) for path, target in pairs if path.is_file()]
    for path, target in there:
        if target.exists():
            _check_same(path, target)
    for path, target in there:
        if not _link(path, target):
            _check_same(path, target)
        path.unlink(missing_ok=True)
    return folder / model.name


def _check_same(made: Path, target: Path) -> None:
    if hash_file(made) != hash_file(target):
        raise NameTaken(f"{target.name}: exists already; choose another name")


def _link(part: Path, target: Path) -> bool:
    """Link a file to a name unless it is taken; return whether it was free."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        part.rename(target)
    return True


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:40]}..."
