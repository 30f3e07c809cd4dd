"""Bodies of requests: read as they come, never more than allowed, kept in files by content."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath, PureWindowsPath

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from refp.web.http.body import stated_length
from refp.web.http.problems import Problem
from refp.web.settings import MEGABYTE, Limits

MAX_FIELDS = 16
MAX_JSON = MEGABYTE
MAX_NAME = 120
MAGIC = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"BM": ".bmp",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
    b"II+\x00": ".tif",
    b"MM\x00+": ".tif",
}
"""What image files begin with; what a file is called says nothing."""


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A file of a request: its path, its owner's name for it, and whether its content may be an image."""

    path: Path
    name: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent: its files and its other fields."""

    files: list[RequestFile]
    fields: dict[str, str]


async def read_form(request: Request, folder: Path, limits: Limits) -> Form:
    """Read a multipart form; its files are put into ``folder``.

    Raises
    ------
    Problem
        If it is too large or too slow, has too many files, or is no form.
    """
    stream = _bounded(request, limits.upload_bytes)
    parser = MultiPartParser(request.headers, stream, max_files=limits.files, max_fields=MAX_FIELDS)
    try:
        async with asyncio.timeout(limits.upload_s):
            parts = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            detail = f"more than {limits.files} files; send them in parts"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_files", detail) from error
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", error.message) from error
    except (KeyError, TimeoutError, ClientDisconnect) as error:
        raise _broken_off(error) from error
    fields = {name: part for name, part in parts.multi_items() if isinstance(part, str)}
    sent = [part for _, part in parts.multi_items() if isinstance(part, UploadFile)]
    try:
        # A browser sends a nameless empty file where none was chosen.
        chosen = [part for part in sent if part.filename]
        files = [await asyncio.to_thread(_keep, part, folder, k) for k, part in enumerate(chosen)]
    finally:
        for part in sent:
            await part.close()
    return Form(files, fields)


async def read_small(request: Request, limits: Limits, most: int = MAX_JSON) -> bytes:
    """Read the body of a request that holds no file; errors as of :func:`read_form`."""
    try:
        async with asyncio.timeout(limits.upload_s):
            return b"".join([chunk async for chunk in _bounded(request, most)])
    except (TimeoutError, ClientDisconnect) as error:
        raise _broken_off(error) from error


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """Yield the body in pieces, and stop where it is too large, whatever its header says."""
    _check_size(stated_length(request.headers), most)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        _check_size(received, most)
        yield chunk


def _check_size(received: int, most: int) -> None:
    if received > most:
        detail = f"more than {most / MEGABYTE:g} MB; send fewer or smaller files"
        # What is still on its way is not read, so the connection cannot serve another request.
        close = {"connection": "close"}
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail, close)


def _broken_off(error: Exception) -> Problem:
    if isinstance(error, KeyError):
        return Problem(
            HTTPStatus.BAD_REQUEST, "invalid_request", "no form; send multipart/form-data"
        )
    detail = "the upload was broken off or took too long; send it again"
    return Problem(HTTPStatus.REQUEST_TIMEOUT, "upload_broken", detail, {"connection": "close"})


def _keep(part: UploadFile, folder: Path, number: int) -> RequestFile:
    """Move an uploaded file to a name of our own, with the suffix that its content asks for."""
    head = part.file.read(max(map(len, MAGIC)))
    part.file.seek(0)
    suffix = next((suffix for magic, suffix in MAGIC.items() if head.startswith(magic)), "")
    path = folder / f"{number:03d}{suffix or '.bin'}"
    with path.open("xb") as file:
        shutil.copyfileobj(part.file, file, MEGABYTE)
    return RequestFile(path, _own_name(part.filename or ""), bool(suffix))


def _own_name(name: str) -> str:
    """Return what a file is called, without the folders and control characters of wherever."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    printable = "".join(c if c.isprintable() else "_" for c in last)[:MAX_NAME]
    return printable if printable.strip(". ") else "image"


def check_any(files: list[RequestFile]) -> None:
    """Refuse a request without a file."""
    if not files:
        detail = "no file was sent; choose an image"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
