"""Output into places that cannot be written: exit code 2 and one line, from every command."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refp.cli import app
from refp.core import files, jit
from refp.core.errors import OutputError

RunRefp = Callable[..., Any]


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    """A path below a file, at which nothing can be written by any user on any system."""
    (tmp_path / "file").write_bytes(b"no folder")
    return tmp_path / "file"


OPTIONS = {
    "inspect --overlay": ("inspect", "DATA", "--overlay", "HERE/pictures"),
    "inspect --beads": ("inspect", "DATA", "--beads", "HERE/beads.csv"),
    "plane -o": ("plane", "DATA", "-o", "HERE/planes"),
    "train -o": ("train", "DATA", "-o", "HERE/model.refp"),
    "estimate -o": ("estimate", "MODEL", "IMAGE", "-o", "HERE/estimates.csv"),
    "estimate --overlay": ("estimate", "MODEL", "IMAGE", "--overlay", "HERE/pictures"),
    "evaluate -o": ("evaluate", "MODEL", "DATA", "-o", "HERE/evaluation"),
    "audit -o": ("audit", "DATA", "--model", "MODEL", "-o", "HERE/audit"),
    "simulate": ("simulate", "HERE/data", "--like", "demo"),
    "history record": ("history", "record", "MODEL", "IMAGE", "--home", "HERE"),
}


@pytest.mark.parametrize("given", OPTIONS.values(), ids=OPTIONS)
def test_one_line_about_what_was_not_written(
    run_refp: RunRefp, unwritable: Path, tiny_test: Path, lookup_model: Path, given: tuple[str, ...]
) -> None:
    image = next(tiny_test.glob("*.tif"))
    named = {"DATA": tiny_test, "MODEL": lookup_model, "IMAGE": image}
    done = run_refp(
        *(named.get(a, a.replace("HERE", str(unwritable))) for a in given), "--jobs", "1"
    )
    assert done.code == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("refp: ")]
    assert len(lines) == 1
    assert str(unwritable) in lines[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_an_error_of_the_system_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), "/somewhere/file")

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit) as stopped:
        app.main(["plane"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        f"refp: /somewhere/file: {os.strerror(code)}; check permissions and free space\n"
    )


def test_a_fault_of_the_program_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        app.main(["plane"])


def test_a_folder_below_a_file_is_not_created(unwritable: Path) -> None:
    with pytest.raises(OutputError, match=r"not created: .*; name another folder"):
        files.make_folder(unwritable / "a")
    files.make_folder(unwritable.with_name("b") / "c")
    assert (unwritable.with_name("b") / "c").is_dir()


def test_kernels_run_where_no_machine_code_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(jit, "CheckedCache", fail)
    doubled = jit.compiled_once(lambda x: 2.0 * x)
    assert doubled(3.0) == 6.0
