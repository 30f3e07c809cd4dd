"""The article's family: tiles, augmentation, training that resumes."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.conftest import narrow_resnets

from refp.core.parallel import Execution, Workers
from refp.core.rows import take
from refp.models import Predictions, Trained, TrainingJob, inputs_of
from refp.models.graph import GraphPredictor
from refp.models.normalise import (
    TilePreparation,
    fill_foreign,
    normalise_tiles,
    preparation_of,
    window_tiles,
)
from refp.models.tiles import LabelledTiles
from refp.settings import ResnetSettings, load_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from refp.models.training import fits, members, resnet  # noqa: E402
from refp.models.training.augment import draw_warps, warp  # noqa: E402
from refp.models.training.descend import FitState, descend_in_file  # noqa: E402
from refp.models.training.device import has_bfloat16  # noqa: E402
from refp.models.training.grouped import GroupedLinear  # noqa: E402
from refp.models.training.members import MemberPlan, TileOrder, write_tiles  # noqa: E402
from refp.models.training.resnet import (  # noqa: E402
    ResnetFamily,
    descent_of,
    resnet_parts,
    resnet_trial,
)

PAPER = load_recipe("paper").train.resnet
TINY = PAPER.model_copy(update={"members": 1, "batch": 8, "max_steps": 6, "validate_steps": 3})
STILL = ResnetSettings(shift_px=0, rotation_deg=0, scale=(1.0, 1.0), reflect=False)
JobOf = Callable[..., TrainingJob]
Steps = list[tuple[str, int, int]]


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
    made = normalise_tiles(tile, np.array([40.0]), np.zeros(1), how)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], expected, rtol=1e-6)


@pytest.mark.parametrize("how", ["none", "background", "center", "zscore"])
def test_each_tile_is_normalised_by_itself(how: str) -> None:
    tiles = np.random.default_rng(0).uniform(1, 200, (3, 8, 8))
    light = np.array([20.0, 50.0, 90.0])
    black = np.array([0.0, 2.0, 5.0])
    separate = [normalise_tiles(tiles[[i]], light[[i]], black[[i]], how)[0] for i in range(3)]
    np.testing.assert_allclose(normalise_tiles(tiles, light, black, how), separate, rtol=1e-5)


def test_over_background_a_tile_is_the_same_at_every_exposure() -> None:
    """Background is 1 and a pixel without light 0, with the camera's black level at 3 grey levels."""
    shown = np.array([[0.0, 0.4], [1.0, 1.3]])
    light, black = np.array([20.0, 80.0]), np.full(2, 3.0)
    tiles = black[:, None, None] + light[:, None, None] * shown
    for made in normalise_tiles(tiles, light, black, "background"):
        np.testing.assert_allclose(made, shown, atol=1e-6)


def test_beyond_the_window_a_tile_is_background() -> None:
    tiles = np.arange(2 * 9 * 9, dtype=np.float32).reshape(2, 9, 9)
    light, black = np.array([20.0, 50.0]), np.array([2.0, 3.0])
    made = window_tiles(tiles, light, black, 2.0)
    y, x = np.indices((9, 9)) - 4
    inside = y**2 + x**2 <= 4
    np.testing.assert_array_equal(made[:, inside], tiles[:, inside])
    assert (made[:, ~inside] == (light + black)[:, None]).all()
    assert window_tiles(tiles, light, black, 6.0) is tiles


def round_tiles(n: int = 3, side: int = 64, at_px: float = 0.0) -> np.ndarray:
    """Beads with rings and noise, ``at_px`` off the middle."""
    y, x = np.indices((side, side)) - side // 2
    distance = np.hypot(y - at_px, x + at_px)
    noise = np.random.default_rng(0).normal(0.0, 0.8, (n, side, side))
    return 100.0 + 40.0 * np.cos(distance / 2.5) * np.exp(-distance / 12) + noise


