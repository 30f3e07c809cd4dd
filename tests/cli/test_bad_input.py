"""Bad input: exit code 2, one line that names the file and the remedy, and nothing written."""

import hashlib
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refp.models.card import FORMAT_VERSION
from refp.pipeline.plane_files import POOLED_ARRAYS
from refp.synthetic.truth import TRUTH_FILE

RunRefp = Callable[..., Any]
SaveFrames = Callable[..., Path]
CopyOf = Callable[[Path], Path]
SHAPE = (160, 200)


def grey(level: int = 60, shape: tuple[int, ...] = SHAPE, dtype: Any = np.uint8) -> np.ndarray:
    return np.full(shape, level, dtype=dtype)


def check_refused(done: Any, *expected: str) -> None:
    """Exit code 2 and one line on standard error that holds every one of ``expected``."""
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("refp: ")
    assert done.stderr.count("\n") == 1
    for text in expected:
        assert text in done.stderr


@pytest.fixture
def refuse_plane(run_refp: RunRefp, tmp_path: Path) -> Callable[..., None]:
    """Run ``refp plane`` on bad data and check that it prints ``expected`` and writes nothing."""

    def refuse(data: Path, *expected: str, options: tuple[str, ...] = ()) -> None:
        check_refused(run_refp("plane", data, "-o", tmp_path / "out", *options), *expected)
        assert not (tmp_path / "out").exists()

    return refuse


RefusePlane = Callable[..., None]


def test_no_such_folder(refuse_plane: RefusePlane, tmp_path: Path) -> None:
    refuse_plane(tmp_path / "absent", f"{tmp_path / 'absent'}: no such file or folder; check")


@pytest.mark.parametrize("command", ["inspect", "train", "evaluate", "estimate"])
def test_no_such_folder_for_other_commands(
    run_refp: RunRefp, lookup_model: Path, tmp_path: Path, command: str
) -> None:
    model = [lookup_model] if command in ("evaluate", "estimate") else []
    output = ["-o", tmp_path / "out.refp"] if command in ("evaluate", "train") else []
    done = run_refp(command, *model, tmp_path / "absent", *output)
    check_refused(done, "absent: no such file or folder; check the path")
    assert list(tmp_path.iterdir()) == []


def test_folder_without_an_image(refuse_plane: RefusePlane, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refuse_plane(tmp_path / "empty", "empty: no image in this folder; refp reads .tif")


def test_pattern_that_matches_nothing(refuse_plane: RefusePlane, tiny_test: Path) -> None:
    shown = sorted(path.name for path in tiny_test.glob("*.tif"))[:2]
    pattern = ("--pattern", "bead_{z_um}.tif")
    refuse_plane(tiny_test, "matches none of 9 files", *shown, "correct --pattern", options=pattern)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(grey(dtype=np.float32), "float32 pixels; save as grey", id="float"),
    ],
)
def test_pixels_that_are_not_grey_levels(
    refuse_plane: RefusePlane, save_frames: SaveFrames, frame: np.ndarray, expected: str
) -> None:
    folder = save_frames(*[frame] * 6)
    refuse_plane(folder, str(folder), "exp1_fov1_z1400_t10ms.tif", expected)


def test_frames_of_different_sizes(refuse_plane: RefusePlane, save_frames: SaveFrames) -> None:
    folder = save_frames(*[grey()] * 5, grey(shape=(80, 100)))
    refuse_plane(folder, str(folder), "z1400", "z1450", "; move one kind to")


def test_same_z_twice(refuse_plane: RefusePlane, save_frames: SaveFrames) -> None:
    folder = save_frames(*[grey()] * 6)
    shutil.copy(folder / "exp1_fov1_z1400_t10ms.tif", folder / "exp1_fov1_z1400.0_t10ms.tif")
    refuse_plane(folder, "z1400.0_t10ms.tif", "the same Z as", "Z 1400 um", "remove one of them")


def test_falling_z(refuse_plane: RefusePlane, save_frames: SaveFrames) -> None:
    folder = save_frames(*[grey()] * 6)
    names = sorted(path.name for path in folder.glob("*.tif"))
    rows = [f"{name},{1450 - 10 * k}" for k, name in enumerate(names)]
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(["path,z_um", *rows]))
    expected = ("manifest.csv: line 2", "Z falls from 1450 um", "rising")
    refuse_plane(folder, *expected, options=("--manifest", str(manifest)))


@pytest.mark.parametrize("n", [1, 4])
def test_too_few_frames(
    refuse_plane: RefusePlane, tiny_test: Path, copy_of: CopyOf, n: int
) -> None:
    folder = copy_of(tiny_test)
    for path in sorted(folder.glob("*.tif"))[n:]:
        path.unlink()
    frames = "1 frame;" if n == 1 else "4 frames;"
    refuse_plane(
        folder,
        f"{folder}: no sweep has more than {frames}",
        "at least 5 Z positions; record a Z sweep",
    )


