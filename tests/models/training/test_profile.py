"""Family ``profile``: a small network on the radial profile."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from refp.core import parallel
from refp.core.parallel import Execution, Workers
from refp.core.rows import take
from refp.models import BeadInputs, Predictions, Trained, TrainingJob, inputs_of
from refp.models.graph import GraphPredictor
from refp.models.tiles import LabelledTiles, Split
from refp.settings import ProfileNetSettings

torch = pytest.importorskip("torch")

from refp.models.training.descend import descend, read_snapshot, start  # noqa: E402
from refp.models.training.profile_family import ProfileFamily, profile_part  # noqa: E402
from refp.models.training.profile_net import ProfileFit, ProfileNet  # noqa: E402

QUICK = ProfileNetSettings(members=2, hidden=(16, 16), steps=400, batch=64, size_spread=0.06)
JobOf = Callable[..., TrainingJob]
SEED = 1
"""With 0, networks of 400 steps happen to be half as accurate as with most others."""


@pytest.fixture(scope="module")
def job_of(job_of: JobOf) -> JobOf:
    """Make a training job that holds each field out once."""
    return partial(job_of, seed=SEED)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the snapshots of ``trained``."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def trained(tiles: LabelledTiles, job_of: JobOf, checkpoints: Path) -> Trained:
    return ProfileFamily(QUICK).train(job_of(tiles, checkpoints))


@pytest.fixture(scope="module")
def net(trained: Trained, tiles: LabelledTiles, job_of: JobOf, checkpoints: Path) -> ProfileNet:
    """The network of all members of ``trained``."""
    return fit(tiles, job_of(tiles, checkpoints))


def fit(tiles: LabelledTiles, job: TrainingJob, seed: int = SEED) -> ProfileNet:
    """Return the network of all members, from its file or fitted round by round."""
    nothing = Split(np.arange(len(tiles)), np.arange(0))
    part = profile_part(replace(job, seed=seed), QUICK, nothing, -1, "all members")
    content = part.file.read_bytes() if part.file.is_file() else b""
    while read_snapshot(content).state.step < QUICK.steps:
        content = descend(part.descent, content)
    net = ProfileNet(tiles, QUICK)
    net.load_state_dict(read_snapshot(content).net)
    return net.eval()


def run_network(net: ProfileNet, tiles: LabelledTiles) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        mean, sd = net(torch.tensor(tiles.profile, dtype=torch.float32))
    return mean.numpy(), sd.numpy()


def rms(predictions: Predictions, tiles: LabelledTiles) -> float:
    return float(np.sqrt(np.nanmean((predictions.dz_um - tiles.dz_um) ** 2)))


def test_unseen_beads_are_predicted(trained: Trained, unseen: LabelledTiles) -> None:
    predictions = GraphPredictor(trained.graph, None).predict(inputs_of(unseen))
    assert predictions.dz_um.shape == (2, len(unseen))
    assert rms(predictions, unseen) < 3.0


def test_held_out_beads_are_predicted_by_other_networks(
    trained: Trained, tiles: LabelledTiles
) -> None:
    assert np.isfinite(trained.held_out.dz_um).all()
    assert rms(trained.held_out, tiles) < 3.0


def test_training_improves_on_an_untrained_net(
    net: ProfileNet, tiles: LabelledTiles, unseen: LabelledTiles
) -> None:
    untrained = run_network(ProfileNet(tiles, QUICK).eval(), unseen)[0]
    learned = run_network(net, unseen)[0]
    assert np.abs(learned - unseen.dz_um).mean() < 0.2 * np.abs(untrained - unseen.dz_um).mean()


def test_graph_predicts_as_torch(trained: Trained, net: ProfileNet, unseen: LabelledTiles) -> None:
    mean, sd = run_network(net, unseen)
    predictions = GraphPredictor(trained.graph, None).predict(inputs_of(unseen))
    np.testing.assert_allclose(predictions.dz_um, mean, atol=0.01)
    np.testing.assert_allclose(predictions.sd_um, sd, atol=0.01)


def test_same_seed_same_bytes(
    trained: Trained, tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    again = ProfileFamily(QUICK).train(job_of(tiles, tmp_path))
    assert again.graph == trained.graph
    np.testing.assert_array_equal(again.held_out.dz_um, trained.held_out.dz_um)


def test_other_seed_other_network(
    net: ProfileNet, tiles: LabelledTiles, unseen: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    other = fit(tiles, job_of(tiles, tmp_path), seed=7)
    assert (run_network(net, unseen)[0] != run_network(other, unseen)[0]).any()


def test_fits_of_two_seeds_share_no_random_numbers(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    job, split = job_of(tiles, tmp_path), Split(np.arange(4), np.arange(4, 6))
    starts = [
        start(profile_part(replace(job, seed=seed), QUICK, split, number, "a").descent)
        for seed in (0, 1)
        for number in (-1, 0, 1)
    ]
    first = {tuple(problem.net.weights[0].flatten().tolist()) for problem in starts}
    assert len(first) == 6


def test_state_of_the_caller_is_unchanged(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    ProfileFamily(QUICK.model_copy(update={"steps": 10})).train(job_of(tiles, tmp_path))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("n", [1, 2, 37])
def test_any_number_of_beads(
    trained: Trained, inputs_at: Callable[..., BeadInputs], n: int
) -> None:
    predictions = GraphPredictor(trained.graph, None).predict(inputs_at(np.linspace(-30, 30, n)))
    assert predictions.dz_um.shape == predictions.sd_um.shape == (2, n)
    assert (predictions.sd_um > 0).all()


def test_progress_counts_the_steps_of_all_fits(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    job = job_of(tiles, tmp_path, progress=lambda *step: steps.append(step))
    ProfileFamily(QUICK.model_copy(update={"steps": 2})).train(job)
    assert steps == [("training", 2, 6), ("training", 4, 6), ("training", 6, 6)]


def test_each_fit_has_a_learning_curve(trained: Trained, tiles: LabelledTiles) -> None:
    assert [curve.fit for curve in trained.curves] == [
        *("hold-out 1 of 2", "hold-out 2 of 2", "all members")
    ]
    assert [curve.split for curve in trained.curves] == [0, 1, -1]
    for curve in trained.curves:
        assert curve.step.tolist() == [200, 400]
        assert curve.loss[1] < curve.loss[0]
    assert np.isnan(trained.curves[2].rms_um).all()
    for field, curve in enumerate(trained.curves[:2]):
        error = (trained.held_out.dz_um - tiles.dz_um)[:, tiles.field == field]
        assert curve.rms_um[-1] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
        assert curve.rms_um[-1] < curve.rms_um[0]


class PowerCutError(Exception):
    """Simulated power cut."""


@pytest.mark.parametrize("cut", [2, 5])
def test_a_killed_training_ends_in_the_same_bytes(
    trained: Trained, tiles: LabelledTiles, job_of: JobOf, tmp_path: Path, cut: int
) -> None:
    rounds: list[int] = []

    def cut_power(title: str, done: int, total: int) -> None:
        rounds.append(done)
        if len(rounds) == cut:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        ProfileFamily(QUICK).train(job_of(tiles, tmp_path, progress=cut_power))
    again = ProfileFamily(QUICK).train(job_of(tiles, tmp_path, progress=cut_power))
    assert len(rounds) == 6  # no round is done twice
    assert again.graph == trained.graph
    np.testing.assert_array_equal(again.held_out.dz_um, trained.held_out.dz_um)
    for curve, unbroken in zip(again.curves, trained.curves, strict=True):
        np.testing.assert_array_equal(curve.loss, unbroken.loss)
        np.testing.assert_array_equal(curve.rms_um, unbroken.rms_um)


def test_finished_training_is_read_from_the_folder(
    trained: Trained, tiles: LabelledTiles, job_of: JobOf, checkpoints: Path
) -> None:
    def never(title: str, done: int, total: int) -> None:
        raise AssertionError(title)

    again = ProfileFamily(QUICK).train(job_of(tiles, checkpoints, progress=never))
    assert again.graph == trained.graph


def test_an_unreadable_snapshot_restarts_the_fit(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    settings = QUICK.model_copy(update={"steps": 2})
    split = job_of(tiles, tmp_path).splits[0]
    whole = descend(profile_part(job_of(tiles, tmp_path), settings, split, 0, "a").descent, b"")
    assert read_snapshot(whole).state.step == 2
    for damaged in (b"", b"cut", whole[:-100], whole[100:]):
        assert read_snapshot(damaged).state.step == 0


def test_a_snapshot_executes_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    buffer = io.BytesIO()
    torch.save({"step": Evil()}, buffer)
    assert read_snapshot(buffer.getvalue()).state.step == 0
    assert not (tmp_path / "ran").exists()


def drawn(
    tiles: LabelledTiles, rings: np.ndarray | None = None, **settings: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return augmented profiles ``(k, m)`` and their dZ, with the stated changes only."""
    plain = {"size_spread": 0.0, "gain_spread": 0.0, "pixel_noise": 0.0}
    made = QUICK.model_copy(update={**plain, **settings, "batch": 500})
    pixels = np.ones(tiles.profile.shape[1]) if rings is None else rings
    fit = ProfileFit(tiles, take(tiles, slice(0, 0)), made, pixels, torch.device("cpu"))
    batches = fit.draw(0, 2, torch.Generator().manual_seed(3))
    assert [tuple(profile.shape[:2]) for profile, _ in batches] == [(2, 500)] * 2
    profile, target = (torch.cat(part, dim=1).flatten(0, 1) for part in zip(*batches, strict=True))
    return profile.double().numpy(), (target * fit.net.dz_scale).double().numpy()


