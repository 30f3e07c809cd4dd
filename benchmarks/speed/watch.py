"""Measure the latency of ``refp watch``: ``python -m benchmarks.speed.watch``."""

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tifffile

from benchmarks import HERE
from benchmarks.speed.parts import measure_parts
from benchmarks.speed.web import prepare

N_IMAGES, N_BURST = 40, 10_000
N_CHUNKS, PAUSE_S = 8, 0.02
"""A slow writer writes a file in parts, with pauses."""
APART_S = 0.4
"""Pause between two images."""
BARS = {"p95_s": 0.5}
Write = Callable[[Path, Path], None]


@contextmanager
def watching(folder: Path, model: Path, *options: str) -> Iterator[Iterator[tuple[float, str]]]:
    """Start the command; yield its answers: time, and name of the image."""
    command = [sys.executable, "-m", "refp", "watch", str(folder), "--model", str(model)]
    home = folder.with_name(f"home-of-{folder.name}")
    process = subprocess.Popen(
        [*command, "--home", str(home), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        while "Ctrl-C" not in next(process.stderr):
            pass
        yield ((time.perf_counter(), json.loads(line)["image"]) for line in process.stdout)
    finally:
        process.terminate()
        process.communicate()


def write_slowly(source: Path, target: Path) -> None:
    """Write a file in parts."""
    content = source.read_bytes()
    size = len(content) // N_CHUNKS + 1
    with target.open("wb", buffering=0) as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            if start + size < len(content):
                time.sleep(PAUSE_S)


def rename_into_place(source: Path, target: Path) -> None:
    """Write a file under another name, then rename it."""
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    part.rename(target)


def latency(model: Path, images: list[Path], write: Write, *options: str) -> dict[str, object]:
    """Return times from the end of ``write`` to the line of the image, one image after the other, s."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        spent = []
        with watching(folder, model, *options) as answers:
            for k in range(N_IMAGES):
                target = folder / f"{k}.tif"
                write(images[k % len(images)], target)
                written = time.perf_counter()
                answered, image = next(answers)
                assert image == target.name, image
                spent.append(answered - written)
                time.sleep(APART_S)
    p95_s = float(np.percentile(spent, 95))
    return {
        "images": N_IMAGES,
        "median_s": statistics.median(spent),
        "p95_s": p95_s,
        "max_s": max(spent),
        "bars": BARS,
    }


def burst(model: Path) -> dict[str, object]:
    """Return the rate for 10,000 files that are copied at once; they are small and without beads."""
    with TemporaryDirectory() as name:
        folder, ready = Path(name) / "in", Path(name) / "ready"
        folder.mkdir()
        ready.mkdir()
        rng = np.random.default_rng(1)
        for k in range(N_BURST):
            blank = rng.normal(100, 2, (64, 64)).astype(np.uint8)
            tifffile.imwrite(ready / f"{k}.tif", blank, photometric="minisblack")
        with watching(folder, model) as answers:
            started = time.perf_counter()
            shutil.copytree(
                ready, folder / "all"
            )  # three notifications a file, too many for the system
            found = [next(answers)[1] for _ in range(N_BURST)]
            elapsed_s = time.perf_counter() - started
        assert len(set(found)) == N_BURST
    return {"files": N_BURST, "answered_once": len(set(found)), "files_per_s": N_BURST / elapsed_s}


def main() -> None:
    """Write watch.json: all parts, or those named on the command line."""
    with TemporaryDirectory() as name:
        model, images = prepare(Path(name))
        parts: dict[str, Callable[[], object]] = {
            "slow_writer": lambda: latency(model, images, write_slowly),
            "renamed": lambda: latency(model, images, rename_into_place),
            "polling": lambda: latency(model, images, rename_into_place, "--poll-s", "0.1"),
            "burst": lambda: burst(model),
        }
        about = (
            "simulated by refp.synthetic, a2k, 1392x1040, 20 beads, default family; "
            "settling time included; burst: 64x64 pixels without beads"
        )
        measure_parts(HERE / "speed" / "watch.json", parts, about)


if __name__ == "__main__":
    main()
