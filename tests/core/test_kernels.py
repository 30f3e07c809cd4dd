"""The kernels of the package, and the types for which they are compiled."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core import jit
from refp.measure.beads import find_beads
from refp.measure.dataset import measure_dataset
from refp.measure.profiles import fit_profiles
from refp.settings import load_recipe
from refp.sweeps import open_dataset
from refp.synthetic import kernel as synthetic

SOURCE = Path(jit.__file__).parents[1]
NAMES = {"_add_filtered", "_measure_beads", "_fill_variances", "_multiply_in", "_add_intensity"}


def declared() -> dict[str, jit.Kernel]:
    """The kernels by name, without the digest of their sources."""
    return {kernel.dispatcher.py_func.__name__: kernel for kernel in jit.KERNELS}


def test_every_kernel_is_declared() -> None:
    assert synthetic.multiply_in in [kernel.dispatcher for kernel in jit.KERNELS]
    assert set(declared()) == NAMES
    others = [path for path in SOURCE.rglob("*.py") if path != Path(jit.__file__)]
    assert not [path for path in others if "compiled_once" in path.read_text(encoding="utf-8")]


def test_kernels_run_for_the_declared_types_only(tiny_test: Path) -> None:
    """For frames of any depth and memory order."""
    dataset = open_dataset(tiny_test)
    recipe = load_recipe()
    measure_dataset(dataset, recipe)
    image = next(dataset.frames).read()
    image.flags.writeable = False
    for frame in (image, image.astype(np.uint16), image.astype(">u2"), np.asfortranarray(image)):
        beads = find_beads(frame, dataset.instrument, recipe.find)
        fit_profiles(frame, beads.center_px, dataset.instrument, recipe.profile)
    for kernel in jit.KERNELS:
        assert set(kernel.dispatcher.signatures) <= {kernel.types}


def test_kernels_are_compiled_once() -> None:
    jit.compile_kernels()
    assert jit.kernels_are_compiled()
    before = {name: list(kernel.dispatcher.overloads) for name, kernel in declared().items()}
    steps: list[tuple[str, int, int]] = []
    jit.compile_kernels(lambda *step: steps.append(step))
    assert {
        name: list(kernel.dispatcher.overloads) for name, kernel in declared().items()
    } == before
    assert steps[-1] == ("Compiling kernels", len(NAMES), len(NAMES))


def test_a_kernel_without_machine_code_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def total(values: Any) -> float:
        return float(values.sum())

    monkeypatch.setattr(jit, "KERNELS", [])
    monkeypatch.setattr(jit.CheckedCache, "load_overload", lambda *_: None)
    jit.kernel(1.0)(total)
    assert not jit.kernels_are_compiled()
    assert not jit.KERNELS[0].dispatcher.overloads
