"""Texts of refusals: JPEG images are told apart, with the measured quality."""

import json
from pathlib import Path
from typing import get_args

import pytest

from refp.estimate.focus_estimate import Reason
from refp.web.wording.remedies import JPEG, JPEG_QUALITY, REMEDIES, remedy_of

MEASURED = Path(__file__).parents[3] / "benchmarks" / "accuracy" / "compression.json"


def test_only_jpeg_images_unlike_the_training_name_compression() -> None:
    assert remedy_of("unlike_training", ".jpg") is JPEG
    assert remedy_of("unlike_training", ".tif") is REMEDIES["unlike_training"]
    assert remedy_of("no_beads", ".jpg") is REMEDIES["no_beads"]
    assert remedy_of("none", ".jpg") is None


def test_every_code_has_a_text() -> None:
    codes = set(get_args(Reason)) - {""}
    assert REMEDIES.keys() == codes


@pytest.mark.skipif(not MEASURED.is_file(), reason="benchmarks are not part of the source archive")
def test_quality_is_that_measured() -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    assert max(measured["lowest_quality"].values()) == JPEG_QUALITY
    assert not any(row["silently_wrong"] for row in measured["rows"])
