"""Public names of the package, for autodoc; their docstrings are the reference."""

import importlib
import inspect
from collections.abc import Iterator

ROOMS = {
    "refp": "The steps of the method. `import refp` is quick: each name loads at its first use.",
    "refp.settings": "Recipes and instruments.",
    "refp.sweeps": "Images and folders to data sets.",
    "refp.pipeline": "The commands as functions.",
    "refp.estimate": "Beads of one image to dZ with an interval, or a refusal.",
    "refp.models": "Families of models and the model file.",
    "refp.plane": "Sweeps to reference planes with their uncertainty.",
    "refp.synthetic": "Simulated images with known truth.",
    "refp.history": "Results over time, and control charts.",
    "refp.reports": "Figures and pages.",
    "refp.web": "The server and its client.",
    "refp.core.errors": "Exceptions.",
}
"""Modules with public names, and a sentence on each."""


def public_names(module: str) -> list[str]:
    """Return the public names of a module."""
    room = importlib.import_module(module)
    stated = getattr(room, "__all__", None)
    if stated is not None:
        return list(stated)
    return [
        name
        for name, value in vars(room).items()
        if inspect.isclass(value) and value.__module__ == module
    ]


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and text of a page for each module, in reStructuredText."""
    for module, sentence in ROOMS.items():
        title = f"{module}\n{'=' * len(module)}"
        parts = [directive(module, name) for name in public_names(module)]
        yield module, "\n\n".join([title, sentence.replace("`", "``"), *parts]) + "\n"


def directive(module: str, name: str) -> str:
    """Return the directive that documents a public name."""
    value = getattr(importlib.import_module(module), name)
    head = f"{module}.{name}\n{'-' * (len(module) + len(name) + 1)}"
    kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
    options = "\n   :no-value:" if kind == "data" else ""
    if kind == "class" and issubclass(value, BaseException):
        kind = "exception"
    return f"{head}\n\n.. auto{kind}:: {module}.{name}{options}"
