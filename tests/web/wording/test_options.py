"""Messages on pages name fields, never options of a command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import refp
from refp.web.wording.options import FIELDS, in_web_words

ROOT = Path(refp.__file__).parent
OTHER = ("cli", "study", "scope", "web")
"""Rooms whose messages no page shows, or which are written for the pages."""
OPTION = re.compile(r"--[a-z]")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "a.tif: 3 pages and no Z; give --z-step-um, or give --pattern",
            "a.tif: 3 pages and no Z; fill in “Z step”, or fill in “Pattern of the file names”",
        ),
        (
            "x: states pixels of 1 um; give the correct value as --pixel-size-um",
            "x: states pixels of 1 um; give the correct value in the field “Pixel size”",
        ),
        (
            "no instrument; give --instrument NAME or --pixel-size-um and --bead-diameter-um",
            "no instrument; fill in “Instrument” or “Pixel size” and “Bead diameter”",
        ),
        ("list the frames in a --manifest", "list the frames in a manifest that sweep.toml names"),
        ("--pixel-size-um 0.5: the model", "“Pixel size” 0.5: the model"),
        (
            "a: --pattern 'z{z_um}' fits; give it, or let 'refp inspect a --x' write it, or list",
            "a: “Pattern of the file names” 'z{z_um}' fits; give it, or list",
        ),
        ("a -- b", "a -- b"),
        (
            "not verified; run 'refp verify' with a short sweep of this instrument",
            "not verified; verify the model on this instrument with a short sweep",
        ),
    ],
)
def test_message(message: str, shown: str) -> None:
    assert in_web_words(message) == shown


def messages(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module that are not docstrings."""
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
    for node in ast.walk(tree):
        if id(node) in docs | parts:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_message_keeps_an_option() -> None:
    n_found = 0
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] in OTHER:
            continue
        for text in filter(OPTION.search, messages(ast.parse(path.read_text(encoding="utf-8")))):
            n_found += 1
            assert not OPTION.search(in_web_words(text)), text
    assert n_found > len(FIELDS)


def test_templates_name_no_option() -> None:
    for path in (ROOT / "web" / "templates").glob("*.jinja"):
        if path.name != "help.html.jinja":  # which names the commands of a terminal
            assert not re.search(r"(?<![\w(-])--[a-z]", path.read_text(encoding="utf-8")), path


def test_fields_of_the_planes_page_exist() -> None:
    page = (ROOT / "web" / "templates" / "planes.html.jinja").read_text(encoding="utf-8")
    for name in (
        "pattern",
        "pixel-size-um",
        "bead-diameter-um",
        "z-step-um",
        "channel",
        "bit-depth",
    ):
        assert f">{FIELDS[name]} <" in page
