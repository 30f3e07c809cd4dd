"""The body of a refused request: read for a limited time, so that the client receives the response."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from refp.web.settings import Limits

MAX_DIGITS = 20
"""Digits of a content length that are parsed; Python refuses numbers of thousands of digits."""
LINGER_S = 5.0
"""Time to read the rest of a refused request, s."""


class Body:
    """Body of a request: counts the bytes that the app receives.

    Closing a connection while the client still sends resets it, and most clients, browsers among
    them, then report a broken connection in place of the response.

    Parameters
    ----------
    receive
        ASGI callable that returns the next message.
    headers
        Headers of the request.
    limits
        At most twice ``upload_bytes`` are read, for at most ``upload_s``.
    """

    def __init__(self, receive: Receive, headers: Headers, limits: Limits) -> None:
        self._receive, self._headers = receive, headers
        self._max_bytes = 2 * limits.upload_bytes
        self._linger_s = min(LINGER_S, limits.upload_s)
        self._received = 0
        self._done = False

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._done = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def finish(self) -> None:
        """Read the rest of the body, unless it is too long or the client waits for ``100 Continue``."""
        waits = "expect" in self._headers and not self._received
        if waits or stated_length(self._headers) > self._max_bytes:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger_s):
                while not self._done and self._received < self._max_bytes:
                    await self.receive()


def stated_length(headers: Headers) -> int:
    """Return the content length that the header states; 0 without one."""
    stated = headers.get("content-length", "")
    return int(stated[:MAX_DIGITS]) if stated.isdecimal() else 0
