"""``refp plane --jobs`` whose worker process is stopped."""

import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_resume import bytes_of

from refp.core import parallel
from refp.measure.cache import FrameStore

pytestmark = pytest.mark.slow
RunRefp = Callable[..., Any]


def test_a_killed_worker_process_is_an_error_and_the_run_resumes(
    run_refp: RunRefp,
    tiny_sweep: Path,
    plane_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep = FrameStore.keep
    others = set(multiprocessing.active_children())  # such as the servers of other tests

    def keep_and_kill(store: Any, key: str, measured: Any) -> None:
        keep(store, key, measured)
        own = set(multiprocessing.active_children()) - others  # none once the pool has noticed
        for child in list(own)[:1]:
            child.kill()

    command = ["plane", tiny_sweep, "-o", tmp_path / "planes", "--jobs", "2"]
    monkeypatch.setattr(parallel, "FRAMES_WORTH_A_POOL", 8)
    with monkeypatch.context() as killing:
        killing.setattr(FrameStore, "keep", keep_and_kill)
        stopped = run_refp(*command)
    assert (stopped.code, stopped.stdout, stopped.stderr.count("\n")) == (2, "", 1)
    assert "a worker process was stopped" in stopped.stderr
    assert re.search(r"\d+ measured frames are kept", stopped.stderr)
    done = run_refp(*command)
    assert "measured by an earlier run" in done.stderr
    assert bytes_of(tmp_path / "planes") == bytes_of(plane_run / "planes")
