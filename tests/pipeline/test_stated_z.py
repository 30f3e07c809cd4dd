"""Data sets whose metadata cannot be true: Z that is off by a factor, pixels of another size."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.core.flags import SweepFlag
from refp.measure.dataset import measure_dataset
from refp.models.tiles import plane_of_sweeps
from refp.pipeline import define_planes
from refp.pipeline.pixel_fit import pixel_size_note
from refp.pipeline.plane_files import read_pooled
from refp.pipeline.remarks import explain_undetermined
from refp.pipeline.training import train_model
from refp.settings import load_recipe
from refp.sweeps import DataSet, ZSweep, open_dataset

RunRefp = Callable[..., Any]


def with_z(dataset: DataSet, factor: float, name: str) -> DataSet:
    """The same images under Z divided by a factor, as another data set."""

    def change(sweep: ZSweep) -> ZSweep:
        key = replace(sweep.key, dataset=name)
        frames = tuple(replace(f, key=key, z_um=f.z_um / factor) for f in sweep.frames)
        return ZSweep(key, frames)

    return replace(dataset, name=name, sweeps=tuple(map(change, dataset.sweeps)))


@pytest.fixture
def right(tiny_sweep: Path) -> DataSet:
    return open_dataset(tiny_sweep)


@pytest.fixture
def write_stack(tiny_sweep: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write one sweep of the small data set as an OME-TIFF with a Z step and a pixel size."""
    (sweep, *_) = open_dataset(tiny_sweep).sweeps

    def write(step_um: float, pixel_um: float = 1.5) -> Path:
        stack = np.stack([frame.read() for frame in sweep.frames])
        sizes = {"PhysicalSizeX": pixel_um, "PhysicalSizeY": pixel_um, "PhysicalSizeZ": step_um}
        path = tmp_path / "sweep.ome.tif"
        metadata = {"axes": "ZYX", **sizes}
        tifffile.imwrite(path, stack, ome=True, photometric="minisblack", metadata=metadata)
        return path

    return write


def test_a_wrong_sweep_has_no_plane_and_no_part_in_the_others(right: DataSet) -> None:
    recipe = load_recipe()
    alone = define_planes([right], recipe).result
    planes = define_planes([with_z(right, 15.0, "wrong"), right], recipe)
    both = planes.result
    assert explain_undetermined(planes) == []  # a note of its own states the factor
    n = len(right.sweeps)
    assert all(plane.flags == SweepFlag.IMPLAUSIBLE_Z for plane in both.planes[:n])
    assert not any(plane.determined for plane in both.planes[:n])
    assert [p.refp_um for p in both.planes[n:]] == [p.refp_um for p in alone.planes]
    assert [p.refp_u_um for p in both.planes[n:]] == [p.refp_u_um for p in alone.planes]
    assert {int(k) for axis in both.axes for k in axis.shift_um} == set(range(n, 2 * n))
    assert not plane_of_sweeps(both.planes[:n], recipe.label)


def test_it_trains_no_model_unless_told_to(right: DataSet) -> None:
    wrong, recipe = with_z(right, 15.0, "wrong"), load_recipe()
    with pytest.raises(DataError, match="no sweep has a determined reference plane to train on"):
        train_model(define_planes([wrong], recipe), recipe)
    trusted = define_planes([wrong], recipe.replace("plane.check_z", False)).result
    assert all(plane.determined for plane in trusted.planes)
    assert all(plane.flags & SweepFlag.TRUSTED_Z for plane in trusted.planes)
    right_z = define_planes([right], recipe.replace("plane.check_z", False)).result
    assert not any(plane.flags for plane in right_z.planes)


def test_the_command_names_the_factor_and_refuses(
    run_refp: RunRefp, write_stack: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = write_stack(step_um=1.0), tmp_path / "planes"
    done = run_refp("plane", path, "--bead-diameter-um", "28", "-o", out, "--jobs", "1")
    assert done.code == 0
    assert "the stated Z is impossible" in done.stderr
    assert "a factor of about" in done.stderr
    with (out / "planes.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["refp_um"], row["flags"]) == ("", "implausible_z")
    with pytest.raises(DataError, match="that run determined no plane"):
        read_pooled(out / "pooled.npz", 1.5, 28.0)
    done = run_refp("inspect", path, "--bead-diameter-um", "28", "--json", "--jobs", "1")
    assert "the stated Z is impossible" in json.loads(done.stdout)[0]["notes"]


@pytest.mark.parametrize("stated_um", [1.0, 2.25, 4.0])
def test_the_pixel_size_that_fits_is_noted(
    write_stack: Callable[..., Path], stated_um: float
) -> None:
    path = write_stack(7.5, pixel_um=stated_um)
    recipe = load_recipe()
    note = pixel_size_note(
        measure_dataset(open_dataset(path, bead_diameter_um=28.0), recipe), recipe
    )
    fits_um = float(note.partition("fit about ")[2].split()[0])
    assert fits_um == pytest.approx(1.5, rel=0.1)


def test_the_right_pixel_size_is_not_noted(right: DataSet) -> None:
    recipe = load_recipe()
    assert pixel_size_note(measure_dataset(right, recipe), recipe) == ""
