"""The items of a study and their results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from refp.reports import Figure
from refp.study.layout import DataLayout
from refp.study.study import Study

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of an item.

    Attributes
    ----------
    name
        Stem of its files.
    alt
        Text alternative.
    caption
        Data, images, beads, members.
    figure
        The figure, drawn from tables.
    """

    name: str
    alt: str
    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of an item.

    Attributes
    ----------
    tables
        By file name without ``.csv``; every picture is drawn from them.
    draw
        Function that draws the pictures from the tables as read back from their files.
    summary
        Result in one sentence, shown beside that of the article.
    difference
        Reasons why it differs from that of the article; empty where it does not.
    """

    tables: Tables
    draw: Callable[[Tables], list[Picture]]
    summary: str
    difference: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A table or figure of the article, or one of ours.

    Attributes
    ----------
    name
        Name, as for ``--only``: ``fig10``.
    title
        Heading on the page.
    article
        Result of the article.
    missing
        Function that names missing data; empty where the item can be made.
    make
        Function that makes the item.
    """

    name: str
    title: str
    article: str
    missing: Callable[[DataLayout], str]
    make: Callable[[Study], Finding]


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A figure in files: the texts of its picture, its width, and a smaller PNG for the page."""

    name: str
    alt: str
    caption: str
    width_in: float
    page_png: str


State = Literal["done", "missing", "failed", "not made"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """State and result of an item.

    Attributes
    ----------
    item
        Its name.
    state
        ``done``; ``missing``: its data are missing; ``failed``: its data cannot be used; ``not made``:
        not selected.
    summary
        Result, or the reason why there is none.
    tables
        Names of its tables, without ``.csv``.
    pictures
        Its figures.
    difference
        Reasons why the result differs from that of the article; empty where it does not.
    """

    item: str
    state: State
    summary: str
    tables: tuple[str, ...] = ()
    pictures: tuple[StoredPicture, ...] = ()
    difference: str = ""
