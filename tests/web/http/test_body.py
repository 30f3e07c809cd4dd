"""How long a refused request is listened to."""

import asyncio

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from refp.web import Limits
from refp.web.http.body import Body, stated_length

BLOCK = 1000
LIMITS = Limits(upload_bytes=10 * BLOCK, upload_s=0.05)


def listened(n_blocks: int, **headers: str) -> int:
    """Return how many blocks were taken of a sender that has so many."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        if taken == n_blocks:
            await asyncio.sleep(600)  # the sender has stopped in the middle
        taken += 1
        return {"type": "http.request", "body": bytes(BLOCK), "more_body": True}

    body = Body(receive, Headers({k.replace("_", "-"): v for k, v in headers.items()}), LIMITS)
    asyncio.run(body.finish())
    return taken


@pytest.mark.parametrize(
    ("n_blocks", "headers", "taken"),
    [
        pytest.param(10**6, {}, 20, id="twice what is allowed"),
        pytest.param(5, {}, 5, id="one that stops"),
        pytest.param(5, {"content_length": "20000"}, 5, id="one that says so much"),
        pytest.param(5, {"content_length": "20001"}, 0, id="one that says more"),
        pytest.param(5, {"content_length": "9" * 5000}, 0, id="one that says nonsense"),
        pytest.param(5, {"expect": "100-continue"}, 0, id="one that waits to begin"),
    ],
)
def test_listened(n_blocks: int, headers: dict[str, str], taken: int) -> None:
    assert listened(n_blocks, **headers) == taken


def test_whole_request_is_not_waited_for() -> None:
    messages = [{"type": "http.request", "body": b"x", "more_body": False}]

    async def receive() -> Message:
        return messages.pop()

    async def pass_on() -> None:
        body = Body(receive, Headers({}), LIMITS)
        assert (await body.receive())["body"] == b"x"
        await body.finish()

    asyncio.run(pass_on())


@pytest.mark.parametrize(("stated", "length"), [("12", 12), ("", 0), ("-5", 0), ("²", 0)])
def test_stated_length(stated: str, length: int) -> None:
    assert stated_length(Headers({"content-length": stated})) == length
