"""One self-contained HTML page: sections, figures, tables, provenance."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from refp.core.files import write_bytes
from refp.core.pages import BACK
from refp.reports.style import png_bytes, svg_text
from refp.reports.tables import ReportTable

Level = Literal["good", "caution", "poor"]
WORDS: Mapping[Level, str] = {"good": "Good", "caution": "Look closer", "poor": "Poor"}
_CSS_PX_PER_IN = 100
_SVG = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class Headline:
    """Verdict of a section, shown at the top of the page.

    Attributes
    ----------
    level
        The verdict.
    text
        One sentence.
    numbers
        Pairs of label and value, most important first.
    """

    level: Level
    text: str
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def word(self) -> str:
        """The verdict in words."""
        return WORDS[self.level]


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A figure inside a page.

    Attributes
    ----------
    uri
        The picture, as a ``data:`` address.
    alt
        Description of the picture, for screen readers.
    caption
        Data set, number of images, beads per image, members.
    width_px
        Width in CSS pixels where there is room.
    """

    uri: str
    alt: str
    caption: str
    width_px: int

    @property
    def is_vector(self) -> bool:
        """Whether it is a chart of lines and points, and not a picture of an image."""
        return self.uri.startswith(f"data:{_SVG}")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file embedded in a page for download.

    Attributes
    ----------
    name
        File name of the download.
    uri
        The file, as a ``data:`` address.
    """

    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of a page; empty fields are left out.

    ``statements`` are pairs of a source and its statement, shown side by side.
    """

    title: str
    text: str = ""
    statements: tuple[tuple[str, str], ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    tables: tuple[ReportTable, ...] = ()
    headlines: tuple[Headline, ...] = ()
    files: tuple[ReportFile, ...] = ()


def table_file(table: pd.DataFrame, name: str) -> ReportFile:
    """Return a table as CSV embedded in the page."""
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return ReportFile(name, f"data:text/csv;base64,{base64.b64encode(text.encode()).decode()}")


def vector_figure(figure: Figure, alt: str, caption: str) -> ReportFigure:
    """Return an SVG figure for the page, for lines and points."""
    return _figure(figure, _SVG, svg_text(figure).encode(), alt, caption)


def raster_figure(figure: Figure, alt: str, caption: str) -> ReportFigure:
    """Return a PNG figure for the page, for images."""
    return _figure(figure, "image/png", png_bytes(figure), alt, caption)


def stored_figure(path: Path, width_in: float, alt: str, caption: str) -> ReportFigure:
    """Return a figure for the page from a PNG file, ``width_in`` inches wide."""
    return _picture("image/png", path.read_bytes(), width_in, alt, caption)


def _figure(figure: Figure, kind: str, content: bytes, alt: str, caption: str) -> ReportFigure:
    # As a picture rather than as elements of the page: names of clip paths and markers would collide
    # between figures.
    return _picture(kind, content, float(figure.get_figwidth()), alt, caption)


def _picture(kind: str, content: bytes, width_in: float, alt: str, caption: str) -> ReportFigure:
    uri = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return ReportFigure(uri, alt, caption, round(_CSS_PX_PER_IN * width_in))


def render_report(
    title: str,
    sections: Sequence[ReportSection],
    provenance: Mapping[str, str],
    beside: Sequence[str] = (),
) -> str:
    """Return the page as HTML text; parameters as of :func:`write_report`, all escaped."""
    environment = Environment(
        loader=PackageLoader("refp.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    headlines = [headline for section in sections for headline in section.headlines]
    return environment.get_template("report.html.jinja").render(
        title=title,
        sections=sections,
        headlines=headlines,
        provenance=provenance,
        beside=beside,
        back=BACK,
    )


def write_report(
    path: Path,
    title: str,
    sections: Sequence[ReportSection],
    provenance: Mapping[str, str],
    beside: Sequence[str] = (),
) -> Path:
    """Write a self-contained HTML file, whole or not at all, and return its path.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    title
        Title of the page.
    sections
        In reading order; the headlines of all of them are at the top of the page.
    provenance
        Version, recipe hash, input hashes and the like.
    beside
        Addresses, relative to the page, of files and pages that belong to it; its folder is always
        linked.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    page = render_report(title, sections, provenance, beside)
    write_bytes(page.encode("utf-8", "replace"), path)
    return path
