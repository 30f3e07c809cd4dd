"""Processes of jobs that are copies of one with all libraries, which each would load for three seconds.

A server of ``server.start_server`` starts its own afresh, as for a user.
"""

import multiprocessing
from collections.abc import Iterator

import pytest

LIBRARIES = ["refp.web.jobs.run", "tests.web.loaded_kernels"]


@pytest.fixture(scope="session", autouse=True)
def warm_jobs(home_of_tests: None) -> Iterator[None]:
    """Fork the processes of jobs from a process that has loaded the libraries, where forking works."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        yield
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("refp.web.jobs.runner.PROCESSES", context)
        yield
