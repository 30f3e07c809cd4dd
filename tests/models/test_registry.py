"""Families by name."""

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.errors import MissingExtraError, ModelError
from refp.models import (
    Ensemble,
    Lookup,
    TrainingJob,
    TrainSettings,
    load_model,
    make_family,
    make_predictor,
)
from refp.models.graph import GraphPredictor
from refp.tiles import LabelledTiles


@pytest.mark.parametrize(
    ("family", "sees_pixels"), [("lookup", False), ("profile", False), ("resnet", True)]
)
def test_family_by_name(family: str, sees_pixels: bool) -> None:
    if family != "lookup":
        pytest.importorskip("torch")
    made = make_family(TrainSettings.model_validate({"family": family}))
    assert made.sees_pixels is sees_pixels


@pytest.mark.parametrize("family", ["profile", "resnet"])
def test_without_torch_the_extra_is_named(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def lacks_torch(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] in ("torch", "lightning"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return imported(name, *args, **kwargs)

    for module in [
        m for m in sys.modules if m.startswith(("refp.models.resnet", "refp.models.pr"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", lacks_torch)
    with pytest.raises(MissingExtraError, match=rf"family '{family}' needs .*'refp\[train\]'"):
        make_family(TrainSettings.model_validate({"family": family}))


def test_lookup_predicts_from_the_stack(lookup_model: Path) -> None:
    ensemble = load_model(lookup_model)
    assert isinstance(make_predictor(ensemble, TrainSettings()), Lookup)


def test_graph_that_is_none_is_refused(lookup_model: Path) -> None:
    model = load_model(lookup_model)
    card = model.card.model_copy(update={"family": "profile"})
    with pytest.raises(ModelError, match="graph cannot be loaded"):
        make_predictor(Ensemble(card, model.stack, b"no graph"), TrainSettings())


def test_networks_predict_from_their_graph(profile_model: Path) -> None:
    predictor = make_predictor(load_model(profile_model), TrainSettings())
    assert isinstance(predictor, GraphPredictor)
    assert not predictor.sees_pixels


def test_lookup_holds_out_what_it_predicts(
    tiles: LabelledTiles, job_of: Callable[..., TrainingJob], tmp_path: Path
) -> None:
    trained = make_family(TrainSettings(family="lookup")).train(job_of(tiles, tmp_path))
    assert (trained.graph, trained.members) == (b"", 1)
    assert np.sqrt(np.mean((trained.held_out.dz_um[0] - tiles.dz_um) ** 2)) < 4.0
