"""What the figures of the article's study show."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from refp.reports import svg_text
from refp.reports.study import (
    draw_assay,
    draw_centers,
    draw_families,
    draw_fraction_within,
    draw_normalisations,
    draw_pipelines,
    draw_study_errors,
)
from refp.reports.style import FLAGGED, USED

FOUR = tuple(f"A2K test {i}" for i in (1, 2, 3, 4))
TRAINED_UM = (-120.0, 90.0)


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def spans(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Return left, right, bottom and top of each shaded span, in its own coordinates."""
    rectangles = [p for p in axes.patches if isinstance(p, Rectangle)]
    return [
        (r.get_x(), r.get_x() + r.get_width(), r.get_y(), r.get_y() + r.get_height())
        for r in rectangles
    ]


def marked(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """Return the points of a filled marker."""
    lines = [
        line
        for line in axes.get_lines()
        if line.get_marker() == marker and line.get_markerfacecolor() != "none"
    ]
    return [tuple(point) for line in lines for point in line.get_xydata()]


def draw_all(make: SimpleNamespace, *, empty: bool = False, unknown: bool = False) -> list[Figure]:
    """Draw every figure from its table without a row, or without a known number."""

    def of(table: pd.DataFrame) -> pd.DataFrame:
        if empty:
            return table.iloc[:0]
        numbers = table.select_dtypes("number").columns if unknown else []
        return table.assign(**dict.fromkeys(numbers, np.nan))

    pixels, summary, tiles = make.centers()
    return [
        draw_assay(of(make.points()), of(make.fit()), "t"),
        draw_centers(of(pixels), of(summary), tiles, "t"),
        draw_pipelines(of(make.pipelines()), TRAINED_UM, "t"),
        draw_normalisations(of(make.normalisations()), "t"),
        draw_fraction_within(of(make.shares()), "t"),
        draw_study_errors(of(make.tests()), TRAINED_UM, 7.5, "t"),
        draw_families(of(make.families()), "t"),
    ]


SENTENCES = (
    "no result with a known dZ",
    "no bead to show",
    "no image with a known error",
    "no image with a known error",
    "no fraction to show",
    "no image with a known dZ",
    "no result of a family",
)


class TestAll:
    def test_a_table_without_a_row_gives_a_sentence(self, make: SimpleNamespace) -> None:
        for figure, sentence in zip(draw_all(make, empty=True), SENTENCES, strict=True):
            assert sentence in texts(figure)

    def test_a_table_without_a_number_gives_a_sentence_or_says_what_is_not_known(
        self, make: SimpleNamespace
    ) -> None:
        assay, centers, *others = draw_all(make, unknown=True)
        assert SENTENCES[0] in texts(assay)
        assert "CI not known" in texts(centers)
        assert "offset not known" in texts(centers)
        for figure, sentence in zip(others, SENTENCES[2:], strict=True):
            assert sentence in texts(figure)

    def test_svg_is_the_same_every_time(self, make: SimpleNamespace) -> None:
        for first, second in zip(draw_all(make), draw_all(make), strict=True):
            assert svg_text(first) == svg_text(second)

    def test_exposures_not_known(self, make: SimpleNamespace) -> None:
        nan = (float("nan"),)
        figures = [
            draw_pipelines(make.pipelines(nan), TRAINED_UM),
            draw_normalisations(make.normalisations(nan)),
            draw_study_errors(make.tests(exposures_ms=nan), TRAINED_UM, 7.5),
        ]
        for figure in figures:
            assert legend(figure)[0] == "exposure not known"
            assert len(marked(figure.axes[-1], "o")) > 20
        shares = draw_fraction_within(make.shares(exposures_ms=nan))
        assert "exposure\nnot known" in texts(shares)
        assert len(shares.axes[0].lines) == 12

    def test_hostile_names(self, make: SimpleNamespace) -> None:
        name = "<b>$x_{</b> \N{CJK UNIFIED IDEOGRAPH-7126} " + "x" * 80
        svg_text(draw_assay(make.points([name]), make.fit([name]).assign(unit="$%")))
        svg_text(draw_fraction_within(make.shares([name], (12.0,)), name))
        svg_text(draw_families(make.families(1).assign(dataset=name, family=name)))
        pixels, summary, tiles = make.centers(1)
        tiles = {name: tiles["bead 1"]}
        svg_text(draw_centers(pixels.assign(case=name), summary.assign(case=name), tiles))


class TestAssay:
    def test_bands_and_slope_stand_where_the_table_says(
        self, points: pd.DataFrame, fit: pd.DataFrame
    ) -> None:
        fit.loc[1, ["result_at_plane", "slope_per_um", "tolerance_high_um"]] = [79.0, -0.2, 12.5]
        axes = draw_assay(points, fit).axes[1]
        dz, result = spans(axes)
        np.testing.assert_allclose(dz[:2], (-25, 12.5))
        np.testing.assert_allclose(result[2:], (76.5, 81.5))
        (slope,) = (line for line in axes.lines if to_hex(line.get_color()) == FLAGGED)
        (x0, y0), (x1, y1) = slope.get_xydata()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(-0.2)
        assert x0 + x1 == pytest.approx(0)
        assert y0 + y1 == pytest.approx(2 * 79)

    def test_labels_units_and_scale(self, points: pd.DataFrame, fit: pd.DataFrame) -> None:
        figure = draw_assay(points, fit, "Viability")
        assert len(figure.axes) == 3
        assert len({axes.get_ylim() for axes in figure.axes}) == 1
        shown = texts(figure)
        minus, spread = "\N{MINUS SIGN}", "\N{PLUS-MINUS SIGN}"
        assert f"slope {minus}0.1000 {spread} 0.0040 %/um" in shown
        assert f"tolerated {minus}25.0 to +25.0 um" in shown
        assert "viability (%)" in shown
        assert "dZ (um)" in shown
        assert legend(figure)[1:] == ["slope at the plane", "allowed result", "tolerated dZ"]

    def test_a_tolerance_with_one_end_is_a_line(self, make: SimpleNamespace) -> None:
        one = FOUR[:1]
        figure = draw_assay(make.points(one), make.fit(one).assign(tolerance_low_um=np.nan))
        assert len(spans(figure.axes[0])) == 1
        assert "tolerated up to +25.0 um" in texts(figure)
        assert "tolerated dZ" not in legend(figure)

    def test_other_quantities_have_other_scales(
        self, points: pd.DataFrame, fit: pd.DataFrame
    ) -> None:
        fit.loc[2, ["result_name", "unit", "result_at_plane"]] = ["cells", None, 2000.0]
        points.loc[points["dataset"] == FOUR[2], "result"] *= 25
        first, second, third = draw_assay(points, fit).axes
        assert first.get_ylim() == second.get_ylim() != third.get_ylim()
        assert [a.get_ylabel() for a in (first, third)] == ["viability (%)", "cells"]

    def test_points_without_a_fit(self, points: pd.DataFrame, fit: pd.DataFrame) -> None:
        figure = draw_assay(points, fit.iloc[:2])
        assert [len(spans(axes)) for axes in figure.axes] == [2, 2, 0]
        assert len(marked(figure.axes[2], "o")) == 21
        assert len({axes.get_ylim() for axes in figure.axes}) == 1


Centers = tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]