@pytest.fixture(scope="module")
def one_bead(tiles: LabelledTiles, profile_at: Callable[..., np.ndarray]) -> LabelledTiles:
    """A single bead at 20 um without noise."""
    one = take(tiles, slice(0, 1))
    return replace(one, dz_um=np.array([20.0]), profile=profile_at(20.0))


def test_an_enlarged_profile_equals_that_of_a_larger_bead(
    one_bead: LabelledTiles, profile_at: Callable[..., np.ndarray]
) -> None:
    """The profile of a bead of size s, at s times the dZ, is stretched by s along the radius."""
    profile, dz_um = drawn(one_bead, size_spread=0.06)
    size = dz_um / 20.0
    inner = one_bead.radius_radii < 2.9  # further out the profile of a smaller bead is unknown
    expected = profile_at(dz_um, size)
    np.testing.assert_allclose(profile[:, inner], expected[:, inner], atol=0.012)
    assert np.abs(profile - one_bead.profile)[:, inner].max() > 0.1
    assert 0.94 <= size.min() < 0.942
    assert 1.058 < size.max() <= 1.0600001
    assert np.std(size) == pytest.approx(0.06 / np.sqrt(3), rel=0.06)  # uniform


def test_without_augmentation_nothing_changes(
    tiles: LabelledTiles,
) -> None:
    profile, dz_um = drawn(tiles)
    row = [int(np.abs(tiles.profile - one).sum(axis=1).argmin()) for one in profile]
    np.testing.assert_allclose(
        profile, tiles.profile[row], atol=1e-3
    )  # the last ring is read between
    np.testing.assert_allclose(dz_um, tiles.dz_um[row], rtol=1e-5)
    assert len(set(row)) == len(tiles)  # all are drawn


