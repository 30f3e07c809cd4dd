"""Words and tables of the generated pages."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks import HERE

ROOT = HERE.parent
OLD_IMAGES = (
    "Measured before the simulator imaged by wave optics, with a simple picture of beads and the "
    "method of then; not yet measured again."
)
A2K_PLANES = ("a2k-training", "a2k-test1", "a2k-test2", "a2k-cells")


def load(name: str) -> dict[str, Any]:
    """Read a benchmark file."""
    result: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return result


def load_any(name: str) -> dict[str, Any]:
    """Read a benchmark file; empty where it was not measured."""
    return load(name) if (HERE / name).is_file() else {}


def rms(values: Iterable[float]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(list(values)))))


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float | None, digits: int = 2) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in percent, or a dash where there is none."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def state_conditions(conditions: dict[str, str]) -> str:
    """Return conditions as one line."""
    return ", ".join(f"{key} {value}" for key, value in conditions.items())
