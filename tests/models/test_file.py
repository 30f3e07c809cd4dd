"""The model file: damaged files are refused, and no code is executed."""

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refp.core.errors import ModelError, OutputError
from refp.estimate.estimator import Estimator, recipe_of
from refp.models import load_model, make_predictor, save_model
from refp.models.bioimage import typical_beads
from refp.models.card import FORMAT_VERSION
from refp.models.tiles import LabelledTiles
from refp.settings import Identity, ProfileNetSettings, TrainSettings
from refp.sweeps import list_images

CARD, STACK, GRAPH, HASHES = "card.json", "stack.npz", "graph.onnx", "sha256.json"
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(parts: dict[str, bytes], path: Path, *, rehash: bool = True) -> Path:
    """Write the parts of a model, by default with matching hashes."""
    if rehash:
        hashes = {
            name: hashlib.sha256(data).hexdigest() for name, data in parts.items() if name != HASHES
        }
        parts = {**parts, HASHES: json.dumps(hashes).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def with_card(model: Path, path: Path, **changes: object) -> Path:
    parts = parts_of(model)
    card = {**json.loads(parts[CARD]), **changes}
    return pack({**parts, CARD: json.dumps(card).encode()}, path)


@pytest.fixture(params=["lookup", "profile"])
def model(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(f"{request.param}_model")
    return path


def test_round_trip(model: Path, tmp_path: Path) -> None:
    first = load_model(model)
    save_model(first, tmp_path / "copy.refp")
    second = load_model(tmp_path / "copy.refp")
    assert second.card == first.card
    assert second.graph == first.graph
    for name in ("dz_um", "radius_radii", "mean", "sd"):
        np.testing.assert_array_equal(getattr(second.stack, name), getattr(first.stack, name))


def test_same_model_same_bytes(model: Path, tmp_path: Path) -> None:
    save_model(load_model(model), tmp_path / "copy.refp")
    assert (tmp_path / "copy.refp").read_bytes() == model.read_bytes()


@SHARED
@given(part=st.floats(0.0, 1.0, exclude_max=True))
def test_cut_anywhere(lookup_model: Path, tmp_path: Path, part: float) -> None:
    whole = lookup_model.read_bytes()
    cut = tmp_path / "cut.refp"
    cut.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ModelError, match=r"cut\.refp: not a whole model file .*train again"):
        load_model(cut)


@SHARED
@given(position=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_changes_the_model(
    lookup_model: Path, tmp_path: Path, position: float, bit: int
) -> None:
    whole = bytearray(lookup_model.read_bytes())
    whole[int(position * len(whole))] ^= 1 << bit
    spoilt = tmp_path / "spoilt.refp"
    spoilt.write_bytes(whole)
    try:
        loaded = load_model(spoilt)
    except ModelError:
        return
    assert loaded.card == load_model(lookup_model).card  # a bit that is not read


@pytest.mark.parametrize("name", [CARD, STACK, GRAPH])
def test_edited_part(model: Path, tmp_path: Path, name: str) -> None:
    parts = parts_of(model)
    edited = pack({**parts, name: parts[name] + b" "}, tmp_path / "edited.refp", rehash=False)
    with pytest.raises(ModelError, match=rf"edited\.refp: {name} was changed.*train again"):
        load_model(edited)


@pytest.mark.parametrize("name", [CARD, STACK, GRAPH, HASHES])
def test_part_is_missing(lookup_model: Path, tmp_path: Path, name: str) -> None:
    parts = {key: data for key, data in parts_of(lookup_model).items() if key != name}
    with pytest.raises(ModelError, match="not a whole model file"):
        load_model(pack(parts, tmp_path / "less.refp", rehash=False))


def test_a_file_without_identity_is_of_an_unknown_instrument(
    lookup_model: Path, tmp_path: Path
) -> None:
    parts = parts_of(lookup_model)
    card = json.loads(parts[CARD])
    del card["identity"]
    older = pack({**parts, CARD: json.dumps(card).encode()}, tmp_path / "older.refp")
    assert load_model(older).card.identity == Identity()


def test_newer_format_needs_an_upgrade(lookup_model: Path, tmp_path: Path) -> None:
    newer = FORMAT_VERSION + 1
    path = with_card(lookup_model, tmp_path / "newer.refp", format_version=newer, added_later=1)
    line = rf"newer\.refp: model format {newer} is newer .*\({FORMAT_VERSION}\); upgrade refp"
    with pytest.raises(ModelError, match=line):
        load_model(path)


@pytest.mark.parametrize("card", [b"[]", b"{}", b"no json", b'{"format_version": "x"}', b"null"])
def test_invalid_card(lookup_model: Path, tmp_path: Path, card: bytes) -> None:
    path = pack({**parts_of(lookup_model), CARD: card}, tmp_path / "card.refp")
    with pytest.raises(ModelError, match=r"card\.refp: card\.json states no model format"):
        load_model(path)


def test_unknown_key_of_the_card_is_named(lookup_model: Path, tmp_path: Path) -> None:
    path = with_card(lookup_model, tmp_path / "odd.refp", colour="red")
    with pytest.raises(ModelError, match=r"odd\.refp: card\.json: colour"):
        load_model(path)


def test_unknown_setting_of_the_recipe(lookup_model: Path, tmp_path: Path) -> None:
    recipe = {**load_model(lookup_model).card.recipe, "added_later": 1}
    path = with_card(lookup_model, tmp_path / "later.refp", recipe=recipe)
    with pytest.raises(ModelError, match=r"recipe: added_later.*use the refp that trained it"):
        Estimator(load_model(path))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"dz = 3 um\n", id="text"),
        pytest.param(b"PK\x05\x06" + bytes(18), id="empty zip"),
    ],
)
def test_not_a_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "not.refp"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not\.refp: not a whole model file"):
        load_model(path)


