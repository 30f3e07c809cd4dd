"""The default family: a small network that sees the radial profile."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from refp.models import (
    BeadInputs,
    Predictions,
    ProfileNetSettings,
    Trained,
    TrainingJob,
    inputs_of,
)
from refp.models.graph import GraphPredictor
from refp.tiles import LabelledTiles

torch = pytest.importorskip("torch")

from refp.models.profile_family import ProfileFamily  # noqa: E402
from refp.models.profile_net import ProfileNet, train_profile_net  # noqa: E402

QUICK = ProfileNetSettings(members=2, hidden=(16, 16), steps=400, batch=64)
JobOf = Callable[..., TrainingJob]


@pytest.fixture(scope="module")
def trained(
    tiles: LabelledTiles, job_of: JobOf, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return ProfileFamily(QUICK).train(job_of(tiles, tmp_path_factory.mktemp("job")))


def fit(tiles: LabelledTiles, job: TrainingJob, seed: int = 0) -> ProfileNet:
    return train_profile_net(tiles, QUICK, seed, job.ring_pixels, lambda step: None)


def ask(net: ProfileNet, tiles: LabelledTiles) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        mean, sd = net(torch.tensor(tiles.profile, dtype=torch.float32))
    return mean.numpy(), sd.numpy()


def rms(said: Predictions, tiles: LabelledTiles) -> float:
    return float(np.sqrt(np.nanmean((said.dz_um - tiles.dz_um) ** 2)))


def test_unseen_beads_are_placed(trained: Trained, unseen: LabelledTiles) -> None:
    said = GraphPredictor(trained.graph, None).predict(inputs_of(unseen))
    assert said.dz_um.shape == (2, len(unseen))
    assert rms(said, unseen) < 3.0


def test_held_out_beads_are_placed_by_networks_that_have_not_seen_them(
    trained: Trained, tiles: LabelledTiles
) -> None:
    assert np.isfinite(trained.held_out.dz_um).all()
    assert rms(trained.held_out, tiles) < 3.0


def test_training_improves_on_an_untrained_net(
    tiles: LabelledTiles, unseen: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    untrained = ask(ProfileNet(tiles, QUICK).eval(), unseen)[0]
    learned = ask(fit(tiles, job_of(tiles, tmp_path)), unseen)[0]
    assert np.abs(learned - unseen.dz_um).mean() < 0.2 * np.abs(untrained - unseen.dz_um).mean()


def test_graph_predicts_what_torch_does(
    trained: Trained, tiles: LabelledTiles, unseen: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    mean, sd = ask(fit(tiles, job_of(tiles, tmp_path)), unseen)
    said = GraphPredictor(trained.graph, None).predict(inputs_of(unseen))
    np.testing.assert_allclose(said.dz_um, mean, atol=0.01)
    np.testing.assert_allclose(said.sd_um, sd, atol=0.01)


def test_same_seed_same_bytes(
    trained: Trained, tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    again = ProfileFamily(QUICK).train(job_of(tiles, tmp_path))
    assert again.graph == trained.graph
    np.testing.assert_array_equal(again.held_out.dz_um, trained.held_out.dz_um)


def test_other_seed_other_network(
    tiles: LabelledTiles, unseen: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    job = job_of(tiles, tmp_path)
    assert (ask(fit(tiles, job), unseen)[0] != ask(fit(tiles, job, seed=7), unseen)[0]).any()


def test_state_of_the_caller_stays(tiles: LabelledTiles, job_of: JobOf, tmp_path: Path) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    steps: list[int] = []
    settings = QUICK.model_copy(update={"steps": 60})
    rings = job_of(tiles, tmp_path).ring_pixels
    train_profile_net(tiles, settings, 0, rings, steps.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert steps == [50, 60]


@pytest.mark.parametrize("n", [1, 2, 37])
def test_any_number_of_beads(
    trained: Trained, inputs_at: Callable[..., BeadInputs], n: int
) -> None:
    said = GraphPredictor(trained.graph, None).predict(inputs_at(np.linspace(-30, 30, n)))
    assert said.dz_um.shape == said.sd_um.shape == (2, n)
    assert (said.sd_um > 0).all()


def test_progress_names_each_part_and_reaches_its_end(
    tiles: LabelledTiles, job_of: JobOf, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    job = job_of(tiles, tmp_path, progress=lambda *step: told.append(step))
    ProfileFamily(QUICK.model_copy(update={"steps": 2})).train(job)
    titles = ["hold-out 1 of 2", "hold-out 2 of 2", "all members"]
    assert told == [(title, 2, 2) for title in titles]
