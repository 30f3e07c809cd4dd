"""The items of the study, one module per table or figure of the article, and one of our own."""

from refp.study.item import Item
from refp.study.items import (
    fig01,
    fig04,
    fig06,
    fig07,
    fig08,
    fig09,
    fig10,
    ours,
    residuals,
    table1,
    text,
)

ITEMS: tuple[Item, ...] = (
    table1.ITEM,
    fig01.ASSAY,
    fig01.BEADS,
    fig04.ITEM,
    fig06.ITEM,
    fig07.ITEM,
    fig08.ITEM,
    fig09.ITEM,
    fig10.ITEM,
    residuals.FIG11,
    residuals.FIG12,
    residuals.FIG14,
    text.ITEM,
    ours.ITEM,
)
"""Items in the order of the article."""
