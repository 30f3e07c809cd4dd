"""Search spaces of settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from refp.settings import FamilyName, TrainSettings

Value = int | float | str


@dataclass(frozen=True, slots=True)
class ValueRange:
    """A range of numbers; of integers where both ends are integers."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class ValueChoice:
    """A choice of values; lists of widths are written ``64-64-32``."""

    values: tuple[Value, ...]


Space = Mapping[str, ValueRange | ValueChoice]

FACTORIAL: Mapping[FamilyName, Mapping[str, tuple[Value, ...]]] = {
    # The ends of each range that the article considered, and the value that it selected.
    "resnet": {
        "learning_rate": (1e-4, 1e-3, 1e-2),
        "drop_epochs": (5, 15, 20),
        "drop_factor": (0.7, 0.9, 1.0),
        "batch": (4, 16, 32),
        "validate_steps": (500, 2000, 4000),
        "patience": (5, 10, 15),
        "weight_decay": (1e-4, 5e-4, 1e-3),
    },
    "profile": {
        "learning_rate": (1e-3, 3e-3, 1e-2),
        "weight_decay": (1e-5, 1e-4, 1e-3),
        "hidden": ("32-32", "64-64-32", "128-128-64"),
        "size_spread": (0.0, 0.03, 0.06),
    },
}
"""Levels of the full factorial. Where the article selected an end of its range (learning rate, batch),
the third level is between."""

DROPS = ("drop_epochs", "drop_factor")
"""Settings without effect on a one_cycle schedule."""

SPACES: Mapping[FamilyName, Space] = {
    # Without the settings of early stopping, which the budget of steps replaces.
    "resnet": {
        "learning_rate": ValueRange(1e-4, 1e-2, log=True),
        "drop_epochs": ValueRange(5, 20),
        "drop_factor": ValueRange(0.7, 1.0),
        "batch": ValueChoice((4, 8, 16, 32)),
        "weight_decay": ValueRange(1e-4, 1e-3, log=True),
        "normalisation": ValueChoice(("none", "background", "center", "zscore")),
    },
    "profile": {
        "learning_rate": ValueRange(3e-4, 3e-2, log=True),
        "weight_decay": ValueRange(1e-6, 1e-2, log=True),
        "batch": ValueChoice((32, 64, 128, 256)),
        "hidden": ValueChoice(("32-32", "64-32", "64-64-32", "128-128-64")),
        "reach_radii": ValueRange(1.5, 3.0),
        "size_spread": ValueRange(0.0, 0.12),
        "gain_spread": ValueRange(1e-3, 2e-2, log=True),
        "pixel_noise": ValueRange(0.05, 1.0, log=True),
    },
}
"""Space of the sampler."""


def space_of(settings: TrainSettings) -> Space:
    """Return the space of a sampler: the settings of the family that have an effect."""
    space = SPACES[settings.family]
    if settings.family == "resnet" and settings.resnet.schedule == "one_cycle":
        return {name: each for name, each in space.items() if name not in DROPS}
    return space


def as_setting(value: Value) -> object:
    """Return a value as in a settings file: widths as a list of numbers."""
    parts = value.split("-") if isinstance(value, str) else []
    return [int(part) for part in parts] if parts and all(p.isdigit() for p in parts) else value
