"""Work on a Dask cluster of real worker processes."""

import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from refp import pipeline
from refp.cli.app import COMMANDS
from refp.core import cluster as refp_cluster
from refp.core.parallel import Crew, Execution, Workers
from refp.measure import dataset as measure
from refp.measure.cache import FrameStore
from refp.pipeline import auditing, plane_files
from refp.settings import load_recipe
from refp.sweeps import open_dataset

distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sketched_figures")]
RunRefp = Callable[..., Any]
OWN_FOLDER = Path("/proc/self/cwd")
TABLES = ["beads.parquet", "curves.parquet", "planes.csv", "pooled.npz"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes, each in a working folder of its own, which are started again if killed."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=50,  # a killed worker logs errors
    ) as started:
        yield started


@pytest.fixture
def unbroken(plane_run: Path) -> Path:
    """What one process makes of the training sweeps."""
    return plane_run / "planes"


def check_tables(out: Path, expected: Path) -> None:
    for name in TABLES:
        assert (out / name).read_bytes() == (expected / name).read_bytes(), name


def worker_ids(cluster: Any) -> list[int]:
    return [worker.pid for worker in cluster.workers.values()]


@pytest.fixture
def kill_a_worker(monkeypatch: pytest.MonkeyPatch, cluster: Any) -> list[int]:
    """Kill a worker as soon as the first frame is taken; the other works on, the first comes back."""
    killed: list[int] = []
    keep = FrameStore.keep

    def keep_and_kill(store: Any, key: str, measured: Any) -> None:
        keep(store, key, measured)
        if not killed:
            killed.append(worker_ids(cluster)[0])
            os.kill(killed[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    monkeypatch.setattr(FrameStore, "keep", keep_and_kill)
    return killed


def test_a_worker_that_is_killed_loses_nothing(
    run_refp: RunRefp,
    tiny_sweep: Path,
    unbroken: Path,
    cluster: Any,
    kill_a_worker: list[int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    before = worker_ids(cluster)
    monkeypatch.setattr(measure, "measure_frame", None)  # this process is not to measure
    monkeypatch.chdir(tiny_sweep.parent)  # where no worker is
    out = tmp_path / "planes"
    address = cluster.scheduler_address
    done = run_refp("plane", tiny_sweep.name, "-o", out, "--scheduler", address)
    assert done.code == 0, done.stderr
    check_tables(out, unbroken)
    assert kill_a_worker[0] in before


def test_inspect_on_a_cluster(run_refp: RunRefp, tiny_test: Path, cluster: Any) -> None:
    here = run_refp("inspect", tiny_test, "--json")
    there = run_refp("inspect", tiny_test, "--json", "--scheduler", cluster.scheduler_address)
    assert (there.code, there.stdout) == (0, here.stdout)


def test_estimate_on_a_cluster(
    run_refp: RunRefp, profile_model: Path, tiny_test: Path, cluster: Any
) -> None:
    here = run_refp("estimate", profile_model, tiny_test, "--json")
    address = cluster.scheduler_address
    there = run_refp("estimate", profile_model, tiny_test, "--json", "--scheduler", address)
    assert (there.code, there.stdout) == (0, here.stdout)


def test_an_audit_on_a_cluster(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    archive, images = tmp_path / "archive", sorted(tiny_test.glob("*.tif"))
    for day, image in enumerate(images[3:7], start=1):
        (archive / f"2024-03-0{day}").mkdir(parents=True)
        shutil.copy(image, archive / f"2024-03-0{day}" / "image.tif")
    (archive / "2024-03-01" / "cut.png").write_bytes(b"\x89PNG")
    command = ("audit", archive, "--model", lookup_model, "--json")
    here = run_refp(*command, "-o", tmp_path / "here")
    assert here.code == 0, here.stderr
    monkeypatch.setattr(auditing.FileAudit, "__call__", None)  # this process is not to estimate
    address = cluster.scheduler_address
    there = run_refp(*command, "-o", tmp_path / "there", "--scheduler", address)
    assert (there.code, there.stdout) == (0, here.stdout), there.stderr
    for name in ("audit.csv", "instruments.csv", "changes.csv"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_training_on_a_cluster(
    run_refp: RunRefp, tiny_sweep: Path, trained_run: Path, cluster: Any, tmp_path: Path
) -> None:
    model, recipe = tmp_path / "a2k.refp", trained_run / "recipe.toml"
    command = ["train", tiny_sweep, "-o", model, "--recipe", recipe, "--seed", "5"]
    done = run_refp(*command, "--scheduler", cluster.scheduler_address)
    assert done.code == 0, done.stderr
    assert model.read_bytes() == (trained_run / "a2k.refp").read_bytes()


def test_every_command_that_takes_jobs_takes_a_scheduler(run_refp: RunRefp) -> None:
    helps = {command: run_refp(command, "--help").stdout for command in COMMANDS}
    taking = [command for command, text in helps.items() if "--scheduler" in text]
    assert taking == [command for command, text in helps.items() if "--jobs" in text]
    assert taking == [
        *(
            "simulate",
            "plan",
            "inspect",
            "plane",
            "train",
            "adapt",
            "verify",
            "estimate",
            "evaluate",
        ),
        *("tune", "study", "watch", "audit"),
    ]


def test_threads_of_a_worker_do_not_disturb_each_other(
    run_refp: RunRefp, tiny_sweep: Path, unbroken: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        workers = Workers()
        workers._crew = Crew(pool, 4, False, (), "")
        planes = pipeline.define_planes(
            [open_dataset(tiny_sweep)], load_recipe(), execution=Execution(workers)
        )
    plane_files.write_planes([planes], load_recipe(), tmp_path)
    check_tables(tmp_path, unbroken)


@pytest.fixture
def silent_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An unreachable address, and a short timeout."""
    monkeypatch.setattr(refp_cluster, "ANSWER_SECONDS", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listen(), connections are refused
        yield f"tcp://127.0.0.1:{taken.getsockname()[1]}"


def test_an_unreachable_scheduler(
    run_refp: RunRefp, tiny_test: Path, silent_address: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run_refp("plane", tiny_test, "-o", out, "--scheduler", silent_address)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        f"refp: --scheduler {silent_address}: the Dask scheduler cannot be reached; check the address, "
        "which 'dask scheduler' prints when it starts\n"
    )
    assert not out.exists()


@pytest.mark.parametrize("address", ["nowhere", "tcp:/head", "tcp://head:port", ""])
def test_an_address_that_is_none(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, address: str, silent_address: str
) -> None:
    done = run_refp("plane", tiny_test, "-o", tmp_path / "out", "--scheduler", address)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"--scheduler {address}: the Dask scheduler cannot be reached" in done.stderr


def test_dask_that_is_not_installed(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run_refp("plane", tiny_test, "-o", tmp_path / "out", "--scheduler", "tcp://head:8786")
    assert (done.code, done.stdout) == (2, "")
    assert "--scheduler needs distributed" in done.stderr
    assert "python -m pip install 'refp[cluster]'" in done.stderr


@pytest.mark.skipif(not OWN_FOLDER.exists(), reason="a path that every process reads differently")
def test_workers_without_the_data_are_an_error(
    run_refp: RunRefp,
    tiny_test: Path,
    cluster: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tiny_test.parent)
    data, address = OWN_FOLDER / tiny_test.name, cluster.scheduler_address
    done = run_refp("plane", data, "-o", tmp_path / "out", "--scheduler", address)
    assert done.code == 2
    assert "readable by this process, but not by the workers of the cluster" in done.stderr
    assert done.stderr.count("\n") == 1


def test_workers_with_another_refp_are_an_error(
    run_refp: RunRefp, tiny_test: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refp_cluster, "own_version", lambda: "9.9")
    done = run_refp("inspect", tiny_test, "--scheduler", cluster.scheduler_address)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "this process has refp 9.9; install the same version for every worker" in done.stderr


def test_a_lost_scheduler_is_an_error_and_measured_frames_are_kept(
    run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stopped = tmp_path / "out", threading.Event()
    keep = FrameStore.keep
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:

        def keep_and_stop(store: Any, key: str, measured: Any) -> None:
            keep(store, key, measured)
            if not stopped.is_set():
                stopped.set()
                cluster.close()

        monkeypatch.setattr(FrameStore, "keep", keep_and_stop)
        done = run_refp("plane", tiny_sweep, "-o", out, "--scheduler", cluster.scheduler_address)
    assert done.code == 2, done
    assert "the scheduler is lost" in done.stderr
    assert "measured frames are kept" in done.stderr
