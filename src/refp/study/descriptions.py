"""Texts and numbers that several items share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from refp.core.arrays import BoolArray, FloatArray
from refp.pipeline.fractions import fraction_interval
from refp.study.article import ARTICLE_STEPS, PAPER
from refp.study.layout import DataLayout, label_of
from refp.study.study import ModelSpec, Study
from refp.sweeps import DataSet
from refp.synthetic.truth import TRUTH_FILE

Missing = Callable[[DataLayout], str]
COVERAGE = 0.95
MIN_RESAMPLED = 5
"""Fewest images from which an interval is resampled."""


def count(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural where needed."""
    return f"{n} {noun}{'s' * (n != 1)}"


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval; images count as independent, though those of a sweep share beads."""

    value: float
    lower: float = float("nan")
    upper: float = float("nan")

    def text(self, unit: str) -> str:
        """Return value, interval and unit as text."""
        if np.isnan(self.value):
            return "not known"
        value = f"{self.value:.3g} {unit}".rstrip()
        return value if np.isnan(self.lower) else f"{value} ({self.lower:.3g} to {self.upper:.3g})"


def percent_of(hits: BoolArray) -> Interval:
    """Return the percentage of hits with its Wilson interval; NaN for none."""
    if not hits.size:
        return Interval(float("nan"))
    k, n = int(hits.sum()), int(hits.size)
    low, high = fraction_interval(k, n)
    return Interval(100 * k / n, 100 * low, 100 * high)


def rms_of(errors: pd.Series) -> Interval:
    """Return the root mean square with its interval from resampled images; NaN for no values."""
    return _resampled(_rms, errors)


def rms_ratio(numerator: pd.Series, denominator: pd.Series) -> Interval:
    """Return the ratio of two root mean squares with its interval from resampled images."""
    return _resampled(_rms_ratio, numerator, denominator)


def _rms(values: FloatArray, axis: int = -1) -> FloatArray:
    return np.sqrt(np.mean(np.square(values), axis=axis))


def _rms_ratio(numerator: FloatArray, denominator: FloatArray, axis: int = -1) -> FloatArray:
    return _rms(numerator, axis) / _rms(denominator, axis)


def _resampled(statistic: Callable[..., FloatArray], *samples: pd.Series) -> Interval:
    arrays = [sample.to_numpy(dtype=np.float64) for sample in samples]
    if not all(array.size for array in arrays):
        return Interval(float("nan"))
    value = float(statistic(*arrays))
    if min(array.size for array in arrays) < MIN_RESAMPLED:
        return Interval(value)
    found = bootstrap(
        arrays, statistic, confidence_level=COVERAGE, method="percentile", n_resamples=999, rng=0
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))


def format_percent(fraction: float) -> str:
    """Return a fraction of images as text, in percent."""
    return "no image" if np.isnan(fraction) else f"{100 * fraction:.3g} %"


def um(value: float) -> str:
    """Return a length as text, in um."""
    return "not known" if np.isnan(value) else f"{value:.3g} um"


def needs_training(layout: DataLayout) -> str:
    """Name the data that are missing to train a model; empty for none."""
    return "" if layout.labels else "training data of any instrument"


def needs_tests(layout: DataLayout) -> str:
    """Name the data that are missing to train and test on one instrument; empty for none."""
    if any(layout.tests(label) for label in layout.labels):
        return ""
    return "training and test data of one instrument"


def preferred(layout: DataLayout, name: str) -> str:
    """Return the name of a test data set: that of Table 1 if present, else the first one."""
    if name in layout.sets and label_of(name) in layout.labels:
        return name
    return next(test for label in layout.labels for test in layout.tests(label))


def describe_model(study: Study, spec: ModelSpec) -> str:
    """Describe the model of a figure."""
    card = study.card(spec)
    if card.family == "lookup":
        return f"family lookup (no training), stack of {spec.label} training"
    steps = study.recipe(spec).train
    n = steps.profile.steps if card.family == "profile" else steps.resnet.max_steps
    depth = f"-{steps.resnet.depth}" if card.family == "resnet" else ""
    variant = f" ({spec.variant})" if spec.variant else ""
    return (
        f"family {card.family}{depth}, recipe {spec.recipe}{variant}, {count(card.members, 'member')} of "
        f"at most {n:,} steps, trained on {spec.label} training"
    )


def describe_training(study: Study, spec: ModelSpec) -> str:
    """Describe the training of the article's network, without the number of steps."""
    settings = study.recipe(spec).train.resnet
    schedule = settings.schedule.replace("_", " ")
    return (
        f"Recipe {spec.recipe}: {settings.optimizer}, rate {settings.learning_rate:g}, schedule "
        f"{schedule}, decay {settings.weight_decay:g}, trained on {spec.label} training"
    )


def explain_training(study: Study, *labels: str) -> str:
    """Explain how networks and images differ from the article's; empty for its training on real images."""
    reasons = []
    for label in labels if study.scale.article != PAPER else ():
        settings = study.recipe(study.spec_of(label, "resnet")).train.resnet
        reasons.append(
            f"{label}: {count(settings.members, 'member')} of {settings.max_steps:,} steps by recipe "
            f"{study.scale.article}, in place of ten of at least {ARTICLE_STEPS:,}"
        )
    if all(is_simulated(dataset) for dataset in study.layout.sets.values()):
        reasons.append("simulated images, whose light, optics and beads are those of the recipe")
    return f"{'; '.join(reasons)}." if reasons else ""


def is_simulated(dataset: DataSet) -> bool:
    """Return whether a data set was simulated, with its truth beside it."""
    return (dataset.root / TRUTH_FILE).is_file()


def describe_images(errors: pd.DataFrame) -> str:
    """Describe the images of a figure: data sets, images, beads."""
    names = ", ".join(dict.fromkeys(errors["dataset"].astype(str)))
    used = errors["n_beads_used"].to_numpy(dtype=np.float64)
    used = used[np.isfinite(used) & (used > 0)]
    beads = f"{used.min():.0f} to {used.max():.0f} beads" if used.size else "no bead"
    return f"{names}: {count(len(errors), 'image')}, {beads} used per image"


def largest(errors: pd.DataFrame) -> float:
    """Return the largest absolute error, um; NaN for no images."""
    error = errors["error_um"].abs()
    return float(error.max()) if len(error) else float("nan")
