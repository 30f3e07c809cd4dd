"""``refp adapt`` on the real command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.models import load_model
from refp.synthetic.truth import read_truth

RunRefp = Callable[..., Any]
REFP_UM = 1520.0
"""Of the tiny test sweep."""


def estimate_of(run_refp: RunRefp, model: Path, image: Path) -> dict[str, Any]:
    done = run_refp("estimate", model, image, "--json")
    assert done.code == 0, done.stderr
    row: dict[str, Any] = json.loads(done.stdout)[0]
    return row


def adapted(run_refp: RunRefp, model: Path, sweep: Path, output: Path, *more: object) -> Any:
    return run_refp("adapt", model, sweep, "-o", output, *more)


def test_a_bias_is_found_and_taken_off(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    """With a reference plane 10 um lower, dZ of every image must be 10 um larger."""
    new = tmp_path / "lab2.refp"
    done = adapted(run_refp, lookup_model, tiny_test, new, "--refp-um", REFP_UM - 10, "--json")
    assert done.code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 9
    errors = np.abs([row["error_um"] for row in rows])
    assert np.median(errors) < 2.0
    assert errors.max() < 8.0
    found = load_model(new).card.adaptation
    assert found is not None
    assert found.line.bias_um == pytest.approx(-10.0, abs=1.5)
    assert found.line.slope == pytest.approx(1.0, abs=0.05)
    image = sorted(tiny_test.glob("*.tif"))[4]
    before, after = (estimate_of(run_refp, model, image) for model in (lookup_model, new))
    assert after["delta_z_um"] - before["delta_z_um"] == pytest.approx(10.0, abs=2.0)
    assert after["u_calibration_um"] >= before["u_calibration_um"]
    shown = run_refp("model", "show", new).stdout
    assert "bias corrected" in shown


def test_the_plane_is_found_by_the_sweep_s_own_features(
    run_refp: RunRefp, profile_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    """The known dZ are those of the simulation, whose stage errors would move a plane of Z by 1.5 um."""
    new = tmp_path / "lab2.refp"
    done = adapted(run_refp, profile_model, tiny_test, new, "--json")
    assert done.code == 0, done.stderr
    true_um = {Path(f.file).name: f.delta_z_true_um for f in read_truth(tiny_test).frames}
    rows = json.loads(done.stdout)
    errors_um = [row["delta_z_true_um"] - true_um[Path(row["image"]).name] for row in rows]
    card, before = load_model(new).card, load_model(profile_model).card.calibration
    assert card.calibration.refp_u_um >= before.refp_u_um
    assert abs(np.mean(errors_um)) < 2 * card.calibration.refp_u_um
    assert card.calibration.refp_u_um < 1.0
    assert card.adaptation is not None
    assert card.adaptation.bias_u_um == 0.0
    assert card.calibration.maximum_reduced_chi2 == before.maximum_reduced_chi2
    assert card.calibration.maximum_disagreement_um == before.maximum_disagreement_um
    assert "bias" in done.stderr
    assert "wrote" in done.stderr


def test_a_frame_without_beads_is_left_out(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    sweep = shutil.copytree(tiny_test, tmp_path / "sweep")
    (sweep / "truth.json").unlink()
    empty = sorted(sweep.glob("*.tif"))[0]
    tifffile.imwrite(empty, np.full_like(tifffile.imread(empty), 100))
    done = adapted(run_refp, lookup_model, sweep, tmp_path / "lab2.refp", "--json")
    assert done.code == 0, done.stderr
    images = [row["image"] for row in json.loads(done.stdout)]
    assert len(images) == 8
    assert empty.name not in images


def test_data_that_cannot_be_adapted_to_are_refused(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    new = tmp_path / "lab2.refp"
    assert adapted(run_refp, lookup_model, tiny_test, new).code == 0
    again = adapted(run_refp, new, tiny_test, tmp_path / "lab3.refp")
    assert again.code == 2
    assert "was adapted already" in again.stderr
    there = adapted(run_refp, lookup_model, tiny_test, new)
    assert (there.code, len(there.stderr.strip().splitlines())) == (2, 1)
    other = adapted(
        run_refp, lookup_model, tiny_test, tmp_path / "4.refp", "--pixel-size-um", "1.3"
    )
    assert other.code == 2
    assert "pixel size" in other.stderr


def test_the_adapted_model_is_of_the_sweep_s_instrument(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    new = tmp_path / "lab2.refp"
    assert adapted(run_refp, lookup_model, tiny_test, new, "--serial", "B2").code == 0
    assert load_model(new).card.identity.serial == "B2"
