"""``refp plane`` that was interrupted, or is given again."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile

from refp.cli.app import main
from refp.core.errors import OutputError
from refp.pipeline import plane_files, runs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sketched_figures")]
RunRefp = Callable[..., Any]
RESULTS = [
    *("bead_planes.csv", "beads.parquet", "comparison.csv", "curves.parquet", "planes.csv"),
    *("planes.json", "pooled.npz", "report.html"),
]
N_FRAMES = 9
STOPS_HALFWAY = """
import signal, sys, threading
from pathlib import Path
from refp.cli.app import main
from refp.measure import cache, dataset

# A shell that runs the tests in the background has its children ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
n, whole = 0, dataset.measure_frame

def measure_some(*given):
    global n
    n += 1
    if n > 6:
        print("halfway", flush=True)
        threading.Event().wait()
    return whole(*given)

dataset.measure_frame = measure_some
cache.BATCH = 4
main(sys.argv[1:])
"""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def stamps_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def unbroken(
    tiny_test: Path, sketched_figures: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What a run on the test sweep without interruption writes."""
    out = tmp_path_factory.mktemp("unbroken") / "planes"
    with pytest.raises(SystemExit) as ended:
        main(["plane", str(tiny_test), "-o", str(out)])
    assert not ended.value.code
    return out


@pytest.fixture
def done_run(unbroken: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(unbroken, tmp_path / "planes"))


def stop_halfway(data: Path, out: Path, how: signal.Signals) -> int:
    """Start a run, stop it while it measures the seventh frame, and return its exit code."""
    command = [sys.executable, "-c", STOPS_HALFWAY, "plane", data, "-o", out, "--jobs", "1"]
    with subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(how)
        return process.wait()


