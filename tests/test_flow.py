"""From frames to dZ on tiny simulated sweeps, against their truth."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from refp import pipeline
from refp.core.arrays import Image
from refp.core.errors import DataError, ModelError
from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator
from refp.measure.dataset import Measurement
from refp.models import Trained, TrainingJob, load_model
from refp.models.registry import LookupFamily
from refp.pipeline import Planes
from refp.pipeline.results import evaluation_summary
from refp.reports.evaluation_report import evaluation_headline
from refp.settings import Camera, Recipe, load_recipe, make_instrument, read_instrument
from refp.sweeps import DataSet, SingleImage, list_images, open_dataset
from refp.synthetic import (
    SimulationSettings,
    expose,
    make_scene,
    read_truth,
    render_light,
)
from refp.synthetic.truth import TRUTH_FILE

Change = Callable[[Image], Image]


@pytest.fixture(scope="module")
def lookup(lookup_model: Path) -> Estimator:
    return Estimator(load_model(lookup_model))


@pytest.fixture(scope="module", params=["lookup", "profile"])
def estimator(request: pytest.FixtureRequest) -> Estimator:
    return Estimator(load_model(request.getfixturevalue(f"{request.param}_model")))


def truth_of(table: pd.DataFrame, folder: Path) -> np.ndarray:
    truth = read_truth(folder)
    return np.array([truth.frame(image).delta_z_true_um for image in table["image"]])


def frame_near(folder: Path, dz_um: float) -> Image:
    """The frame whose true dZ is nearest to ``dz_um``."""
    frames = read_truth(folder).frames
    best = min(frames, key=lambda frame: abs(frame.delta_z_true_um - dz_um))
    return SingleImage(folder / best.file).read()


def test_planes_are_near_the_truth(planes: Planes, tiny_sweep: Path) -> None:
    truth = {(f.experiment, f.fov): f.refp_um for f in read_truth(tiny_sweep).fields}
    for plane in planes.result.planes:
        assert plane.determined
        error = plane.refp_um - truth[plane.key.experiment, plane.key.fov]
        assert abs(error) < 3.0
        assert abs(error) < 4 * plane.refp_u_um


def test_estimates_of_unseen_images(estimator: Estimator, tiny_test: Path) -> None:
    table, _ = pipeline.estimate_images(estimator, list_images([tiny_test]))
    truth = truth_of(table, tiny_test)
    assert (table["status"] == "ok").all()
    error = table["delta_z_um"] - truth
    assert np.sqrt((error**2).mean()) < 4.0


def test_interval_contains_the_truth(lookup: Estimator, tiny_test: Path) -> None:
    table, _ = pipeline.estimate_images(lookup, list_images([tiny_test]))
    truth = truth_of(table, tiny_test)
    inside = (table["lower_um"] <= truth) & (truth <= table["upper_um"])
    assert inside.sum() >= 8
    assert (table["upper_um"] - table["lower_um"]).max() < 60


def test_evaluation_agrees_with_the_truth(
    lookup: Estimator, tiny_test: Path, tmp_path: Path
) -> None:
    """Data without a truth file, as from a microscope, are compared with nominal Z less the plane."""
    bare = tmp_path / "bare"
    shutil.copytree(tiny_test, bare, ignore=shutil.ignore_patterns(TRUTH_FILE))
    dataset = open_dataset(bare)
    evaluation = pipeline.evaluate_model(lookup, [dataset])
    errors = evaluation.errors
    np.testing.assert_allclose(errors["delta_z_true_um"], truth_of(errors, tiny_test), atol=3.0)
    assert evaluation.summary.n_images == 9
    assert evaluation.summary.skill > 0.85
    (plane,) = [p for p in evaluation.planes.result.planes if p.determined]
    expected = np.hypot(dataset.instrument.stage.repeatability_um, plane.refp_u_um)
    np.testing.assert_allclose(errors["label_u_um"], expected)
    assert evaluation.summary.label_u_um == pytest.approx(expected)
    assert set(errors["label"]) == {"nominal"}
    assert evaluation.known_dz == "nominal Z less the reference plane"


def test_evaluation_of_a_simulation_is_against_its_truth(
    lookup: Estimator, tiny_test: Path
) -> None:
    evaluation = pipeline.evaluate_model(lookup, [open_dataset(tiny_test)])
    errors, summary = evaluation.errors, evaluation.summary
    truth = truth_of(errors, tiny_test)
    np.testing.assert_array_equal(errors["delta_z_true_um"], truth)
    np.testing.assert_array_equal(errors["error_um"], errors["delta_z_um"] - truth)
    inside = errors["delta_z_true_um"].between(errors["lower_um"], errors["upper_um"])
    assert (summary.label_u_um, summary.coverage_observed) == (0.0, inside.mean())
    assert set(errors["label"]) == {"simulated"}
    assert evaluation.known_dz == "true Z less the true reference plane, as simulated"
    assert evaluation.n_training == 0


def test_images_of_the_training_are_counted_in_an_evaluation(
    lookup: Estimator, tiny_sweep: Path
) -> None:
    evaluation = pipeline.evaluate_model(lookup, [open_dataset(tiny_sweep)])
    assert evaluation.n_training == len(evaluation.errors)
    summary = evaluation_summary(evaluation, lookup.card)
    assert evaluation_headline(summary, 7.5).level == "caution"
    assert "these images were in the model's training" in evaluation_headline(summary, 7.5).text


SAME: list[tuple[str, Change]] = [
    ("a quarter turn", np.rot90),
    ("a half turn", partial(np.rot90, k=2)),
    ("left to right", np.fliplr),
    ("upside down", np.flipud),
    ("transposed", np.transpose),
]


@pytest.fixture(scope="module")
def all_beads(lookup_model: Path) -> Estimator:
    """The look-up without outlier removal, in which rounding could exclude a bead on a fence."""
    model = load_model(lookup_model)
    recipe = Recipe.model_validate(model.card.recipe)
    every = recipe.replace({"estimate.iqr_factor": 1e6, "feature.iqr_factor": 1e6})
    card = model.card.model_copy(update={"recipe": every.model_dump(mode="json")})
    return Estimator(replace(model, card=card))


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in SAME])
@pytest.mark.parametrize("dz_um", [-30.0, 0.0, 25.0])
def test_turned_or_mirrored_image_has_the_same_dz(
    all_beads: Estimator, tiny_test: Path, change: Change, dz_um: float
) -> None:
    image = frame_near(tiny_test, dz_um)
    turned = np.ascontiguousarray(change(image))
    first, second = all_beads.estimate(image).estimate, all_beads.estimate(turned).estimate
    assert second.delta_z_um == pytest.approx(first.delta_z_um, abs=0.05)
    assert second.n_beads == first.n_beads


@pytest.mark.parametrize("dz_um", [-40.0, -10.0, 0.0, 25.0])
def test_exposure_does_not_change_dz(
    all_beads: Estimator, demo_sweeps: dict[str, SimulationSettings], dz_um: float
) -> None:
    instrument = all_beads.card.instrument
    scene = make_scene(instrument, demo_sweeps["test"], 0.0, np.random.default_rng(5))
    camera = Camera(bit_depth=16, grey_levels_per_ms=1000)
    light = render_light(scene, dz_um)
    short, long = (estimate_of(all_beads, expose(light, ms, camera, None)) for ms in (5.0, 12.0))
    assert short.status == "ok"
    assert long.delta_z_um == pytest.approx(short.delta_z_um, abs=0.05)


def test_frames_in_any_order_give_the_same_planes(planes: Planes, tiny_sweep: Path) -> None:
    dataset = open_dataset(tiny_sweep)
    turned = replace(dataset, sweeps=dataset.sweeps[::-1])
    again = pipeline.define_planes([turned], load_recipe())
    first = {plane.key: plane.refp_um for plane in planes.result.planes}
    second = {plane.key: plane.refp_um for plane in again.result.planes}
    assert second == pytest.approx(first, abs=0.05)


def test_images_in_any_order_give_the_same_rows(lookup: Estimator, tiny_test: Path) -> None:
    images = list_images([tiny_test])[:4]
    forth, _ = pipeline.estimate_images(lookup, images)
    back, _ = pipeline.estimate_images(lookup, images[::-1])
    pd.testing.assert_frame_equal(back[::-1].reset_index(drop=True), forth)


def test_same_training_gives_the_same_model(
    planes: Planes, lookup_model: Path, recipe_for: Callable[[str], Recipe]
) -> None:
    again = pipeline.train_model(planes, recipe_for("lookup"))
    assert again.card == load_model(lookup_model).card


def test_card_states_the_training_data(lookup_model: Path, tiny_sweep: Path) -> None:
    card = load_model(lookup_model).card
    assert card.name.startswith("lookup-a2k-")
    assert card.conditions.startswith("60 images, ")
    assert "2 fields of view, exposures 8, 12 ms" in card.conditions
    truth = read_truth(tiny_sweep)
    planes_um = {field.fov: [bead.refp_um for bead in field.beads] for field in truth.fields}
    low_um = min(frame.z_true_um - max(planes_um[frame.fov]) for frame in truth.frames)
    high_um = max(frame.z_true_um - min(planes_um[frame.fov]) for frame in truth.frames)
    assert card.dz_range_um == pytest.approx((low_um, high_um), abs=1.0)
    assert card.calibration.held_out == "field"
    assert card.minimum_beads == 3


def estimate_of(lookup: Estimator, image: Image) -> FocusEstimate:
    return lookup.estimate(image).estimate


def test_image_without_beads_is_refused(lookup: Estimator) -> None:
    noise = np.random.default_rng(0).normal(60, 2, (160, 200)).astype(np.uint8)
    assert estimate_of(lookup, noise).reason.startswith("no_beads: ")


def test_image_of_fewer_beads_is_refused(lookup_model: Path, tiny_test: Path) -> None:
    ensemble = load_model(lookup_model)
    card = ensemble.card.model_copy(update={"minimum_beads": 99})
    demanding = Estimator(replace(ensemble, card=card))
    assert estimate_of(demanding, frame_near(tiny_test, 0)).reason.startswith("too_few_beads: ")


def test_a_low_minimum_of_beads_refuses_no_image(lookup_model: Path, tiny_test: Path) -> None:
    estimate = estimate_of(
        Estimator(load_model(lookup_model), max_beads=2), frame_near(tiny_test, 0)
    )
    assert (estimate.status, estimate.n_beads_used) == ("ok", 2)


def test_of_many_beads_those_nearest_to_the_middle_are_used(
    lookup_model: Path, tiny_test: Path
) -> None:
    image = frame_near(tiny_test, 0)
    everything = Estimator(load_model(lookup_model)).measure(image)
    few = Estimator(load_model(lookup_model), max_beads=3).measure(image)
    distance = np.hypot(*everything.inputs.offset_px.T)
    assert len(distance) > 3
    np.testing.assert_allclose(np.sort(np.hypot(*few.inputs.offset_px.T)), np.sort(distance)[:3])


def test_unreadable_image_is_refused_and_the_rest_go_on(
    lookup: Estimator, tiny_test: Path, tmp_path: Path
) -> None:
    good = list_images([tiny_test])[0]
    shutil.copy(good.path, tmp_path / "good.tif")
    (tmp_path / "cut.tif").write_bytes(good.path.read_bytes()[:5000])
    table, _ = pipeline.estimate_images(lookup, list_images([tmp_path]))
    assert list(table["image"]) == ["cut.tif", "good.tif"]
    assert list(table["status"]) == ["refused", "ok"]
    assert table["reason"][0].startswith("unreadable: ")


def renamed(dataset: DataSet, instrument: str) -> DataSet:
    return replace(dataset, instrument=make_instrument(read_instrument(instrument), instrument))


def test_instruments_are_not_mixed(tiny_sweep: Path, tiny_test: Path) -> None:
    other = renamed(open_dataset(tiny_test), "nikon-ti2")
    with pytest.raises(DataError, match="'nikon-ti2' differs from 'a2k'"):
        pipeline.define_planes([open_dataset(tiny_sweep), other], load_recipe())


def test_data_sets_of_one_name_are_refused(tiny_sweep: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_sweep, tmp_path / "copy")
    twice = [open_dataset(tiny_sweep), open_dataset(tmp_path / "copy")]
    with pytest.raises(DataError, match=r"copy: data set 'training' has the name of .*sweep\.toml"):
        pipeline.define_planes(twice, load_recipe())


def test_model_of_another_instrument_is_refused(lookup: Estimator, tiny_test: Path) -> None:
    with pytest.raises(ModelError, match=r"'nikon-ti2'.*but the model is for 'a2k'"):
        pipeline.evaluate_model(lookup, [renamed(open_dataset(tiny_test), "nikon-ti2")])


@pytest.fixture
def checkpoints_used(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The checkpoint folders of training jobs, in their order."""
    used: list[Path] = []

    class Watched(LookupFamily):
        def train(self, job: TrainingJob) -> Trained:
            used.append(job.checkpoints)
            return super().train(job)

    monkeypatch.setattr(
        "refp.pipeline.training.make_family", lambda settings: Watched(settings.lookup)
    )
    return used


