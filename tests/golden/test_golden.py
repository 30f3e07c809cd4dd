"""The numbers of every stage do not change; ``make_golden.py`` stores new ones after intended changes."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("make_golden", FOLDER / "make_golden.py")
assert _SPEC is not None
assert _SPEC.loader is not None
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)

STORED = json.loads((FOLDER / "numbers.json").read_text(encoding="utf-8"))
TOLERANCES = {
    "beads": {"rel": 1e-6, "abs": 1e-6},
    # Other processors round differently; the centre fit stops within 1e-3 px of its minimum.
    "profiles": {"rel": 2e-3, "abs": 2e-3},
    "features": {"rel": 5e-3, "abs": 2e-3},
    "plane": {"rel": 0.0, "abs": 0.05},
}
CASES = [(stage, name) for stage, numbers in STORED.items() for name in numbers]


@pytest.fixture(scope="module")
def found() -> Any:
    return golden.measure(golden.read_frames())


@pytest.mark.parametrize(("stage", "name"), CASES)
def test_the_numbers_are_those_stored(found: Any, stage: str, name: str) -> None:
    stored, ours = np.array(STORED[stage][name]), np.array(found[stage][name])
    assert ours.shape == stored.shape
    assert ours == pytest.approx(stored, **TOLERANCES[stage])


def test_every_number_is_stored(found: Any) -> None:
    assert {(s, n) for s, numbers in found.items() for n in numbers} == set(CASES)


def test_the_stored_numbers_are_sensible() -> None:
    """The truth of the simulated sweep: three beads and a REFP of about 1508 um."""
    assert STORED["beads"]["count"] == [3] * 17
    assert STORED["plane"]["refp_um"] == pytest.approx(1508, abs=2)
    assert STORED["plane"]["flags"] == 0
