"""The article's family: tiles, augmentation, training that resumes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.models import Predictions, ResnetSettings, Trained, TrainingJob, inputs_of
from refp.models.graph import GraphPredictor
from refp.models.normalise import normalise_tiles
from refp.rows import take
from refp.tiles import LabelledTiles

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from refp.models.augment import augment  # noqa: E402
from refp.models.resnet import ResnetFamily  # noqa: E402

TINY = ResnetSettings(members=1, batch=8, max_steps=6, validate_steps=3)
STILL = ResnetSettings(shift_px=0, rotation_deg=0, scale=(1.0, 1.0), reflect=False)
JobOf = Callable[..., TrainingJob]
Told = list[tuple[str, int, int]]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", [[0.0, 10 / 255], [20 / 255, 30 / 255]]),
        ("background", [[0.0, 0.25], [0.5, 0.75]]),
        ("center", [[-15 / 255, -5 / 255], [5 / 255, 15 / 255]]),
        ("zscore", np.array([[-15.0, -5.0], [5.0, 15.0]]) / np.sqrt(125.0)),
    ],
)
def test_normalisation(how: str, expected: list[list[float]]) -> None:
    tile = np.array([[[0.0, 10.0], [20.0, 30.0]]])
    made = normalise_tiles(tile, np.array([40.0]), how)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], expected, rtol=1e-6)


@pytest.mark.parametrize("how", ["none", "background", "center", "zscore"])
def test_each_tile_is_normalised_by_itself(how: str) -> None:
    tiles = np.random.default_rng(0).uniform(1, 200, (3, 8, 8))
    light = np.array([20.0, 50.0, 90.0])
    alone = [normalise_tiles(tiles[[i]], light[[i]], how)[0] for i in range(3)]
    np.testing.assert_allclose(normalise_tiles(tiles, light, how), alone, rtol=1e-5)


def test_an_even_tile_has_no_infinite_zscore() -> None:
    assert (normalise_tiles(np.full((1, 4, 4), 7.0), np.ones(1), "zscore") == 0).all()


def some_tiles(n: int = 5, side: int = 16) -> "torch.Tensor":
    return torch.rand(n, side, side, generator=torch.Generator().manual_seed(0))


def test_no_range_no_change() -> None:
    torch.testing.assert_close(augment(some_tiles(), STILL), some_tiles(), atol=1e-5, rtol=0)


def test_shape_and_range_stay() -> None:
    made = augment(some_tiles(), ResnetSettings())
    assert made.shape == some_tiles().shape
    assert made.min() >= 0
    assert made.max() <= 1


def test_reflection_alone_turns_left_and_right() -> None:
    torch.manual_seed(0)
    tiles = some_tiles(40)
    made = augment(tiles, STILL.model_copy(update={"reflect": True}))
    turned = [
        bool(torch.allclose(m, t.flip(1), atol=1e-5)) for m, t in zip(made, tiles, strict=True)
    ]
    kept = [bool(torch.allclose(m, t, atol=1e-5)) for m, t in zip(made, tiles, strict=True)]
    assert all(a != b for a, b in zip(turned, kept, strict=True))
    assert 10 < sum(turned) < 30


def center_of(tiles: "torch.Tensor") -> np.ndarray:
    at = torch.arange(tiles.shape[-1], dtype=torch.float32)
    mass = tiles.sum(dim=(1, 2))
    y = (tiles.sum(dim=2) * at).sum(dim=1) / mass
    x = (tiles.sum(dim=1) * at).sum(dim=1) / mass
    return np.stack([y.numpy(), x.numpy()], axis=1)


def dot(y: float, x: float, n: int, side: int = 32) -> "torch.Tensor":
    rows, columns = np.indices((side, side))
    one = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
    return torch.tensor(np.tile(one, (n, 1, 1)), dtype=torch.float32)


def test_shift_moves_a_dot_as_far_as_it_may() -> None:
    torch.manual_seed(1)
    made = augment(dot(15.5, 15.5, 300), STILL.model_copy(update={"shift_px": 5.0}))
    moved = center_of(made) - 15.5
    assert 4.5 < np.abs(moved).max() <= 5.05
    assert np.abs(moved.mean(axis=0)).max() < 0.6


def test_rotation_turns_a_dot_about_the_middle() -> None:
    torch.manual_seed(2)
    made = augment(dot(15.5, 25.5, 300), STILL.model_copy(update={"rotation_deg": 30.0}))
    y, x = (center_of(made) - 15.5).T
    np.testing.assert_allclose(np.hypot(y, x), 10.0, atol=0.2)
    assert 27 < np.degrees(np.abs(np.arctan2(y, x))).max() < 30.5


def test_scale_moves_a_dot_outwards_and_inwards() -> None:
    torch.manual_seed(3)
    made = augment(dot(15.5, 25.5, 300), STILL.model_copy(update={"scale": (0.8, 1.2)}))
    distance = center_of(made)[:, 1] - 15.5
    assert 7.9 < distance.min() < 8.3
    assert 11.7 < distance.max() < 12.1


@pytest.fixture(scope="module")
def few(tiles: LabelledTiles) -> LabelledTiles:
    """Forty of the tiles, from both fields."""
    return take(tiles, np.arange(0, len(tiles), 5)[:20].repeat(2) + np.tile([0, 1], 20))


@pytest.fixture(scope="module")
def trained(few: LabelledTiles, job_of: JobOf, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return ResnetFamily(TINY).train(job_of(few, tmp_path_factory.mktemp("checkpoints")))


def graph_says(trained: Trained, tiles: LabelledTiles) -> Predictions:
    return GraphPredictor(trained.graph, "none").predict(inputs_of(tiles))


@pytest.mark.slow
def test_graph_predicts_what_torch_does(trained: Trained, few: LabelledTiles) -> None:
    held_out = np.isfinite(trained.held_out.dz_um[0])
    assert set(few.field[held_out]) == {0}  # the first split
    said = graph_says(trained, few)
    expected = trained.held_out.dz_um[0, held_out]
    np.testing.assert_allclose(said.dz_um[0, held_out], expected, atol=0.01)
    assert np.isnan(said.sd_um).all()


class PowerCutError(Exception):
    """Stands for a power cut."""


def interrupt_at(step: int) -> Callable[[str, int, int], None]:
    def progress(title: str, done: int, total: int) -> None:
        if done == step:
            raise PowerCutError

    return progress


@pytest.mark.slow
def test_interrupted_training_goes_on_where_it_was(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    with pytest.raises(PowerCutError):
        ResnetFamily(TINY).train(job_of(few, tmp_path, progress=interrupt_at(5)))
    told: Told = []
    ResnetFamily(TINY).train(job_of(few, tmp_path, progress=lambda *step: told.append(step)))
    assert told == [("member 1 of 1", step, 6) for step in (4, 5, 6)]


@pytest.mark.slow
def test_finished_members_are_not_trained_again(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    settings = TINY.model_copy(update={"members": 2})
    with pytest.raises(PowerCutError):
        ResnetFamily(settings).train(job_of(few, tmp_path, progress=_second_member_fails))
    told: Told = []
    again = job_of(few, tmp_path, progress=lambda *step: told.append(step))
    trained = ResnetFamily(settings).train(again)
    assert {title for title, _, _ in told} == {"member 2 of 2"}
    assert trained.members == 2
    assert np.isfinite(trained.held_out.dz_um).any(axis=1).all()


def _second_member_fails(title: str, done: int, total: int) -> None:
    if title.startswith("member 2"):
        raise PowerCutError
