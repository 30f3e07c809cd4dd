"""What the figures of many data sets show: shares, errors of the tests, families."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from refp.reports import draw_errors
from refp.reports.residuals import FAR, largest_near
from refp.reports.study import draw_families, draw_fraction_within, draw_study_errors

CELLS = ("A2K test 5, cells",)
TRAINED_UM = (-100.0, 90.0)
ALL_UM = (-500.0, 500.0)


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines_with(axes: Axes, marker: str, *, hollow: bool = False) -> list[Line2D]:
    return [
        line
        for line in axes.get_lines()
        if line.get_marker() == marker and (line.get_markerfacecolor() == "none") == hollow
    ]


def points(axes: Axes, marker: str, *, hollow: bool = False) -> np.ndarray:
    data = [line.get_xydata() for line in lines_with(axes, marker, hollow=hollow)]
    return np.concatenate([np.empty((0, 2)), *data])


class TestShares:
    def test_a_panel_per_data_set_and_exposure(self, shares: pd.DataFrame) -> None:
        axes = draw_fraction_within(shares).axes
        assert len(axes) == 4 * 7
        assert [a.get_title() for a in axes[:7]] == [f"{e} ms" for e in range(6, 25, 3)]
        assert [a.get_ylabel() for a in axes[::7]] == [
            f"A2K test {i}\nwithin (%)" for i in range(1, 5)
        ]
        assert len({a.get_ylim() for a in axes}) == len({a.get_xlim() for a in axes}) == 1

    def test_where_there_is_none_the_panel_is_blank(self, shares: pd.DataFrame) -> None:
        axes = draw_fraction_within(shares).axes
        drawn = [len(a.lines) for a in axes]
        assert drawn == [12] * 21 + [0] + [12] * 5 + [0]
        blank = axes[27]
        assert not any(spine.get_visible() for spine in blank.spines.values())
        assert len(blank.get_xticks()) == 0
        assert blank.get_xlabel() == ""

    def test_the_lowest_panel_of_a_column_has_the_labels(self, shares: pd.DataFrame) -> None:
        axes = draw_fraction_within(shares).axes
        labelled = [i for i, a in enumerate(axes) if a.get_xlabel()]
        assert labelled == [14, 20, 22, 23, 24, 25, 26]

    def test_lines_are_the_shares_in_percent_with_their_bars(self, shares: pd.DataFrame) -> None:
        axes = draw_fraction_within(shares.sample(frac=1, random_state=1)).axes
        order = [a.get_ylabel()[:10] for a in axes[::7]]
        axes = axes[7 * order.index("A2K test 2") + 1]
        rows = shares[(shares["dataset"] == "A2K test 2") & (shares["exposure_ms"] == 9)]
        line = rows[(rows["members"] == 10) & (rows["threshold_um"] == 2.5)]
        (drawn,) = (
            each for each in axes.lines if np.allclose(each.get_ydata(), 100 * line["share"])
        )
        np.testing.assert_allclose(drawn.get_xdata(), line["n_beads"], atol=0.3)
        ends = np.array([s for c in axes.collections for s in c.get_segments()])[:, :, 1]
        expected = 100 * line[["lower", "upper"]].to_numpy()
        assert all(np.isclose(ends, pair).all(axis=1).any() for pair in expected)

    def test_colors_tell_thresholds_and_styles_members(self, shares: pd.DataFrame) -> None:
        figure = draw_fraction_within(shares)
        assert legend(figure) == [
            *(f"within {t} um" for t in ("2.5", "5", "7.5", "10")),
            *("1 member", "5 members", "10 members"),
        ]
        lines = figure.axes[0].lines
        assert len({to_hex(line.get_color()) for line in lines}) == 4
        assert len({line.get_marker() for line in lines}) == 3
        solid = {line.get_marker() for line in lines if line.get_linestyle() == "-"}
        assert solid == {"o"}

    def test_ticks_are_sparse_where_panels_are_narrow(self, make: SimpleNamespace) -> None:
        assert list(draw_fraction_within(make.shares()).axes[0].get_xticks()) == [6, 10, 20]
        wide = draw_fraction_within(make.shares(CELLS, (12.0,)))
        assert len(wide.axes) == 1
        assert list(wide.axes[0].get_xticks()) == [6, 8, 10, 15, 20]

    def test_a_share_not_known_is_left_out(self, make: SimpleNamespace) -> None:
        shares = make.shares(CELLS, (12.0,))
        shares.loc[:3, "share"] = np.nan
        shares[["lower", "upper"]] = np.nan
        axes = draw_fraction_within(shares).axes[0]
        assert sum(len(line.get_xdata()) for line in axes.lines) == 60 - 4


class TestStudyErrors:
    def test_a_panel_per_data_set_on_one_scale(self, tests: pd.DataFrame) -> None:
        figure = draw_study_errors(tests, TRAINED_UM, 7.5, "A2K")
        assert len(figure.axes) == 4
        assert len({axes.get_ylim() for axes in figure.axes}) == 1
        assert legend(figure)[7:] == [  # after the exposures
            *("median error", "90 % of errors", "typical interval", "interval misses the label"),
            *("refused", "tolerance ±7.5 um", "outside the trained range"),
        ]
        assert "231 images, 14 refused" in figure.axes[0].get_title()
        assert "beyond" not in texts(figure)

    def test_images_far_off_stand_on_the_edge_and_are_counted(self, tests: pd.DataFrame) -> None:
        before = draw_study_errors(tests, TRAINED_UM, 7.5).axes[0].get_ylim()[1]
        first = tests.index[(tests["dataset"] == "A2K test 1") & (tests["status"] == "ok")]
        tests.loc[first[[3, 40, 70]], "error_um"] = [150.0, -90.0, 120.0]
        figure = draw_study_errors(tests, TRAINED_UM, 7.5)
        axes = figure.axes[0]
        reach = axes.get_ylim()[1]
        assert reach <= before
        ups, downs = points(axes, "^"), points(axes, "v")
        assert sorted(ups[:, 0]) == sorted(tests.loc[first[[3, 70]], "delta_z_true_um"])
        assert list(downs[:, 0]) == [tests.loc[first[40], "delta_z_true_um"]]
        assert np.all((ups[:, 1] < reach) & (ups[:, 1] > 0.9 * reach))
        assert "3 beyond the scale" in axes.get_title()
        assert "beyond" not in figure.axes[1].get_title()
        assert "beyond the scale" in legend(figure)

    def test_refused_images_are_hollow_and_do_not_count_as_errors(
        self, tests: pd.DataFrame
    ) -> None:
        tests.loc[tests["status"] == "refused", "error_um"] = 300.0
        axes = draw_study_errors(tests, TRAINED_UM, 7.5).axes[2]
        assert len(points(axes, "^", hollow=True)) == 14
        assert len(points(axes, "^")) == 0
        assert axes.get_ylim()[1] < 30

    def test_outside_of_the_trained_range_is_hatched(self, tests: pd.DataFrame) -> None:
        axes = draw_study_errors(tests, TRAINED_UM, 7.5).axes[0]
        low, high = axes.get_xlim()
        hatched = [p for p in axes.patches if p.get_hatch()]
        ends = [(p.get_x(), p.get_x() + p.get_width()) for p in hatched]  # type: ignore[attr-defined]
        assert ends == [(low, -100), (90, pytest.approx(high))]

    def test_nothing_is_hatched_inside_of_it(self, tests: pd.DataFrame) -> None:
        figure = draw_study_errors(tests, ALL_UM, 7.5)
        assert not any(p.get_hatch() for axes in figure.axes for p in axes.patches)
        assert "outside the trained range" not in legend(figure)

    def test_columns_that_a_table_may_lack(self, make: SimpleNamespace) -> None:
        errors = make.tests(CELLS, (12.0,)).drop(columns=["status", "lower_um", "upper_um"])
        before = errors.copy()
        figure = draw_study_errors(errors, ALL_UM, np.nan)
        pd.testing.assert_frame_equal(errors, before)
        (axes,) = figure.axes
        assert axes.get_title() == f"{CELLS[0]}\n33 images\n2 without an error"
        assert len(points(axes, "o")) == 31
        assert legend(figure) == ["12 ms"]

    def test_the_report_of_a_model_still_shows_every_error(self, tests: pd.DataFrame) -> None:
        tests.loc[100, "error_um"] = 150.0
        labelled = tests.assign(label="nominal", label_u_um=0.0)
        axes = draw_errors(labelled, 7.5).axes[0]
        assert axes.get_ylim()[1] > 150
        assert len(points(axes, "^")) == 0


class TestLargestNear:
    def test_few_far_off_are_left_out(self) -> None:
        errors = np.r_[np.linspace(-1, 1, 99), 50.0, np.nan]
        assert largest_near(errors) == 1.0

    def test_many_far_off_are_not(self) -> None:
        assert largest_near(np.r_[np.ones(80), np.full(20, -50.0)]) == 50.0

    def test_of_none(self) -> None:
        assert np.isnan(largest_near([np.nan]))

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
    def test_it_is_the_size_of_an_error_and_those_left_out_are_far(
        self, errors: list[float]
    ) -> None:
        sizes = np.abs(errors)
        near = largest_near(errors)
        assert near in sizes
        left_out = sizes[sizes > near]
        assert left_out.size <= 0.05 * sizes.size + 1
        assert np.all(left_out > FAR * np.percentile(sizes, 95))


class TestFamilies:
    def test_a_marker_per_family_and_data_set(self, families: pd.DataFrame) -> None:
        figure = draw_families(families, "A2K")
        rms, coverage, refused = figure.axes
        names = [text.get_text() for text in rms.get_yticklabels()]
        assert names == [f"A2K test {i}" for i in range(1, 10)]
        assert [len(points(rms, marker)) for marker in "osD^"] == [9, 9, 9, 8]
        assert [len(points(refused, marker)) for marker in "osD^"] == [9] * 4
        assert rms.get_xscale() == "log"
        assert rms.get_xlabel() == "RMS error of dZ (um)"
        profile = families[families["family"] == "profile"]
        np.testing.assert_allclose(points(rms, "o")[:, 0], profile["rms_um"])
        np.testing.assert_allclose(points(coverage, "o")[:, 0], 100 * profile["coverage"])
        assert list(np.round(points(rms, "o")[:, 1])) == list(range(9))

    def test_the_constant_is_a_tick_of_its_row(self, families: pd.DataFrame) -> None:
        figure = draw_families(families)
        ticks = points(figure.axes[0], "|")
        np.testing.assert_allclose(ticks, [(70.0 + i, i) for i in range(9)])
        assert legend(figure)[-2:] == ["constant predictor", "95 % stated"]

    def test_all_markers_are_in_sight(self, families: pd.DataFrame) -> None:
        families.loc[0, ["rms_um", "coverage"]] = [400.0, 0.2]
        for axes in draw_families(families).axes:
            low, high = axes.get_xlim()
            for marker in "osD^|":
                x = points(axes, marker)[:, 0]
                assert np.all((x > low) & (x < high))

    def test_what_is_not_known_has_no_panel(self, make: SimpleNamespace) -> None:
        figure = draw_families(make.families(1).assign(coverage=np.nan, refused_share=np.nan))
        assert len(figure.axes) == 1
        assert "95 % stated" not in legend(figure)

    def test_ticks_are_plain_numbers(self, families: pd.DataFrame) -> None:
        figure = draw_families(families)
        figure.canvas.draw()
        words = [t.get_text() for t in figure.axes[0].get_xticklabels()]
        assert {"1", "10", "100"} <= set(words)
