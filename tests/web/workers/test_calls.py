"""References to the functions of workers."""

import importlib
import pickle
import subprocess
import sys

import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

from refp.web.workers import calls


def test_reference_is_pickled_by_name() -> None:
    function = calls.recipes.recipe_names
    copy = pickle.loads(pickle.dumps(function))
    assert copy == function
    assert "default" in copy()


def test_every_named_function_exists() -> None:
    """The type checker follows the names; this follows the modules' paths."""
    modules = [value for value in vars(calls).values() if isinstance(value, calls.Module)]
    assert len(modules) == len(
        [name for name in calls.__all__ if not callable(getattr(calls, name))]
    )
    for module in modules:
        importlib.import_module(module.path)
    for function in calls._SLOW | calls._WITH_KERNELS:
        assert callable(getattr(importlib.import_module(function.module), function.name))


def test_classes_of_functions() -> None:
    assert calls.is_slow(calls.folders.list_folder)
    assert not calls.is_slow(calls.planes.read_fields)
    assert calls.needs_kernels(calls.estimates.estimate_file)
    assert not calls.needs_kernels(len)


def test_modules_are_not_loaded() -> None:
    code = "import sys; from refp.web.workers import calls; print('numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
