"""Help and usage."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from refp.cli.app import COMMANDS, main
from refp.cli.console import print_rows

RunRefp = Callable[..., Any]


def test_help_lists_the_commands_in_order(run_refp: RunRefp) -> None:
    done = run_refp("--help")
    assert done.code == 0
    places = [done.stdout.index(f"\N{BOX DRAWINGS LIGHT VERTICAL} {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_names_that_the_output_cannot_encode_are_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pipes and files on Windows have the encoding of the system's language."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", write_through=True))
    with pytest.raises(SystemExit):
        main(["--version"])
    print_rows([{"image": "\N{GREEK CAPITAL LETTER OMEGA}.tif"}], as_json=False)
    assert rb"\u03a9.tif" in raw.getvalue()


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_ends_with_an_example(run_refp: RunRefp, command: str, flag: str) -> None:
    done = run_refp(command, flag)
    assert (done.code, done.stderr) == (0, "")
    assert f"Usage: refp {command}" in done.stdout
    about, _, examples = done.stdout.partition("Examples:")
    assert about.count("\n\n") >= 2  # a description of more than one line
    assert f"refp {command} " in examples


def test_version_lists_all_that_a_report_needs(run_refp: RunRefp) -> None:
    done = run_refp("--version")
    assert (done.code, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["refp", "python", "numpy", "scipy", "numba", "onnxruntime", "platform"]


def test_help_in_a_process_of_its_own(run_process: RunRefp) -> None:
    done = run_process("estimate", "--help")
    assert done.code == 0
    assert "refp estimate a2k.refp image.tif" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["plant"], "plant", id="no such command"),
        pytest.param(["plan"], "--tolerance-um", id="no tolerance to plan for"),
        pytest.param(["plan", "--tolerance-um", "nan"], "--tolerance-um", id="plan for nan"),
        pytest.param(["plane"], "DATA", id="no data"),
        pytest.param(["plane", "x"], "--output", id="no output"),
        pytest.param(["plane", "x", "-o", "y", "--colour", "red"], "--colour", id="no such option"),
        pytest.param(["plane", "x", "-o", "y", "--jobs", "two"], "two", id="not a number"),
        pytest.param(["estimate", "m.refp"], "IMAGES", id="no image"),
        pytest.param(["estimate", "m", "i", "--max-beads", "0"], "--max-beads", id="no bead"),
        pytest.param(
            ["estimate", "m", "i", "--tolerance-um", "0"], "--tolerance-um", id="no tolerance"
        ),
        pytest.param(
            ["estimate", "m", "i", "--tolerance-um", "-1"], "--tolerance-um", id="below 0"
        ),
        pytest.param(["estimate", "m", "i", "--tolerance-um", "nan"], "--tolerance-um", id="nan"),
        pytest.param(
            ["estimate", "m", "i", "--tolerance-um", "inf"], "--tolerance-um", id="no end"
        ),
        pytest.param(["simulate", "out", "--seed", "-1"], "--seed", id="seed below 0"),
    ],
)
def test_usage_error(run_refp: RunRefp, arguments: list[str], expected: str) -> None:
    done = run_refp(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("refp: ")
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr


def test_usage_error_in_a_process_of_its_own(run_process: RunRefp) -> None:
    done = run_process("plane")
    assert done.code == 2
    assert done.stderr.count("\n") == 1
