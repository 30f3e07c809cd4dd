"""Bodies of requests: streamed to files, within the limits of size and time."""

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
"""First bytes of image files, with their suffix; the name of an upload is not used."""


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A file of a request: its path, its original name, and whether it begins as an image."""

    path: Path
    name: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A submitted form: its files and its other fields."""

    files: list[RequestFile]
    fields: dict[str, str]


async def read_form(request: Request, folder: Path, limits: Limits) -> Form:
    """Read a multipart form and write its files to ``folder``.

    Raises
    ------
    Problem
        If it is too large or too slow, has too many files, or is not a form.
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
        # A browser sends an empty file without a name for an empty file field.
        chosen = [part for part in sent if part.filename]
        files = [await asyncio.to_thread(_keep, part, folder, k) for k, part in enumerate(chosen)]
    finally:
        for part in sent:
            await part.close()
    return Form(files, fields)


async def read_small(request: Request, limits: Limits, max_bytes: int = MAX_JSON) -> bytes:
    """Read the body of a request without files; errors as of :func:`read_form`."""
    try:
        async with asyncio.timeout(limits.upload_s):
            return b"".join([chunk async for chunk in _bounded(request, max_bytes)])
    except (TimeoutError, ClientDisconnect) as error:
        raise _broken_off(error) from error


async def _bounded(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body; raise when it exceeds the limit, whatever its header states."""
    _check_size(stated_length(request.headers), max_bytes)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        _check_size(received, max_bytes)
        yield chunk


def _check_size(received: int, max_bytes: int) -> None:
    if received > max_bytes:
        detail = f"more than {max_bytes / MEGABYTE:g} MB; send fewer or smaller files"
        # The rest of the body is not read, so the connection cannot serve another request.
        close = {"connection": "close"}
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail, close)


def _broken_off(error: Exception) -> Problem:
    if isinstance(error, KeyError):
        return Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid_request",
            "the body is not a form; send multipart/form-data",
        )
    detail = "the upload was interrupted or took too long; send it again"
    return Problem(HTTPStatus.REQUEST_TIMEOUT, "upload_broken", detail, {"connection": "close"})


def _keep(part: UploadFile, folder: Path, number: int) -> RequestFile:
    """Copy an uploaded file to a numbered name, with the suffix of its content."""
    head = part.file.read(max(map(len, MAGIC)))
    part.file.seek(0)
    suffix = next((suffix for magic, suffix in MAGIC.items() if head.startswith(magic)), "")
    path = folder / f"{number:03d}{suffix or '.bin'}"
    with path.open("xb") as file:
        shutil.copyfileobj(part.file, file, MEGABYTE)
    return RequestFile(path, _plain_name(part.filename or ""), bool(suffix))


def _plain_name(name: str) -> str:
    """Return the name of a file without folders and control characters."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    printable = "".join(c if c.isprintable() else "_" for c in last)[:MAX_NAME]
    return printable if printable.strip(". ") else "image"


def check_any(files: list[RequestFile]) -> None:
    """Raise a problem for a request without files."""
    if not files:
        detail = "the request has no file; choose an image"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
