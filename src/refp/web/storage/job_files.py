"""Where a job's files lie under the server's home."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

DATA, PLANES, DEMO = "work", "planes", "demo"


def planes_folder(home: Path, job: str) -> Path:
    """Return where the planes that a job defines lie."""
    return home / PLANES / job


def data_folder(home: Path, job: str) -> Path:
    """Return where a job puts the data of an archive, while it works on them."""
    return home / DATA / job


def model_file(home: Path, planes: str, job: str) -> Path:
    """Return where a job trains a model: beside the planes, whose measured frames it then finds."""
    return planes_folder(home, planes) / f"{job}.refp"


def adapted_file(home: Path, job: str) -> Path:
    """Return where a job puts a model that it adapts, before it gets its name."""
    return home / DATA / f"{job}.refp"


def demo_folder(home: Path) -> Path:
    """Return where simulated sweeps lie, for people who have none yet."""
    return home / DEMO


def remove_unfinished(home: Path, job: str, sweeps: Iterable[Path] = ()) -> None:
    """Remove what a job left that will not be finished, and the sweeps sent for it alone."""
    for sweep in sweeps:
        with suppress(OSError):
            sweep.unlink(missing_ok=True)
    simulated = demo_folder(home).with_name(f"{DEMO}-{job}")
    for folder in (data_folder(home, job), planes_folder(home, job), simulated):
        rmtree(folder, ignore_errors=True)
    for path in [*(home / PLANES).glob(f"*/{job}.*"), adapted_file(home, job)]:
        if path.is_dir():
            rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # held open by somebody, on Windows
                path.unlink(missing_ok=True)
