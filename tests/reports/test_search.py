"""The figures of a search."""

import itertools

import numpy as np
import pandas as pd
import pytest

from refp.reports import draw_pair, draw_search, search_headline, search_sections

LEVELS = {"learning_rate": (1e-4, 1e-3, 1e-2), "weight_decay": (1e-4, 1e-3), "batch": (4, 32)}


@pytest.fixture
def trials() -> pd.DataFrame:
    """A factorial whose error is least, 5 um, at rate 1e-4, decay 1e-3 and batch 32: trial 3."""
    rows = [
        {
            "trial": i,
            "state": "done",
            "n_steps": 100,
            "rms_um": 5.0 + np.log10(rate / 1e-4) + (decay < 1e-3) + (batch < 32),
            "learning_rate": rate,
            "weight_decay": decay,
            "batch": batch,
        }
        for i, (rate, decay, batch) in enumerate(itertools.product(*LEVELS.values()))
    ]
    return pd.DataFrame(rows)


def test_a_panel_for_each_setting(trials: pd.DataFrame) -> None:
    axes = draw_search(trials).axes
    assert [a.get_xlabel() for a in axes] == ["learning rate", "L2 regularisation", "batch"]
    assert len({a.get_ylim() for a in axes}) == 1
    assert [t.get_text() for t in axes[0].get_xticklabels()] == ["0.0001", "0.001", "0.01"]


def test_the_line_joins_the_best_at_each_level(trials: pd.DataFrame) -> None:
    lines = draw_search(trials).axes[0].lines
    (joined,) = [line for line in lines if line.get_linestyle() == "-"]
    np.testing.assert_allclose(joined.get_ydata(), [5.0, 6.0, 7.0])


def test_trials_that_ended_early_are_hollow(trials: pd.DataFrame) -> None:
    trials.loc[:4, "state"] = "pruned"
    hollow, done = draw_search(trials).axes[0].lines[:2]
    assert hollow.get_markerfacecolor() == "white"
    assert (len(hollow.get_xdata()), len(done.get_xdata())) == (5, 7)


def test_the_pair_shows_the_best_at_each_place(trials: pd.DataFrame) -> None:
    axes = draw_pair(trials).axes[0]
    values = sorted(float(text.get_text()) for text in axes.texts)
    np.testing.assert_allclose(values, [5, 6, 6, 7, 7, 8])


def test_many_places_are_points_on_logarithmic_axes() -> None:
    rng = np.random.default_rng(0)
    rate, decay = 10 ** rng.uniform(-4, -2, 30), 10 ** rng.uniform(-6, -2, 30)
    table = pd.DataFrame({"learning_rate": rate, "weight_decay": decay, "rms_um": 1 + rate})
    axes = draw_pair(table.assign(trial=range(30), state="done", n_steps=1)).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert not axes.texts


def test_sections_and_headline(trials: pd.DataFrame) -> None:
    (section,) = search_sections(trials, {"family": "resnet"})
    assert len(section.figures) == 2
    assert section.tables[0].rows[0][0] == "3"
    assert "Trial 3 is the best of 12: 5.00 um RMS." in section.headlines[0].text
    assert search_headline(trials.assign(state="pruned")).level == "poor"


def test_a_search_without_the_pair_has_no_second_figure(trials: pd.DataFrame) -> None:
    (section,) = search_sections(trials.drop(columns="weight_decay"), {})
    assert len(section.figures) == 1


def test_nothing_to_see_is_said(trials: pd.DataFrame) -> None:
    nothing = trials.assign(rms_um=np.nan, state="running")
    for figure in (draw_search(nothing), draw_pair(nothing)):
        assert "no trial" in figure.axes[0].texts[0].get_text()
