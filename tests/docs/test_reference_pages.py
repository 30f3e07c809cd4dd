"""The generated reference pages contain every command, option, setting, column, flag and request."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def reference() -> dict[str, ModuleType]:
    """Modules that make the pages; ``docs`` is no package of the distribution."""
    pytest.importorskip("fastapi", reason="the page of the HTTP API needs extra 'web'")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [str(DOCS), *sys.path])
        from reference_pages import commands, flags, http, python, settings, tables, write

        named = (commands, flags, http, python, settings, tables, write)
        return {module.__name__.rpartition(".")[2]: module for module in named}


@pytest.fixture(scope="module")
def pages(reference: dict[str, ModuleType]) -> dict[str, str]:
    rendered: dict[str, str] = reference["write"].render_pages()
    return rendered


def test_every_command_and_option(pages: dict[str, str]) -> None:
    from refp.cli.app import COMMANDS, GROUPS, app

    text = pages["commands.md"]
    for name in COMMANDS:
        assert f"\n## refp {name}\n" in text
        assert f"```console\nrefp {name}" in text
        own = [part for part in app[name] if not part.startswith("-")]
        parts = [app[name][part] for part in own] if name in GROUPS else [app[name]]
        for command in parts:
            for argument in command.assemble_argument_collection():
                assert argument.names[0] == "*" or argument.names[0] in text


def test_every_subcommand_has_an_example(pages: dict[str, str]) -> None:
    from refp.cli.app import GROUPS, app

    _, *sections = re.split(r"\n###? refp ", pages["commands.md"])
    by_name = {section.partition("\n")[0]: section for section in sections}
    for group in GROUPS:
        for name in app[group]:
            if not name.startswith("-"):
                assert f"\nrefp {group} {name}" in by_name[f"{group} {name}"]


def test_every_setting_with_its_meaning(
    reference: dict[str, ModuleType], pages: dict[str, str]
) -> None:
    text = pages["recipe.md"] + pages["keys.md"]
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \|$", text, re.MULTILINE))
    for _, _, model in reference["settings"].MODELS:
        for key, field in reference["settings"].keys(model):
            assert key in rows, f"{key} is on no page"
            assert rows[key].strip() or not field.description


def test_every_setting_of_a_recipe_is_described(reference: dict[str, ModuleType]) -> None:
    from refp.settings import Recipe

    for key, field in reference["settings"].keys(Recipe):
        assert field.description, f"{key} has no description"


def test_every_flag_has_a_meaning_and_a_remedy(
    reference: dict[str, ModuleType], pages: dict[str, str]
) -> None:
    from refp.core.flags import BEAD_REMEDIES, SWEEP_REMEDIES, BeadFlag, SweepFlag

    assert list(BEAD_REMEDIES) == list(BeadFlag)
    assert list(SWEEP_REMEDIES) == list(SweepFlag)
    for kind in (BeadFlag, SweepFlag):
        meanings = reference["flags"].meanings_of(kind)
        for flag in kind:
            assert meanings[str(flag.name)]
            assert f"| `{str(flag.name).lower()}` |" in pages["flags.md"]


def test_every_refusal_has_a_remedy(pages: dict[str, str]) -> None:
    from typing import get_args

    from refp.estimate.focus_estimate import Reason

    for code in filter(None, get_args(Reason)):
        assert f"| `{code}` |" in pages["flags.md"]


def test_every_column_has_one_meaning(
    reference: dict[str, ModuleType], pages: dict[str, str]
) -> None:
    tables = reference["tables"]
    columns = {column for _, names in tables.TABLES.values() for column in names}
    assert all(f"| `{column}` |" in pages["tables.md"] for column in columns)
    assert set(tables.MEANINGS) <= columns, "meanings of columns that no table has"


def test_every_request(reference: dict[str, ModuleType], pages: dict[str, str]) -> None:
    document = reference["http"].document()
    found = list(reference["http"].operations(document))
    assert len(found) > 20
    for method, path, _ in found:
        assert f"## {method} {path}\n" in pages["http-api.md"]
    for name in document["components"]["schemas"]:
        assert f"(schema-{name.lower()})=" in pages["http-api.md"]


def test_every_public_name(reference: dict[str, ModuleType], pages: dict[str, str]) -> None:
    import refp

    for name in refp.__all__:
        assert f":: refp.{name}\n" in pages["refp.rst"]
    listed = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    for module in reference["python"].ROOMS:
        assert f"generated/{module}\n" in listed


def test_pages_are_written_once(reference: dict[str, ModuleType], tmp_path: Path) -> None:
    reference["write"].write_pages(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    reference["write"].write_pages(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[a](../src/refp/x.py)", "[a](https://github.com/refp/refp/blob/main/src/refp/x.py)"),
        ("[a](../../README.md)", "[a](https://github.com/refp/refp/blob/main/README.md)"),
        (
            "[a](study/study.html)",
            "[a](https://github.com/refp/refp/blob/main/docs/study/study.html)",
        ),
        ("[a](../models.md#speed)", "[a](../models.md#speed)"),
        ("![a](../images/demo.png)", "![a](../images/demo.png)"),
    ],
)
def test_links_out_of_the_site(link: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    from repository_links import link_to_repository

    assert link_to_repository(link) == expected


def test_every_page_is_in_a_contents() -> None:
    """A page in no table of contents is not found by readers; Sphinx warns of it too."""
    listed = set()
    for page in DOCS.rglob("*.md"):
        for block in re.findall(
            r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        ):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{entry}.md").resolve() for entry in entries}
    written = {path.resolve() for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    pages = {path for path in written if not {"generated", "gallery"} & set(path.parts)}
    assert pages - listed == {(DOCS / "index.md").resolve()}
