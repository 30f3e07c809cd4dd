"""The article's study repeated: every table and figure, on any data laid out like its Table 1.

:func:`find_sets` finds the data sets. :func:`run_study` makes every :class:`Item`, one module each in
:mod:`refp.study.items`, from planes, models and predictions of :class:`Study`, which all items share.
"""

from refp.study.item import Finding, Item, Outcome, Picture
from refp.study.items import ITEMS
from refp.study.layout import MAP_FILE, DataLayout, find_sets, write_map
from refp.study.page import PAGE
from refp.study.run import check_folder, check_items, run_study
from refp.study.settings import SCALES, ScaleName, StudyScale
from refp.study.study import Study

__all__ = [
    "ITEMS",
    "MAP_FILE",
    "PAGE",
    "SCALES",
    "DataLayout",
    "Finding",
    "Item",
    "Outcome",
    "Picture",
    "ScaleName",
    "Study",
    "StudyScale",
    "check_folder",
    "check_items",
    "find_sets",
    "run_study",
    "write_map",
]