@pytest.mark.parametrize(
    ("level", "dtype", "expected"),
    [
        pytest.param(0, np.uint8, "black (grey level 0); check lamp, shutter", id="black"),
        pytest.param(255, np.uint8, "saturated everywhere; shorten the exposure", id="saturated"),
        pytest.param(65535, np.uint16, "saturated everywhere; shorten the exposure", id="16 bits"),
        pytest.param(60, np.uint8, "bead diameter (28 um) and pixel size (1.5 um)", id="even grey"),
    ],
)
def test_frames_without_anything(
    refuse_plane: RefusePlane, save_frames: SaveFrames, level: int, dtype: Any, expected: str
) -> None:
    folder = save_frames(*[grey(level, dtype=dtype)] * 6)
    refuse_plane(folder, f"{folder}: no bead in any of 6 frames", expected)


def test_no_beads_in_noise(refuse_plane: RefusePlane, save_frames: SaveFrames) -> None:
    noise = np.random.default_rng(0).normal(60, 3, (6, *SHAPE)).astype(np.uint8)
    folder = save_frames(*noise)
    refuse_plane(folder, f"{folder}: no bead in any of 6 frames", "'refp inspect --overlay'")


def test_instrument_not_known(refuse_plane: RefusePlane, save_frames: SaveFrames) -> None:
    folder = save_frames(*[grey()] * 6)
    (folder / "sweep.toml").unlink()
    refuse_plane(folder, f"{folder}: the instrument is not known; give --instrument NAME", "a2k")