@pytest.mark.parametrize(
    ("how", "code", "kept"),
    [
        pytest.param("SIGKILL", -9, 4, id="killed"),
        pytest.param("SIGINT", 130, 6, id="Ctrl-C"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_run_goes_on_where_it_stopped(
    run_refp: RunRefp,
    tiny_test: Path,
    unbroken: Path,
    tmp_path: Path,
    n_measured: list[int],
    how: str,
    code: int,
    kept: int,
) -> None:
    out = tmp_path / "planes"
    assert stop_halfway(tiny_test, out, signal.Signals[how]) == code
    assert [path.name for path in out.iterdir()] == [".measured"]
    (out / ".planes.csv.1.part").write_bytes(b"of a run that was killed while it wrote")
    done = run_refp("plane", tiny_test, "-o", out)
    assert done.code == 0
    assert f"{kept} frames were measured by an earlier run" in done.stderr
    assert len(n_measured) == N_FRAMES - kept
    assert bytes_of(out) == bytes_of(unbroken)
    assert not list(out.glob("*.part"))


def test_an_interrupted_run_of_other_settings_is_measured_anew(
    run_refp: RunRefp, tiny_test: Path, unbroken: Path, tmp_path: Path, n_measured: list[int]
) -> None:
    out = tmp_path / "planes"
    first = run_refp("plane", tiny_test, "-o", out, "--bead-diameter-um", "27")
    assert first.code == 0
    (out / "run.json").unlink()
    stale = set((out / ".measured").iterdir())
    n_measured.clear()
    done = run_refp("plane", tiny_test, "-o", out)
    assert (done.code, len(n_measured)) == (0, N_FRAMES)
    assert bytes_of(out) == bytes_of(unbroken)
    assert not stale.intersection((out / ".measured").iterdir())


def test_a_damaged_batch_is_measured_anew(
    run_refp: RunRefp, tiny_test: Path, unbroken: Path, done_run: Path, n_measured: list[int]
) -> None:
    (batch,) = (done_run / ".measured").iterdir()
    batch.write_bytes(batch.read_bytes()[:1000])
    (done_run / "run.json").unlink()
    assert run_refp("plane", tiny_test, "-o", done_run).code == 0
    assert len(n_measured) == N_FRAMES
    assert bytes_of(done_run) == bytes_of(unbroken)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_second_run_does_nothing_and_prints_so(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, n_measured: list[int], option: tuple[str]
) -> None:
    out = tmp_path / "planes"
    first = run_refp("plane", tiny_test, "-o", out, *option)
    before = stamps_of(out)
    n_measured.clear()
    again = run_refp("plane", tiny_test, "-o", out, *option)
    assert (again.code, again.stdout) == (0, first.stdout)
    assert again.stderr == f"nothing to do: {out} holds this result already\n"
    assert stamps_of(out) == before
    assert n_measured == []


def change_image(folder: Path) -> None:
    path = sorted(folder.glob("*.tif"))[4]
    image = tifffile.imread(path)
    image[0, 0] += 1
    tifffile.imwrite(path, image)


def test_a_changed_image_is_refused_or_measured_anew(
    run_refp: RunRefp,
    tiny_test: Path,
    copy_of: Callable[[Path], Path],
    done_run: Path,
    tmp_path: Path,
    n_measured: list[int],
) -> None:
    data = copy_of(tiny_test)
    change_image(data)
    before = stamps_of(done_run)
    refused = run_refp("plane", data, "-o", done_run)
    assert (refused.code, refused.stdout, n_measured) == (2, "", [])
    assert refused.stderr == (
        f"refp: {done_run}: holds the result of other data; choose another output or add --overwrite\n"
    )
    assert stamps_of(done_run) == before
    assert run_refp("plane", data, "-o", done_run, "--overwrite").code == 0
    assert len(n_measured) == 1
    fresh = tmp_path / "fresh"
    assert run_refp("plane", data, "-o", fresh).code == 0
    assert bytes_of(done_run) == bytes_of(fresh)


@pytest.mark.parametrize(
    ("expected", "measured"), [("recipe", 0), ("instrument", N_FRAMES), ("pooled profiles", 0)]
)
def test_other_settings_are_refused_or_taken(
    run_refp: RunRefp,
    tiny_test: Path,
    plane_run: Path,
    done_run: Path,
    tmp_path: Path,
    n_measured: list[int],
    expected: str,
    measured: int,
) -> None:
    recipe = tmp_path / "other.toml"
    recipe.write_text('name = "other"\n[plane]\nminimum_frames = 7\n')
    options = {
        "recipe": ["--recipe", recipe],
        "instrument": ["--bead-diameter-um", "27"],
        "pooled profiles": ["--pool", plane_run / "planes" / "pooled.npz"],
    }[expected]
    refused = run_refp("plane", tiny_test, "-o", done_run, *options)
    assert refused.code == 2
    assert f"holds the result of other {expected}; choose" in refused.stderr
    assert n_measured == []
    assert run_refp("plane", tiny_test, "-o", done_run, *options, "--overwrite").code == 0
    assert len(n_measured) == measured
    assert "nothing to do" in run_refp("plane", tiny_test, "-o", done_run, *options).stderr


def test_a_result_that_was_edited_is_spared(
    run_refp: RunRefp, tiny_test: Path, done_run: Path, n_measured: list[int]
) -> None:
    (done_run / "planes.csv").write_text("my notes")
    refused = run_refp("plane", tiny_test, "-o", done_run)
    assert (refused.code, n_measured) == (2, [])
    assert f"{done_run / 'planes.csv'}: was changed since it was written; choose" in refused.stderr
    assert (done_run / "planes.csv").read_text() == "my notes"


def test_a_result_that_is_missing_is_written_again(
    run_refp: RunRefp, tiny_test: Path, unbroken: Path, done_run: Path, n_measured: list[int]
) -> None:
    (done_run / "report.html").unlink()
    assert run_refp("plane", tiny_test, "-o", done_run).code == 0
    assert (bytes_of(done_run), n_measured) == (bytes_of(unbroken), [])


def test_the_record_names_every_result_and_nothing_else(
    run_refp: RunRefp, tiny_test: Path, unbroken: Path, tmp_path: Path
) -> None:
    shutil.copytree(unbroken / ".measured", tmp_path / ".measured")
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "planes.csv").write_text("of an older version")
    assert run_refp("plane", tiny_test, "-o", tmp_path, "--overwrite").code == 0
    assert sorted(json.loads((tmp_path / "run.json").read_text())["results"]) == RESULTS


def test_bad_input_leaves_an_earlier_result_whole(
    run_refp: RunRefp, tiny_test: Path, done_run: Path
) -> None:
    before = stamps_of(done_run)
    refused = run_refp("plane", tiny_test, "-o", done_run, "--bead-diameter-um", "1", "--overwrite")
    assert refused.code == 2
    assert stamps_of(done_run) == before


def test_an_output_that_cannot_be_written_is_an_error(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    refused = run_refp("plane", tiny_test, "-o", tmp_path / "file" / "out")
    assert (refused.code, refused.stderr.count("\n")) == (2, 1)
    assert "not written: " in refused.stderr


@pytest.mark.parametrize(
    "record",
    [
        pytest.param("{", id="cut"),
        pytest.param('{"mine": 1}', id="foreign"),
        pytest.param('{"inputs": {}, "results": {"../dear.txt": ""}}', id="leads out"),
    ],
)
def test_a_record_that_refp_did_not_write_is_none(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, record: str
) -> None:
    out, dear = tmp_path / "planes", tmp_path / "dear.txt"
    out.mkdir()
    (out / "run.json").write_text(record)
    dear.write_text("dear")
    refused = run_refp("plane", tiny_test, "-o", out)
    assert refused.code == 2
    assert "exists already; choose another output" in refused.stderr
    assert run_refp("plane", tiny_test, "-o", out, "--overwrite").code == 0
    assert dear.read_text() == "dear"


def test_a_result_that_could_not_be_written_is_written_by_the_next_run(
    run_refp: RunRefp,
    tiny_test: Path,
    tmp_path: Path,
    n_measured: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OutputError("disk full")

    out = tmp_path / "planes"
    with monkeypatch.context() as broken:
        broken.setattr(plane_files, "write_pooled", full)
        assert run_refp("plane", tiny_test, "-o", out).code == 2
    assert not (out / "run.json").exists()
    n_measured.clear()
    assert run_refp("plane", tiny_test, "-o", out).code == 0
    assert n_measured == []
    assert bytes_of(out).keys() == set(RESULTS)


def test_results_of_another_version_are_refused(
    run_refp: RunRefp, tiny_test: Path, done_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "hash_code", lambda *_: "of a later version")
    refused = run_refp("plane", tiny_test, "-o", done_run)
    assert "holds the result of other versions of refp or its libraries; choose" in refused.stderr
