"""References to the functions of workers."""

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


def test_classes_of_functions() -> None:
    assert calls.is_slow(calls.folders.list_folder)
    assert not calls.is_slow(calls.planes.read_sets)
    assert calls.needs_kernels(calls.estimates.estimate_file)
    assert not calls.needs_kernels(len)


def test_modules_are_not_loaded() -> None:
    code = "import sys; from refp.web.workers import calls; print('numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
