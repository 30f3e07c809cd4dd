"""Planes of the shared twin against its truth."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.pipeline import define_planes
from refp.settings import Recipe, load_recipe
from refp.sweeps import open_dataset

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("REFP_SHARED", HERE.parents[2] / "shared"))
TWIN = SHARED / "data" / "twin"
pytestmark = pytest.mark.skipif(not TWIN.is_dir(), reason=f"the shared twin is not at {TWIN}")


def errors_um(name: str, exposure_ms: float, recipe: Recipe) -> FloatArray:
    """Errors of the planes of one exposure, by the article's definition."""
    whole = open_dataset(TWIN / name)
    sweeps = tuple(s for s in whole.sweeps if s.key.exposure_ms == exposure_ms)
    planes = define_planes([replace(whole, sweeps=sweeps)], recipe).result.planes
    truth = json.loads((TWIN / name / "truth.json").read_text(encoding="utf-8"))
    known = {field["fov"]: field["refp_um"] for field in truth["fields"]}
    return np.array([plane.refp_um - known[plane.key.fov] for plane in planes])


def test_recipe_paper_finds_the_plane_of_the_article() -> None:
    """With the slope searched over the whole spline the errors were 1.5 and 3.2 um."""
    error = errors_um("a2k-training", 12.0, load_recipe("paper"))
    assert len(error) == 2
    assert np.sqrt((error**2).mean()) < 1.2
    assert np.abs(error).max() < 1.6