class TestCenters:
    def test_both_centers_are_marked_at_their_places(self, centers: Centers) -> None:
        figure = draw_centers(*centers)
        assert len(figure.axes) == 8
        for axes in figure.axes[:2]:
            assert marked(axes, "+")[-1] == (32, 32)
            np.testing.assert_allclose(marked(axes, "x")[-1], (32 - 1.1, 32 + 1.4))
            colors = {line.get_marker(): line.get_color() for line in axes.lines}
            assert colors == {"+": FLAGGED, "x": USED}

    def test_profiles_share_a_scale_and_tell_ci(self, centers: Centers) -> None:
        tile, bead = draw_centers(*centers).axes[2:4]
        assert tile.get_ylim() == bead.get_ylim()
        assert tile.get_title() == "tile's centre: CI 1.400"
        assert bead.get_title() == "bead's centre: CI 1.725"
        assert tile.get_ylabel() == "grey level"
        assert marked(tile, "o") != marked(bead, "o")
        assert [axes.lines[0].get_color() for axes in (tile, bead)] == [FLAGGED, USED]

    def test_the_spline_is_drawn_by_distance(self, centers: Centers) -> None:
        pixels, summary, tiles = centers
        shuffled = pixels.sample(frac=1, random_state=1)
        line = draw_centers(shuffled, summary, tiles).axes[3].lines[1]
        assert np.all(np.diff(line.get_xdata()) >= 0)
        rows = pixels[(pixels["case"] == "bead 1") & (pixels["about"] == "bead")]
        assert np.sort(line.get_ydata()) == pytest.approx(np.sort(rows["fitted"]))

    def test_a_case_without_a_tile_or_numbers(self, make: SimpleNamespace) -> None:
        pixels, summary, _ = make.centers(1)
        figure = draw_centers(pixels, summary.iloc[:0], {})
        assert [len(axes.images) for axes in figure.axes] == [0] * 4
        assert "CI not known" in texts(figure)


