"""What a study is made of: its items, and what each comes to."""

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
        Of its files.
    alt
        What is seen, for those who do not see it.
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
    """What an item comes to.

    Attributes
    ----------
    tables
        By file name without ``.csv``; every picture is drawn from them.
    draw
        Draws the pictures from the tables as read back from their files.
    here
        What is found here, to stand beside what the article says.
    """

    tables: Tables
    draw: Callable[[Tables], list[Picture]]
    here: str


@dataclass(frozen=True, slots=True)
class Item:
    """A table or figure of the article, or one of ours.

    Attributes
    ----------
    name
        As ``--only`` has it: ``fig10``.
    title
        For people.
    article
        What the article says.
    missing
        What of the data is missing to make it; empty where it can be made.
    make
        Makes it.
    """

    name: str
    title: str
    article: str
    missing: Callable[[DataLayout], str]
    make: Callable[[Study], Finding]


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A figure that lies in files: its picture's text, width and, for the page, a smaller PNG."""

    name: str
    alt: str
    caption: str
    width_in: float
    page_png: str


State = Literal["done", "missing", "failed", "not made"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item.

    Attributes
    ----------
    item
        Its name.
    state
        ``done``; ``missing``: the data for it are not there; ``failed``: they are, but do not do;
        ``not made``: not asked for.
    here
        What was found, or why there is nothing.
    tables
        Names of its tables in the folder of tables.
    pictures
        Its figures.
    """

    item: str
    state: State
    here: str
    tables: tuple[str, ...] = ()
    pictures: tuple[StoredPicture, ...] = ()
