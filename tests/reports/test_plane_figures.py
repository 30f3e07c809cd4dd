"""What the figures about stage, uncertainty, beads and differences show."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from refp.reports import (
    PlaneTables,
    describe_bead_planes,
    describe_budget,
    describe_comparison,
    describe_stage_errors,
    draw_bead_planes,
    draw_budget,
    draw_comparison,
    draw_stage_errors,
    svg_text,
)
from refp.reports.budget import MAX_PLANES, TERM_COLORS, budget_matrix
from refp.reports.comparison import MAX_ROWS, choose_differences
from refp.reports.panels import pick
from refp.reports.stage import MAX_FIELDS

EMPTY = pd.DataFrame()
LONG = "a data set, with commas and a $ sign, " * 8


def texts(artist: Figure | Axes) -> str:
    return "\n".join(t.get_text() for t in artist.findobj(Text))


def points(axes: Axes, marker: str) -> list[Line2D]:
    lines = [line for line in axes.get_lines() if line.get_marker() == marker]
    return [line for line in lines if len(np.atleast_1d(line.get_xdata()))]


def count(lines: list[Line2D]) -> int:
    return sum(len(np.atleast_1d(line.get_xdata())) for line in lines)


class TestStageErrors:
    @pytest.fixture
    def curves(self, fakes: SimpleNamespace) -> pd.DataFrame:
        return fakes.more()[0]

    def test_labels_units_and_what_was_found(self, curves: pd.DataFrame, more: PlaneTables) -> None:
        figure = draw_stage_errors(curves, more.fields, "A2K training")
        shown = texts(figure)
        for text in ("nominal Z (um)", "found minus nominal Z (um)", "A2K training", "24 ms"):
            assert text in shown
        n = int((curves["fov"] == "1").sum())
        found = f"repeatability 2.50 \N{PLUS-MINUS SIGN} 0.12 um\n{n - 2} of {n} frames"
        assert found in texts(figure.axes[0])
        assert "2.60" in texts(figure.axes[1])

    def test_every_trusted_frame_is_a_filled_point(
        self, curves: pd.DataFrame, more: PlaneTables
    ) -> None:
        axes = draw_stage_errors(curves, more.fields).axes[0]
        filled = [line for line in points(axes, "o") if line.get_markerfacecolor() != "white"]
        rows = curves[(curves["fov"] == "1") & curves["trusted"]]
        drawn = np.sort(np.concatenate([np.asarray(line.get_ydata()) for line in filled]))
        np.testing.assert_allclose(drawn, np.sort(rows["stage_error_um"]))

    def test_frames_left_out_are_hollow_and_do_not_stretch_the_scale(
        self, curves: pd.DataFrame, more: PlaneTables
    ) -> None:
        axes = draw_stage_errors(curves, more.fields).axes[0]
        hollow = [line for line in points(axes, "o") if line.get_markerfacecolor() == "white"]
        beyond = points(axes, "^")
        assert (count(hollow), count(beyond)) == (1, 1)
        assert beyond[0].get_ydata()[0] < axes.get_ylim()[1] < 31.0
        assert beyond[0].get_markerfacecolor() == "white"

    def test_bars_are_one_u(self, curves: pd.DataFrame, more: PlaneTables) -> None:
        axes = draw_stage_errors(curves, more.fields).axes[0]
        bars = axes.findobj(LineCollection)[0].get_segments()
        first = curves[(curves["fov"] == "1") & (curves["exposure_ms"] == 6)].iloc[0]
        low, high = bars[0][:, 1]
        assert (high - low) / 2 == pytest.approx(first["stage_error_u_um"])
        assert (high + low) / 2 == pytest.approx(first["stage_error_um"])

    def test_the_band_is_the_repeatability_of_its_field(
        self, curves: pd.DataFrame, more: PlaneTables
    ) -> None:
        for axes, sigma in zip(
            draw_stage_errors(curves, more.fields).axes, more.fields["stage_sigma_um"], strict=True
        ):
            (band,) = [p for p in axes.patches if isinstance(p, Rectangle)]
            assert band.get_y() == pytest.approx(-sigma)
            assert band.get_height() == pytest.approx(2 * sigma)

    def test_panels_share_one_scale_about_zero(
        self, curves: pd.DataFrame, more: PlaneTables
    ) -> None:
        low, high = draw_stage_errors(curves, more.fields).axes[0].get_ylim()
        assert {a.get_ylim() for a in draw_stage_errors(curves, more.fields).axes} == {(low, high)}
        assert low == -high

    def test_one_field_without_its_repeatability(self, fakes: SimpleNamespace) -> None:
        curves, _, more = fakes.more(1)
        for fields in (EMPTY, more.fields.assign(stage_sigma_um=np.nan, stage_sigma_u_um=np.nan)):
            (axes,) = draw_stage_errors(curves, fields).axes
            assert "repeatability" not in texts(axes)
            assert not axes.patches

    def test_some_of_many_fields_are_drawn_and_the_caption_says_so(
        self, fakes: SimpleNamespace
    ) -> None:
        curves, _, more = fakes.more(20, 60.0)
        assert len(draw_stage_errors(curves, more.fields).axes) == MAX_FIELDS
        caption = describe_stage_errors(curves)
        assert f"{MAX_FIELDS} of 20 fields of view" in caption
        assert "2 of them left out" in caption
        assert "beads per image" in caption

    def test_nothing_was_placed(self, curves: pd.DataFrame, more: PlaneTables) -> None:
        absent = curves.drop(columns=["stage_error_um", "stage_error_u_um", "trusted"])
        unknown = curves.assign(stage_error_um=np.nan, trusted=np.nan)
        for table in (absent, unknown, curves[:0]):
            assert "no frame was placed" in texts(draw_stage_errors(table, more.fields))
            assert "0 of 0" in describe_stage_errors(table)

    def test_all_left_out_and_u_not_known(self, curves: pd.DataFrame, more: PlaneTables) -> None:
        table = curves.assign(trusted=False, stage_error_u_um=np.nan)
        svg_text(draw_stage_errors(table, more.fields))

    def test_hostile_names_and_exposures_not_known(self, fakes: SimpleNamespace) -> None:
        curves, _, more = fakes.more(2, 60.0, LONG)
        svg_text(draw_stage_errors(curves.assign(exposure_ms=np.nan), more.fields, LONG))


def rectangles(axes: Axes) -> list[Rectangle]:
    return [p for p in axes.patches if isinstance(p, Rectangle)]


class TestBudget:
    def test_labels_units_and_terms(self, more: PlaneTables) -> None:
        shown = texts(draw_budget(more.budget, "A2K training"))
        for text in (
            "fraction of the variance (%)",
            "u (um)",
            "exp 1, FOV 2, 12 ms",
            "bead heights",
        ):
            assert text in shown

    def test_shares_of_a_plane_fill_its_bar(self, more: PlaneTables) -> None:
        parts = rectangles(draw_budget(more.budget).axes[0])
        top = [p for p in parts if p.get_y() < 0]
        assert sum(p.get_width() for p in top) == pytest.approx(100)
        terms = more.budget[(more.budget["fov"] == "1") & (more.budget["exposure_ms"] == 6)]
        squares = terms["u_um"].to_numpy() ** 2
        expected = np.sort(100 * squares / squares.sum())
        np.testing.assert_allclose(np.sort([p.get_width() for p in top]), expected)

    def test_the_combined_u_is_drawn_and_written(self, more: PlaneTables) -> None:
        sizes = draw_budget(more.budget).axes[1]
        expected = more.intervals["u_um"].to_numpy()
        np.testing.assert_allclose([p.get_width() for p in rectangles(sizes)], expected)
        for u in expected:
            assert f"{u:.2f}" in texts(sizes)

    def test_a_term_keeps_its_color_whatever_stands_beside_it(self, more: PlaneTables) -> None:
        alone = more.budget[more.budget["term"] == "bead heights"]
        for budget in (more.budget, alone):
            faces = {p.get_facecolor()[:3] for p in rectangles(draw_budget(budget).axes[0])}
            assert to_rgb(TERM_COLORS["bead heights"]) in faces

    def test_colors_differ_to_eyes_that_see_no_red(self) -> None:
        # Protanopia after Vienot, Brettel and Mollon (1999), in linear light.
        lost = np.array([[0.1124, 0.8876, 0], [0.1124, 0.8876, 0], [0.004, -0.004, 1]])
        seen = np.array([lost @ np.array(to_rgb(c)) ** 2.2 for c in TERM_COLORS.values()])
        apart = np.linalg.norm(seen[:, None] ** (1 / 2.2) - seen[None] ** (1 / 2.2), axis=2)
        assert apart[~np.eye(len(seen), dtype=bool)].min() > 0.1

    def test_a_term_given_twice_combines_in_quadrature(self, more: PlaneTables) -> None:
        twice = pd.concat([more.budget, more.budget], ignore_index=True)
        expected = np.sqrt(2) * budget_matrix(more.budget)
        pd.testing.assert_frame_equal(budget_matrix(twice), expected)

    def test_terms_not_known_come_last_and_missing_ones_are_nothing(
        self, more: PlaneTables
    ) -> None:
        other = more.budget[:1].assign(term="the moon", u_um=0.2)
        matrix = budget_matrix(pd.concat([other, more.budget], ignore_index=True))
        assert list(matrix.columns)[-1] == "the moon"
        assert list(matrix["the moon"]) == [pytest.approx(0.2), 0, 0, 0, 0, 0]

    def test_sixty_planes(self, fakes: SimpleNamespace) -> None:
        _, planes, more = fakes.more(20, 60.0)
        figure = draw_budget(more.budget)
        rows = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        assert len(rows) == len(set(rows)) == MAX_PLANES
        worst = ["FOV 1, 24 ms", "FOV 2, 6 ms", "FOV 2, 12 ms", "FOV 2, 24 ms"]
        assert rows[-4:] == [f"exp 10, {plane}" for plane in worst]
        assert rows[0] == "exp 1, FOV 1, 6 ms"
        caption = describe_budget(more.budget, planes)
        assert f"{MAX_PLANES} of 60 planes shown, the most uncertain ones among them" in caption

    def test_nothing_to_show(self, more: PlaneTables, planes: pd.DataFrame) -> None:
        for budget in (EMPTY, more.budget[:0], more.budget.assign(u_um=np.nan)):
            assert "no uncertainty to show" in texts(draw_budget(budget))
            assert "0 of 0" in describe_budget(budget, planes)

    def test_no_uncertainty_at_all_and_hostile_names(self, fakes: SimpleNamespace) -> None:
        more = fakes.more(2, 60.0, LONG)[2]
        svg_text(draw_budget(more.budget.assign(u_um=0.0), LONG))


def bead_points(axes: Axes) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_marker() == "o"]


class TestBeadPlanes:
    def test_labels_units_and_tilt(self, more: PlaneTables) -> None:
        figure = draw_bead_planes(more.beads, more.fields, "A2K training")
        shown = texts(figure)
        for text in ("x (px)", "y (px)", "height above the field's plane (um)", "A2K training"):
            assert text in shown
        assert "rise along y 4.00 \N{PLUS-MINUS SIGN} 0.60 um / 1000 px" in shown
        assert "along x \N{MINUS SIGN}1.00 \N{PLUS-MINUS SIGN} 0.50 um / 1000 px" in shown

    def test_beads_stand_where_they_are_y_down(self, more: PlaneTables) -> None:
        axes = draw_bead_planes(more.beads, more.fields).axes[0]
        bottom, top = axes.get_ylim()
        assert bottom > top
        assert axes.get_aspect() == 1.0
        rows = more.beads[more.beads["fov"] == "1"]
        places = [(line.get_xdata()[0], line.get_ydata()[0]) for line in bead_points(axes)]
        np.testing.assert_allclose(places, rows[["x_px", "y_px"]])
        numbers = [t.get_text() for t in axes.texts]
        assert set(map(str, range(10))) <= set(numbers)

    def test_colors_go_about_zero_and_a_bead_far_off_does_not_stretch_them(
        self, more: PlaneTables
    ) -> None:
        beads = more.beads.assign(height_um=[-2.0, *[0.5] * 8, 26.0] * 2)
        figure = draw_bead_planes(beads, more.fields)
        low, high = figure.axes[-1].get_ylim()
        assert (low, high) == (-2.0, 2.0)
        faces = [to_rgb(line.get_markerfacecolor()) for line in bead_points(figure.axes[0])]
        blue, red = faces[0], faces[1]
        assert blue[2] > blue[0]
        assert red[0] > red[2]

    def test_beads_off_the_plane_are_hollow_with_their_height(self, more: PlaneTables) -> None:
        axes = draw_bead_planes(more.beads, more.fields).axes[0]
        hollow = [b for b in bead_points(axes) if b.get_markerfacecolor() == "white"]
        assert len(hollow) == 1
        assert "+26.0 um" in texts(axes)

    def test_lines_of_equal_height_lie_on_the_slide(self, more: PlaneTables) -> None:
        axes = draw_bead_planes(more.beads, more.fields).axes[0]
        rows = more.beads[more.beads["fov"] == "1"]
        tilt = np.array([0.004, -0.001])
        offset = (rows["slide_um"] - rows[["y_px", "x_px"]].to_numpy() @ tilt).mean()
        (lines,) = [c for c in axes.collections if hasattr(c, "levels")]
        for level, path in zip(lines.levels, lines.get_paths(), strict=True):
            for x, y in path.vertices:
                assert offset + tilt @ (y, x) == pytest.approx(level, abs=1e-6)

    def test_heights_of_few_beads_are_written_and_lines_are_labelled_among_many(
        self, more: PlaneTables
    ) -> None:
        few = texts(draw_bead_planes(more.beads, more.fields).axes[0]).split("\n")
        first = more.beads[(more.beads["fov"] == "1") & ~more.beads["off_plane"]]
        written = {f"{height:+.1f}".replace("-", "\N{MINUS SIGN}") for height in first["height_um"]}
        assert written <= set(few)
        many = pd.concat([more.beads, more.beads.assign(bead=more.beads["bead"] + 10)])
        axes = draw_bead_planes(many, more.fields).axes[0]
        labels = [text for text in texts(axes).split("\n") if text.endswith(" um")]
        assert len(labels) > 2
        assert not written & set(texts(axes).split("\n"))

    @pytest.mark.parametrize("tilt", [np.nan, 0.0, 1e-300, 1e-15, 10.0])
    def test_any_tilt(self, more: PlaneTables, tilt: float) -> None:
        fields = more.fields.assign(tilt_y_um_per_px=tilt, tilt_x_um_per_px=tilt)
        figure = draw_bead_planes(more.beads, fields)
        svg_text(figure)
        assert ("too few beads for a tilt" in texts(figure)) == np.isnan(tilt)

    def test_a_field_without_a_row_has_no_slide(self, more: PlaneTables) -> None:
        for fields in (EMPTY, more.fields[:1]):
            assert "slide not fitted" in texts(draw_bead_planes(more.beads, fields).axes[1])

    def test_one_bead_and_beads_in_a_row(self, more: PlaneTables) -> None:
        svg_text(draw_bead_planes(more.beads[:1].assign(height_um=0.0), more.fields))
        for column in ("x_px", "y_px"):
            width, height = draw_bead_planes(
                more.beads.assign(**{column: 400.0}), more.fields
            ).get_size_inches()
            assert 0.2 < height / width < 1.5

    def test_heights_not_known(self, more: PlaneTables) -> None:
        svg_text(draw_bead_planes(more.beads.assign(height_um=np.nan), more.fields))

    def test_many_beads_are_smaller_and_not_numbered(self, more: PlaneTables) -> None:
        many = pd.concat([more.beads[more.beads["fov"] == "1"]] * 5, ignore_index=True)
        figure = draw_bead_planes(many, more.fields)
        assert "with its number" not in texts(figure)
        few = bead_points(draw_bead_planes(more.beads, more.fields).axes[0])
        assert bead_points(figure.axes[0])[0].get_markersize() < few[0].get_markersize()

    def test_some_of_many_fields(self, fakes: SimpleNamespace) -> None:
        more = fakes.more(20, 60.0)[2]
        assert len(draw_bead_planes(more.beads, more.fields).axes) == 6 + 1
        caption = describe_bead_planes(more.beads)
        for text in ("6 of 20 fields of view", "60 beads, 6 of them off", "uncertainty 0.2"):
            assert text in caption

    def test_no_bead_and_hostile_names(self, fakes: SimpleNamespace) -> None:
        more = fakes.more(2, 60.0, LONG)[2]
        svg_text(draw_bead_planes(more.beads, more.fields, LONG))
        for beads in (EMPTY, more.beads[:0]):
            assert "no bead has a plane" in texts(draw_bead_planes(beads, more.fields))
            assert "No bead" in describe_bead_planes(beads)


class TestComparison:
    def test_labels_units_and_order(self, more: PlaneTables) -> None:
        figure = draw_comparison(more.comparison, "A2K training")
        shown = texts(figure)
        for text in (
            "second minus first (um)",
            "95 % interval",
            "between exposures, exp 1",
            "FOV 2: 12 ms \N{MINUS SIGN} 6 ms",
            "exp 1, FOV 2 \N{MINUS SIGN} exp 1, FOV 1",
            "+8.80",
        ):
            assert text in shown
        assert [a.get_title(loc="left") for a in figure.axes] == [
            "between exposures, exp 1",
            "between fields of view",
        ]

    def test_points_and_intervals_stand_where_the_table_says(self, more: PlaneTables) -> None:
        axes = draw_comparison(more.comparison).axes[0]
        rows = more.comparison[more.comparison["kind"] == "exposure"]
        drawn = [float(line.get_xdata()[0]) for line in bead_points(axes)]
        np.testing.assert_allclose(drawn, rows["difference_um"])
        ends = [c.get_segments()[0][:, 0] for c in axes.findobj(LineCollection)]
        np.testing.assert_allclose(ends, rows[["lower_um", "upper_um"]])
        (zero,) = [line for line in axes.get_lines() if line.get_marker() != "o"]
        assert list(zero.get_xdata()) == [0, 0]

    def test_intervals_that_exclude_zero_stand_out(self, more: PlaneTables) -> None:
        exposures, fields = draw_comparison(more.comparison).axes
        (muted,) = {(line.get_marker(), line.get_color()) for line in exposures.get_lines()[1:]}
        (distinct,) = {(line.get_marker(), line.get_color()) for line in fields.get_lines()[1:]}
        assert muted[0] != distinct[0]  # for readers without colours too
        assert muted[1] != distinct[1]

    def test_a_negative_difference_stands_out_too(self, more: PlaneTables) -> None:
        table = more.comparison.assign(difference_um=-2.0, lower_um=-3.0, upper_um=-1.0)
        shown = texts(draw_comparison(table))
        assert "\N{MINUS SIGN}2.00" in shown
        assert "interval contains 0" not in shown

    def test_a_very_wide_interval_does_not_squeeze_the_others(self, more: PlaneTables) -> None:
        table = more.comparison.assign(kind="exposure")
        table.loc[0, ["lower_um", "upper_um"]] = [-500.0, 500.0]
        assert 8.8 < draw_comparison(table).axes[0].get_xlim()[1] < 50

    def test_many_rows_are_chosen_with_all_kinds_and_what_differs(
        self, fakes: SimpleNamespace
    ) -> None:
        comparison = fakes.more(20, 60.0)[2].comparison
        assert len(comparison) == 59
        shown = choose_differences(comparison)
        assert len(shown) == MAX_ROWS
        assert shown["kind"].value_counts().to_dict() == {"exposure": 12, "fov": 12}
        apart = comparison[(comparison["kind"] == "exposure") & (comparison["lower_um"] > 0)]
        assert len(apart) == 1
        assert apart.index.isin(shown.index).all()
        assert f"{MAX_ROWS} of 59 differences shown" in describe_comparison(comparison)

    def test_parts_not_known(self, more: PlaneTables) -> None:
        table = more.comparison.assign(
            lower_um=np.nan, upper_um=np.nan, coverage=np.nan, within=np.nan, kind="camera"
        )
        figure = draw_comparison(table)
        svg_text(figure)
        assert figure.axes[0].get_title(loc="left") == "camera"
        assert "excludes 0" not in texts(figure)

    def test_nothing_to_show(self, more: PlaneTables) -> None:
        for table in (
            EMPTY,
            more.comparison[:0],
            more.comparison.assign(difference_um=np.nan),
        ):
            assert "no planes to compare" in texts(draw_comparison(table))
            assert "0 of " in describe_comparison(table)

    def test_long_names_are_shortened(self, fakes: SimpleNamespace) -> None:
        comparison = fakes.more(2, 60.0, LONG)[2].comparison
        table = comparison.assign(first=LONG, second=LONG, within=LONG)
        figure = draw_comparison(table, LONG)
        svg_text(figure)
        labels = [t.get_text() for a in figure.axes for t in a.get_yticklabels()]
        assert max(map(len, labels)) <= 46

    def test_names_that_have_room_are_not_shortened(self, more: PlaneTables) -> None:
        within = ["a2k-training, exp 10, FOV 12", "a2k-test1, exp 1, FOV 1"]
        table = more.comparison[:2].assign(within=within)
        labels = [t.get_text() for t in draw_comparison(table).axes[0].get_yticklabels()]
        assert labels[0] == f"{within[0]}: 12 ms \N{MINUS SIGN} 6 ms"


@pytest.mark.parametrize(
    ("n_urgent", "n_other", "urgent_shown"), [(9, 9, 2), (1, 9, 1), (9, 2, 4), (9, 0, 6)]
)
def test_what_is_urgent_has_a_third_and_what_room_is_left(
    n_urgent: int, n_other: int, urgent_shown: int
) -> None:
    urgent = [f"u{i}" for i in range(n_urgent)]
    names = [*urgent, *(f"o{i}" for i in range(n_other))]
    chosen = pick(names, set(urgent), 6)
    assert len(chosen) == 6
    assert len(set(chosen) & set(urgent)) == urgent_shown
    assert chosen == [n for n in names if n in chosen]