class TestPipelines:
    def test_whole_images_first_on_one_scale(self, pipelines: pd.DataFrame) -> None:
        whole, beads = draw_pipelines(pipelines, TRAINED_UM).axes
        assert whole.get_ylim() == beads.get_ylim()
        rows = pipelines[pipelines["pipeline"] == "whole image"]
        rms = np.sqrt(np.mean(rows["error_um"] ** 2))
        assert whole.get_title() == f"whole image\nRMS {rms:.3g} um"
        assert len(marked(whole, "o")) == len(rows)
        assert pipelines["error_um"].abs().max() < whole.get_ylim()[1]
        assert any(list(line.get_ydata()) == [0, 0] for line in beads.lines)

    def test_what_was_not_trained_is_hatched(self, pipelines: pd.DataFrame) -> None:
        figure = draw_pipelines(pipelines, (-100.0, 500.0))
        for axes in figure.axes:
            ((left, right, _, _),) = spans(axes)
            assert (left, right) == (axes.get_xlim()[0], -100)
            assert axes.patches[0].get_hatch()
        assert "outside the trained range" in legend(figure)

    @pytest.mark.parametrize("trained_um", [(np.nan, np.nan), (-500.0, 500.0)])
    def test_nothing_to_hatch(
        self, pipelines: pd.DataFrame, trained_um: tuple[float, float]
    ) -> None:
        figure = draw_pipelines(pipelines, trained_um)
        assert [spans(axes) for axes in figure.axes] == [[], []]
        assert "outside the trained range" not in legend(figure)

    def test_all_of_it_outside(self, pipelines: pd.DataFrame) -> None:
        axes = draw_pipelines(pipelines, (400.0, 500.0)).axes[0]
        assert [span[:2] for span in spans(axes)] == [axes.get_xlim()]

    def test_one_pipeline(self, pipelines: pd.DataFrame) -> None:
        beads = pipelines[pipelines["pipeline"] == "beads"]
        assert len(draw_pipelines(beads, TRAINED_UM).axes) == 1


class TestNormalisations:
    def test_rows_in_the_order_of_the_article(self, normalisations: pd.DataFrame) -> None:
        figure = draw_normalisations(normalisations)
        names = [axes.get_title().split(":")[0] for axes in figure.axes[::2]]
        assert names == ["no normalisation", "Z-score", "mean subtracted", "divided by background"]
        assert len({axes.get_xlim() for axes in figure.axes}) == 1
        assert len({axes.get_ylim() for axes in figure.axes[::2]}) == 1

    def test_the_narrow_scale_holds_all_but_the_worst(self, normalisations: pd.DataFrame) -> None:
        figure = draw_normalisations(normalisations)
        (reach,) = {axes.get_ylim()[1] for axes in figure.axes[1::2]}
        good = normalisations[normalisations["normalisation"] != "center"]["error_um"]
        assert reach == pytest.approx(1.15 * good.abs().max())
        worst = normalisations[normalisations["normalisation"] == "center"]["error_um"]
        ups, downs = (marked(figure.axes[5], marker) for marker in "^v")
        assert (len(ups), len(downs)) == ((worst > reach).sum(), (worst < -reach).sum())
        assert all(0.9 * reach < y < reach for _, y in ups)
        assert all(-reach < y < -0.9 * reach for _, y in downs)
        assert f"{len(ups) + len(downs)} of {len(worst)} beyond it" in texts(figure)
        assert legend(figure)[-1] == "beyond the scale"

    def test_an_image_far_off_does_not_stretch_the_narrow_scale(
        self, normalisations: pd.DataFrame
    ) -> None:
        before = draw_normalisations(normalisations).axes[1].get_ylim()
        normalisations.loc[normalisations["normalisation"].eq("none").idxmax(), "error_um"] = 70.0
        axes = draw_normalisations(normalisations).axes
        assert axes[1].get_ylim()[1] <= before[1]
        assert axes[0].get_ylim()[1] > 70
        assert len(marked(axes[1], "^")) == 1

    def test_one_normalisation(self, normalisations: pd.DataFrame) -> None:
        alone = normalisations[normalisations["normalisation"] == "none"]
        full, narrow = draw_normalisations(alone).axes
        assert full.get_ylim() == narrow.get_ylim()
