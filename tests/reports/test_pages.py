"""The pages."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import refp.reports
from refp.core.errors import OutputError
from refp.core.pages import with_way_back
from refp.reports import (
    Headline,
    Montage,
    Overlay,
    ReportSection,
    evaluation_headline,
    evaluation_sections,
    format_table,
    plane_headline,
    plane_sections,
    render_report,
    write_plane_report,
    write_report,
)
from refp.reports.tables import format_value, header, percent

PROVENANCE = {"refp": "0.1.0", "recipe": "sha256 ab12"}


class Addresses(HTMLParser):
    """Collects what a page would fetch, and checks that elements are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.alts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [v or "" for k, v in attrs if k in {"src", "href", "data", "action"}]
        if tag == "img":
            self.alts.append(values.get("alt") or "")
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(
    tmp_path: Path,
    planes: pd.DataFrame,
    curves: pd.DataFrame,
    errors: pd.DataFrame,
    summary: dict[str, Any],
    overlay: Overlay,
    montage: Montage,
) -> str:
    sections = [
        *plane_sections(planes, curves, [overlay], [montage]),
        *evaluation_sections(errors, summary, 7.5),
    ]
    return write_report(tmp_path / "r.html", "demo", sections, PROVENANCE).read_text("utf-8")


def test_the_page_fetches_nothing(page: str) -> None:
    addresses = Addresses(page)
    assert len(addresses.alts) == 4
    assert all(addresses.alts)
    assert not addresses.open
    assert all(a.startswith(("data:image/", "#section-", "./")) for a in addresses.found)
    assert not re.search(r"@import|url\(|<script|<link", page)


def test_the_pictures_fetch_nothing(page: str) -> None:
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(pictures) == 2
    for picture in pictures:
        svg = base64.b64decode(picture).decode()
        assert not re.search(r'(src|href)="(?!#|data:)', svg)


def test_the_page_says_what_counts(page: str) -> None:
    verdicts = re.findall(r'class="verdict">([^<]+)<', page)
    assert verdicts == ["Look closer.", "Good."]
    for text in (
        "The reference plane was determined for 8 of 9 sweeps.",
        "REFP \N{PLUS-MINUS SIGN} u (um)",
        "1205.30 \N{PLUS-MINUS SIGN} 0.41",
        "ss not bracketed, ci not bracketed",
        "3 of 3 fields of view",
        "10 members",
        "beads used per image",
        "outside the trained range of dZ",
        "sha256 ab12",
    ):
        assert text in page
    assert page.index("Look closer.") < page.index("<h2")


def test_the_page_is_the_same_every_time(planes: pd.DataFrame, curves: pd.DataFrame) -> None:
    first, second = (
        render_report("t", plane_sections(planes, curves), PROVENANCE) for _ in range(2)
    )
    assert first == second


def test_hostile_names_are_escaped(fakes: SimpleNamespace, tmp_path: Path) -> None:
    name = '<script>alert("x")</script>'
    curves, planes = fakes.curves(2, 30.0, dataset=name)
    errors = fakes.errors((name,)).assign(image=name, reason=name)
    summary = {**fakes.summary(errors), "model": name, "conditions": name}
    sections = [
        *plane_sections(planes, curves),
        *evaluation_sections(errors, summary, 7.5),
        ReportSection(name, tables=(format_table(pd.DataFrame({name: [name]}), name),)),
        ReportSection(name, text=name, headlines=(Headline("poor", name, ((name, name),)),)),
    ]
    path = write_report(tmp_path / "r.html", name + "\udcff", sections, {name: name})
    text = path.read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not Addresses(text).open


