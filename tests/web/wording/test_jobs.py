"""Texts of the state and progress of jobs."""

import pytest

from refp.web.job import Job, Live
from refp.web.wording.jobs import describe_progress, describe_state, describe_time


def job_of(state: str, starts: int) -> Job:
    return Job("x", "plane", "Monday", "", {}, state, "2026-01-01T00:00:00+00:00", starts=starts)


@pytest.mark.parametrize(
    ("state", "starts", "text"),
    [
        ("queued", 0, "queued"),
        ("queued", 1, "queued, restarted"),
        ("running", 1, "running"),
        ("running", 2, "running, restarted"),
        ("failed", 3, "failed"),
    ],
)
def test_states(state: str, starts: int, text: str) -> None:
    assert describe_state(job_of(state, starts)) == text


def test_times() -> None:
    texts = [describe_time(left_s) for left_s in (0.2, 20.4, 89, 600, 7200)]
    assert texts == ["1 s", "20 s", "89 s", "10 min", "2.0 h"]


def test_progress_in_words() -> None:
    live = Live()
    assert describe_progress(live) == "starting"
    live.set_progress("measuring monday", 120, 486)
    assert describe_progress(live) == "measuring monday, frame 120 of 486"
    live.since -= 10
    assert describe_progress(live).startswith("measuring monday, frame 120 of 486, about 3")
    live.set_progress("measuring monday", 486, 486)
    assert describe_progress(live) == "measuring monday, frame 486 of 486, finishing"
