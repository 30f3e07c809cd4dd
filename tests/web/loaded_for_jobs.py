"""Load what jobs need, for the process that ``warm_jobs`` forks; no test looks at a figure of a job."""

import pytest
from tests.sketches import sketch_figures

from refp.core.jit import compile_kernels

compile_kernels()
sketch_figures(pytest.MonkeyPatch())