@pytest.mark.parametrize("name", ["absent.refp", "."])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no such model file; 'refp train' makes one"):
        load_model(tmp_path / name)


class _Trap:
    """Create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.path), "w")


def test_pickle_is_refused(lookup_model: Path, tmp_path: Path) -> None:
    buffer, sprung = io.BytesIO(), tmp_path / "sprung"
    np.savez(buffer, dz_um=np.array([_Trap(sprung)], dtype=object))
    path = pack({**parts_of(lookup_model), STACK: buffer.getvalue()}, tmp_path / "trap.refp")
    with pytest.raises(
        ModelError, match=r"trap\.refp: stack\.npz is not an array file without pickle"
    ):
        load_model(path)
    assert not sprung.exists()


def test_unwritable_folder_leaves_no_file(lookup_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="not written"):
        save_model(load_model(lookup_model), tmp_path / "file" / "model.refp")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_loading_and_running_needs_no_torch(
    profile_model: Path, tiny_test: Path, run_python: Callable[[str], str]
) -> None:
    image = sorted(tiny_test.glob("*.tif"))[4]
    code = f"""
import sys
for name in ("torch", "onnx", "monai"):
    sys.modules[name] = None  # importing it fails
from pathlib import Path
import refp
estimator = refp.Estimator.load(Path({str(profile_model)!r}))
print(repr(estimator.estimate_source(refp.list_images([{str(image)!r}])[0]).estimate.delta_z_um))
"""
    (source,) = list_images([image])
    expected = Estimator.load(profile_model).estimate_source(source).estimate
    assert expected.status == "ok"
    assert float(run_python(code)) == pytest.approx(expected.delta_z_um, abs=1e-6)


def test_file_of_the_default_family_is_small(
    profile_model: Path, tiles: LabelledTiles, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from refp.models.training.export import to_onnx
    from refp.models.training.profile_net import ProfileNet

    net = ProfileNet(tiles, ProfileNetSettings()).eval()
    graph = to_onnx(net, torch.zeros(2, tiles.profile.shape[1]))
    save_model(replace(load_model(profile_model), graph=graph), tmp_path / "default.refp")
    assert (tmp_path / "default.refp").stat().st_size < 25e6


def test_all_members_are_in_one_graph(profile_model: Path) -> None:
    ensemble = load_model(profile_model)
    predictions = make_predictor(ensemble, TrainSettings()).predict(typical_beads(ensemble))
    assert predictions.dz_um.shape == (ensemble.card.members, 5)
    assert (predictions.dz_um[0] != predictions.dz_um[1]).all()


@SHARED
@given(
    name=st.sampled_from([CARD, STACK, GRAPH]),
    position=st.floats(0.0, 1.0, exclude_max=True),
    byte=st.integers(0, 255),
    cut=st.booleans(),
)
def test_forged_part_raises_at_most_a_model_error(
    profile_model: Path, tmp_path: Path, name: str, position: float, byte: int, cut: bool
) -> None:
    parts = parts_of(profile_model)
    forged = bytearray(parts[name])
    at = int(position * len(forged))
    forged[at] = byte
    parts[name] = bytes(forged[:at] if cut else forged)
    path = pack(parts, tmp_path / "forged.refp")
    with contextlib.suppress(ModelError):
        ensemble = load_model(path)
        predictor = make_predictor(ensemble, recipe_of(ensemble.card).train)
        predictor.predict(typical_beads(ensemble))


@pytest.mark.parametrize("name", [CARD, STACK, GRAPH, HASHES])
def test_a_part_that_unpacks_to_much_is_refused(
    lookup_model: Path, tmp_path: Path, name: str
) -> None:
    parts = {**parts_of(lookup_model), name: bytes(40_000_000)}
    path = tmp_path / "bomb.refp"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in parts.items():
            archive.writestr(key, data)
    assert path.stat().st_size < 400_000
    with pytest.raises(ModelError, match=rf"bomb\.refp: .*{name} unpacks to more than \d+ MB"):
        load_model(path)


def test_arrays_that_unpack_to_much_are_refused(lookup_model: Path, tmp_path: Path) -> None:
    stack = io.BytesIO()
    with zipfile.ZipFile(stack, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mean.npy", bytes(300_000_000))
    path = pack({**parts_of(lookup_model), STACK: stack.getvalue()}, tmp_path / "bomb.refp")
    with pytest.raises(ModelError, match="unpacks to 300 MB"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"sd": np.zeros((3, 2))}, id="no spread"),
        pytest.param({"mean": np.full((3, 2), np.nan)}, id="not finite"),
        pytest.param({"mean": np.ones((2, 3))}, id="turned round"),
        pytest.param({"dz_um": np.zeros(())}, id="a number"),
        pytest.param({"dz_um": np.array(["a", "b", "c"])}, id="text"),
    ],
)
def test_arrays_that_are_no_stack(
    lookup_model: Path, tmp_path: Path, change: dict[str, np.ndarray]
) -> None:
    good = {"dz_um": np.arange(3.0), "radius_radii": np.arange(2.0)}
    good |= {"mean": np.ones((3, 2)), "sd": np.ones((3, 2))}
    buffer = io.BytesIO()
    np.savez(buffer, **{**good, **change})  # type: ignore[arg-type]
    path = pack({**parts_of(lookup_model), STACK: buffer.getvalue()}, tmp_path / "odd.refp")
    with pytest.raises(
        ModelError, match=r"odd\.refp: stack\.npz (does not hold a stack|is not an array file)"
    ):
        load_model(path)


def test_empty_graph(profile_model: Path, tmp_path: Path) -> None:
    path = pack({**parts_of(profile_model), GRAPH: b""}, tmp_path / "empty.refp")
    with pytest.raises(ModelError, match=r"empty\.refp: the model's graph is not an ONNX graph"):
        load_model(path)


def test_deep_card(lookup_model: Path, tmp_path: Path) -> None:
    path = pack({**parts_of(lookup_model), CARD: b"[" * 100_000}, tmp_path / "deep.refp")
    with pytest.raises(ModelError, match=r"deep\.refp: card\.json states no model format"):
        load_model(path)