def test_a_failed_write_leaves_the_old_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.html"
    path.write_text("old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"r\.html: not written: No space left"):
        write_report(path, "t", [], {})
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_reports_of_planes_and_errors(
    tmp_path: Path,
    planes: pd.DataFrame,
    curves: pd.DataFrame,
    errors: pd.DataFrame,
    summary: dict[str, Any],
) -> None:
    one = write_plane_report(
        tmp_path / "p.html", planes=planes, curves=curves, provenance=PROVENANCE
    ).read_text("utf-8")
    assert "Reference planes: A2K training" in one
    assert "Beads found" not in one
    two = write_report(
        tmp_path / "e.html", "Errors", evaluation_sections(errors, summary, 7.5), PROVENANCE
    ).read_text("utf-8")
    assert "RMS error" in two
    assert "Images to look at" in two


def test_empty_tables(
    tmp_path: Path, planes: pd.DataFrame, curves: pd.DataFrame, errors: pd.DataFrame
) -> None:
    write_plane_report(tmp_path / "p.html", planes=planes[:0], curves=curves[:0], provenance={})
    write_report(tmp_path / "e.html", "Errors", evaluation_sections(errors[:0], {}, 7.5), {})
    assert "No reference plane was determined in 0 sweeps." in (tmp_path / "p.html").read_text()
    assert "No dZ was estimated" in (tmp_path / "e.html").read_text()
    assert "nothing to report" in render_report("t", [], {})


GOOD = {
    "n_images": 20,
    "n_ok": 18,
    "n_refused": 2,
    "rms_um": 1.0,
    "largest_um": 2.4,
    "skill": 0.99,
    "coverage_observed": 0.95,
    "coverage_nominal": 0.95,
    "coverage_p_value": 0.6,
}


@pytest.mark.parametrize(
    ("change", "level", "text"),
    [
        ({}, "good", "dZ of 18 of 20 images: RMS error 1.00 um, largest error 2.40 um"),
        ({"largest_um": 8.0}, "caution", "largest error 8.00 um against a tolerance of 7.5 um"),
        (
            {"coverage_observed": 0.6, "coverage_p_value": 1e-6},
            "caution",
            "too narrow: observed coverage 60 %, nominal 95 %",
        ),
        ({"coverage_observed": 0.94, "coverage_p_value": 0.2}, "good", "RMS error 1.00 um"),
        ({"skill": -0.2}, "caution", "no better than the constant predictor"),
        ({"rms_um": 9.0}, "poor", "RMS error 9.00 um"),
        ({"rms_um": np.nan, "largest_um": np.nan}, "poor", "RMS error \N{EN DASH} um"),
        ({"n_ok": 0, "n_refused": 20}, "poor", "20 of 20 images were refused"),
    ],
)
def test_verdict_on_errors(change: dict[str, Any], level: str, text: str) -> None:
    headline = evaluation_headline({**GOOD, **change}, 7.5)
    assert headline.level == level
    assert text in headline.text


def test_a_report_links_its_folder_and_the_files_beside_it(tmp_path: Path) -> None:
    path = write_report(tmp_path / "r.html", "t", [], {}, ["planes.csv", "a & b/r.html"])
    page = path.read_text("utf-8")
    assert [a for a in Addresses(page).found if not a.startswith(("data:", "#"))] == [
        *("./", "planes.csv", "a%20%26%20b/r.html")
    ]


def test_a_server_puts_its_own_way_back(tmp_path: Path) -> None:
    page = write_report(tmp_path / "r.html", "t", [], {}, ["planes.csv"]).read_text("utf-8")
    served = with_way_back(page, "/planes/a?b=1&c", "Back to <planes>")
    assert [a for a in Addresses(served).found if not a.startswith(("data:", "#"))] == [
        "/planes/a?b=1&c"
    ]
    assert "Back to &lt;planes&gt;" in served
    assert with_way_back("<p>old</p>", "/", "Back") == "<p>old</p>"


def test_a_dark_page_inverts_charts_and_no_pictures(page: str) -> None:
    """Colours of text, ground and lines are variables, each with a dark value."""
    light, dark = page.split("prefers-color-scheme: dark", 1)
    assert set(re.findall(r"(--[a-z]+): #", light)) == set(re.findall(r"(--[a-z]+): #", dark))
    style = page[page.index("<style>") : page.index("</style>")]
    outside = re.sub(r":root \{.*?\}", "", style, flags=re.DOTALL)
    assert "#" not in outside
    kinds = re.findall(r'<img class="(\w+)" src="data:image/(svg|png)', page)
    assert {kind for kind, format_ in kinds if format_ == "svg"} == {"chart"}
    assert {kind for kind, format_ in kinds if format_ == "png"} == {"picture"}


def test_verdict_on_planes(planes: pd.DataFrame) -> None:
    assert plane_headline(planes).level == "caution"
    assert plane_headline(planes[planes["refp_um"].notna()]).level == "good"
    assert plane_headline(planes[planes["refp_um"].isna()]).level == "poor"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("rms_um", 1.2345, "1.23"),
        ("error_um", -1.2345, "\N{MINUS SIGN}1.23"),
        ("bias_um", 0.5, "+0.50"),
        ("exposure_ms", 12.0, "12"),
        ("exposure_ms", float("nan"), "not known"),
        ("z_um", 1207.5, "1207.5"),
        ("n_beads", 7, "7"),
        ("flags", "", "\N{EN DASH}"),
        ("u_um", float("nan"), "\N{EN DASH}"),
        ("image", None, "\N{EN DASH}"),
        ("coverage", 0.95, "95 %"),
        ("skill", 0.98765, "0.988"),
        ("other", [1], "[1]"),
    ],
)
def test_values(name: str, value: object, shown: str) -> None:
    assert format_value(name, value) == shown


def test_only_all_is_a_hundred_percent() -> None:
    assert percent(1.0) == "100 %"
    assert percent(0.9999) == "99.9 %"
    assert percent(float("nan")) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("refp_um", "REFP (um)"),
        ("center_y_px", "center y (px)"),
        ("within_7.5_um", "within 7.5 um"),
        ("own_column", "own column"),
    ],
)
def test_headers(name: str, shown: str) -> None:
    assert header(name) == shown


def test_tables_align_numbers() -> None:
    table = format_table(pd.DataFrame({"image": ["a"], "u_um": [1.0], "ok": [True]}), "c", [0])
    assert table.numeric == (False, True, False)
    assert table.rows == (("a", "1.00", "True"),)
    assert table.marked == {0}
    assert format_table(pd.DataFrame()).rows == ()


def test_public_names() -> None:
    names = [n for n in dir(refp.reports) if not n.startswith("_")]
    assert sorted(refp.reports.__all__) == refp.reports.__all__
    assert set(refp.reports.__all__) <= set(names)
