"""Benchmarks: each script measures and writes a JSON file, the source of numbers in the docs."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("REFP_SHARED", HERE.parent.parent / "shared"))
TWIN = SHARED / "data" / "twin"


TWIN_DATA = "shared twin: simulated images of the paper's instruments, with truth"


def conditions(data: str = TWIN_DATA) -> dict[str, str]:
    """Return date, versions, machine and data of a measurement."""
    from refp.core.files import library_versions
    from refp.core.parallel import default_jobs

    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        **library_versions("numpy", "scipy", "numba", "torch", "onnxruntime"),
        "machine": f"{platform.machine()}, {default_jobs()} cores",
        "data": data,
    }
