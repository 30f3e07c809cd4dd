"""Machine code cached on disk."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.core.jit import compiled_once

SOURCE = """
def total(values):
    s = 0.0
    for i in range(values.shape[0]):
        s += values[i] * (i + 1)
    return s
"""
NAME = "kernel_of_a_test"
ALL = np.arange(12.0)
SECOND = ALL[::2]  # not contiguous: another type for the compiler


def load() -> Any:
    """Return the function as in a new process."""
    sys.modules.pop(NAME, None)
    function: Callable[[FloatArray], float] = import_module(NAME).total
    return compiled_once(function)


def weighted(values: FloatArray) -> float:
    return float(values @ np.arange(1, len(values) + 1))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the code for both layouts of an array."""
    (tmp_path / f"{NAME}.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    total = load()
    assert [total(ALL), total(SECOND)] == [weighted(ALL), weighted(SECOND)]
    yield tmp_path
    sys.modules.pop(NAME, None)


@pytest.mark.usefixtures("kept")
def test_code_is_kept() -> None:
    total = load()
    assert [total(ALL), total(SECOND)] == [weighted(ALL), weighted(SECOND)]
    assert sum(total.stats.cache_hits.values()) == 2


def test_code_for_other_types_is_not_run(kept: Path) -> None:
    # The result of two processes that give their code the same name at the same time.
    first, second = sorted(kept.rglob("*.nbc"))
    code = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(code)
    total = load()
    assert [total(SECOND), total(ALL)] == [weighted(SECOND), weighted(ALL)]
    again = load()
    assert [again(ALL), again(SECOND)] == [weighted(ALL), weighted(SECOND)]
    assert sum(again.stats.cache_hits.values()) == 2  # the files are correct again
