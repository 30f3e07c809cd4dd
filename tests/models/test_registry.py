"""Creation of families and predictors by name."""

import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import MissingExtraError, ModelError
from refp.core.rows import take
from refp.models import (
    TRAINING_LIBRARIES,
    Ensemble,
    Lookup,
    TrainingJob,
    check_libraries,
    check_search,
    inputs_of,
    load_model,
    make_family,
    make_predictor,
    match_held_out,
    stack_of,
)
from refp.models.graph import GraphPredictor
from refp.models.tiles import LabelledTiles, Split
from refp.settings import LookupSettings, TrainSettings


@pytest.mark.parametrize(
    ("family", "sees_pixels"), [("lookup", False), ("profile", False), ("resnet", True)]
)
def test_family_by_name(family: str, sees_pixels: bool) -> None:
    if family != "lookup":
        pytest.importorskip("torch")
    made = make_family(TrainSettings.model_validate({"family": family}))
    assert made.sees_pixels is sees_pixels


@pytest.mark.parametrize(
    ("family", "library"),
    [(family, library) for family, needed in TRAINING_LIBRARIES.items() for library in needed],
)
def test_a_missing_library_is_named(
    family: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    message = rf"family '{family}' needs {library}, .*'refp\[train\]'"
    settings = TrainSettings.model_validate({"family": family})
    for check in (check_libraries, check_search, make_family):
        with pytest.raises(MissingExtraError, match=message):
            check(settings)


def test_a_family_imports_no_library_that_is_not_listed(
    run_python: Callable[[str], str],
) -> None:
    """Of those that extra ``train`` installs."""
    pytest.importorskip("torch")
    extra = ("torch", "monai", "onnx", "onnxscript", "optuna")
    for family, needed in TRAINING_LIBRARIES.items():
        code = f"""
import sys
for name in {sorted(set(extra) - set(needed))}:
    sys.modules[name] = None  # importing it fails
from refp.models import make_family
from refp.settings import TrainSettings
make_family(TrainSettings(family={family!r}))
"""
        run_python(code)


def test_lookup_predicts_from_the_stack(lookup_model: Path) -> None:
    ensemble = load_model(lookup_model)
    assert isinstance(make_predictor(ensemble, TrainSettings()), Lookup)


def test_invalid_graph_is_refused(lookup_model: Path) -> None:
    model = load_model(lookup_model)
    card = model.card.model_copy(update={"family": "profile"})
    with pytest.raises(ModelError, match="graph cannot be loaded"):
        make_predictor(Ensemble(card, model.stack, b"no graph"), TrainSettings())


def test_networks_predict_from_their_graph(profile_model: Path) -> None:
    predictor = make_predictor(load_model(profile_model), TrainSettings())
    assert isinstance(predictor, GraphPredictor)
    assert not predictor.sees_pixels


def test_lookup_predicts_held_out_beads(
    tiles: LabelledTiles, job_of: Callable[..., TrainingJob], tmp_path: Path
) -> None:
    trained = make_family(TrainSettings(family="lookup")).train(job_of(tiles, tmp_path))
    assert (trained.graph, trained.members) == (b"", 1)
    error = trained.held_out.dz_um[0] - tiles.dz_um
    assert np.sqrt(np.mean(error**2)) < 0.5
    assert np.sqrt(np.mean((error / trained.held_out.sd_um[0]) ** 2)) < 2.0


def test_held_out_beads_are_matched_with_stacks_of_the_others(
    tiles: LabelledTiles, job_of: Callable[..., TrainingJob], tmp_path: Path
) -> None:
    splits, settings = job_of(tiles, tmp_path).splits, LookupSettings()
    found = match_held_out(tiles, splits, settings)
    for split in splits:
        stack = stack_of(take(tiles, split.train))
        held_out = take(tiles, split.held_out)
        expected = Lookup(stack, settings).match(held_out.profile, held_out.saturated)
        np.testing.assert_allclose(found.dz_um[split.held_out], expected.dz_um)
        np.testing.assert_allclose(found.size[split.held_out], expected.size)
        np.testing.assert_array_equal(found.at_end[split.held_out], expected.at_end)


def test_a_bead_held_out_of_two_is_judged_by_the_spread_of_both(tiles: LabelledTiles) -> None:
    """Noise of one bead is on another scale than the differences of beads, by which images are judged."""
    numbers = np.unique(tiles.bead[tiles.field == tiles.field[0]])[:2]
    two = take(tiles, np.flatnonzero(np.isin(tiles.bead, numbers)))
    rows = [np.flatnonzero(two.bead == number) for number in numbers]
    splits = [Split(rows[0], rows[1]), Split(rows[1], rows[0])]
    settings, everything = LookupSettings(), stack_of(two)
    found = match_held_out(two, splits, settings)
    for split in splits:
        stack = stack_of(take(two, split.train))
        sd = [np.interp(stack.dz_um, everything.dz_um, ring) for ring in everything.sd.T]
        held_out = take(two, split.held_out)
        judged = Lookup(replace(stack, sd=np.transpose(sd)), settings)
        expected = judged.match(held_out.profile, held_out.saturated)
        np.testing.assert_allclose(found.reduced_chi2[split.held_out], expected.reduced_chi2)
    in_sample = Lookup(everything, settings).match(two.profile, two.saturated)
    assert np.median(found.reduced_chi2) > np.median(in_sample.reduced_chi2)


def test_inputs_are_all_fields_but_the_labels(tiles: LabelledTiles) -> None:
    inputs = inputs_of(tiles)
    for name in ("profile", "saturated", "light", "pixels", "offset_px"):
        assert getattr(inputs, name) is getattr(tiles, name)
    names = {field.name for field in fields(inputs)}
    assert not names & {"dz_um", "height_um", "label_u_um", "size", "frame", "bead", "field"}
