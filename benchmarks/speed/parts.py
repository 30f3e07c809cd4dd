"""Measure the parts of a benchmark of speed, and whether the machine did something else meanwhile."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import conditions
from refp.core.files import write_json

MIN_CORES = 1.8
"""Cores that two busy processes get on a machine with two that does nothing else."""


def cores_given(spin_s: float = 2.0) -> float:
    """Cores that two busy processes get: on a busy machine perhaps no more than one would."""
    busy = f"import time\nwhile time.process_time() < {spin_s}: pass"
    started = time.perf_counter()
    processes = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
    for process in processes:
        process.wait()
    return 2 * spin_s / (time.perf_counter() - started)


def measure_parts(target: Path, parts: Mapping[str, Callable[[], object]], data: str) -> None:
    """Measure every part, or those that the command line names; the others stay as they were."""
    result = json.loads(target.read_bytes()) if sys.argv[1:] and target.is_file() else {}
    result["conditions"] = {**conditions(), "data": data}
    for part in sys.argv[1:] or parts:
        before = cores_given()
        measured = parts[part]()
        after = cores_given()
        # Where others work on the machine, threads that wait for each other are slower still.
        idle = min(before, after) > MIN_CORES
        result[part] = {"cores": [before, after], "undisturbed": idle, "measured": measured}
        print(part, result[part], flush=True)
        write_json(result, target)  # the whole takes minutes, and may be interrupted
