"""Identity of the instrument, from data sets to model cards."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from refp import pipeline
from refp.core.errors import DataError
from refp.pipeline import Planes
from refp.pipeline.checks import check_same_instrument
from refp.settings import Identity, Recipe
from refp.sweeps import open_dataset

FIRST = Identity(serial="A1", condenser="0.3")


def test_the_card_holds_the_identity_of_the_training(
    planes: Planes, recipe_for: Callable[[str], Recipe]
) -> None:
    own = tuple(replace(m, dataset=replace(m.dataset, identity=FIRST)) for m in planes.measurements)
    ensemble = pipeline.train_model(replace(planes, measurements=own), recipe_for("lookup"))
    assert ensemble.card.identity == FIRST


def test_two_serial_numbers_are_two_instruments(tiny_test: Path) -> None:
    unstated = open_dataset(tiny_test)
    first, second = (replace(unstated, identity=Identity(serial=s)) for s in ("A1", "B2"))
    check_same_instrument([first, unstated, first])
    assert first.instrument == second.instrument
    with pytest.raises(DataError, match=r"serial 'B2' differs from 'A1'.*one instrument at a time"):
        check_same_instrument([unstated, first, second])
