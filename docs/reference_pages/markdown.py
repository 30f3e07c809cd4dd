"""Markdown of the reference pages."""

import re
from collections.abc import Iterable, Sequence

_ROLE = re.compile(r"(?::\w+:|`)`([^`]+)``?")
"""A role of reStructuredText, or its code between double backticks."""


def cell(text: object) -> str:
    """Return text of a docstring as a cell of a table."""
    plain = _ROLE.sub(r"`\1`", " ".join(str(text).split()))
    return plain.replace("|", "\\|").replace("<", "&lt;")


def code(text: object) -> str:
    """Return text as code in a cell; empty text stays empty."""
    return f"`{' '.join(str(text).split())}`".replace("|", "\\|") if str(text) else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def page(title: str, *parts: str) -> str:
    """Return a page of parts, with a title."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"
