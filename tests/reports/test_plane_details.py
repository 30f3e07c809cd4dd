"""The sections that stand beside the planes."""

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from refp.reports import (
    Montage,
    Overlay,
    PlaneTables,
    ReportSection,
    ReportTable,
    plane_sections,
    render_report,
    write_plane_report,
)

TITLES = [
    "Reference planes",
    "The article's two features beside it",
    "Uncertainty",
    "Stage",
    "Beads and slide",
    "Comparison",
    "A bead against dZ",
    "Beads found",
]
EMPTY = pd.DataFrame()


def section(sections: list[ReportSection], title: str) -> ReportSection:
    (found,) = [s for s in sections if s.title == title]
    return found


def column(table: ReportTable, header: str) -> list[str]:
    return [row[table.headers.index(header)] for row in table.rows]


@pytest.fixture
def sections(fakes: SimpleNamespace) -> list[ReportSection]:
    curves, planes, more = fakes.more()
    return plane_sections(planes, curves, more=more)


def test_the_sections_stand_in_reading_order(
    fakes: SimpleNamespace, overlay: Overlay, montage: Montage
) -> None:
    curves, planes, more = fakes.more()
    shown = plane_sections(planes, curves, [overlay], [montage], more)
    assert [s.title for s in shown] == TITLES
    assert all(s.text for s in shown[:6])
    for figure in (f for s in shown[2:6] for f in s.figures):
        assert figure.alt
        assert re.search(r"A2K training|differences shown", figure.caption)


def test_without_more_nothing_changes(curves: pd.DataFrame, planes: pd.DataFrame) -> None:
    for more in (PlaneTables(), PlaneTables(*[EMPTY] * 6)):
        assert [s.title for s in plane_sections(planes, curves, more=more)] == TITLES[:1]


@pytest.mark.parametrize(
    ("table", "title"),
    [
        ("by_features", "The article's two features beside it"),
        ("budget", "Uncertainty"),
        ("comparison", "Comparison"),
    ],
)
def test_an_empty_table_leaves_its_section_out(
    fakes: SimpleNamespace, table: str, title: str
) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    for empty in (EMPTY, getattr(more, table)[:0]):
        shown = plane_sections(planes, curves, more=replace(more, **{table: empty}))
        assert [s.title for s in shown] == [t for t in TITLES[:6] if t != title]


@pytest.mark.parametrize("table", [f.name for f in dataclasses.fields(PlaneTables)])
def test_a_page_with_any_table_alone(fakes: SimpleNamespace, tmp_path: Path, table: str) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    alone = PlaneTables(**{table: getattr(more, table)})
    plain = curves.drop(columns=["stage_error_um", "stage_error_u_um", "trusted"])
    for some_planes in (planes, planes[:0]):
        write_plane_report(
            tmp_path / "r.html", planes=some_planes, curves=plain, more=alone, provenance={}
        )


def test_tables_cannot_be_exchanged() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PlaneTables().budget = EMPTY  # type: ignore[misc]