def test_output_that_exists(run_refp: RunRefp, tiny_test: Path, tmp_path: Path) -> None:
    path = tmp_path / "a2k.refp"
    path.write_bytes(b"mine")
    done = run_refp("train", tiny_test, "-o", path)
    check_refused(done, f"{path}: exists already; choose another output or add --overwrite")
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("command", ["plane", "inspect", "train"])
def test_recipe_with_a_typo(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, command: str
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[plane]\nminimum_frame = 5\n")
    output = [] if command == "inspect" else ["-o", tmp_path / "out"]
    done = run_refp(command, tiny_test, "--recipe", recipe, *output)
    check_refused(done, f"{recipe}: plane.minimum_frame", "not permitted")
    assert not (tmp_path / "out").exists()


def test_no_such_recipe(refuse_plane: RefusePlane, tiny_test: Path) -> None:
    refuse_plane(tiny_test, "'papper'", "default, paper", options=("--recipe", "papper"))


def test_no_such_family(run_refp: RunRefp, tiny_test: Path, tmp_path: Path) -> None:
    done = run_refp("train", tiny_test, "-o", tmp_path / "out", "--family", "forest")
    check_refused(done, "--family forest: choose lookup, profile, resnet")


def test_table_of_another_kind(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    path = tmp_path / "table.xlsx"
    check_refused(run_refp("inspect", tiny_test, "--beads", path), ".csv or .parquet")
    check_refused(run_refp("estimate", lookup_model, tiny_test, "-o", path), ".csv or .parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "remedy"),
    [("train", "--refp-um states the plane"), ("evaluate", "see the flags of 'refp plane'")],
)
def test_sweep_that_ends_before_its_plane(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    copy_of: CopyOf,
    tmp_path: Path,
    command: str,
    remedy: str,
) -> None:
    folder, out = copy_of(tiny_test), tmp_path / "out"
    for path in sorted(folder.glob("*.tif"))[5:]:
        path.unlink()
    (folder / TRUTH_FILE).unlink(missing_ok=True)  # with which evaluate needs no plane
    what = {"train": [folder], "evaluate": [lookup_model, folder]}[command]
    expected = f"{folder}: no sweep has a determined reference plane"
    check_refused(run_refp(command, *what, "-o", out), expected, remedy)
    assert not out.exists()


def test_pool_of_a_run_without_a_plane(
    refuse_plane: RefusePlane, tiny_test: Path, tmp_path: Path
) -> None:
    pool = tmp_path / "pooled.npz"
    np.savez(pool, allow_pickle=False, **{name: np.empty(0) for name in POOLED_ARRAYS})
    expected = f"{pool}: holds no pooled profile"
    refuse_plane(tiny_test, expected, "give the pooled.npz of a run", options=("--pool", str(pool)))


def test_pool_of_another_instrument(
    refuse_plane: RefusePlane, tiny_test: Path, tmp_path: Path
) -> None:
    pool = tmp_path / "pooled.npz"
    size = {"pixel_size_um": np.array(0.65), "bead_diameter_um": np.array(28.0)}
    np.savez(pool, allow_pickle=False, **{name: np.ones(1) for name in POOLED_ARRAYS} | size)
    expected = f"{pool}: is of an instrument with 0.65 um a pixel and beads of 28 um"
    refuse_plane(tiny_test, expected, "of this instrument", options=("--pool", str(pool)))


def test_two_instruments_of_one_name(run_refp: RunRefp, tiny_test: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder, pixel in zip(folders, (1.5, 1.4), strict=True):
        shutil.copytree(tiny_test, folder)
        text = f'dataset = "{folder.name}"\n[optics]\npixel_size_um = {pixel}\n'
        (folder / "sweep.toml").write_text(text + "[bead]\ndiameter_um = 28.0\n")
    done = run_refp("plane", *folders, "-o", tmp_path / "out")
    expected = f"{folders[1]}: its instrument 'custom' differs from that of {folders[0]}"
    check_refused(done, expected, "a name of its own")


def test_pool_that_is_none(refuse_plane: RefusePlane, tiny_test: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pooled.npz"
    pool.write_bytes(b"no arrays")
    expected = f"{pool}: not a complete array file"
    refuse_plane(tiny_test, expected, "make it again", options=("--pool", str(pool)))


def cut(model: Path) -> str:
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    return "not a whole model file"


def edit(model: Path) -> str:
    _rewrite_card(model, {"minimum_beads": 1}, rehash=False)
    return "card.json was changed after training; train again"


def make_newer(model: Path) -> str:
    newer = FORMAT_VERSION + 1
    _rewrite_card(model, {"format_version": newer}, rehash=True)
    return f"model format {newer} is newer than this refp reads ({FORMAT_VERSION}); upgrade refp"


def replace_by_image(model: Path) -> str:
    model.write_bytes(b"II*\0" + bytes(100))
    return "not a whole model file"


def remove(model: Path) -> str:
    model.unlink()
    return "no such model file; 'refp train' makes one"


def _rewrite_card(model: Path, changes: dict[str, object], *, rehash: bool) -> None:
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["card.json"] = json.dumps({**json.loads(parts["card.json"]), **changes}).encode()
    if rehash:
        hashes = json.loads(parts["sha256.json"])
        hashes["card.json"] = hashlib.sha256(parts["card.json"]).hexdigest()
        parts["sha256.json"] = json.dumps(hashes).encode()
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("command", ["estimate", "evaluate"])
@pytest.mark.parametrize("spoil", [cut, edit, make_newer, replace_by_image, remove])
def test_model_file(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    tmp_path: Path,
    command: str,
    spoil: Callable[[Path], str],
) -> None:
    model = Path(shutil.copy(lookup_model, tmp_path / "model.refp"))
    expected = spoil(model)
    done = run_refp(command, model, tiny_test, "-o", tmp_path / "out.csv")
    check_refused(done, f"{model}: {expected}")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("command", ["estimate", "evaluate"])
def test_model_of_another_instrument(
    run_refp: RunRefp,
    lookup_model: Path,
    tiny_test: Path,
    copy_of: CopyOf,
    tmp_path: Path,
    command: str,
) -> None:
    folder = copy_of(tiny_test)
    text = (folder / "sweep.toml").read_text().replace("a2k", "nikon-ti2")
    (folder / "sweep.toml").write_text(text)
    done = run_refp(command, lookup_model, folder, "-o", tmp_path / "out.csv")
    check_refused(done, str(folder), "'nikon-ti2'", "'a2k'", "train a model on this instrument")
    assert not (tmp_path / "out.csv").exists()


def test_extra_is_missing(
    run_refp: RunRefp, tiny_test: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "refp.models.training.profile_family", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    done = run_refp("train", tiny_test, "-o", tmp_path / "a2k.refp", "--family", "profile")
    check_refused(done, "needs torch, which is not installed", "'refp[train]'")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def with_one_cut(tiny_test: Path, copy_of: CopyOf) -> tuple[Path, Path]:
    """A good data set with one truncated file in it."""
    folder = copy_of(tiny_test)
    spoilt = sorted(folder.glob("*.tif"))[-1]
    spoilt.write_bytes(spoilt.read_bytes()[:9000])
    return folder, spoilt


@pytest.mark.parametrize("command", ["plane", "inspect", "train", "evaluate"])
def test_one_truncated_file_is_left_out(
    run_refp: RunRefp,
    lookup_model: Path,
    with_one_cut: tuple[Path, Path],
    tmp_path: Path,
    command: str,
) -> None:
    folder, spoilt = with_one_cut
    model = [lookup_model] if command == "evaluate" else []
    output = [] if command == "inspect" else ["-o", tmp_path / "out"]
    done = run_refp(command, *model, folder, *output)
    assert done.code == 0, done.stderr
    assert len(re.findall(rf"^left out: {re.escape(spoilt.name)}: .+; .+$", done.stderr, re.M)) == 1


def test_one_truncated_image_is_refused(
    run_refp: RunRefp, lookup_model: Path, with_one_cut: tuple[Path, Path]
) -> None:
    folder, spoilt = with_one_cut
    done = run_refp("estimate", lookup_model, folder, "--json")
    assert done.code == 0
    rows = {row["image"]: row for row in json.loads(done.stdout)}
    assert len(rows) == 9
    assert rows[spoilt.name]["status"] == "refused"
    assert rows[spoilt.name]["reason"].startswith("unreadable: ")


def test_a_model_without_show_is_answered_with_the_command(run_refp: RunRefp) -> None:
    done = run_refp("model", "mine.refp")
    assert done.code == 2
    assert "did you mean: refp model show mine.refp" in done.stderr
