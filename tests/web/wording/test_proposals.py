"""Texts of a folder whose names are not read."""

import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

from refp.web.job import Proposal
from refp.web.wording.proposals import describe_contents, describe_reading

PROPOSAL = Proposal(
    number=0,
    stated="",
    kinds=[{"n": 24, "suffix": ".tif", "size": "640x480 uint8"}],
    folders=[{"n": 1, "name": "a", "has_sweep_file": True}],
    n_folders=3,
    left_out=[{"name": "b.tif", "reason": "several channels; give --channel"}],
    n_left_out=2,
    holds_datasets=False,
    pattern="z{z_um}.tif",
    needs_step=False,
    needs_instrument=False,
    problem="",
    names=["z1.tif", "z2.tif", "z3.tif"],
    n_names=24,
    n_frames=[12, 12],
    examples=[],
)


def test_contents() -> None:
    assert describe_contents(PROPOSAL) == [
        "24 images, .tif, 640x480 uint8",
        "folder a: 1 image, sweep.toml",
        "2 more folders",
        "not readable: b.tif: several channels; fill in “Channel”",
        "1 more that are not readable",
    ]


@pytest.mark.parametrize(
    ("n_frames", "text"),
    [
        ([12, 12], "It reads 24 of 24 images: 2 sweeps of 12 frames."),
        ([20], "It reads 20 of 24 images: 1 sweep of 20 frames."),
        (
            [5, 5, 4, 2, 1],
            "It reads 17 of 24 images: 2 sweeps of 5 frames, 1 sweep of 4 frames, 2 of other lengths.",
        ),
    ],
)
def test_reading(n_frames: list[int], text: str) -> None:
    proposal = PROPOSAL.copy()
    proposal["n_frames"] = n_frames
    assert describe_reading(proposal) == text
