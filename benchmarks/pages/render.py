"""Rendering of the generated pages: benchmark files into Jinja templates."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks import HERE

ROOT = HERE.parent
A2K_PLANES = ("a2k-training", "a2k-test1", "a2k-test2", "a2k-cells")
_ALWAYS = ("date", "refp", "data")
NAMES = {"a2k": "A2K", "nikon-ti2": "Nikon Ti2"}


def load(name: str) -> dict[str, Any]:
    """Read a benchmark file; return an empty table where it does not exist."""
    path = HERE / name
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return result


def rms(values: Iterable[float]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(list(values)))))


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as text, or a dash where it is None."""
    return "-" if value is None else f"{value:.{digits}f}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return a fraction in percent, or a dash where it is None."""
    return "-" if fraction is None else f"{100 * fraction:.{digits}f} %"


def ratio(numerator: float | None, denominator: float | None) -> str:
    """Return a ratio with one decimal, or a dash where it is unknown."""
    return number(numerator / denominator, 1) if numerator and denominator else "-"


def reasons(counts: dict[str, int]) -> str:
    """Return reasons of refusal with their numbers, most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{code.replace('_', ' ')} {n}" for code, n in ordered)


def subset(value: object) -> str:
    """Return the name of a subset of images: whole numbers are fifths of the range, others exposures."""
    if isinstance(value, int):
        return f"fifth {value}"
    return f"{value:g} ms" if isinstance(value, float) else str(value)


def conditions(measured: dict[str, str], page: dict[str, str] | None = None) -> str:
    """Return the conditions of a measurement as one line.

    Parameters
    ----------
    measured
        Conditions by name.
    page
        Conditions at the top of the page; versions and machine equal to these are left out.
    """
    return ", ".join(
        f"{key} {value}"
        for key, value in measured.items()
        if key in _ALWAYS or page is None or page.get(key) != value
    )


def render(template: str, **context: Any) -> str:
    """Return a page from ``templates/<template>.md.jinja``.

    Parameters
    ----------
    template
        Name of the page.
    context
        Summaries of benchmark files; templates read the files themselves with ``load``.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "num": number,
        "percent": percent,
        "reasons": reasons,
        "subset": subset,
        "conditions": conditions,
    }
    environment.globals |= {"load": load, "ratio": ratio, "NAMES": NAMES, **context}
    return environment.get_template(f"{template}.md.jinja").render().strip() + "\n"
