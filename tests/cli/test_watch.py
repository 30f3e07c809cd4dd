"""``refp watch`` as a process: what appears in the folder comes out as lines."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.cli.watch import _print_line
from refp.estimate.rows import DETAIL_COLUMNS, ESTIMATE_COLUMNS
from refp.history.actions import describe_rejection
from refp.pipeline.watching.answering import Answer

RunRefp = Callable[..., Any]
PATIENCE_S = 120.0


class Watching:
    """The command, its lines, and its messages."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "refp", "watch", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._timer = threading.Timer(PATIENCE_S, self.process.kill)
        self._timer.start()
        assert self.process.stderr
        self.messages = [next(self.process.stderr)]
        while "Ctrl-C ends it" not in self.messages[-1]:
            self.messages.append(next(self.process.stderr))

    def lines(self, n: int) -> list[str]:
        assert self.process.stdout
        return [next(self.process.stdout).rstrip("\n") for _ in range(n)]

    def end(self) -> str:
        """End it as a service manager does; return its last messages."""
        self.process.send_signal(signal.SIGTERM)
        out, messages = self.process.communicate()
        assert (self.process.returncode, out) == (0, "")
        return messages

    def close(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.communicate()


@contextmanager
def watching(*arguments: object) -> Iterator[Watching]:
    process = Watching(*arguments)
    try:
        yield process
    finally:
        process.close()


@pytest.mark.skipif(os.name == "nt", reason="the signal is of POSIX")
def test_images_appear_and_come_out_once(
    lookup_model: Path, tiny_test: Path, tmp_path: Path, run_refp: RunRefp
) -> None:
    pytest.importorskip("watchfiles", reason="notifications need extra 'watch'")
    root, home, files = tmp_path / "in", tmp_path / "home", sorted(tiny_test.glob("*.tif"))
    root.mkdir()
    shutil.copy(files[2], root / "before.tif")
    given = (root, "--model", lookup_model, "--home", home, "--operator", "Ada", "--jobs", "1")
    with watching(*given, "--json") as watch:
        (first,) = map(json.loads, watch.lines(1))
        (root / "new").mkdir()
        shutil.copy(files[4], root / "new" / "a.tif")
        shutil.copy(files[5], root / "b.tif.part")
        (root / "b.tif.part").rename(root / "b.tif")
        rows = {row["image"]: row for row in map(json.loads, watch.lines(2))}
        assert "ended: 3 images (3 ok) recorded in" in watch.end()
    assert list(first) == [*ESTIMATE_COLUMNS, *DETAIL_COLUMNS]
    assert first["image"] == "before.tif"
    done = run_refp("estimate", lookup_model, root / "new" / "a.tif", "--json", "--home", home)
    (expected,) = json.loads(done.stdout)
    assert rows == {"b.tif": rows["b.tif"], "new/a.tif": {**expected, "image": "new/a.tif"}}
    shutil.copy(files[6], root / "c.tif")
    options = ("--poll-s", "0.1", "--tolerance-um", "5", "--stage-direction", "up")
    with watching(*given, *options) as watch:
        assert "1 image to estimate" in watch.messages[-1]
        (line,) = watch.lines(1)
        assert all(word in line for word in ("fail", "dZ +", "move Z -", "c.tif"))
        assert "ended: 1 image (1 fail)" in watch.end()
    listed = json.loads(run_refp("history", "list", "--json", "--home", home).stdout)
    assert [row["image"] for row in listed if row["image"] == "before.tif"] == ["before.tif"]
    assert len(listed) == 4
    verdicts = {Path(row["image"]).name: (row["status"], row["verdict"]) for row in listed}
    assert verdicts["c.tif"] == ("ok", "fail")
    assert verdicts["before.tif"] == ("ok", "")
    assert {row["operator"] for row in listed} == {"Ada"}


def test_a_rule_that_fires_is_printed_in_the_words_of_the_page_history(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = dict.fromkeys((*ESTIMATE_COLUMNS, *DETAIL_COLUMNS), 1.0)
    row |= {"image": "a.tif", "status": "ok", "reason": ""}
    at = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    _print_line(Answer(Path("a.tif"), row, "fail", ("fail", "10_x", "R_4s"), at))
    line = capsys.readouterr().out
    assert describe_rejection(["R_4s"]) == "out of control: do not measure"
    assert line.endswith("a.tif  out of control: do not measure\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(["missing", "--model", "m"], "no such folder", id="no folder"),
        pytest.param([".", "--model", "missing.refp"], "missing.refp", id="no model"),
        pytest.param(["."], "--model", id="no option"),
        pytest.param([".", "--model", "m", "--poll-s", "0"], "--poll-s", id="no interval"),
        pytest.param([".", "--model", "m", "--webhook", "ftp://x"], "http://", id="no web address"),
        pytest.param([".", "--model", "m", "--settings", "no.toml"], "no.toml", id="no settings"),
        pytest.param([".", "--model", "m", "--settings", "w.toml"], "settle", id="unknown setting"),
    ],
)
def test_usage(
    run_refp: RunRefp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.toml").write_text("settle = 1\n", encoding="utf-8")
    done = run_refp("watch", *options, "--home", tmp_path / "home")
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert expected in done.stderr
