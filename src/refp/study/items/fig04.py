"""Fig. 4: the search for settings."""

import numpy as np
import pandas as pd

from refp.reports import draw_pair
from refp.study.descriptions import count, needs_training
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.study import Study

SELECTED = {"learning_rate": 1e-4, "weight_decay": 5e-4}
"""The article's choice of the settings of the figure."""


def make(study: Study) -> Finding:
    """Make the item."""
    label = study.layout.labels[0]
    trials = study.trials(label)
    budget = study.scale.search_budget

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig04"]
        caption = (
            f"{label} training: {count(len(shown), 'trial')}, each one network of at most {budget:,} steps "
            "scored on held-out tiles; all other settings as in the article. Framed: the best. "
            "'refp tune --recipe paper --sampler grid' varies all seven."
        )
        alt = "RMS error of held-out tiles against learning rate and L2 regularisation."
        return [Picture("fig04", alt, caption, draw_pair(shown))]

    return Finding({"fig04": trials}, draw, _summarise(trials))


def _summarise(trials: pd.DataFrame) -> str:
    done = trials[(trials["state"] == "done") & trials["rms_um"].notna()]
    if done.empty:
        return "No trial was completed."
    best = done.iloc[int(done["rms_um"].to_numpy().argmin())]
    same = [n for n, value in SELECTED.items() if np.isclose(best[n], value)]
    return (
        f"Best of {len(done)} trials: learning rate {best['learning_rate']:g}, L2 "
        f"{best['weight_decay']:g}, RMS {best['rms_um']:.3g} um; the article's choice in "
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
