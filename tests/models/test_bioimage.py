"""The package for the bioimage.io model zoo, tested by its validator."""

import gc
import json
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from refp.core.errors import MissingExtraError, ModelError
from refp.estimate.estimator import recipe_of
from refp.models import Ensemble, load_model
from refp.models.bioimage import export_package, typical_beads
from refp.settings import PublicationSettings

pytestmark = [
    # The library is looked for, not loaded: that takes seconds of every collection of tests.
    pytest.mark.skipif(not find_spec("bioimageio"), reason="packages are written with extra 'zoo'"),
    pytest.mark.filterwarnings("ignore"),  # the library leaves files open
]

TERMS = PublicationSettings(authors=("A. Nonymous",))


def export(ensemble: Ensemble, path: Path, terms: PublicationSettings = TERMS) -> Path:
    export_package(ensemble, recipe_of(ensemble.card).train, terms, path)
    return path


def description_in(package: Path) -> dict[str, Any]:
    from bioimageio.spec import load_description

    loaded: dict[str, Any] = load_description(package).model_dump(mode="json")
    return loaded


@pytest.fixture(autouse=True)
def close_files() -> Iterator[None]:
    """Close the files that the library leaves open, without warnings."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture(scope="module")
def package(profile_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(load_model(profile_model), tmp_path_factory.mktemp("zoo") / "profile.zip")


def test_validator_of_the_zoo_passes_it(package: Path) -> None:
    from bioimageio.core import test_model

    summary = test_model(package, weight_format="onnx")
    assert summary.status == "passed", summary.format()


def test_package_describes_the_model(package: Path, profile_model: Path) -> None:
    description, card = description_in(package), load_model(profile_model).card
    assert description["name"] == f"refp {card.name}"
    assert [author["name"] for author in description["authors"]] == ["A. Nonymous"]
    assert description["license"] == "CC-BY-4.0"
    assert "radial profile" in description["inputs"][0]["description"]
    assert [axis["type"] for axis in description["inputs"][0]["axes"]] == ["batch", "index"]
    assert [output["id"] for output in description["outputs"]] == ["dz_um", "sd_um"]
    assert all(output["data"]["unit"] == "µm" for output in description["outputs"])
    with zipfile.ZipFile(package) as archive:
        assert json.loads(archive.read("card.json")) == card.model_dump(mode="json")
        text = archive.read("README.md").decode()
    assert card.conditions in text
    assert "## Validation" in text


def test_graph_in_the_package_gives_its_test_output(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "graph.onnx")
    mean, sd = session.run(None, {"input": np.load(tmp_path / "input.npy")})
    np.testing.assert_allclose(mean, np.load(tmp_path / "dz_um.npy"), rtol=1e-5)
    np.testing.assert_allclose(sd, np.load(tmp_path / "sd_um.npy"), rtol=1e-5)


def test_test_input_is_beads_at_planes_of_the_trained_range(profile_model: Path) -> None:
    ensemble = load_model(profile_model)
    beads = typical_beads(ensemble)
    side = ensemble.card.instrument.tile_side_px
    assert beads.pixels.shape == (len(beads), side, side)
    center = beads.pixels[:, side // 2, side // 2]
    np.testing.assert_allclose(center, 100 * beads.profile[:, 0], rtol=1e-6)


def test_tiles_are_described_as_tiles(
    profile_model: Path, tile_graph: bytes, tmp_path: Path
) -> None:
    ensemble = load_model(profile_model)
    card = ensemble.card.model_copy(update={"family": "resnet", "members": 2})
    tiles = replace(ensemble, card=card, graph=tile_graph)
    description = description_in(export(tiles, tmp_path / "resnet.zip"))
    assert [axis["id"] for axis in description["inputs"][0]["axes"]] == [
        "batch",
        "channel",
        "y",
        "x",
    ]
    assert "tile of 64 x 64 pixels" in description["inputs"][0]["description"]


def test_lookup_has_no_network(lookup_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="family 'lookup' has no network to export"):
        export(load_model(lookup_model), tmp_path / "lookup.zip")
    assert not (tmp_path / "lookup.zip").exists()


@pytest.mark.parametrize(
    ("terms", "key"),
    [
        (PublicationSettings(license="free for all"), "license"),
        (PublicationSettings(authors=("a/b",)), "name"),
    ],
)
def test_terms_that_the_zoo_rejects(
    profile_model: Path, tmp_path: Path, terms: PublicationSettings, key: str
) -> None:
    with pytest.raises(ModelError, match=rf"{key}.*correct \[publication\] in the recipe"):
        export(load_model(profile_model), tmp_path / "x.zip", terms)
    assert not list(tmp_path.iterdir())


def test_without_the_extra(
    profile_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bioimageio.core", None)
    with pytest.raises(MissingExtraError, match=r"refp model export needs .*'refp\[zoo\]'"):
        export(load_model(profile_model), tmp_path / "x.zip")
