"""Measure ``refp serve``: start, requests, memory: ``python -m benchmarks.speed.web``."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from benchmarks import HERE
from benchmarks.speed.estimate import simulate_images, simulate_planes
from benchmarks.speed.parts import measure_parts
from refp.models import save_model
from refp.pipeline import train_model
from refp.settings import load_recipe
from refp.web import Client

N_REQUESTS, N_CLIENTS, N_STARTS = 100, 8, 5
"""Numbers of a short run, sufficient for a median; :mod:`benchmarks.speed.memory` has a long one."""
ONE, MANY = {"median_ms": 150.0, "p95_ms": 400.0}, {"images_per_s": 12.0}
FIRST_PAGE_S = 1.5


@contextmanager
def serve(home: Path, *options: str) -> Iterator[tuple[str, int, float]]:
    """Start a server; yield its address, its process and the seconds to its first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "refp", "serve", "--home", str(home), "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urlopen(address, timeout=10).close()
                break
            except URLError:
                time.sleep(0.01)
        yield address, process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def serve_model(model: Path) -> AbstractContextManager[tuple[str, int, float]]:
    """Start a server with a model; its home is the model's folder."""
    return serve(model.parent, "--model", str(model))


def first_page(model: Path) -> dict[str, float]:
    """Return seconds from the command to its first page: minimum and median of a few starts."""
    spent = []
    for _ in range(N_STARTS):
        with serve_model(model) as (_, _, seconds):
            spent.append(seconds)
    median_s = statistics.median(spent)
    return {"least_s": min(spent), "median_s": median_s, "bar_s": FIRST_PAGE_S}


def requests(model: Path, images: list[Path], n_clients: int) -> dict[str, object]:
    """Return times of requests of ``n_clients`` over loopback, and memory before and after."""
    with serve_model(model) as (address, pid, _):
        client = Client(address)
        for image in images[: 2 * n_clients + 4]:  # until every worker is warm
            client.estimate([image])
        before = memory_mb(pid)

        def request_ms(k: int) -> float:
            started = time.perf_counter()
            (row,) = client.estimate([images[k % len(images)]])
            assert row["status"] == "ok", row
            return 1e3 * (time.perf_counter() - started)

        started = time.perf_counter()
        with ThreadPoolExecutor(n_clients) as clients:
            spent = list(clients.map(request_ms, range(N_REQUESTS)))
        rate = N_REQUESTS / (time.perf_counter() - started)
        after = memory_mb(pid)
    return {
        "requests": N_REQUESTS,
        "clients": n_clients,
        "median_ms": statistics.median(spent),
        "p95_ms": float(np.percentile(spent, 95)),
        "images_per_s": rate,
        "memory_before_mb": before,
        "memory_after_mb": after,
        "bars": ONE if n_clients == 1 else MANY,
    }


def memory_mb(pid: int) -> float:
    """Return resident memory of a process and its children, MB; shared pages count in each."""
    return sum(memories_mb(pid))


def memories_mb(pid: int) -> tuple[float, float]:
    """Return resident memory of a process and of its children together, MB; NaN except on Linux."""
    if not Path("/proc").is_dir():
        return float("nan"), float("nan")
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # the process has ended
            continue
        if parent == pid:
            children.append(int(path.parent.name))
    return _resident_mb(pid), sum(map(_resident_mb, children))


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def prepare(work: Path) -> tuple[Path, list[Path]]:
    """Train a model and simulate images; return their paths."""
    model = work / "default.refp"
    save_model(train_model(simulate_planes(work), load_recipe()), model)
    return model, [source.path for source in simulate_images(work / "images")]


def main() -> None:
    """Write web.json: all parts, or those named on the command line."""
    with TemporaryDirectory() as name:
        model, images = prepare(Path(name))
        parts: dict[str, Callable[[], object]] = {
            "first_page": lambda: first_page(model),
            "one_client": lambda: requests(model, images, 1),
            "eight_clients": lambda: requests(model, images, N_CLIENTS),
        }
        about = (
            f"simulated by refp.synthetic, a2k, 1392x1040, 20 beads, default family; "
            f"a short run of {N_REQUESTS} requests"
        )
        measure_parts(HERE / "speed" / "web.json", parts, about)


if __name__ == "__main__":
    main()