def test_both_ways_stand_side_by_side_and_what_differs_is_tinted(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more()
    shifted = planes.assign(refp_um=planes["refp_um"] - [0.5, -2.0, 0, 0, 0, np.nan])
    # In another order, to be matched by name; one sweep is missing.
    other = shifted.iloc[[5, 1, 0, 2, 3]]
    shown = plane_sections(planes, curves, more=replace(more, by_features=other))
    (table,) = section(shown, TITLES[1]).tables
    dash = "\N{EN DASH}"
    assert column(table, "difference (um)") == [
        *("+0.50", "\N{MINUS SIGN}2.00", "+0.00", "+0.00", dash, dash)
    ]
    assert table.marked == {1}
    assert column(table, "by features \N{PLUS-MINUS SIGN} u (um)")[0] == (
        "1204.80 \N{PLUS-MINUS SIGN} 0.53"
    )


def test_the_budget_table_adds_up(sections: list[ReportSection]) -> None:
    table, meanings = section(sections, "Uncertainty").tables
    order = [header.removesuffix(" (um)") for header in table.headers[4:7]]
    assert order == ["fit of SS and CI", "reading of the extremes", "pooled profile"]
    terms = np.array([0.28, 0.31, 0.40, 0.06, 0.003, 0.12])
    assert table.rows[0] == (
        *("exp 1, FOV 1, 6 ms", "0.28", "0.31", "0.40", "0.06", "0.12", "< 0.01"),
        *(f"{np.linalg.norm(terms):.2f}", "21", "1204.06 to 1206.54"),
    )
    assert "95 %" in table.caption
    assert ("bead heights", "the beads lie at different heights") in meanings.rows


def test_small_uncertainties_keep_their_digits(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    small = replace(
        more,
        budget=more.budget.assign(u_um=more.budget["u_um"] / 100),
        fields=more.fields.assign(stage_sigma_um=0.0421, stage_sigma_u_um=0.0043),
        comparison=more.comparison.assign(difference_um=0.0225, u_um=0.0132, lower_um=-0.0031),
    )
    shown = plane_sections(planes, curves, more=small)
    row = section(shown, "Uncertainty").tables[0].rows[0]
    assert row[1:8] == (*("0.0028", "0.0031", "0.0040", "0.0006", "0.0012", "< 0.0001", "0.0059"),)
    stage = section(shown, "Stage").tables[0].rows[0]
    assert stage[-1] == "0.0421 \N{PLUS-MINUS SIGN} 0.0043"
    assert section(shown, "Comparison").tables[0].rows[0][4:7] == (
        *("+0.022", "0.013", "\N{MINUS SIGN}0.003"),
    )


def test_planes_of_several_data_sets_are_told_apart_in_the_budget(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    two = pd.concat([planes, planes.assign(dataset="later")], ignore_index=True)
    budget = pd.concat([more.budget, more.budget.assign(dataset="later")], ignore_index=True)
    shown = plane_sections(two, curves, more=PlaneTables(budget=budget))
    table = section(shown, "Uncertainty").tables[0]
    assert [row[:2] for row in table.rows[5:7]] == [
        ("A2K training", "exp 1, FOV 2, 24 ms"),
        ("later", "exp 1, FOV 1, 6 ms"),
    ]


def test_budgets_without_intervals_and_of_infinite_freedom(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    endless = replace(more, intervals=more.intervals.assign(dof=np.inf))
    table = section(plane_sections(planes, curves, more=endless), "Uncertainty").tables[0]
    assert set(column(table, "degrees of freedom")) == {"\N{INFINITY}"}
    bare = replace(more, intervals=EMPTY)
    table = section(plane_sections(planes, curves, more=bare), "Uncertainty").tables[0]
    assert table.headers[-1] == "u (um)"


def test_a_plane_without_a_budget_or_an_interval_has_dashes(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    some = replace(more, intervals=more.intervals[1:], budget=more.budget[1:])
    table = section(plane_sections(planes, curves, more=some), "Uncertainty").tables[0]
    row = next(r for r in table.rows if r[0] == "exp 1, FOV 1, 6 ms")
    assert row[1] == row[-1] == row[-2] == "\N{EN DASH}"


def test_the_stage_section_says_its_repeatability(sections: list[ReportSection]) -> None:
    stage = section(sections, "Stage")
    assert "The repeatability found is 2.50 to 2.60 um." in stage.text
    (table,) = stage.tables
    shown = column(table, "repeatability \N{PLUS-MINUS SIGN} u (um)")
    assert shown == [f"{s} \N{PLUS-MINUS SIGN} 0.12" for s in ("2.50", "2.60")]


def test_the_slide_table_has_readable_units(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    fields = more.fields.assign(tilt_y_um_per_px=[0.004, np.nan])
    shown = plane_sections(planes, curves, more=replace(more, fields=fields))
    (table,) = section(shown, "Beads and slide").tables
    plus_minus, minus = "\N{PLUS-MINUS SIGN}", "\N{MINUS SIGN}"
    assert column(table, f"tilt along y {plus_minus} u (um / 1000 px)") == [
        *(f"4.00 {plus_minus} 0.60", "\N{EN DASH}")
    ]
    assert column(table, f"bend {plus_minus} u (um at 1000 px)")[0] == (
        f"{minus}1.10 {plus_minus} 0.90"
    )


def test_differences_that_exclude_zero_are_tinted_and_counted(
    sections: list[ReportSection],
) -> None:
    comparison = section(sections, "Comparison")
    assert "Here 1 of 5 intervals exclude 0." in comparison.text
    (table,) = comparison.tables
    assert table.marked == {4}
    assert column(table, "kind")[4] == "between fields of view"


def test_sixty_planes_with_hostile_names_make_a_page(fakes: SimpleNamespace) -> None:
    name = '<script>alert("$x_{")</script>, ' * 4
    curves, planes, more = fakes.more(20, 60.0, name)
    page = render_report("t", plane_sections(planes, curves, more=more), {})
    assert "<script" not in page
    assert "12 of 60 planes shown" in page
    assert "24 of 59 differences shown" in page


def test_the_page_is_the_same_every_time(fakes: SimpleNamespace) -> None:
    curves, planes, more = fakes.more(2, 60.0)
    first, second = (
        render_report("t", plane_sections(planes, curves, more=more), {}) for _ in range(2)
    )
    assert first == second
