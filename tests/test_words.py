"""The words of docs/glossary.md: plain technical terms, counted so that they do not come back."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "refp"

PERSONIFIED = re.compile(r"\b(?:told|tells|tell|said|says|say|lie|lies|stands|stand|knows)\b", re.I)
"""Code, data and figures state, return, hold or show; people say and know."""
CLAUSES = re.compile(r"\bwhat\b", re.I)
"""A clause with "what" stands where a noun is wanted."""

CEILINGS = {"personified": 4, "clauses": 3}
"""The counts of today. They only fall: a change that lowers a count lowers its ceiling too."""
SLACK = 10
"""A ceiling this far above its count is out of date."""


def texts() -> Iterator[str]:
    """Docstrings and messages of the package, its templates, and the documentation."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for path in SOURCE.rglob("*.jinja"):
        yield re.sub(
            r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.S
        )
    generated = {"_build", "gallery", "generated"}
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        # The glossary lists them.
        if path.name != "glossary.md" and not generated & set(path.parts):
            yield path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts():
        found["personified"] += len(PERSONIFIED.findall(text))
        found["clauses"] += len(CLAUSES.findall(text))
    return found


@pytest.mark.parametrize("kind", CEILINGS)
def test_words_only_get_fewer(counts: Counter[str], kind: str) -> None:
    n, ceiling = counts[kind], CEILINGS[kind]
    assert n <= ceiling, f"{n} {kind} words, at most {ceiling}: see docs/glossary.md"
    assert n > ceiling - SLACK, f"{n} {kind} words: lower the ceiling from {ceiling} to {n}"
