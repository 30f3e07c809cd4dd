"""Open the images of a file that is at rest: pixels, digests, and the instrument that it states."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from refp.core.digests import digest_bytes, hash_path
from refp.core.errors import DataError, ModelError, RefpError
from refp.estimate.focus_estimate import UNREAD, Reason
from refp.models import ModelCard
from refp.pipeline.checks import check_declared
from refp.pipeline.watching.settling import Stamp
from refp.settings import Identity
from refp.sweeps import SingleImage, declared_identity, list_images
from refp.sweeps.pages import Choice
from refp.sweeps.readers import is_zarr

NAMESPACE = uuid.UUID("9a2c1d0e-6f0b-4f0a-8f52-6f1c7a3e5b11")
"""Of the ids that are made from path, page and content."""


class LockedError(Exception):
    """A file that exists and cannot be opened, as when the program that writes it has locked it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One image of a file.

    Attributes
    ----------
    image, label
        The image, and its name: path below the watched folder, with the page if it is not the first.
    record_id
        Id of its record, a function of the file's path, the page, and the content of the page.
    code, problem
        Code and sentence of a refusal of an image that cannot be estimated; else empty.
    """

    image: SingleImage
    label: str
    record_id: str
    code: Reason = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that is at rest.

    Attributes
    ----------
    path, stamp, sha256
        The file, its stamp before it was read, and the digest of its content.
    identity
        Identity of the instrument, as stated.
    pages
        Its images of the chosen channel and time point; none if it has no such image.
    """

    path: Path
    stamp: Stamp
    sha256: str
    identity: Identity
    pages: tuple[Page, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every page was read."""
        return all(page.code not in UNREAD for page in self.pages)


def open_file(
    path: Path, stamp: Stamp, folder: Path, card: ModelCard, choice: Choice
) -> OpenedFile:
    """Read all images of a file.

    Parameters
    ----------
    path, stamp
        The file, below ``folder``, and its stamp.
    folder
        The watched folder.
    card
        Card of the model, whose instrument the file must not contradict.
    choice
        Channel, time point and pixel size.

    Raises
    ------
    LockedError
        If the file cannot be opened; the message gives the reason.
    FileNotFoundError
        If the file is gone.
    """
    _check_access(path)
    name = _text(path.relative_to(folder).as_posix())
    try:
        images = list_images([path], channel=choice.channel, t=choice.t)
    except DataError:  # no image of the chosen channel or time point
        images = []
    sha256 = hash_path(path)
    identity, code, problem = _instrument_of(path, images, card, choice)
    pages = (_read(image, name, path, sha256, code, problem) for image in images)
    return OpenedFile(path, stamp, sha256, identity, tuple(pages))


def make_id(path: Path, page: int, content: str) -> str:
    """Return the id of the record of a page, a function of path, page and digest of its content."""
    return str(uuid.uuid5(NAMESPACE, _text(f"{path.as_posix()}\n{page}\n{content}")))


def _check_access(path: Path) -> None:
    if is_zarr(path):
        return
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LockedError(f"{path}: {error.strerror or error}; it is tried again") from error


def _instrument_of(
    path: Path, images: Iterable[SingleImage], card: ModelCard, choice: Choice
) -> tuple[Identity, Reason, str]:
    """Return the stated identity, and code and sentence where the file does not fit the model."""
    stated_um = {image.path: image.pixel_size_um for image in images if image.pixel_size_um}
    identity = Identity()
    try:
        identity = declared_identity(path)
        check_declared(card, None, [path], {} if choice.pixel_size_um else stated_um)
    except ModelError as error:
        return identity, "other_instrument", str(error)
    except RefpError as error:
        return identity, error.unread_code, str(error)
    return identity, "", ""


def _read(
    image: SingleImage, name: str, path: Path, sha256: str, code: Reason, problem: str
) -> Page:
    """Return a page with the digest of its pixels; one that cannot be read with that of the file."""
    content = sha256
    try:
        content = digest_bytes(image.read())
    except RefpError as error:
        code, problem = error.unread_code, str(error)
    label = name if image.page == 0 else f"{name}#{image.page}"
    return Page(image, label, make_id(path, image.page, content), code, problem)


def _text(name: str) -> str:
    """Return a file name as valid text; bytes that are none are replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
