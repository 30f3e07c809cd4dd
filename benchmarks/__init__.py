"""Honest numbers: each script measures and writes a JSON file from which the docs quote."""

import os
import platform
from pathlib import Path

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("REFP_SHARED", HERE.parent.parent / "shared"))
TWIN = SHARED / "data" / "twin"


def conditions() -> dict[str, str]:
    """Return what a figure depends on beside the code."""
    from refp.core.files import library_versions
    from refp.core.parallel import default_jobs

    return {
        **library_versions("numpy", "scipy", "numba", "torch", "onnxruntime"),
        "machine": f"{platform.machine()}, {default_jobs()} cores",
        "data": "shared twin: simulated images of the paper's instruments, with truth",
    }
