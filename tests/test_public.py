"""The public interface: names that exist, in order, and imports without side effects."""

import ast
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import refp

ROOMS = [
    "refp",
    "refp.estimate",
    "refp.history",
    "refp.measure.beads",
    "refp.measure.features",
    "refp.measure.profiles",
    "refp.models",
    "refp.models.tiles",
    "refp.pipeline",
    "refp.plane",
    "refp.reports",
    "refp.settings",
    "refp.sweeps",
    "refp.synthetic",
    "refp.web",
]
HEAVY = ("torch", "monai", "matplotlib", "pandas", "onnxruntime")
LIGHT = ("refp", "refp.core.errors", "refp.sweeps", "refp.cli.app")
WITHOUT_TORCH = ("refp.pipeline", "refp.models", "refp.pipeline.results", "refp.pipeline.demo")


def test_names_of_the_package() -> None:
    assert sorted(refp.__all__) == [
        "Estimator",
        "define_planes",
        "evaluate_model",
        "list_images",
        "load_model",
        "load_recipe",
        "open_dataset",
        "save_model",
        "simulate_dataset",
        "train_model",
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_there(room: str) -> None:
    module = importlib.import_module(room)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("room", ROOMS)
def test_names_are_sorted_and_public(room: str) -> None:
    module = importlib.import_module(room)
    stub = Path(str(module.__file__)).with_suffix(".pyi")
    names = _stated(stub) if stub.exists() else module.__all__
    assert set(names) == set(module.__all__)
    # Ruff's order: constants, classes, functions.
    assert names == sorted(names, key=_rank)
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith("_")]


def _stated(stub: Path) -> list[str]:
    """Public names in the stub of a subpackage that loads them at their first use."""
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    raise AssertionError(f"{stub}: no __all__")


def _rank(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.fixture(scope="module")
def loaded_by(run_python: Callable[[str], str]) -> dict[str, list[str]]:
    """Heavy libraries that each import adds, in one process."""
    code = f"""
import importlib, json, sys
added, before = {{}}, set()
for module in {(*LIGHT, *WITHOUT_TORCH)}:
    importlib.import_module(module)
    loaded = set({HEAVY}) & set(sys.modules)
    added[module], before = sorted(loaded - before), loaded
print(json.dumps(added))
"""
    added: dict[str, list[str]] = json.loads(run_python(code))
    return added


@pytest.mark.parametrize("module", LIGHT)
def test_import_is_light(loaded_by: dict[str, list[str]], module: str) -> None:
    assert loaded_by[module] == []


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_no_torch_but_for_training(loaded_by: dict[str, list[str]], module: str) -> None:
    assert "torch" not in loaded_by[module]


def test_names_are_found_by_dir() -> None:
    assert set(refp.__all__) <= set(dir(refp))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        refp.no_such_name  # noqa: B018
