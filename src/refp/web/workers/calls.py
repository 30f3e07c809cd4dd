"""The functions that the server process runs in its workers, as references by module and name.

The server process must not load the science libraries, so it imports none of the modules below. A type
checker sees the modules themselves, and with them the types of their functions. At run time each is a
:class:`Module`, whose attributes are references that import the function in the worker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "checks",
    "estimates",
    "folders",
    "history",
    "is_slow",
    "job_log",
    "live",
    "model_names",
    "models",
    "needs_kernels",
    "planes",
    "recipes",
]


@dataclass(frozen=True, slots=True)
class Reference:
    """A function by module and name, imported when it is called."""

    module: str
    name: str

    def __call__(self, *arguments: Any) -> Any:
        """Import the function and return its result."""
        return getattr(import_module(self.module), self.name)(*arguments)


@dataclass(frozen=True, slots=True)
class Module:
    """A module whose attributes are references to its functions."""

    path: str

    def __getattr__(self, name: str) -> Reference:
        """Return the reference to a function."""
        if name.startswith("_"):
            raise AttributeError(name)
        return Reference(self.path, name)


if TYPE_CHECKING:
    from refp.settings import recipe as recipes
    from refp.web.storage import models as model_names
    from refp.web.workers import checks, estimates, folders, history, job_log, live, models, planes
else:
    recipes = Module("refp.settings.recipe")
    model_names = Module("refp.web.storage.models")
    checks, estimates, folders, history, job_log, live, models, planes = (
        Module(f"refp.web.workers.{name}")
        for name in (
            *("checks", "estimates", "folders", "history", "job_log", "live", "models"),
            "planes",
        )
    )

_SLOW: frozenset[Callable[..., object]] = frozenset(
    {
        checks.check_options,
        checks.check_paths,
        checks.check_sweeps,
        checks.read_planes,
        folders.list_folder,
        models.check_training,
        models.restore_model,
        models.retire_model,
        models.take_model,
    }
)
_WITH_KERNELS: frozenset[Callable[..., object]] = frozenset(
    {estimates.draw_overlay, estimates.estimate_file}
)


def is_slow(function: Callable[..., object]) -> bool:
    """Return whether a function runs in the worker for archives, folders and uploaded models."""
    return function in _SLOW


def needs_kernels(function: Callable[..., object]) -> bool:
    """Return whether a function waits until the kernels are compiled."""
    return function in _WITH_KERNELS
