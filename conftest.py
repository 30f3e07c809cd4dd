"""For every test: one BLAS thread a process.

Threads that wait for each other on a busy machine made the tests of the plane 15 times slower, and the
last digits of sums depend on their number.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # for libraries that are loaded from now on, and processes

from threadpoolctl import threadpool_limits  # noqa: E402

threadpool_limits(1)  # for those that a plugin of pytest has loaded already
