"""The detector on real images, against beads marked by eye."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from refp.core.arrays import BoolArray, FloatArray
from refp.core.flags import BeadFlag
from refp.measure.frame import FrameMeasurement, measure_frame
from refp.settings import load_recipe, make_instrument
from refp.sweeps import list_images

FOLDER = Path(__file__).parent
SHARED = Path(os.environ.get("REFP_SHARED", FOLDER.parents[3] / "shared"))
REAL = SHARED / "data" / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"the shared images are not at {REAL}")

TOUCHING_QTRK_PX = 22.0
"""Distance of the centres of touching pairs in the qTrk field, thus the bead's diameter."""


def measure(path: Path, diameter: float, pixel_size: float = 1.0) -> FrameMeasurement:
    instrument = make_instrument(
        {"bead": {"diameter_um": diameter}, "optics": {"pixel_size_um": pixel_size}}, "test"
    )
    (image,) = list_images([path])
    return measure_frame(image.read(), instrument, load_recipe())


def near(found: FloatArray, truth: FloatArray, reach_px: float) -> BoolArray:
    """Which detections are within reach of which true beads, shape ``(found, truth)``."""
    offsets = found[:, None] - truth[None]
    return np.hypot(offsets[..., 0], offsets[..., 1]) <= reach_px


TRACKPY = [[113, 398], [128, 295], [24, 254], [363, 279], [290, 78]]
"""Where the beads are in the first frame; they diffuse by less than a diameter until the last."""


@pytest.mark.parametrize("index", range(0, 50, 5))
def test_trackpy_five_of_five_and_nothing_else(index: int) -> None:
    found = measure(REAL / "trackpy-brightfield" / f"bf_{index:04}.png", 2.12, 0.152)
    assert found.usable.sum() == len(found) == 5
    assert (near(found.profiles.center_px, np.array(TRACKPY), 14).sum(axis=0) == 1).all()
    assert (found.beads.confidence > 0.7).all()


@pytest.fixture(scope="module", params=[0.9, 1.0, 1.1])
def found(request: pytest.FixtureRequest) -> FrameMeasurement:
    """The qTrk field, with diameters of the bead off by up to a tenth."""
    return measure(REAL / "qtrk-field" / "00008153.jpg", request.param * TOUCHING_QTRK_PX)


@pytest.fixture(scope="module")
def truth() -> list[dict[str, str]]:
    with (FOLDER / "qtrk_truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestQtrk:
    """Dark discs with rings."""

    @staticmethod
    def of_kind(truth: list[dict[str, str]], *kinds: str) -> FloatArray:
        rows = [(t["y_px"], t["x_px"]) for t in truth if not kinds or t["kind"] in kinds]
        return np.array(rows, dtype=float)

    def test_isolated_beads_are_found_and_usable(
        self, found: FrameMeasurement, truth: list[dict[str, str]]
    ) -> None:
        hits = near(found.profiles.center_px, self.of_kind(truth, "isolated"), 5.5)
        assert hits.any(axis=0).all()
        assert hits[found.usable].any(axis=0).sum() >= 55

    def test_clusters_and_pairs_are_found_and_flagged(self, truth: list[dict[str, str]]) -> None:
        """Except two whose partners are beyond the edge; those are flagged for their shape."""
        found = measure(REAL / "qtrk-field" / "00008153.jpg", TOUCHING_QTRK_PX)
        hits = near(found.profiles.center_px, self.of_kind(truth, "touching"), 5.5)
        touching = (found.beads.flags & BeadFlag.TOUCHING) > 0
        assert hits.any(axis=0).all()
        assert hits[touching].any(axis=0).sum() >= 26
        assert not hits[found.usable].any()

    def test_other_objects_are_not_found(
        self, found: FrameMeasurement, truth: list[dict[str, str]]
    ) -> None:
        """For example the cell at (314, 1128) and debris at (997, 33)."""
        right = near(found.profiles.center_px, self.of_kind(truth), 5.5).any(axis=1)
        assert right[found.usable].all()
        assert np.count_nonzero(~right) <= 3
        no_bead = np.array([[314.0, 1128.0], [997.0, 33.0], [240.0, 656.0], [706.0, 59.0]])
        assert not near(found.profiles.center_px, no_bead, 11).any()


@pytest.mark.parametrize("index", [0, 12, 24, 36, 48])
def test_deeptrack_beads_with_bright_centres(index: int) -> None:
    """Example 3: about 22 beads; those that touch neither each other nor the border are usable."""
    found = measure(REAL / "deeptrack-frames" / f"example3_frame{index:02}.png", 36)
    flags = found.beads.flags
    assert 20 <= len(found) <= 26
    assert found.usable.sum() >= 8
    odd = (flags & (BeadFlag.ODD_SHAPE | BeadFlag.NO_CENTER)) > 0
    assert not odd[(flags & (BeadFlag.BORDER | BeadFlag.TOUCHING)) == 0].any()


@pytest.mark.parametrize("diameter", [12, 14, 16, 18])
@pytest.mark.parametrize("index", [0, 12, 24, 36, 48])
def test_deeptrack_bacteria_are_not_usable(index: int, diameter: float) -> None:
    """Example 4: swimming bacteria over a dense layer of faint beads of 12 to 18 px, all touching."""
    found = measure(REAL / "deeptrack-frames" / f"example4_frame{index:02}.png", diameter)
    assert not found.usable.any()
