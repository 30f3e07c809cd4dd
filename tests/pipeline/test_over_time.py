"""Estimates of a time-lapse over its time points: the table and the figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from refp.core.errors import DataError
from refp.pipeline.over_time import check_over_time, over_time_table
from refp.reports import svg_text
from refp.reports.over_time import draw_over_time
from refp.sweeps import SingleImage, list_images


def row(dz_um: float) -> dict[str, object]:
    return {"delta_z_um": dz_um, "lower_um": dz_um - 1, "upper_um": dz_um + 1}


def write(path: Path, n: int, axes: str) -> Path:
    pixels = np.zeros((n, 32, 32), dtype=np.uint8)
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata={"axes": axes})
    return path


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_pages_are_time_points(tmp_path: Path, axes: str) -> None:
    paths = [write(tmp_path / f"{name}.ome.tif", n, axes) for name, n in (("a", 3), ("b", 2))]
    images = list_images(paths)
    table = over_time_table(images, [row(k) for k in range(5)])
    assert table["series"].tolist() == ["a.ome.tif"] * 3 + ["b.ome.tif"] * 2
    assert table["t"].tolist() == [0, 1, 2, 0, 1]
    assert table["delta_z_um"].tolist() == [0, 1, 2, 3, 4]


def test_files_of_one_image_are_one_series(tmp_path: Path) -> None:
    images = [SingleImage(tmp_path / f"{k}.tif") for k in range(3)]
    table = over_time_table(images, [row(k) for k in range(3)])
    assert (table["series"].nunique(), table["t"].tolist()) == (1, [0, 1, 2])


def test_one_image_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one image"):
        check_over_time([SingleImage(tmp_path / "a.tif")])


def test_the_figure_has_axes_values_and_refusals() -> None:
    dz_um = np.array([0.0, 1.0, np.nan, 3.0])
    table = pd.DataFrame(
        {
            "series": "a.tif",
            "t": range(4),
            "delta_z_um": dz_um,
            "lower_um": dz_um - 1,
            "upper_um": dz_um + 1,
        }
    )
    figure = draw_over_time(table, 5.0, "a")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time point", "dZ (um)")
    values, refused = axes.lines[:2]
    assert np.array_equal(values.get_ydata(), dz_um, equal_nan=True)
    assert np.array_equal(refused.get_xdata(), [2])
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert entries == ["dZ with its 95 % interval", "refused", "within 5 um"]
    nothing = draw_over_time(table.assign(delta_z_um=np.nan), float("nan"))
    assert "every image was refused" in nothing.axes[0].texts[0].get_text()
    assert "<svg" in svg_text(nothing)