def test_noise_is_that_of_a_ring_s_pixels(one_bead: LabelledTiles) -> None:
    rings = np.linspace(1.0, 400.0, one_bead.profile.shape[1])
    for light in (60.0, 240.0):
        lit = replace(one_bead, light=np.array([light]))
        noise = drawn(lit, rings, pixel_noise=0.3)[0] - one_bead.profile
        np.testing.assert_allclose(noise.std(axis=0), 0.3 / np.sqrt(light * rings), rtol=0.12)
        assert abs(np.corrcoef(noise.T)[0, 1]) < 0.1


def test_gain_changes_a_bead_as_a_whole(one_bead: LabelledTiles) -> None:
    gain = drawn(one_bead, gain_spread=0.01)[0] / one_bead.profile
    np.testing.assert_allclose(gain, np.broadcast_to(gain[:, :1], gain.shape), rtol=2e-3)
    assert gain[:, 0].std() == pytest.approx(0.01, rel=0.1)


def test_augmentation_covers_beads_of_other_sizes(
    trained: Trained, tiles: LabelledTiles, profile_at: Callable[..., np.ndarray]
) -> None:
    """All beads of the training have one size; the profile of larger ones is stretched along Z."""
    dz_um = np.linspace(-50, 50, 21)
    for size in (0.96, 1.04):
        profile = profile_at(dz_um, size)
        larger = replace(take(tiles, np.zeros(21, dtype=np.int64)), dz_um=dz_um, profile=profile)
        predictions = GraphPredictor(trained.graph, None).predict(inputs_of(larger))
        assert rms(predictions, larger) < 3.0


def test_two_processes_equal_one(
    trained: Trained,
    tiles: LabelledTiles,
    job_of: JobOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "ROUNDS_WORTH_A_POOL", 1)
    with Workers(jobs=2) as workers:
        job = replace(job_of(tiles, tmp_path), execution=Execution(workers))
        again = ProfileFamily(QUICK).train(job)
    assert again.graph == trained.graph
    np.testing.assert_array_equal(again.held_out.dz_um, trained.held_out.dz_um)
    assert [curve.loss.tolist() for curve in again.curves] == [
        curve.loss.tolist() for curve in trained.curves
    ]


def test_threads_of_one_process_are_independent(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    """A worker of a cluster may have several threads."""
    job = job_of(tiles, tmp_path)
    settings = QUICK.model_copy(update={"steps": 20})
    parts = [profile_part(job, settings, split, i, "a") for i, split in enumerate(job.splits)]
    descents = [part.descent for part in parts] * 3
    serial = [descend(descent, b"") for descent in descents]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda descent: descend(descent, b""), descents)) == serial
