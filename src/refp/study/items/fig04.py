"""Fig. 4: the search for settings."""

import numpy as np
import pandas as pd

from refp.reports import draw_pair
from refp.study.article import LEARNT
from refp.study.descriptions import count, needs_training
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.study import Study

SELECTED = {"learning_rate": 1e-4, "weight_decay": 5e-4}
"""The article's choice of the settings of the figure."""
SHORT = (
    "A trial has far fewer steps than a training, so that high rates are favoured: they learn sooner and "
    "are not yet disturbed by their own noise."
)
_OTHER_SCHEDULE = (
    "The rate is the peak of one cycle here, the start of a slowly falling rate in the article, and decay "
    "is applied to the step, where values as small as the article's have no effect."
)


def make(study: Study) -> Finding:
    """Make the item."""
    label = study.layout.labels[0]
    trials = study.trials(label)
    budget, constant_um = study.scale.search_budget, study.constant_rms_um(label)

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig04"]
        has_learnt = not _learnt(shown, constant_um).empty
        recipe = study.scale.article
        caption = (
            f"{label} training: {count(len(shown), 'trial')}, each one network of at most {budget:,} steps "
            f"scored on held-out tiles; all other settings of recipe {recipe}."
            f"{' Framed: the best.' * has_learnt} "
            f"'refp tune --recipe {recipe} --sampler grid' varies all seven."
        )
        alt = "RMS error of held-out tiles against learning rate and L2 regularisation."
        return [Picture("fig04", alt, caption, draw_pair(shown, mark_best=has_learnt))]

    settings = study.recipe(study.spec_of(label, "resnet")).train.resnet
    differs = f"{_OTHER_SCHEDULE} {SHORT}" if settings.schedule == "one_cycle" else SHORT
    summary = _summarise(trials, constant_um)
    return Finding({"fig04": trials}, draw, summary, differs)


def _learnt(trials: pd.DataFrame, constant_um: float) -> pd.DataFrame:
    """Return the trials that have learnt more than the constant predictor."""
    return trials[(trials["state"] == "done") & (trials["rms_um"] < LEARNT * constant_um)]


def _summarise(trials: pd.DataFrame, constant_um: float) -> str:
    """Name the best trial, and how many have learnt more than the constant predictor."""
    n_done = int(((trials["state"] == "done") & trials["rms_um"].notna()).sum())
    learnt = _learnt(trials, constant_um)
    counted = (
        f"{len(learnt)} of {count(n_done, 'trial')} reached less than half of the constant "
        f"predictor's {constant_um:.3g} um"
    )
    if learnt.empty:
        return f"{counted}: none has learnt, so that nothing follows on the settings."
    best = learnt.iloc[int(learnt["rms_um"].to_numpy().argmin())]
    same = [n for n, value in SELECTED.items() if np.isclose(best[n], value)]
    return (
        f"{counted}. Best: learning rate {best['learning_rate']:g}, L2 {best['weight_decay']:g}, RMS "
        f"{best['rms_um']:.3g} um; the article's choice in "
        f"{' and '.join(n.replace('_', ' ') for n in same) or 'neither'}."
    )


ITEM = Item(
    "fig04",
    "Fig. 4: search for settings",
    "A full factorial chose learning rate 1e-4, times 0.9 every 15 epochs, batch 32, validation every "
    "2000 steps, patience 10, L2 5e-4, by least RMSE of validation.",
    needs_training,
    make,
)
