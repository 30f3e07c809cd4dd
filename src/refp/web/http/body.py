"""The body of a request that is refused: read on for a while, so that its sender hears the answer."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from refp.web.settings import Limits

MAX_DIGITS = 20
"""Of a length that is read: Python refuses numbers of thousands of digits."""
LINGER_S = 5.0
"""Time that a refused request is still listened to, s."""


class Body:
    """What a request sends, passed on to the app and counted.

    A connection that is closed while its other end still sends is reset, and most clients,
    browsers among them, then tell of a broken connection instead of the answer.

    Parameters
    ----------
    receive
        Where the messages come from.
    headers
        Of the request.
    limits
        Nobody listens beyond twice the bytes of an upload, nor longer than one may take.
    """

    def __init__(self, receive: Receive, headers: Headers, limits: Limits) -> None:
        self._receive, self._headers = receive, headers
        self._most = 2 * limits.upload_bytes
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
        """Let the sender finish, unless that takes too long or it waits to be told to begin."""
        waits = "expect" in self._headers and not self._received
        if waits or stated_length(self._headers) > self._most:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger_s):
                while not self._done and self._received < self._most:
                    await self.receive()


def stated_length(headers: Headers) -> int:
    """Return the length of a body as its header states it; 0 where it does not."""
    stated = headers.get("content-length", "")
    return int(stated[:MAX_DIGITS]) if stated.isdecimal() else 0
