"""A library that training needs and that is missing is an error before any frame is measured."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from refp import pipeline
from refp.core.errors import MissingExtraError
from refp.models import TRAINING_LIBRARIES, SearchPlan, load_model
from refp.pipeline import Planes, training, tuning
from refp.settings import Recipe
from refp.web.workers.models import check_training

NEEDED = [(family, library) for family, needed in TRAINING_LIBRARIES.items() for library in needed]
EXTRA = ("torch", "monai", "onnx", "onnxscript", "optuna")
"""Libraries of extra ``train``, by module name."""
PLAN = SearchPlan("tpe", "none", trials=1, budget=1, seed=0)


class Hidden(NamedTuple):
    """A library that is hidden from a family, and the message of its absence."""

    family: str
    message: str


@pytest.fixture(params=NEEDED, ids=" without ".join)
def hidden(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Hidden:
    """Hide one library, and let any measuring or labelling fail."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured, and then a library was missing")

    family, library = request.param
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr(pipeline, "define_planes", never)
    for module in (training, tuning):
        monkeypatch.setattr(module, "label", never)
    return Hidden(family, f"training family '{family}' needs {library}, which is not installed")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_commands(
    run_refp: Callable[..., Any], hidden: Hidden, tiny_test: Path, tmp_path: Path, command: str
) -> None:
    done = run_refp(command, tiny_test, "-o", tmp_path / "made", "--family", hidden.family)
    assert done.code == 2
    assert hidden.message in done.stderr
    assert "'refp[train]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_functions(
    hidden: Hidden, planes: Planes, recipe_for: Callable[[str], Recipe], tmp_path: Path
) -> None:
    recipe = recipe_for(hidden.family)
    with pytest.raises(MissingExtraError, match=hidden.message):
        pipeline.run_training(planes, recipe)
    with pytest.raises(MissingExtraError, match=hidden.message):
        pipeline.tune_model(planes, recipe, PLAN, tmp_path)


def test_the_default_needs_none(
    run_python: Callable[[str], str], tiny_sweep: Path, tmp_path: Path
) -> None:
    """Command and function train in a process that has no library of extra ``train``."""
    code = f"""
import sys
for name in {EXTRA}:
    sys.modules[name] = None  # importing it fails
import refp
from refp.cli.app import main
try:
    main(["train", {str(tiny_sweep)!r}, "-o", {str(tmp_path / "a2k.refp")!r}, "--jobs", "1"])
except SystemExit as ended:
    assert not ended.code, ended.code
recipe = refp.load_recipe()
planes = refp.define_planes([refp.open_dataset({str(tiny_sweep)!r})], recipe)
print(refp.train_model(planes, recipe).card.name)
"""
    name = run_python(code).strip()
    assert name.startswith("lookup-a2k-")
    assert load_model(tmp_path / "a2k.refp").card.name == name


def test_pages_need_none_for_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in EXTRA:
        monkeypatch.setitem(sys.modules, library, None)
    check_training("default", "")


def test_pages(hidden: Hidden) -> None:
    with pytest.raises(MissingExtraError, match=hidden.message):
        check_training("default", hidden.family)
