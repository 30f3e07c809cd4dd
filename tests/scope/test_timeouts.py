"""Calls of hardware with a limit of time."""

import threading

import pytest

from refp.scope.timeouts import call_within


def test_a_call_that_never_returns() -> None:
    with pytest.raises(TimeoutError, match="no answer within 5 ms"):
        call_within(5.0, threading.Event().wait)


def test_a_call_that_returns() -> None:
    assert call_within(60_000.0, lambda: 7) == 7


def test_the_exception_of_a_call_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        call_within(60_000.0, lambda: 1 / 0)