def test_checkpoints_are_used_for_the_same_training_only(
    planes: Planes,
    recipe_for: Callable[[str], Recipe],
    checkpoints_used: list[Path],
    tmp_path: Path,
) -> None:
    recipe = recipe_for("lookup")
    other = recipe.model_copy(update={"name": "other"})
    half = replace(planes, measurements=(_first_sweeps(planes),))
    for source, settings, seed in [
        (planes, recipe, 0),
        (planes, recipe, 0),
        (planes, recipe, 1),
        (planes, other, 0),
        (half, recipe, 0),
    ]:
        pipeline.train_model(source, settings, seed=seed, checkpoints=tmp_path)
    first, again, *others = checkpoints_used
    assert first == again
    assert len({first, *others}) == 4
    assert {folder.parent for folder in checkpoints_used} == {tmp_path}


def _first_sweeps(planes: Planes) -> Measurement:
    measured = planes.measurements[0]
    return replace(measured, sweeps=measured.sweeps[:2])


def test_training_leaves_nothing_in_the_working_folder(
    planes: Planes,
    recipe_for: Callable[[str], Recipe],
    checkpoints_used: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline.train_model(planes, recipe_for("lookup"))
    assert checkpoints_used[0].is_absolute()
    assert not checkpoints_used[0].exists()
    assert list(tmp_path.iterdir()) == []