@given(y=st.integers(-18, 18), x=st.integers(-18, 18), deviation=st.sampled_from([-30.0, 25.0]))
def test_a_cell_beside_the_bead_is_replaced_by_what_is_round(
    y: int, x: int, deviation: float
) -> None:
    assume(np.hypot(y, x) > 12)
    tiles = round_tiles()
    rows, columns = np.indices(tiles.shape[1:]) - 32
    cell = np.hypot(rows - y, columns - x) < 5
    with_cell = tiles + deviation * cell
    made = fill_foreign(with_cell, np.full(3, 95.0), 5.0)
    assert np.abs(made - tiles)[:, cell].max() < 6.0
    far = np.hypot(rows - y, columns - x) > 9
    assert (made == with_cell)[:, far].mean() > 0.999


@pytest.mark.parametrize("at_px", [0.0, 0.5, 2.0])
def test_a_bead_alone_is_hardly_changed_even_off_the_middle(at_px: float) -> None:
    tiles = round_tiles(at_px=at_px)
    assert (fill_foreign(tiles, np.full(3, 95.0), 5.0) == tiles).mean() > 0.995
    assert fill_foreign(tiles, np.full(3, 95.0), np.inf) is tiles


@pytest.mark.parametrize(("of_beads", "seen_px"), [(True, 1229), (False, 64 * 64)])
def test_squares_of_whole_images_have_no_window(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path, of_beads: bool, seen_px: int
) -> None:
    """Within 2.2 radii of 9 px a tile has 1,229 px; beyond, all are background."""
    settings = ResnetSettings(standardise=False)
    pixels = np.full_like(few.pixels, 30.0)
    tiles = replace(few, pixels=pixels, light=np.full(len(few), 60.0))
    if not of_beads:
        tiles = replace(tiles, radius_radii=np.empty(0))
    prepared, _ = resnet._prepare(job_of(tiles, tmp_path), settings)
    assert int((prepared[0] < 0.9).sum()) == seen_px


def test_an_even_tile_has_no_infinite_zscore() -> None:
    assert (normalise_tiles(np.full((1, 4, 4), 7.0), np.ones(1), np.zeros(1), "zscore") == 0).all()


def dice(seed: int = 0) -> "torch.Generator":
    return torch.Generator().manual_seed(seed)


def augment(
    tiles: "torch.Tensor", settings: ResnetSettings, generator: "torch.Generator"
) -> "torch.Tensor":
    return warp(tiles, draw_warps(len(tiles), tiles.shape[-1], settings, generator))


def some_tiles(n: int = 5, side: int = 16) -> "torch.Tensor":
    return torch.rand(n, side, side, generator=torch.Generator().manual_seed(0))


def test_no_range_no_change() -> None:
    torch.testing.assert_close(
        augment(some_tiles(), STILL, dice()), some_tiles(), atol=1e-5, rtol=0
    )


def test_shape_and_mean_stay() -> None:
    made = augment(some_tiles(), ResnetSettings(), dice())
    assert made.shape == some_tiles().shape
    assert made.mean() == pytest.approx(float(some_tiles().mean()), abs=0.03)


def test_no_blur() -> None:
    """A blur of variance ``v`` adds ``v`` to a parabola; networks learn from tiles as sharp as images."""
    side, settings = 32, ResnetSettings()
    y, x = (
        v.double() - (side - 1) / 2
        for v in torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")
    )
    maps = draw_warps(8, side, settings, dice()).double()
    made = warp((x**2 + y**2 / 2 + x * y).expand(8, -1, -1), maps)
    at_x, at_y = (
        m[:, :1, None] * x + m[:, 1:2, None] * y + m[:, 2:, None] * side / 2 for m in maps.unbind(1)
    )
    inner = slice(8, -8)  # far from the edges, whose pixels are repeated
    expected = at_x**2 + at_y**2 / 2 + at_x * at_y
    torch.testing.assert_close(made[:, inner, inner], expected[:, inner, inner], atol=1e-9, rtol=0)


