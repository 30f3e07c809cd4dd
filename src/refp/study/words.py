"""What several items say and count."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from refp.study.layout import DataLayout, label_of
from refp.study.study import Study, Wanted

Missing = Callable[[DataLayout], str]


def count(n: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{n} {what}{'s' * (n != 1)}"


def rms(values: pd.Series) -> float:
    """Return the root mean square; NaN of nothing."""
    array = values.to_numpy(dtype=np.float64)
    return float(np.sqrt(np.mean(array**2))) if array.size else float("nan")


def percent_of_images(share: float) -> str:
    """Return a share as people read it."""
    return "no image" if np.isnan(share) else f"{100 * share:.3g} %"


def um(value: float) -> str:
    """Return a length as people read it."""
    return "not known" if np.isnan(value) else f"{value:.3g} um"


def needs_training(layout: DataLayout) -> str:
    """Name what is missing to train anything."""
    return "" if layout.labels else "training data of any instrument"


def needs_tests(layout: DataLayout) -> str:
    """Name what is missing to train on one data set and test on another of an instrument."""
    if any(layout.tests(label) for label in layout.labels):
        return ""
    return "training and test data of one instrument"


def preferred(layout: DataLayout, name: str) -> str:
    """Return a data set by its name in Table 1, or the nearest thing that is there to test on."""
    if name in layout.sets and label_of(name) in layout.labels:
        return name
    return next(test for label in layout.labels for test in layout.tests(label))


def describe_wanted(study: Study, wanted: Wanted) -> str:
    """Say in words which networks a figure shows."""
    card = study.card(wanted)
    if card.family == "lookup":
        return f"family lookup (no training), stack of {wanted.label} training"
    steps = study.recipe(wanted).train
    n = steps.profile.steps if card.family == "profile" else steps.resnet.max_steps
    depth = f"-{steps.resnet.depth}" if card.family == "resnet" else ""
    return (
        f"family {card.family}{depth}, recipe {wanted.recipe}, {count(card.members, 'member')} of at "
        f"most {n:,} steps, trained on {wanted.label} training"
    )


def describe_images(errors: pd.DataFrame) -> str:
    """Say in words which images a figure shows: data sets, images, beads."""
    names = ", ".join(dict.fromkeys(errors["dataset"].astype(str)))
    used = errors["n_beads_used"].to_numpy(dtype=np.float64)
    used = used[np.isfinite(used) & (used > 0)]
    beads = f"{used.min():.0f} to {used.max():.0f} beads" if used.size else "no bead"
    return f"{names}: {count(len(errors), 'image')}, {beads} used per image"


def largest(errors: pd.DataFrame) -> float:
    """Return the largest error; NaN of nothing."""
    error = errors["error_um"].abs()
    return float(error.max()) if len(error) else float("nan")
