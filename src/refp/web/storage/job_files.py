"""Paths of the files of jobs in the home of the server."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

DATA, PLANES, DEMO, AUDITS = "work", "planes", "demo", "audits"


def planes_folder(home: Path, job: str) -> Path:
    """Return the folder of the planes of a job."""
    return home / PLANES / job


def audits_folder(home: Path, job: str) -> Path:
    """Return the folder of the audit of a job."""
    return home / AUDITS / job


def data_folder(home: Path, job: str) -> Path:
    """Return the folder of the unpacked data of a running job."""
    return home / DATA / job


def model_file(home: Path, planes: str, job: str) -> Path:
    """Return the path of a model in training: beside the planes, to reuse their measured frames."""
    return planes_folder(home, planes) / f"{job}.refp"


def adapted_file(home: Path, job: str) -> Path:
    """Return the path of an adapted model before it is published."""
    return home / DATA / f"{job}.refp"


def demo_folder(home: Path) -> Path:
    """Return the folder of simulated sweeps."""
    return home / DEMO


def remove_unfinished(home: Path, job: str, sweeps: Iterable[Path] = ()) -> None:
    """Remove the files of an unfinished job, and the given uploads."""
    for sweep in sweeps:
        with suppress(OSError):
            sweep.unlink(missing_ok=True)
    simulated = demo_folder(home).with_name(f"{DEMO}-{job}")
    own = (data_folder(home, job), planes_folder(home, job), audits_folder(home, job), simulated)
    for folder in own:
        rmtree(folder, ignore_errors=True)
    for path in [*(home / PLANES).glob(f"*/{job}.*"), adapted_file(home, job)]:
        if path.is_dir():
            rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # open in another process, on Windows
                path.unlink(missing_ok=True)
