"""A number with an interval, or a refusal with its reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from refp.estimate import EstimateSettings, FocusEstimate, estimate_focus, refused
from refp.models import BeadInputs, Ensemble, Lookup, LookupSettings, Predictor

BeadsAt = Callable[..., BeadInputs]
Says = Callable[..., Predictor]


def ask(
    ensemble: Ensemble,
    inputs: BeadInputs,
    predictor: Predictor,
    n_beads: int = 5,
    **settings: Any,
) -> FocusEstimate:
    lookup = Lookup(ensemble.stack, LookupSettings(radius_spread=0))
    made = EstimateSettings.model_validate(settings)
    return estimate_focus(inputs, n_beads, ensemble.card, predictor, lookup, made)


@pytest.mark.parametrize(
    ("beads", "words", "n_beads", "reason"),
    [
        pytest.param(
            {"dz_um": 0, "n": 0}, {"dz_um": 0}, 0, "no_beads: no bead was found", id="none"
        ),
        pytest.param(
            {"dz_um": 0, "n": 0},
            {"dz_um": 0},
            5,
            "no_beads: none of 5 beads is usable",
            id="unusable",
        ),
        pytest.param(
            {"dz_um": 0, "n": 2},
            {"dz_um": 0},
            5,
            "too_few_beads: 2 usable beads, at least 3 are needed",
            id="few",
        ),
        pytest.param(
            {"dz_um": 45},
            {"dz_um": 80},
            4,
            "outside_range: the focal plane lies outside the trained range of -50 to 50 um",
            id="network says outside",
        ),
        pytest.param(
            {"dz_um": 51},
            {"dz_um": 40},
            4,
            "outside_range: the focal plane lies outside the trained range of -50 to 50 um",
            id="look-up ends",
        ),
        pytest.param(
            {"dz_um": 47},
            {"dz_um": 47, "sd_um": 4},
            4,
            "outside_range: the interval 39.09 to 54.91 um reaches outside "
            "the trained range of -50 to 50 um",
            id="interval reaches outside",
        ),
        pytest.param(
            {"dz_um": 5, "ripple": 0.2},
            {"dz_um": 5},
            4,
            "unlike_training: the beads do not look like those of the training (misfit ",
            id="unlike",
        ),
        pytest.param(
            {"dz_um": 5},
            {"dz_um": 20},
            4,
            "families_disagree: look-up and lookup differ by 15.0 um (> 6.0)",
            id="disagree",
        ),
    ],
)
def test_refusal(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    says: Says,
    beads: dict[str, float],
    words: dict[str, float],
    n_beads: int,
    reason: str,
) -> None:
    estimate = ask(ensemble, beads_at(**beads), says(**words), n_beads)
    assert estimate.status == "refused"
    assert estimate.reason.startswith(reason)
    assert (estimate.n_beads, estimate.n_beads_used) == (n_beads, 0)
    assert np.isnan(
        [estimate.delta_z_um, estimate.u_um, estimate.lower_um, estimate.upper_um]
    ).all()
    assert not estimate.used.any()


@given(
    dz_um=st.floats(-40, 40),
    spread_um=st.floats(0, 2),
    n=st.integers(3, 9),
    coverage=st.sampled_from([0.5, 0.9, 0.95]),
)
def test_interval(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    says: Says,
    dz_um: float,
    spread_um: float,
    n: int,
    coverage: float,
) -> None:
    predictor = says(dz_um, spread_um)
    estimate = ask(ensemble, beads_at(dz_um, n), predictor, 10, coverage=coverage)
    assert (estimate.status, estimate.reason, estimate.n_beads) == ("ok", "", 10)
    assert estimate.delta_z_um == pytest.approx(dz_um, abs=1e-6)
    half = norm.ppf(0.5 + coverage / 2) * estimate.u_um
    assert estimate.upper_um - estimate.delta_z_um == pytest.approx(half)
    assert estimate.delta_z_um - estimate.lower_um == pytest.approx(half)
    assert estimate.coverage == coverage


def test_uncertainty_joins_calibrated_scatter_and_plane(
    ensemble: Ensemble, beads_at: BeadsAt, says: Says
) -> None:
    estimate = ask(ensemble, beads_at(10, 4), says(10, sd_um=1.0))
    scatter, plane, beads = 2.0 * 1.0 / np.sqrt(4), 0.5, 0.2
    assert estimate.u_um == pytest.approx(np.sqrt(scatter**2 + plane**2 + beads**2))


def test_outlier_bead_is_not_used(ensemble: Ensemble, beads_at: BeadsAt, says: Says) -> None:
    predictor = says(10)
    inputs = beads_at(10, 5)
    told = predictor.predict(inputs)
    told.dz_um[0, 2] = 45.0
    predictor.predict = lambda inputs: told  # type: ignore[method-assign]
    estimate = ask(ensemble, inputs, predictor)
    assert estimate.delta_z_um == pytest.approx(10.0)
    assert estimate.n_beads_used == 4
    assert list(np.flatnonzero(~estimate.used)) == [2]


def test_refused_states_no_number() -> None:
    refusal = refused("unreadable", "cut.tif: cut", 0.95)
    assert refusal.reason == "unreadable: cut.tif: cut"
    assert refusal.status == "refused"
    assert refusal.n_beads == len(refusal.used) == 0


def test_one_bead_without_a_stated_spread_is_refused(
    ensemble: Ensemble, beads_at: BeadsAt, says: Says
) -> None:
    card = ensemble.card.model_copy(update={"minimum_beads": 1})
    lone = replace(ensemble, card=card)
    estimate = ask(lone, beads_at(5, n=1), says(5, sd_um=float("nan")))
    assert estimate.reason.startswith("too_few_beads: one bead and one network")
