"""Every command, through the real command line, on tiny data."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import refp.pipeline.demo
import refp.synthetic.presets
from refp.core.labels import ORIGINS
from refp.models import load_model
from refp.pipeline import tables
from refp.settings import Recipe
from refp.synthetic import SimulationSettings, read_truth

RunRefp = Callable[..., Any]
PLANE_FILES = [
    *("bead_planes.csv", "beads.parquet", "comparison.csv", "curves.parquet", "planes.csv"),
    *("planes.json", "pooled.npz", "report.html"),
]
RUN_FILES = [".measured", *PLANE_FILES, "run.json"]
EVALUATION_FILES = ["errors.csv", "report.html", "summary.json"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows_of(stdout: str) -> list[dict[str, Any]]:
    """The one JSON list that standard output holds."""
    rows: list[dict[str, Any]] = json.loads(stdout)
    return rows


@pytest.fixture
def tiny_demo(
    monkeypatch: pytest.MonkeyPatch,
    demo_sweeps: dict[str, SimulationSettings],
    recipe_for: Callable[[str], Recipe],
) -> None:
    """Let the demo simulate small sweeps and train briefly."""
    monkeypatch.setattr(refp.synthetic.presets, "demo_settings", lambda kind, _: demo_sweeps[kind])
    monkeypatch.setattr(refp.pipeline.demo, "load_recipe", lambda: recipe_for("lookup"))


def test_demo(run_refp: RunRefp, tiny_demo: None, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = run_refp("demo", "-o", out)
    assert first.code == 0
    assert max(map(len, first.stdout.splitlines())) <= 80
    assert all(name in first.stdout for name in ("true dZ (um)", "dZ \N{PLUS-MINUS SIGN} U (um)"))
    assert f"report: {out / 'report.html'}" in first.stderr
    assert names_in(out) == [
        *("demo.json", "estimates.csv", "evaluation", "model.refp", "pictures", "planes"),
        *("report.html", "test", "training"),
    ]
    assert names_in(out / "planes") == PLANE_FILES
    assert names_in(out / "evaluation") == EVALUATION_FILES
    assert len(names_in(out / "pictures")) == 9
    _check_against_truth(out)
    assert run_refp("demo", "-o", out).code == 2
    assert run_refp("demo", "-o", out, "--overwrite", "--seed", "1").code == 0


def _check_against_truth(out: Path) -> None:
    rows = json.loads((out / "demo.json").read_text())["rows"]
    truth = read_truth(out / "test")
    known = [truth.frame(row["image"]).delta_z_true_um for row in rows]
    assert [row["true_dz_um"] for row in rows] == known
    errors = pd.read_csv(out / "evaluation" / "errors.csv")
    np.testing.assert_allclose(errors["delta_z_true_um"], known)
    np.testing.assert_allclose([row["error_um"] for row in rows], errors["error_um"])
    summary = json.loads((out / "evaluation" / "summary.json").read_text())
    assert (summary["known_dz"], summary["label_u_um"]) == (ORIGINS["simulated"], 0.0)
    assert set(errors["label"]) == {"simulated"}
    for page in (out / "report.html", out / "evaluation" / "report.html"):
        assert f"True dZ: {ORIGINS['simulated']}." in page.read_text("utf-8")
    assert sum(row["status"] == "ok" for row in rows) >= 7


def test_demo_trains_the_default_family() -> None:
    assert refp.pipeline.demo.load_recipe().train.family == "lookup"


def test_simulate(run_refp: RunRefp, tmp_path: Path, small_simulation: None) -> None:
    out = tmp_path / "simulated"
    done = run_refp("simulate", out, "--seed", "3")
    assert done.code == 0
    assert names_in(out) == ["test", "training"]
    assert {"sweep.toml", "truth.json"} < set(names_in(out / "training"))
    before = (out / "test" / "truth.json").read_bytes()
    assert run_refp("simulate", out).code == 2
    assert run_refp("simulate", out, "--overwrite", "--seed", "3").code == 0
    assert (out / "test" / "truth.json").read_bytes() == before


@pytest.fixture
def small_simulation(
    monkeypatch: pytest.MonkeyPatch, demo_sweeps: dict[str, SimulationSettings]
) -> None:
    monkeypatch.setattr(refp.synthetic.presets, "demo_settings", lambda kind, _: demo_sweeps[kind])


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_overwrite_keeps_other_files(
    run_refp: RunRefp, tmp_path: Path, small_simulation: None, tiny_demo: None, command: str
) -> None:
    mine = tmp_path / "out" / "training" / "mine.tif"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"dear data")
    output = ["-o"] if command == "demo" else []
    done = run_refp(command, *output, tmp_path / "out", "--overwrite")
    assert done.code == 2
    assert mine.read_bytes() == b"dear data"


def test_inspect_table(run_refp: RunRefp, tiny_sweep: Path) -> None:
    done = run_refp("inspect", tiny_sweep)
    assert done.code == 0
    assert "training" in done.stdout
    assert "instrument a2k, 1.5 um a pixel, bead 28 um = 18.7 px" in done.stderr


def test_inspect_json(run_refp: RunRefp, tiny_sweep: Path, tiny_test: Path) -> None:
    rows = rows_of(run_refp("inspect", tiny_sweep, tiny_test, "--json").stdout)
    assert [row["dataset"] for row in rows] == ["training"] * 4 + ["test"]
    assert [row["n_frames"] for row in rows] == [15, 15, 15, 15, 9]
    assert all(row["n_beads_usable"] == 6 and row["notes"] == "" for row in rows)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_inspect_beads(run_refp: RunRefp, tiny_test: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"beads{suffix}"
    done = run_refp("inspect", tiny_test, "--beads", path)
    assert f"wrote {path}" in done.stderr
    table = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert tuple(table.columns) == tables.BEAD_COLUMNS
    assert len(table) >= 9 * 6


def test_inspect_overlay(run_refp: RunRefp, tiny_test: Path, tmp_path: Path) -> None:
    assert run_refp("inspect", tiny_test, "--overlay", tmp_path / "pictures").code == 0
    pictures = names_in(tmp_path / "pictures")
    assert len(pictures) == 9
    assert all(name.startswith("test_exp1_fov1_z") for name in pictures)


def test_plane_files(plane_run: Path, tiny_sweep: Path) -> None:
    assert names_in(plane_run / "planes") == RUN_FILES
    assert len(rows_of((plane_run / "stdout.json").read_text(encoding="utf-8"))) == 4
    table = pd.read_csv(plane_run / "planes" / "planes.csv")
    assert tuple(table.columns) == tables.PLANE_COLUMNS
    truth = {field.fov: field.refp_um for field in read_truth(tiny_sweep).fields}
    assert (table["refp_um"] - table["fov"].map(truth)).abs().max() < 3.0


def test_plane_of_pooled_profiles(
    run_refp: RunRefp, plane_run: Path, tiny_test: Path, tmp_path: Path
) -> None:
    pool = plane_run / "planes" / "pooled.npz"
    done = run_refp("plane", tiny_test, "-o", tmp_path / "out", "--pool", pool, "--json")
    assert done.code == 0
    assert rows_of(done.stdout)[0]["refp_um"] == pytest.approx(1520.0, abs=3.0)


def test_plane_spares_an_output_that_exists(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = run_refp("plane", tiny_test, "-o", tmp_path)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("exists already; choose another output or add --overwrite\n")
    assert names_in(tmp_path) == ["mine.txt"]
    assert run_refp("plane", tiny_test, "-o", tmp_path, "--overwrite").code == 0
    assert names_in(tmp_path) == sorted(["mine.txt", *RUN_FILES])


def test_train(run_refp: RunRefp, tiny_sweep: Path, tmp_path: Path) -> None:
    model = tmp_path / "a2k.refp"
    done = run_refp("train", tiny_sweep, "-o", model)
    assert (done.code, done.stdout) == (0, "")
    assert load_model(model).card.family == "lookup"
    assert "held out by field: RMS " in done.stderr
    page = tmp_path / "a2k.html"
    assert done.stderr.endswith(f"wrote {model} and {page}\n")
    assert names_in(tmp_path) == ["a2k.html", "a2k.refp"]
    text = page.read_text("utf-8")
    assert "Training of lookup-a2k-" in text
    assert "This family is not trained in steps." in text


def test_train_profile(trained_run: Path) -> None:
    card = load_model(trained_run / "a2k.refp").card
    assert (card.family, card.members) == ("profile", 2)
    assert card.recipe["train"]["profile"]["steps"] == 400


def test_estimate_csv(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    out = tmp_path / "estimates.csv"
    done = run_refp("estimate", lookup_model, tiny_test, "-o", out, "--json")
    assert done.code == 0
    table, rows = pd.read_csv(out), rows_of(done.stdout)
    assert tuple(table.columns) == (*tables.ESTIMATE_COLUMNS, *tables.DETAIL_COLUMNS)
    assert [tuple(row) for row in rows] == [tuple(table.columns)] * 9
    assert list(table["image"]) == [row["image"] for row in rows]
    truth = read_truth(tiny_test)
    errors = [row["delta_z_um"] - truth.frame(row["image"]).delta_z_true_um for row in rows]
    assert np.sqrt(np.mean(np.square(errors))) < 4.0


def test_estimate_with_a_tolerance(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    out = tmp_path / "estimates.csv"
    options = ["-o", out, "--tolerance-um", "12", "--json"]
    done = run_refp("estimate", lookup_model, tiny_test, *options)
    rows = rows_of(done.stdout)
    assert [tuple(row) for row in rows] == [
        (*tables.ESTIMATE_COLUMNS, *tables.DETAIL_COLUMNS, "verdict")
    ] * 9
    assert list(pd.read_csv(out)["verdict"]) == [row["verdict"] for row in rows]
    truth = read_truth(tiny_test)
    for row in rows:
        dz_um = truth.frame(row["image"]).delta_z_true_um
        if row["verdict"] == "pass":
            assert abs(dz_um) < 12 + 4
        if row["verdict"] == "fail":
            assert abs(dz_um) > 12 - 4
    n = [sum(row["verdict"] == v for row in rows) for v in ("pass", "fail", "inconclusive")]
    assert n[0] >= 1
    assert n[1] >= 4
    counts = f"{n[0]} pass, {n[1]} fail, {n[2]} inconclusive, 0 unverified, {9 - sum(n)} refused"
    assert f"tolerance \N{PLUS-MINUS SIGN}12 um: {counts}\n" in done.stderr


def test_estimate_overlay(
    run_refp: RunRefp, profile_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    images = sorted(tiny_test.glob("*.tif"))[3:5]
    out = tmp_path / "pictures"
    done = run_refp("estimate", profile_model, *images, "--overlay", out)
    assert done.code == 0
    assert names_in(out) == [f"{image.stem}.png" for image in images]
    assert images[0].name in done.stdout


def test_pictures_of_images_of_one_name_do_not_replace_each_other(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    image = sorted(tiny_test.glob("*.tif"))[3]
    twins = [tmp_path / day / image.name for day in ("day1", "day2")]
    for twin in twins:
        twin.parent.mkdir()
        shutil.copy(image, twin)
    out = tmp_path / "pictures"
    assert run_refp("estimate", lookup_model, *twins, "--overlay", out).code == 0
    assert names_in(out) == [f"{image.stem}.png", f"{image.stem}_2.png"]


def test_estimate_exit_code_when_every_image_is_refused(
    run_refp: RunRefp, lookup_model: Path, save_frames: Callable[..., Path]
) -> None:
    noise = np.random.default_rng(0).normal(60, 2, (2, 160, 200)).astype(np.uint8)
    done = run_refp("estimate", lookup_model, save_frames(*noise), "--json")
    assert done.code == 3
    rows = rows_of(done.stdout)
    assert [row["status"] for row in rows] == ["refused", "refused"]
    assert [row["delta_z_um"] for row in rows] == [None, None]
    assert all(row["reason"].startswith("no_beads: ") for row in rows)


def test_estimate_with_at_most_some_beads(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path
) -> None:
    image = sorted(tiny_test.glob("*.tif"))[4]
    (row,) = rows_of(run_refp("estimate", lookup_model, image, "--max-beads", "4", "--json").stdout)
    assert row["status"] == "ok"
    assert row["n_beads"] == 6
    assert row["n_beads_used"] <= 4


@pytest.mark.parametrize("declared", ["option", "sweep.toml"])
def test_estimate_of_another_instrument(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    copy_of: Callable[[Path], Path],
    declared: str,
) -> None:
    folder, option = copy_of(tiny_test), ["--instrument", "nikon-ti2"]
    if declared == "sweep.toml":
        option = []
        text = (folder / "sweep.toml").read_text().replace("a2k", "nikon-ti2")
        (folder / "sweep.toml").write_text(text)
    done = run_refp("estimate", lookup_model, folder, *option)
    assert (done.code, done.stdout) == (2, "")
    assert "'nikon-ti2' (0.65 um/px, bead 28 um), but the model is for 'a2k'" in done.stderr


def test_model_show(run_refp: RunRefp, lookup_model: Path) -> None:
    done = run_refp("model", "show", lookup_model)
    card = load_model(lookup_model).card
    assert (done.code, done.stderr) == (0, "")
    assert card.name in done.stdout
    assert card.conditions in done.stdout
    assert hashlib.sha256(lookup_model.read_bytes()).hexdigest() in done.stdout
    assert f"{card.calibration.rms_um:.4g}" in done.stdout
    assert re.search(r"^instrument +a2k$", done.stdout, re.M)
    # Curves and covariances by their range: a property takes a line or two.
    assert f"{card.calibration.stage.at(0.0):.2f} um at the plane" in done.stdout
    assert f"{card.calibration.residuals.maximum_t_squared:.2f} a ring" in done.stdout
    assert len(done.stdout.splitlines()) < 90


def test_model_show_json(run_refp: RunRefp, lookup_model: Path) -> None:
    (row,) = rows_of(run_refp("model", "show", lookup_model, "--json").stdout)
    assert (row["file"], row["family"]) == ("lookup.refp", "lookup")
    assert row["sha256"] == hashlib.sha256(lookup_model.read_bytes()).hexdigest()
    assert row["calibration"] == load_model(lookup_model).card.calibration.model_dump(mode="json")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_model_export(run_refp: RunRefp, profile_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core")
    out = tmp_path / "profile.zip"
    done = run_refp("model", "export", profile_model, "--bioimageio", "-o", out)
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr == f"wrote {out}: authors not stated, CC-BY-4.0\n"
    assert names_in(tmp_path) == ["profile.zip"]
    again = run_refp("model", "export", profile_model, "--bioimageio", "-o", out)
    assert again.code == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-o", "l.zip", "--bioimageio"], "family 'lookup' has no network to export"),
        (["-o", "l.zip"], "name the format of the package: --bioimageio"),
        (["-o", "l.onnx", "--bioimageio"], "packages are zip files; name it *.zip"),
    ],
)
def test_model_that_is_not_exported(
    run_refp: RunRefp, lookup_model: Path, arguments: list[str], expected: str
) -> None:
    done = run_refp("model", "export", lookup_model, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert expected in done.stderr


def test_evaluate(run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path) -> None:
    out = tmp_path / "evaluation"
    done = run_refp("evaluate", lookup_model, tiny_test, "-o", out)
    assert done.code == 0
    assert re.search(r"^RMS error +\d\.\d\d um$", done.stdout, re.M)
    assert names_in(out) == EVALUATION_FILES
    table = pd.read_csv(out / "errors.csv")
    assert tuple(table.columns) == tables.ERROR_COLUMNS
    summary = json.loads((out / "summary.json").read_text())
    assert summary["n_images"] == len(table) == 9
    assert summary["family"] == "lookup"
    assert summary["known_dz"] == ORIGINS["simulated"]
    ok = table[table["status"] == "ok"]
    assert summary["rms_um"] == pytest.approx((ok["error_um"] ** 2).mean() ** 0.5, rel=1e-6)


def test_evaluate_json(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    done = run_refp("evaluate", lookup_model, tiny_test, "-o", tmp_path / "out", "--json")
    assert [tuple(row) for row in rows_of(done.stdout)] == [tables.ERROR_COLUMNS] * 9
