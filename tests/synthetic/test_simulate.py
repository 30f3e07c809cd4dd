"""Data sets on disk: whole, repeatable, and true to their truth."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import refp.synthetic
from refp.core.errors import DataError, OutputError, RecipeError
from refp.core.parallel import Execution, Workers
from refp.settings import Instrument, Stage
from refp.sweeps import open_dataset, read_plane
from refp.synthetic import (
    SimulationSettings,
    Truth,
    demo_settings,
    make_scene,
    own_set,
    read_truth,
    simulate_dataset,
    table1_sets,
)
from refp.synthetic.optics import make_microscope


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, small: SimulationSettings
) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("simulated") / "deep" / "set"
    return folder, simulate_dataset(folder, "a2k", small, dataset="small", seed=7)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_public_names_are_sorted_and_exist() -> None:
    names = refp.synthetic.__all__
    assert list(names) == sorted(names)
    assert all(hasattr(refp.synthetic, name) for name in names)


def test_opens_as_a_dataset(written: tuple[Path, Truth], small: SimulationSettings) -> None:
    data = open_dataset(written[0])
    assert data.name == "small"
    assert data.instrument.name == "a2k"
    assert not data.left_out
    assert len(data.sweeps) == 2 * 2 * 2
    assert all(sweep.z_um == small.z_um for sweep in data.sweeps)
    assert {frame.path.name for frame in data.frames} == {f.file for f in written[1].frames}


def test_the_same_seed_gives_the_same_bytes(
    written: tuple[Path, Truth], small: SimulationSettings, tmp_path: Path
) -> None:
    simulate_dataset(tmp_path / "again", "a2k", small, dataset="small", seed=7)
    assert contents(tmp_path / "again") == contents(written[0])
    simulate_dataset(tmp_path / "other", "a2k", small, dataset="small", seed=8)
    mine, other = contents(written[0]), contents(tmp_path / "other")
    assert mine.keys() == other.keys()
    assert all(mine[name] != other[name] for name in mine if name != "sweep.toml")


def test_truth_reads_back(written: tuple[Path, Truth]) -> None:
    assert read_truth(written[0]) == written[1]
    assert read_truth(written[0] / "truth.json") == written[1]


def test_truth_has_the_fields_of_the_twin(written: tuple[Path, Truth]) -> None:
    shared = Path(os.environ.get("REFP_SHARED", Path(__file__).parents[3] / "shared"))
    twin = shared / "data" / "twin" / "a2k-training" / "truth.json"
    if not twin.is_file():
        pytest.skip(f"no shared data: {twin}; set REFP_SHARED")
    theirs: Any = json.loads(twin.read_text())
    mine: Any = json.loads((written[0] / "truth.json").read_text())
    assert mine.keys() == theirs.keys()
    assert mine["frames"][0].keys() == theirs["frames"][0].keys()
    assert mine["fields"][0].keys() > theirs["fields"][0].keys()
    assert mine["fields"][0]["beads"][0].keys() > theirs["fields"][0]["beads"][0].keys()
    field = read_truth(twin).fields[0]
    own_um = [bead.refp_um for bead in field.beads if bead.measurable]
    assert 5 < len(own_um) < len(field.beads)
    assert field.refp_beads_um == pytest.approx(np.mean(own_um))
    assert np.isnan(field.refp_median_um)


def test_frames_agree_with_their_fields(written: tuple[Path, Truth]) -> None:
    truth = written[1]
    refp_um = {(f.experiment, f.fov): f.refp_um for f in truth.fields}
    assert len(refp_um) == 4
    for frame in truth.frames:
        plane = refp_um[frame.experiment, frame.fov]
        assert frame.delta_z_um == pytest.approx(frame.z_um - plane)
        assert frame.delta_z_true_um == pytest.approx(frame.z_true_um - plane)
    errors = [frame.z_true_um - frame.z_um for frame in truth.frames]
    assert np.std(errors) == pytest.approx(truth.stage_sigma_um, rel=0.5)
    assert truth.stage_sigma_um == 2.5
    assert truth.frame(truth.frames[3].file) == truth.frames[3]


def test_fields_agree_with_their_beads(
    written: tuple[Path, Truth], small: SimulationSettings
) -> None:
    for field in written[1].fields:
        own_um = [bead.refp_um for bead in field.beads if bead.measurable]
        assert all(b.measurable != (b.outlier or b.touching or b.border) for b in field.beads)
        assert field.refp_um == pytest.approx((field.refp_ss_um + field.refp_ci_um) / 2)
        assert field.refp_um == pytest.approx(small.refp_um[int(field.experiment) - 1])
        assert field.refp_beads_um == pytest.approx(np.mean(own_um))
        assert min(own_um) - 1 < field.refp_median_um < max(own_um) + 1
        assert len(field.beads) == 5


def test_beads_lie_where_the_truth_says(written: tuple[Path, Truth]) -> None:
    folder, truth = written
    for field in truth.fields:
        frames = [f for f in truth.frames if (f.experiment, f.fov) == (field.experiment, field.fov)]
        image = read_plane(folder / frames[-2].file).astype(float)
        dark = 1 - image / np.median(image)
        for bead in field.beads:
            if not (bead.border or bead.touching):
                assert centroid_px(dark, bead.y_px, bead.x_px) == pytest.approx((0, 0), abs=0.15)


def centroid_px(dark: Any, y_px: float, x_px: float) -> tuple[float, float]:
    """Offset of the darkness near a point from that point."""
    y, x = np.indices(dark.shape) - np.reshape([y_px, x_px], (2, 1, 1))
    weight = np.where(np.hypot(y, x) < 14, dark, 0)
    return float((weight * y).sum() / weight.sum()), float((weight * x).sum() / weight.sum())


def test_beads_follow_the_tilt_of_the_truth(a2k: Instrument, tmp_path: Path) -> None:
    """The file states the tilt as x, y."""
    settings = SimulationSettings.model_validate(
        {
            "scene": {"height_sd_um": 0, "n_off_plane": 0, "tilt_sd_um_per_px": 0.02},
            "z_stop_um": 1200.0,
        }
    )
    a2k = a2k.replace({"bead.diameter_spread": 0.0, "bead.index_sd": 0.0})
    field = simulate_dataset(tmp_path / "set", a2k, settings, dataset="t", seed=0).fields[0]
    points = np.array([(b.x_px, b.y_px, 1) for b in field.beads])
    slopes = np.linalg.lstsq(points, np.array([b.refp_um for b in field.beads]))[0]
    assert slopes[:2] == pytest.approx(field.tilt_um_per_px, rel=1e-6)


def test_drift_leaves_the_truth_in_the_middle(
    a2k: Instrument, tmp_path: Path, small: SimulationSettings
) -> None:
    drifting = small.model_copy(update={"lateral_drift_px": 2.0})
    a2k = a2k.model_copy(update={"stage": Stage()})
    truth = simulate_dataset(tmp_path / "set", a2k, drifting, dataset="d", seed=3)
    field = truth.fields[0]
    bead = next(b for b in field.beads if not (b.border or b.touching or b.outlier))
    offsets = []
    for frame in truth.frames[:3]:
        image = ndimage.gaussian_filter(read_plane(tmp_path / "set" / frame.file).astype(float), 1)
        offsets.append(centroid_px(1 - image / np.median(image), bead.y_px, bead.x_px))
    assert offsets[1] == pytest.approx((0, 0), abs=0.15)
    assert np.hypot(*np.subtract(offsets[2], offsets[0])) == pytest.approx(4, abs=0.3)


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path, small: SimulationSettings) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not an empty folder"):
        simulate_dataset(tmp_path, "a2k", small, dataset="x", seed=0)
    with pytest.raises(OutputError, match=r"note\.txt: exists"):
        simulate_dataset(tmp_path / "note.txt", "a2k", small, dataset="x", seed=0)
    assert contents(tmp_path) == {"note.txt": b"mine"}


def test_an_empty_folder_is_used(tmp_path: Path, small: SimulationSettings) -> None:
    target = tmp_path / "set"
    target.mkdir()
    simulate_dataset(target, "a2k", small, dataset="x", seed=0)
    assert (target / "truth.json").is_file()
    assert list(tmp_path.iterdir()) == [target]


def test_a_broken_run_leaves_nothing(tmp_path: Path, small: SimulationSettings) -> None:
    def stop(title: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_dataset(
            tmp_path / "set", "a2k", small, dataset="x", seed=0, execution=Execution(progress=stop)
        )
    assert not list(tmp_path.iterdir())


def test_progress_counts_frames(tmp_path: Path, small: SimulationSettings) -> None:
    seen: list[tuple[int, int]] = []
    simulate_dataset(
        tmp_path / "set",
        "a2k",
        small,
        dataset="x",
        seed=0,
        execution=Execution(progress=lambda title, done, total: seen.append((done, total))),
    )
    assert seen[-24:] == [(k, 24) for k in range(1, 25)]


def test_unknown_instrument_is_refused(tmp_path: Path, small: SimulationSettings) -> None:
    with pytest.raises(RecipeError, match="'a3k' is neither"):
        simulate_dataset(tmp_path / "set", "a3k", small, dataset="x", seed=0)
    assert not list(tmp_path.iterdir())


def test_an_instrument_of_ones_own_is_written_out(
    tmp_path: Path, small: SimulationSettings
) -> None:
    own = Instrument.model_validate(
        {
            "name": "own",
            "optics": {"pixel_size_um": 2.0, "white_level": 250},
            "bead": {"diameter_um": 20.0, "diameter_spread": 0.0, "index_sd": 0.0},
            "illumination": {"wavelength_um": 0.63, "bandwidth_um": 0.02},
            "stage": {"repeatability_um": 1.0, "backlash_um": 2.0},
        }
    )
    simulate_dataset(tmp_path / "set", own, small, dataset="x", seed=0)
    assert open_dataset(tmp_path / "set").instrument == own


def test_sixteen_bits(a2k: Instrument, tmp_path: Path, small: SimulationSettings) -> None:
    a2k = a2k.replace({"camera.bit_depth": 12, "camera.grey_levels_per_ms": 80.0})
    truth = simulate_dataset(tmp_path / "set", a2k, small, dataset="x", seed=0)
    image = read_plane(tmp_path / "set" / truth.frames[0].file)
    assert image.dtype == np.uint16
    assert 255 < np.median(image) < 4095


def test_a_stage_drifts_and_has_slack(
    a2k: Instrument, tmp_path: Path, small: SimulationSettings
) -> None:
    stage = Stage(drift_um_per_frame=0.5, backlash_um=10.0)
    a2k = a2k.model_copy(update={"stage": stage})
    truth = simulate_dataset(tmp_path / "set", a2k, small, dataset="x", seed=0)
    for sweep in range(0, len(truth.frames), 3):
        frames = truth.frames[sweep : sweep + 3]
        apart = [frame.z_true_um - frame.z_um for frame in frames]
        assert apart == pytest.approx([10.0, 2.5 + 0.5, 1.0])


def test_a_lead_screw_errs_with_its_turns(
    a2k: Instrument, tmp_path: Path, small: SimulationSettings
) -> None:
    """Frames at 1492.5, 1500 and 1507.5 um: a quarter turn of 30 um before, at and after a whole one."""
    a2k = a2k.model_copy(update={"stage": Stage(screw_um=2.0, screw_period_um=30.0)})
    truth = simulate_dataset(tmp_path / "set", a2k, small, dataset="x", seed=0)
    apart = [frame.z_true_um - frame.z_um for frame in truth.frames[:3]]
    assert apart == pytest.approx([-2.0, 0.0, 2.0], abs=1e-6)


def test_workers_write_the_same_bytes(
    written: tuple[Path, Truth], small: SimulationSettings, tmp_path: Path
) -> None:
    with Workers(2) as workers:
        workers.crew(2, worth=1)
        simulate_dataset(
            tmp_path / "pool", "a2k", small, dataset="small", seed=7, execution=Execution(workers)
        )
    assert contents(tmp_path / "pool") == contents(written[0])


def test_table1_is_named_and_ranged_as_published() -> None:
    sets = {one.dataset: one for one in table1_sets(None, "full")}
    assert list(sets) == [
        "A2K training", *(f"A2K test {k}" for k in range(1, 7)),
        "Nikon training", "Nikon test 1", "Nikon test 2",
    ]  # fmt: skip
    assert [one.folder for one in sets.values()][:2] == ["a2k-training", "a2k-test1"]
    training = sets["A2K training"].settings
    assert (training.z_um[0], training.z_um[-1], training.z_step_um) == (1200, 1800, 7.5)
    assert training.refp_um == (1507.5,)
    assert training.exposures_ms == (6, 9, 12, 15, 18, 21, 24)
    assert sets["A2K test 1"].settings.z_um[-1] == 1627.5
    assert sets["Nikon test 1"].settings.refp_um == (23,)
    assert len(sets["Nikon test 1"].settings.z_um) == 25
    elsewhere = sets["A2K test 4"].instrument
    assert elsewhere.name == "a2k"
    assert elsewhere.objective != sets["A2K test 3"].instrument.objective
    cells = [sets[f"A2K test {k}"].settings.scene for k in (5, 6)]
    assert [scene.live_cells.n for scene in cells] == [12, 42]


def test_table1_goes_with_the_depth_of_another_instrument(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[optics]\npixel_size_um = 0.75\n[bead]\ndiameter_um = 14\n')
    first, *_ = table1_sets([str(recipe)], "quick")
    assert first.dataset == "mine training"
    z_um = np.array(first.settings.z_um) - 1507.5
    assert z_um[[0, -1]] == pytest.approx([-307.5 / 4, 292.5 / 4], abs=0.6)
    rng = np.random.default_rng(0)
    assert len(make_scene(first.instrument, first.settings, 0, rng).beads) == 13


def test_settings_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "crowded.toml"
    path.write_text(
        "n_fov = 2\n[scene]\nn_beads = 20\n"
        "[scene.live_cells]\nn = 5\ndiameter_um = 12\nindex = 1.37\n"
    )
    one = own_set("nikon-ti2", path)
    assert (one.dataset, one.folder, one.instrument.name) == ("crowded", "crowded", "nikon-ti2")
    assert one.settings.n_fov == 2
    assert one.settings.scene.live_cells.n == 5
    path.write_text("[scene]\nn_bead = 20\n")
    with pytest.raises(RecipeError, match=r"crowded\.toml: scene\.n_bead"):
        own_set("a2k", path)
    with pytest.raises(RecipeError, match="no such file"):
        own_set("a2k", tmp_path / "other.toml")


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_file_that_is_no_truth_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "truth.json").write_text(content)
    with pytest.raises(DataError, match=r"truth\.json: not a truth file"):
        read_truth(tmp_path)


def test_a_missing_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"truth\.json: not read"):
        read_truth(tmp_path / "truth.json")


@pytest.mark.parametrize(
    "changes",
    [{"z_stop_um": 0.0}, {"z_step_um": 1e-6}, {"exposures_ms": (9.0, 9.0)}, {"refp_um": ()}],
)
def test_impossible_sweeps_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes)).split("_", maxsplit=1)[0]):
        SimulationSettings.model_validate(changes)


def test_planes_include_the_last() -> None:
    settings = SimulationSettings(z_start_um=0.1, z_stop_um=0.7, z_step_um=0.1)
    assert settings.z_um == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def test_demo_test_sweep_lies_inside_the_training(instrument: Instrument) -> None:
    training, test = (demo_settings(kind, instrument) for kind in ("training", "test"))
    assert (len(training.z_um), len(test.z_um)) == (41, 21)
    assert not set(training.exposures_ms) & set(test.exposures_ms)
    low, high = (training.z_um[k] - training.refp_um[0] for k in (0, -1))
    margin_um = 3 * instrument.stage.repeatability_um
    assert low + margin_um < test.z_um[0] - test.refp_um[0]
    assert high - margin_um > test.z_um[-1] - test.refp_um[0]
    depth_um = make_microscope(instrument).depth_um
    assert high - low == pytest.approx(9.2 * depth_um, rel=0.01)


def test_demo_beads_fit_for_any_seed(instrument: Instrument) -> None:
    settings = demo_settings("training", instrument)
    for seed in range(50):
        rng = np.random.default_rng(seed)
        assert len(make_scene(instrument, settings, 0, rng).beads) == 10


def test_demo_on_the_a2k_is_as_documented() -> None:
    training = demo_settings("training")
    assert (training.z_um[0], training.z_um[-1], training.z_step_um) == (1350, 1650, 7.5)
    assert training.exposures_ms == (9, 18)
    assert training.n_fov == 2
    assert training.scene.shape_px == (320, 400)
    assert demo_settings("test").exposures_ms == (12,)
