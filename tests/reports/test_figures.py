"""What the figures show."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from refp.core.flags import BeadFlag
from refp.reports import (
    Overlay,
    choose_sweeps,
    describe_curves,
    describe_errors,
    draw_bead_montage,
    draw_errors,
    draw_feature_curves,
    draw_overlay,
    svg_text,
)
from refp.reports.errors import quantiles_by_dz
from refp.reports.montage import nice_length


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def markers(axes: Axes, *, hollow: bool) -> int:
    lines = [line for line in axes.get_lines() if line.get_marker() == "o"]
    faces = {True: lambda c: c == "white", False: lambda c: c != "white"}
    return sum(
        int(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).sum())
        for line in lines
        if faces[hollow](line.get_markerfacecolor())
    )


def dashed(axes: Axes) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_linestyle() == "--"]


class TestFeatureCurves:
    def test_labels_units_and_title(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        shown = texts(draw_feature_curves(curves, planes, "A2K training"))
        for text in ("Z (um)", "(1/px)", "(of background)", "24 ms", "A2K training", "FOV 2"):
            assert text in shown

    def test_saturated_points_are_hollow(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        axes = draw_feature_curves(curves, planes).axes[0]
        rows = curves[(curves["experiment"] == "1") & (curves["fov"] == "1")]
        assert markers(axes, hollow=True) == rows["ss_saturated"].sum() > 0
        assert markers(axes, hollow=False) == (~rows["ss_saturated"]).sum()

    def test_a_plane_not_determined_is_said_and_not_drawn(
        self, curves: pd.DataFrame, planes: pd.DataFrame
    ) -> None:
        figure = draw_feature_curves(curves, planes)
        shown = texts(figure).replace("\n", " ")
        assert "not determined (24 ms): ss not bracketed, ci not bracketed" in shown
        assert [len(dashed(axes)) for axes in figure.axes] == [3, 2, 3, 3, 2, 3, 0, 0, 0]

    def test_points_are_at_found_positions_on_a_smooth_profile(
        self, fakes: SimpleNamespace
    ) -> None:
        """The table has the profile at the frames' positions; drawn at nominal Z it would zigzag."""
        rng = np.random.default_rng(2)
        curves, planes = fakes.curves(1)
        curves = curves[curves["exposure_ms"] == 6.0].reset_index(drop=True)
        error = rng.normal(0, 2.5, len(curves))
        peak = 2.0 * np.exp(-(((curves["z_um"] + error - 1203.0) / 30) ** 2))
        curves = curves.assign(
            stage_error_um=error, trusted=True, center_intensity=peak, ci_fitted=peak
        )
        curves.loc[4, ["stage_error_um", "trusted"]] = 60.0, False
        axes = draw_feature_curves(curves, planes[:1]).axes[1]
        profile, points, hollow = axes.get_lines()[1:]
        x, y = np.asarray(profile.get_xdata()), np.asarray(profile.get_ydata())
        np.testing.assert_allclose(y, 2.0 * np.exp(-(((x - 1203.0) / 30) ** 2)), atol=0.08)
        assert np.sum(np.abs(np.diff(np.sign(np.diff(y[y > 0.05])))) > 1) == 1  # one peak
        found = np.delete((curves["z_um"] + error).to_numpy(), 4)
        np.testing.assert_allclose(points.get_xdata(), found)
        assert list(hollow.get_xdata()) == [curves["z_um"][4]]

    def test_the_planes_are_enlarged_with_two_uncertainties(
        self, curves: pd.DataFrame, planes: pd.DataFrame
    ) -> None:
        axes = draw_feature_curves(curves, planes).axes[6]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["SS", "CI", "REFP"]
        first = planes.iloc[0]
        expected = [
            (first[z] - 2 * first[u], first[z] + 2 * first[u])
            for z, u in (
                ("refp_ss_um", "refp_ss_u_um"),
                ("refp_ci_um", "refp_ci_u_um"),
                ("refp_um", "refp_u_um"),
            )
        ]
        bars = [tuple(bar.get_segments()[0][:, 0]) for bar in axes.collections[::3]]
        np.testing.assert_allclose(bars, expected)
        low, high = axes.get_xlim()
        assert high - low < 20  # um, of sweeps of 600 um

    def test_planes_stand_where_the_table_says(
        self, curves: pd.DataFrame, planes: pd.DataFrame
    ) -> None:
        figure = draw_feature_curves(curves, planes)
        positions = [line.get_xdata()[0] for line in dashed(figure.axes[3])]
        assert positions == list(planes["refp_ci_um"][:3])

    def test_panels_share_their_scales(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        axes = draw_feature_curves(curves, planes).axes
        assert len({a.get_ylim() for a in axes[:3]}) == 1
        assert len({a.get_ylim() for a in axes[3:6]}) == 1
        assert len({a.get_xlim() for a in axes[:6]}) == 1
        assert len({round(np.ptp(a.get_xlim()), 9) for a in axes[6:]}) == 1

    def test_sweeps_far_apart_in_z_keep_their_own_scale(self, fakes: SimpleNamespace) -> None:
        curves, planes = fakes.curves(2)
        far = curves["fov"] == "2"
        curves.loc[far, "z_um"] += 1e5
        planes.loc[planes["fov"] == "2", ["refp_um", "refp_ss_um", "refp_ci_um"]] += 1e5
        axes = draw_feature_curves(curves, planes).axes
        assert axes[0].get_xlim()[1] < 2000 < axes[1].get_xlim()[0]

    @pytest.mark.parametrize(("n", "panels"), [(1, 3), (4, 12), (5, 15), (11, 18)])
    def test_as_many_panels_as_needed(self, fakes: SimpleNamespace, n: int, panels: int) -> None:
        assert len(draw_feature_curves(*fakes.curves(n, 30.0)).axes) == panels

    def test_some_of_many_sweeps_are_chosen_and_the_caption_says_so(
        self, fakes: SimpleNamespace
    ) -> None:
        curves, planes = fakes.curves(11, 30.0)
        names = choose_sweeps(planes)
        assert len(names) == 6
        assert "A2K training, exp 1, FOV 2" in names  # the one without a plane
        caption = describe_curves(curves, planes)
        assert "6 of 11 fields of view" in caption
        assert "beads per image" in caption

    def test_nothing_to_show(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        assert "no sweep to show" in texts(draw_feature_curves(curves[:0], planes[:0]))
        assert "0 of 0" in describe_curves(curves[:0], planes[:0])

    def test_no_plane_at_all(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        lost = planes.assign(
            **{c: np.nan for c in planes.columns if c.endswith("_um")}, flags=np.nan
        )
        shown = texts(draw_feature_curves(curves, lost))
        assert "no REFP" in shown
        assert "no reason given" in shown.replace("\n", " ")

    def test_exposures_not_known(self, curves: pd.DataFrame, planes: pd.DataFrame) -> None:
        unknown = {"exposure_ms": np.nan}
        svg_text(draw_feature_curves(curves.assign(**unknown), planes.assign(**unknown)))

    def test_svg_is_the_same_every_time(self, fakes: SimpleNamespace) -> None:
        first, second = (svg_text(draw_feature_curves(*fakes.curves(2, 30.0))) for _ in range(2))
        assert first == second


class TestErrors:
    def test_labels_units_and_band(self, errors: pd.DataFrame) -> None:
        shown = texts(draw_errors(errors, 7.5, "a2k.refp"))
        for text in (
            *(
                "labelled dZ (um)",
                "error of dZ (um)",
                "\N{PLUS-MINUS SIGN}7.5 um",
                "9 ms",
                "refused",
            ),
            "typical interval with u of the label",
        ):
            assert text in shown
        assert "74 images, 8 refused" in shown

    def test_refused_images_are_hollow_on_the_edge(self, errors: pd.DataFrame) -> None:
        axes = draw_errors(errors, 7.5).axes[0]
        edge = [line for line in axes.get_lines() if line.get_marker() == "^"]
        assert sum(len(line.get_xdata()) for line in edge) == 8
        assert {line.get_markerfacecolor() for line in edge} == {"none"}
        assert max(max(line.get_ydata()) for line in edge) < 0.15

    def test_panels_share_the_scale_of_error_about_zero(self, errors: pd.DataFrame) -> None:
        axes = draw_errors(errors, 7.5).axes
        assert len(axes) == 2
        (low, high) = axes[0].get_ylim()
        assert axes[1].get_ylim() == (low, high) == (-high, high)

    def test_the_largest_error_is_in_sight(self, errors: pd.DataFrame) -> None:
        errors.loc[20, "error_um"] = 84.0
        assert draw_errors(errors, 7.5).axes[0].get_ylim()[1] > 84

    def test_true_dz_is_the_name_of_simulated_labels_only(self, errors: pd.DataFrame) -> None:
        exact = errors.assign(label="simulated", label_u_um=0.0)
        shown = texts(draw_errors(exact, 7.5))
        assert "true dZ (um)" in shown
        assert "u of the label" not in shown
        assert "true dZ" not in texts(draw_errors(errors, 7.5))

    def test_bars_have_the_label_uncertainty_and_a_ring_marks_what_misses(
        self, errors: pd.DataFrame
    ) -> None:
        few = errors[errors["dataset"] == "A2K test 1"][10:20].copy()
        few["label_u_um"] = [0.0] * 5 + [4.0] * 5
        for row, error in zip(few.index[[2, 7]], (6.0, 6.0), strict=True):
            half = 2.0
            truth = few.loc[row, "delta_z_true_um"]
            few.loc[row, ["error_um", "delta_z_um"]] = error, truth + error
            few.loc[row, ["lower_um", "upper_um"]] = truth + error - half, truth + error + half
        axes = draw_errors(few, 7.5).axes[0]
        (rings,) = [line for line in axes.get_lines() if line.get_markersize() == 12]
        assert list(rings.get_xdata()) == [few["delta_z_true_um"].iloc[2]]
        thin, thick = axes.collections[:2]
        lengths = [[np.ptp(s[:, 1]) / 2 for s in bars.get_segments()] for bars in (thin, thick)]
        half = (few["upper_um"] - few["lower_um"]) / 2
        np.testing.assert_allclose(lengths[1], half)
        np.testing.assert_allclose(lengths[0], np.hypot(half, 1.96 * few["label_u_um"]))
        assert "1 interval misses" in axes.get_title()

    def test_many_images_are_shown_by_their_quantiles(self, errors: pd.DataFrame) -> None:
        rng = np.random.default_rng(1)
        dz = rng.uniform(-100, 100, 600)
        error = rng.normal(dz / 50, 1.0)
        many = errors.iloc[np.full(600, 20)].assign(
            delta_z_true_um=dz, error_um=error, lower_um=dz + error - 2, upper_um=dz + error + 2
        )
        table = quantiles_by_dz(many)
        assert len(table) == 18
        np.testing.assert_array_equal(table["dz_um"].iloc[[0, -1]], [dz.min(), dz.max()])
        inside = np.interp(dz, table["dz_um"], table["high_um"]) >= error
        inside &= np.interp(dz, table["dz_um"], table["low_um"]) <= error
        assert inside.mean() == pytest.approx(0.9, abs=0.05)
        np.testing.assert_allclose(table["median_um"], table["dz_um"] / 50, atol=0.6)
        np.testing.assert_allclose(table["half_um"], np.hypot(2.0, 1.96 * 0.8))
        axes = draw_errors(many, np.nan).axes[0]
        assert not any("LineCollection" in type(one).__name__ for one in axes.collections)

    def test_all_refused(self, errors: pd.DataFrame) -> None:
        refused = errors.assign(
            status="refused", delta_z_um=np.nan, error_um=np.nan, lower_um=np.nan, upper_um=np.nan
        )
        assert "every image was refused" in texts(draw_errors(refused, 7.5))

    def test_no_tolerance(self, errors: pd.DataFrame) -> None:
        assert "tolerance" not in texts(draw_errors(errors, np.nan))

    def test_nothing_to_show(self, errors: pd.DataFrame) -> None:
        assert "no image with a known dZ" in texts(draw_errors(errors[:0], 7.5))

    def test_caption(self, errors: pd.DataFrame) -> None:
        errors.loc[0, "delta_z_true_um"] = np.nan
        caption = describe_errors(errors, "10 members")
        for text in ("A2K test 1, A2K test 2", "148 images", "6 to 12 beads", "10 members"):
            assert text in caption
        assert "1 without a known dZ" in caption

    def test_hostile_names(self, fakes: SimpleNamespace) -> None:
        svg_text(
            draw_errors(
                fakes.errors(("<script>$x_{</script>", "--> \N{CJK UNIFIED IDEOGRAPH-7126} $")),
                7.5,
                "<b>$",
            )
        )


class TestOverlay:
    def test_file_counts_and_flags(self, overlay: Overlay) -> None:
        shown = texts(draw_overlay(overlay))
        for text in (overlay.title, "used: 17", "x (px)"):
            assert text in shown
        for text in ("B  border: 1", "T  touching: 1", "S  odd shape: 1"):
            assert text in shown
        for text in ("w  saturated: 1", "e  cut tile: 1"):
            assert text in shown

    def test_every_flag_has_a_letter_of_its_own(self, overlay: Overlay) -> None:
        """Also one that is added to the code later."""
        names = [str(flag.name).lower() for flag in BeadFlag]
        n = len(overlay.labels)
        labels = [names[i % len(names)] for i in range(n)]
        figure = draw_overlay(replace(overlay, labels=labels, usable=np.zeros(n, dtype=bool)))
        letters = {text.get_text() for text in figure.axes[0].texts}
        assert len(letters - {str(number) for number in overlay.numbers}) == len(names)
        shown = texts(figure)
        for name in names:
            assert name.replace("_", " ") in shown

    def test_all_flags_of_a_bead_are_told_and_the_first_makes_its_circle(
        self, overlay: Overlay
    ) -> None:
        labels = ["saturated|low_confidence|touching", *overlay.labels[1:]]
        figure = draw_overlay(replace(overlay, labels=labels))
        assert "T?w" in {text.get_text() for text in figure.axes[0].texts}
        assert "T  touching: 2" in texts(figure)
        assert "?  low confidence: 1" in texts(
            figure
        )  # each code, even where another sets the circle

    def test_beads_have_their_numbers(self, overlay: Overlay) -> None:
        shown = {text.get_text() for text in draw_overlay(overlay).axes[0].texts}
        assert {str(number) for number in overlay.numbers} <= shown
        named = replace(overlay, numbers=[7, *list(overlay.numbers)[1:]])
        assert "7" in {text.get_text() for text in draw_overlay(named).axes[0].texts}

    def test_a_circle_per_bead_at_its_place(self, overlay: Overlay) -> None:
        used, *flagged = draw_overlay(overlay).axes[0].collections[1::2]
        assert len(used.get_paths()) == 17
        assert [len(kind.get_paths()) for kind in flagged] == [1, 1, 1]
        box = used.get_paths()[0].get_extents()
        y, x = overlay.center_px[overlay.usable][0]
        np.testing.assert_allclose(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2), (x, y))

    def test_no_bead(self, overlay: Overlay) -> None:
        none = replace(
            overlay, center_px=np.empty((0, 2)), usable=np.empty(0, bool), labels=[], numbers=[]
        )
        assert "used: 0" in texts(draw_overlay(none))

    @pytest.mark.parametrize("shape", [(30, 40), (40, 3000), (900, 30)])
    def test_odd_shapes_and_even_frames(
        self, fakes: SimpleNamespace, shape: tuple[int, int]
    ) -> None:
        flat = replace(fakes.overlay(), image=np.full(shape, 9, dtype=np.uint16))
        width, height = draw_overlay(flat).get_size_inches()
        assert 0.2 < height / width < 1.5

    def test_one_radius_per_bead(self, overlay: Overlay) -> None:
        many = replace(overlay, radius_px=np.linspace(5, 20, len(overlay.labels)))
        assert len(draw_overlay(many).axes) == 1

    def test_unequal_numbers_are_refused(self, overlay: Overlay) -> None:
        with pytest.raises(ValueError, match="20 centres, 20 usable, 1 labels and 20 numbers"):
            draw_overlay(replace(overlay, labels=[""]))


class TestMontage:
    @pytest.mark.parametrize(("n", "panels"), [(1, 1), (9, 9), (14, 14)])
    def test_a_panel_per_tile_with_its_dz(
        self, fakes: SimpleNamespace, n: int, panels: int
    ) -> None:
        montage = fakes.montage(n)
        figure = draw_bead_montage(montage.tiles, montage.dz_um, 1.5, montage.title)
        assert len(figure.axes) == panels
        shown = texts(figure)
        assert "\N{MINUS SIGN}75" in shown
        assert "dZ (um)" in shown
        assert "20 um" in shown

    def test_one_grey_scale_over_background(self, fakes: SimpleNamespace) -> None:
        montage = fakes.montage()
        images = [
            axes.images[0] for axes in draw_bead_montage(montage.tiles, montage.dz_um, 1.5).axes
        ]
        assert len({image.get_clim() for image in images}) == 1
        for image in images:
            assert image.get_array()[0, 0] == pytest.approx(1.0, abs=0.01)

    def test_no_tile(self) -> None:
        assert "no tile to show" in texts(draw_bead_montage([], [], 1.5))

    def test_unequal_numbers_are_refused(self, fakes: SimpleNamespace) -> None:
        with pytest.raises(ValueError, match="9 tiles and 1 dZ"):
            draw_bead_montage(fakes.montage().tiles, [0.0], 1.5)

    @pytest.mark.parametrize(("about", "length"), [(32.0, 20), (50.0, 50), (0.013, 0.01), (9, 5)])
    def test_scale_bar_lengths(self, about: float, length: float) -> None:
        assert nice_length(about) == pytest.approx(length)
