"""For every test: one BLAS thread a process.

Threads that wait for each other on a busy machine made the tests of the plane 15 times slower.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # read when numpy is imported, which is after this
