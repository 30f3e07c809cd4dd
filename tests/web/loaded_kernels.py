"""Load the kernels of the modules that are imported: for the process that ``warm_jobs`` forks."""

from refp.core.jit import compile_kernels

compile_kernels()
