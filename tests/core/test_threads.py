"""Threads of linear algebra."""

import numpy as np
from threadpoolctl import threadpool_info

from refp.core.threads import one_thread


def threads_of_blas() -> list[int]:
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


def test_one_thread_within_and_as_many_as_before_after() -> None:
    square = np.eye(3)
    before = threads_of_blas()
    with one_thread():
        np.testing.assert_array_equal(square @ square, square)
        assert set(threads_of_blas()) <= {1}
    assert threads_of_blas() == before