def test_reflection_alone_turns_left_and_right() -> None:
    tiles = some_tiles(40)
    made = augment(tiles, STILL.model_copy(update={"reflect": True}), dice())
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


def test_shift_covers_its_range() -> None:
    made = augment(dot(15.5, 15.5, 300), STILL.model_copy(update={"shift_px": 5.0}), dice(1))
    moved = center_of(made) - 15.5
    assert 4.5 < np.abs(moved).max() <= 5.05
    assert np.abs(moved.mean(axis=0)).max() < 0.6


def test_rotation_turns_a_dot_about_the_middle() -> None:
    made = augment(dot(15.5, 25.5, 300), STILL.model_copy(update={"rotation_deg": 30.0}), dice(2))
    y, x = (center_of(made) - 15.5).T
    np.testing.assert_allclose(np.hypot(y, x), 10.0, atol=0.2)
    assert 27 < np.degrees(np.abs(np.arctan2(y, x))).max() < 30.5


def test_scale_moves_a_dot_outwards_and_inwards() -> None:
    made = augment(dot(15.5, 25.5, 300), STILL.model_copy(update={"scale": (0.8, 1.2)}), dice(3))
    distance = center_of(made)[:, 1] - 15.5
    assert 7.9 < distance.min() < 8.3
    assert 11.7 < distance.max() < 12.1


@pytest.fixture(scope="module")
def few(tiles: LabelledTiles) -> LabelledTiles:
    """Forty of the tiles, from both fields."""
    return take(tiles, np.arange(0, len(tiles), 5)[:20].repeat(2) + np.tile([0, 1], 20))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the snapshots of ``trained``."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def trained(few: LabelledTiles, job_of: JobOf, checkpoints: Path) -> Trained:
    """A narrow network; one of full width is trained and exported below."""
    with pytest.MonkeyPatch.context() as patched:
        narrow_resnets(patched)
        return ResnetFamily(TINY).train(job_of(few, checkpoints))


def predict_by_graph(trained: Trained, tiles: LabelledTiles) -> Predictions:
    return GraphPredictor(trained.graph, TilePreparation("none")).predict(inputs_of(tiles))


@pytest.mark.slow
def test_graph_holds_no_folders_of_this_machine(trained: Trained) -> None:
    model = pytest.importorskip("onnx").load_model_from_string(trained.graph)
    model.graph.ClearField("initializer")  # the bytes of weights may spell anything
    described = model.SerializeToString()
    assert b"site-packages" not in described
    assert b".py" not in described


@pytest.mark.slow
def test_graph_predicts_as_torch(trained: Trained, few: LabelledTiles) -> None:
    held_out = np.isfinite(trained.held_out.dz_um[0])
    assert set(few.field[held_out]) == {0}  # the first split
    predictions = predict_by_graph(trained, few)
    expected = trained.held_out.dz_um[0, held_out]
    np.testing.assert_allclose(predictions.dz_um[0, held_out], expected, atol=0.01)
    assert np.isnan(predictions.sd_um).all()


class PowerCutError(Exception):
    """Simulated power cut."""


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(resnet.ROUND_STEPS, "cpu", 2)


def never(title: str, done: int, total: int) -> None:
    """Fail where progress is reported."""
    raise AssertionError(title)


def assert_equal(made: Trained, expected: Trained) -> None:
    assert made.graph == expected.graph
    np.testing.assert_array_equal(made.held_out.dz_um, expected.held_out.dz_um)
    for curve, other in zip(made.curves, expected.curves, strict=True):
        for name in ("step", "loss", "train_rms_um", "rms_um"):
            np.testing.assert_array_equal(getattr(curve, name), getattr(other, name))


