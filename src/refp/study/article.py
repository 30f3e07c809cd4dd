"""Data sets and parameters of the article (Chalfoun et al. 2024)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from refp.synthetic.table1 import TABLE_INSTRUMENTS, Row

ARTICLE = "Chalfoun et al. 2024, doi 10.1038/s41598-024-57123-w"
TOLERANCE_UM = 7.5
"""Repeatability of the A2K's stage, with which the article compares errors."""
N_BEADS = (6, 8, 10, 15, 20)
MEMBERS = (1, 5, 10)
PAPER = "paper"
"""Recipe with the article's training."""
LEARNT = 0.5
"""Largest RMS error, over that of the constant predictor, of a network that has left its first plateau, on
which it predicts 0."""
ARTICLE_STEPS = 22_000
"""Fewest steps of a training: eleven validations, 2,000 steps apart, the first of which is the best."""
NORMALISATIONS = ("none", "zscore", "center", "background")
"""In the order of Fig. 9."""
DEEPER = {"ResNet-50": "resnet50", "ResNet-101": "resnet101"}
"""Variant of each deeper network."""
WHOLE = "whole"
VARIANTS: dict[str, dict[str, Any]] = {
    **{how: {"train": {"resnet": {"normalisation": how}}} for how in NORMALISATIONS},
    "resnet50": {"train": {"resnet": {"depth": 50}}},
    "resnet101": {"train": {"resnet": {"depth": 101}}},
    WHOLE: {"tile": {"cut": "grid", "grid_side_px": 512}},
}
"""Changes of the recipe of the article's network for its comparisons."""
TEST_3, TEST_4 = "A2K test 3", "A2K test 4"
ON_OTHER_INSTRUMENT = frozenset({TEST_4})
CELLS = ("A2K test 5", "A2K test 6")


@dataclass(frozen=True, slots=True)
class ArticleSet:
    """A data set of Table 1: its name, the label of its instrument, and its row."""

    name: str
    label: str
    row: Row


def article_sets() -> Iterator[ArticleSet]:
    """Yield the data sets of Table 1 in its order."""
    for label, rows in TABLE_INSTRUMENTS.values():
        for row in rows:
            yield ArticleSet(f"{label} {row.kind}", label, row)


def instrument_of(label: str) -> str:
    """Return the recipe of an instrument of Table 1; empty for any other."""
    return next((name for name, (known, _) in TABLE_INSTRUMENTS.items() if known == label), "")
