"""Processes of jobs that are copies of one that has loaded the libraries, which takes three seconds.

``refp serve`` in a process of its own (``server.start_server``) starts them anew, as for a user.
"""

import multiprocessing
import sys
from collections.abc import Iterator

import pytest

LIBRARIES = ["refp.web.jobs.run", "tests.web.loaded_for_jobs"]


@pytest.fixture(scope="session", autouse=True)
def warm_jobs(home_of_tests: None) -> Iterator[None]:
    """Fork the processes of jobs from a process with the libraries, on the system where this is safe."""
    if sys.platform != "linux":
        yield
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("refp.web.jobs.runner.PROCESSES", context)
        yield