@pytest.mark.usefixtures("narrow_networks")
@pytest.mark.slow
@pytest.mark.parametrize("cut", [2, 4])
def test_interrupted_training_ends_in_the_same_bytes(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path, trained: Trained, cut: int
) -> None:
    def cut_power(title: str, done: int, total: int) -> None:
        if done == cut:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        ResnetFamily(TINY).train(job_of(few, tmp_path, progress=cut_power))
    steps: Steps = []
    again = ResnetFamily(TINY).train(
        job_of(few, tmp_path, progress=lambda *step: steps.append(step))
    )
    assert [done for _, done, _ in steps] == [done for done in (2, 4, 6) if done > cut]
    assert_equal(again, trained)


@pytest.mark.usefixtures("narrow_networks")
@pytest.mark.slow
def test_a_written_round_is_not_repeated(
    few: LabelledTiles,
    job_of: JobOf,
    tmp_path: Path,
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process is killed after writing the snapshot, before its result is taken."""

    def cut_power(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as cutting:
        cutting.setattr(fits.FitChain, "take", cut_power)
        for _ in range(3):
            with pytest.raises(PowerCutError):
                ResnetFamily(TINY).train(job_of(few, tmp_path))
    assert_equal(ResnetFamily(TINY).train(job_of(few, tmp_path, progress=never)), trained)


@pytest.mark.usefixtures("narrow_networks")
@pytest.mark.slow
def test_finished_members_are_not_trained_again(
    few: LabelledTiles, job_of: JobOf, checkpoints: Path, trained: Trained
) -> None:
    assert_equal(ResnetFamily(TINY).train(job_of(few, checkpoints, progress=never)), trained)


PAIR = TINY.model_copy(update={"members": 2})


@pytest.mark.usefixtures("narrow_networks")
@pytest.mark.slow
def test_grouped_members_equal_separate_ones(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In double precision, so that rounding errors stay small over the steps."""
    single, read = members.make_network, members._read_tiles
    monkeypatch.setattr(members, "make_network", lambda settings: single(settings).double())
    monkeypatch.setattr(
        members, "_read_tiles", lambda *given: tuple(part.double() for part in read(*given))
    )
    monkeypatch.setitem(resnet.ROUND_STEPS, "cpu", 4)
    settings = PAIR.model_copy(update={"max_steps": 4, "validate_steps": 2})
    uneven = take(few, np.arange(len(few) - 3))  # so that the two hold out different numbers
    job = job_of(uneven, tmp_path)
    scale = resnet._prepare(job, settings)[1].dz_um
    plans = [plan_of(part) for part in resnet_parts(job, settings, scale)]
    plans = [replace(plan, train=(plan.train[0][: 2 * TINY.batch],)) for plan in plans]
    whole = replace(
        plans[0],
        train=tuple(plan.train[0] for plan in plans),
        held_out=tuple(plan.held_out[0] for plan in plans),
        numbers=(0, 1),
    )
    separate = [state_after(plan, tmp_path / f"{i}.pt") for i, plan in enumerate(plans)]
    made = state_after(whole, tmp_path / "whole.pt")
    np.testing.assert_allclose(made.best_um, [one.best_um[0] for one in separate], rtol=1e-6)
    each = [np.array(one.curve["rms_um"])[:, 0] for one in separate]
    np.testing.assert_allclose(made.curve["rms_um"], np.stack(each, axis=1), rtol=1e-6)
    loss = np.mean([one.curve["loss"] for one in separate], axis=0)
    np.testing.assert_allclose(made.curve["loss"], loss, rtol=1e-6)


def plan_of(part: fits.Part) -> MemberPlan:
    return part.descent.build.args[0]


def state_after(plan: MemberPlan, file: Path) -> FitState:
    return descend_in_file(descent_of(plan, "cpu"), file)


@pytest.mark.usefixtures("narrow_networks")
def test_patience_stops_a_member_and_keeps_its_best_weights(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    hasty = TINY.model_copy(
        update={"learning_rate": 0.3, "max_steps": 40, "validate_steps": 1, "patience": 2}
    )
    trained = ResnetFamily(hasty).train(job_of(few, tmp_path))
    (curve,) = trained.curves
    assert len(curve.step) < 40
    best = int(curve.rms_um.argmin())
    assert len(curve.step) == best + 3
    rows = np.isfinite(trained.held_out.dz_um[0])
    error = trained.held_out.dz_um[0, rows] - few.dz_um[rows]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(curve.rms_um[best], rel=1e-3)


@pytest.mark.usefixtures("narrow_networks")
@pytest.mark.slow
def test_a_round_can_be_sent_to_another_process(
    few: LabelledTiles,
    job_of: JobOf,
    tmp_path: Path,
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Carried(fits.FitChain):
        def next_round(self) -> Callable[[], bytes | FitState]:
            return pickle.loads(pickle.dumps(super().next_round()))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fits, "FitChain", Carried)
    assert_equal(ResnetFamily(TINY).train(job_of(few, Path("relative"))), trained)


def test_steps_are_independent(few: LabelledTiles, job_of: JobOf, tmp_path: Path) -> None:
    """Every tile once an epoch, in another order each time, and another order for each member."""
    plan = plan_of(resnet_parts(job_of(few, tmp_path), PAIR, 1.0)[0])
    plan = replace(plan, train=(np.arange(16),), numbers=(0,))
    steps = TileOrder(plan)
    epochs = [torch.cat([steps.rows_of(s)[0] for s in (e, e + 1)]) for e in (0, 2)]
    assert all(sorted(epoch.tolist()) == list(range(16)) for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    assert TileOrder(plan).rows_of(3).tolist() == steps.rows_of(3).tolist()
    other = TileOrder(replace(plan, numbers=(1,)))
    assert other.rows_of(3).tolist() != steps.rows_of(3).tolist()


def test_ensembles_of_two_seeds_share_no_random_numbers() -> None:
    """Neither initial weights nor the order of tiles."""
    rows = np.arange(16)
    plan = MemberPlan(TINY, Path(), 1.0, (rows,), (rows,), (0,), seed=0)
    plans = [replace(plan, seed=seed, numbers=(n,)) for seed in (0, 1) for n in (0, 1)]
    weights = [next(members._start(one, one.numbers[0]).parameters()) for one in plans]
    orders = [TileOrder(one).rows_of(0) for one in plans]
    for drawn in (weights, orders):
        assert len({tuple(one.flatten().tolist()) for one in drawn}) == 4


def test_recipe_paper_drops_the_rate_as_the_article_does() -> None:
    """By 0.9 every 15 epochs, from 1e-4."""
    settings = PAPER
    rows = np.arange(3 * settings.batch + 5)  # three full batches an epoch
    plan = MemberPlan(settings, Path(), 1.0, (rows,), (rows,), (0,), seed=0)
    descent = descent_of(plan, "cpu")
    optimizer = descent.optimizer([torch.nn.Parameter(torch.zeros(1))])
    schedule = descent.schedule(optimizer)
    rates = []
    for _ in range(4 * 15 * 3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    expected = 1e-4 * 0.9 ** (np.arange(len(rates)) // (15 * 3))
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_recipe_paper_fast_completes_one_cycle_of_the_rate() -> None:
    """From 1/25 of the peak up to it in 0.3 of the steps, then down, both along a cosine."""
    settings = load_recipe("paper-fast").train.resnet
    rows = np.arange(100)
    plan = MemberPlan(settings, Path(), 1.0, (rows,), (rows,), (0,), seed=0)
    descent = descent_of(plan, "cpu")
    optimizer = descent.optimizer([torch.nn.Parameter(torch.zeros(1))])
    schedule = descent.schedule(optimizer)
    rates = []
    for _ in range(settings.max_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    peak, up = 1e-3, 0.3 * settings.max_steps - 1
    step = np.arange(settings.max_steps)

    def cosine(first: float, last: float, fraction: np.ndarray) -> np.ndarray:
        return last + (first - last) / 2 * (1 + np.cos(np.pi * fraction))

    rising = cosine(peak / 25, peak, step / up)
    falling = cosine(peak, peak / 25e4, (step - up) / (settings.max_steps - 1 - up))
    np.testing.assert_allclose(rates, np.where(step <= up, rising, falling), rtol=1e-6)
    assert settings.patience * settings.validate_steps >= settings.max_steps  # it is completed


@pytest.mark.slow
def test_a_network_learns_and_is_exported_as_it_was_validated(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 80 steps the error of beads of another field is a third of that of the constant predictor."""
    monkeypatch.setitem(resnet.ROUND_STEPS, "cpu", 40)
    short = {"members": 1, "batch": 16, "max_steps": 80, "validate_steps": 40}
    plain = {"correct_response": False}  # held-out tiles are corrected by the other splits
    settings = load_recipe("paper-fast").train.resnet.model_copy(update=short | plain)
    trained = ResnetFamily(settings).train(job_of(tiles, tmp_path))
    held_out = np.isfinite(trained.held_out.dz_um[0])
    dz_um = tiles.dz_um[held_out]
    rms_um = np.sqrt(np.mean((trained.held_out.dz_um[0, held_out] - dz_um) ** 2))
    assert rms_um < dz_um.std() / 3
    assert trained.curves[0].rms_um.min() == pytest.approx(rms_um, rel=1e-3)
    preparation = preparation_of(settings, tiles.bead_radius_px, of_beads=True)
    predictor = GraphPredictor(trained.graph, preparation)
    by_graph = predictor.predict(inputs_of(tiles))
    np.testing.assert_allclose(
        by_graph.dz_um[0, held_out], trained.held_out.dz_um[0, held_out], atol=0.01
    )


def test_batch_normalisation_has_the_statistics_of_the_training_tiles(
    few: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    plan = plan_of(resnet_parts(job_of(few, tmp_path), TINY, 1.0)[0])
    pixels = torch.rand(len(few), 64, 64, generator=dice(3)).numpy()
    write_tiles(pixels, few.dz_um.astype(np.float32), plan.data)
    fit = members.MembersFit(plan, torch.device("cpu"))
    fit.net.eval()
    with torch.no_grad():
        fit.held_out_rms_um()
        seen = fit.net.conv1(torch.tensor(pixels[plan.train[0]]).unsqueeze(1))
    bn = fit.net.bn1
    torch.testing.assert_close(bn.running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(bn.running_var, seen.var((0, 2, 3)), rtol=1e-3, atol=1e-5)
    assert not fit.net.training


def test_the_last_layer_keeps_single_precision() -> None:
    """The output of 300 in bfloat16 would be a multiple of 2."""
    layer = GroupedLinear(torch.full((2, 4), 1.001), torch.tensor([300.3, 17.7]), 2)
    x = torch.rand(5, 8, generator=dice(1))
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, layer(x), rtol=0, atol=0)


def test_bfloat16_is_left_to_processors_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emulated, a step takes twenty times as long."""
    for name, has in (("avx2", False), ("avx512_bf16", True), ("amx_bf16", True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True})
        assert has_bfloat16("cpu") is has
    assert has_bfloat16("cuda")


def test_one_member_uses_all_cores(few: LabelledTiles, job_of: JobOf, tmp_path: Path) -> None:
    job = replace(job_of(few, tmp_path), execution=Execution(Workers(jobs=4)))
    for n_members, threads in ((1, 4), (2, 2), (3, 1), (10, 1)):
        settings = TINY.model_copy(update={"members": n_members})
        assert {p.descent.threads for p in resnet_parts(job, settings, 1.0)} == {threads}
    (trial,) = resnet_trial(TINY, job, tmp_path)  # others run beside it
    assert trial.part.descent.threads == 1
