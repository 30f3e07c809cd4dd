"""Measurement of the parts of a speed benchmark, and of the load of the machine."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import conditions
from refp.core.files import write_json

MIN_CORES = 1.8
"""Cores that two busy processes get on an otherwise idle machine with two cores."""


def cores_given(spin_s: float = 2.0) -> float:
    """Return the number of cores that two busy processes get, fewer on a busy machine."""
    busy = f"import time\nwhile time.process_time() < {spin_s}: pass"
    started = time.perf_counter()
    processes = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
    for process in processes:
        process.wait()
    return 2 * spin_s / (time.perf_counter() - started)


def measure_parts(target: Path, parts: Mapping[str, Callable[[], object]], data: str) -> None:
    """Measure every part, or those named on the command line; other results are kept."""
    result = json.loads(target.read_bytes()) if sys.argv[1:] and target.is_file() else {}
    result["conditions"] = {**conditions(), "data": data}
    for part in sys.argv[1:] or parts:
        before = cores_given()
        measured = parts[part]()
        after = cores_given()
        # On a busy machine, threads that wait for each other slow down further.
        idle = min(before, after) > MIN_CORES
        result[part] = {"cores": [before, after], "undisturbed": idle, "measured": measured}
        print(part, result[part], flush=True)
        write_json(result, target)  # a run takes minutes and may be interrupted
