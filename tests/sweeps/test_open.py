"""Opening data sets: layout, files left out with reasons, and the instrument."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError, RecipeError
from refp.settings import Identity
from refp.sweeps import (
    SweepKey,
    declared_identity,
    open_dataset,
    readers,
    write_frame,
    write_sweep_file,
)

GREY = np.arange(1200, dtype=np.uint8).reshape(30, 40) % 50


def reasons(data: Any) -> dict[str, str]:
    return {left.path.name: left.reason for left in data.left_out}


def test_a_folder_by_the_default_pattern(tmp_path: Path, save_frames, optics) -> None:
    save_frames([30, 7.5, -15])
    save_frames([0], fov=2)
    data = open_dataset(tmp_path, **optics)
    assert [str(s.key) for s in data.sweeps] == [
        f"{tmp_path.name} exp 1 FOV 1 20 ms",
        f"{tmp_path.name} exp 1 FOV 2 20 ms",
    ]
    assert data.sweeps[0].z_um == (-15.0, 7.5, 30.0)
    assert [frame.read()[0, 0] for frame in data.sweeps[0].frames] == [2, 1, 0]
    assert (data.n_frames, data.left_out, data.root) == (4, (), tmp_path)


@pytest.mark.parametrize(("channel", "level"), [(None, 2), ("blue", 3), ("mean", 2)])
def test_images_in_colour_are_noted(
    tmp_path: Path, optics, channel: str | None, level: int
) -> None:
    from PIL import Image

    pixels = np.stack([np.full_like(GREY, k) for k in (1, 2, 3)], axis=-1)
    for z_um in (5, 7):
        Image.fromarray(pixels).save(tmp_path / f"exp1_fov1_z{z_um}_t20ms.png")
    data = open_dataset(tmp_path, channel=channel, **optics)
    read = {None: "green", "mean": "the mean of their channels"}.get(channel, channel)
    (note,) = data.notes
    assert note.startswith("exp1_fov1_z5_t20ms.png: 2 of 2 images are in colour, ")
    assert note.endswith(f"of which {read} is read; --channel red|green|blue|mean chooses")
    assert {int(frame.read()[0, 0]) for frame in data.sweeps[0].frames} == {level}


@pytest.mark.parametrize("suffix", [".tiff", ".png"])
def test_the_default_pattern_takes_other_suffixes(tmp_path: Path, optics, suffix: str) -> None:
    from PIL import Image

    Image.fromarray(GREY).save(tmp_path / f"exp1_fov1_z5_t20ms{suffix}")
    Image.fromarray(GREY).save(tmp_path / f"exp1_fov1_z6_t20ms{suffix}")
    assert open_dataset(tmp_path, **optics).sweeps[0].z_um == (5.0, 6.0)


def test_opening_reads_no_pixels(
    tmp_path: Path, save_frames, optics, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_frames([1, 2, 3])

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(readers, "read_plane", fail)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", fail)
    data = open_dataset(tmp_path, **optics)
    with pytest.raises(DataError, match="pixels were read"):
        data.sweeps[0].frames[0].read()


def test_folders_of_a_pattern(tmp_path: Path, optics) -> None:
    for day in (1, 2):
        (tmp_path / f"day{day}").mkdir()
        write_frame(tmp_path / f"day{day}" / "z5.tif", GREY)
    data = open_dataset(tmp_path, pattern="day{experiment}/z{z_um}.tif", **optics)
    assert [s.key.experiment for s in data.sweeps] == [1, 2]


def test_sweeps_of_numbers_and_texts_are_sorted(tmp_path: Path, save_frames, optics) -> None:
    for fov in ("b", 10, "a", 9):
        save_frames([1], fov=fov)
    data = open_dataset(tmp_path, **optics)
    assert [s.key.fov for s in data.sweeps] == [9, 10, "a", "b"]
    assert SweepKey("s", 1, 2, 5.0) < SweepKey("s", 1, 2, 6.0)


def test_every_stack_of_a_folder_is_a_field_of_view(tmp_path: Path, save_stack, optics) -> None:
    meta = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    save_stack("b10.tif", 3, imagej=True, metadata=meta)
    save_stack("b9.tif", 4, imagej=True, metadata=meta)
    data = open_dataset(tmp_path, **optics)
    assert [(s.key.fov, s.z_um) for s in data.sweeps] == [(1, (0, 2, 4, 6)), (2, (0, 2, 4))]


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_a_stack_without_z_names_the_remedy(
    tmp_path: Path, save_stack, optics, whole: bool
) -> None:
    path = save_stack("plain.tif", 3)
    with pytest.raises(
        DataError, match=r"plain\.tif: holds 3 pages and no Z.*--manifest.*--pattern"
    ):
        open_dataset(tmp_path if whole else path, **optics)


def test_a_stack_whose_name_gives_one_z_is_left_out(
    tmp_path: Path, save_frames, save_stack, optics
) -> None:
    save_frames([1])
    save_stack("exp1_fov1_z2_t20ms.tif", 3)
    left = reasons(open_dataset(tmp_path, **optics))
    assert left["exp1_fov1_z2_t20ms.tif"].startswith("holds 3 pages, its name one Z")


def spoil_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_text(path: Path) -> None:
    path.write_text("no image")


LEFT_OUT = {
    "truncated": (spoil_truncate, "truncated"),
    "empty": (spoil_empty, "empty file, 0 bytes"),
    "no image": (spoil_text, "cannot be read"),
    "float": (
        lambda p: tifffile.imwrite(p, GREY.astype(np.float32)),
        "float32 pixels; save as grey",
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_one_bad_file_among_good_ones_is_left_out(
    tmp_path: Path, save_frames, optics, spoil: Any, reason: str
) -> None:
    bad = save_frames([1, 2, 3])[0]
    spoil(bad)
    data = open_dataset(tmp_path, **optics)
    assert data.sweeps[0].z_um == (2.0, 3.0)
    assert list(reasons(data)) == [bad.name]
    assert data.left_out[0].reason.startswith(reason)


def one_line(error: pytest.ExceptionInfo[DataError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


ANOTHER_KIND = {
    "another size": ({"shape": (50, 60)}, "60x50 uint8"),
    "another type": ({"dtype": np.uint16}, "40x30 uint16"),
    "rotated": ({"shape": (40, 30)}, "30x40 uint8"),
}


@pytest.mark.parametrize(("options", "kind"), ANOTHER_KIND.values(), ids=ANOTHER_KIND)
@pytest.mark.parametrize("n", [1, 5], ids=["few", "most"])
@pytest.mark.parametrize("fov", [1, 2], ids=["one sweep", "two sweeps"])
def test_frames_of_two_kinds_are_refused(
    tmp_path: Path, save_frames, optics, options: dict[str, Any], kind: str, n: int, fov: int
) -> None:
    """For any number of each kind, and also if every sweep is of one kind."""
    save_frames([1, 2])
    save_frames(range(3, 3 + n), fov=fov, **options)
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path, **optics)
    assert one_line(caught).endswith(
        f"images of different size or type: exp1_fov1_z1_t20ms.tif is 40x30 uint8, "
        f"exp1_fov{fov}_z3_t20ms.tif is {kind}; move one kind to a folder of its own, or name the "
        "images of one kind with a narrower --pattern or a --manifest"
    )


def test_a_narrower_pattern_or_a_manifest_selects_one_size(
    tmp_path: Path, save_frames, optics
) -> None:
    save_frames([1, 2])
    save_frames([3], experiment="overview", shape=(50, 60))
    narrow = open_dataset(tmp_path, pattern="exp1_fov{fov}_z{z_um}_t*ms.tif", **optics)
    rows = "path,z_um\nexp1_fov1_z1_t20ms.tif,1\nexp1_fov1_z2_t20ms.tif,2\n"
    (tmp_path / "m.csv").write_text(rows, encoding="utf-8")
    listed = open_dataset(tmp_path, manifest=tmp_path / "m.csv", **optics)
    assert [sweep.z_um for data in (narrow, listed) for sweep in data.sweeps] == [(1, 2), (1, 2)]


def test_a_damaged_file_of_another_size_is_left_out(tmp_path: Path, save_frames, optics) -> None:
    save_frames([1, 2])
    (odd,) = save_frames([3], shape=(50, 60))
    spoil_truncate(odd)
    assert list(reasons(open_dataset(tmp_path, **optics))) == [odd.name]


TWICE = {
    "other spelling of Z": ("exp1_fov1_z5.0_t20ms.tif", "exp1_fov1_z5_t20ms.tif"),
    "other spelling of the FOV": ("exp1_fov1_z5_t20ms.tif", "exp1_fov01_z5_t20ms.tif"),
}


@pytest.mark.parametrize("names", TWICE.values(), ids=TWICE)
def test_two_frames_at_one_z_are_refused(
    tmp_path: Path, save_frames, optics, names: tuple[str, str]
) -> None:
    save_frames([3, 4])
    for name in names:
        write_frame(tmp_path / name, GREY)
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path, **optics)
    message = one_line(caught)
    assert all(str(tmp_path / name) in message for name in names)
    assert "exp 1 FOV 1 20 ms, Z 5 um); remove one of them" in message


def test_one_z_in_two_sweeps_is_fine(tmp_path: Path, save_frames, optics) -> None:
    save_frames([5], fov=1)
    save_frames([5], fov=2)
    assert open_dataset(tmp_path, **optics).n_frames == 2


def test_falling_z_is_not_checked_for_file_names(tmp_path: Path, optics) -> None:
    for name in ("a_z30.tif", "b_z20.tif", "c_z10.tif"):
        write_frame(tmp_path / name, GREY)
    data = open_dataset(tmp_path, pattern="*_z{z_um}.tif", **optics)
    assert data.sweeps[0].z_um == (10.0, 20.0, 30.0)


def test_other_images_are_left_out_and_other_files_ignored(
    tmp_path: Path, save_frames, optics
) -> None:
    save_frames([1, 2])
    for name in ("notes.txt", "truth.json", ".hidden.tif", "Thumbs.db", "table.parquet"):
        (tmp_path / name).touch()
    write_frame(tmp_path / "overview.tif", GREY)
    (tmp_path / "raw.vsi").touch()
    left = reasons(open_dataset(tmp_path, **optics))
    assert left.keys() == {"overview.tif", "raw.vsi"}
    assert left["overview.tif"] == (
        "does not match the pattern 'exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif'"
    )
    assert "'.vsi' is not a format that refp reads" in left["raw.vsi"]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such file or folder; check the path"):
        open_dataset(tmp_path / "none")


def test_an_empty_folder(tmp_path: Path, optics) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"no image in this folder; refp reads \.tif"):
        open_dataset(tmp_path, **optics)


def test_a_file_that_is_no_image(tmp_path: Path, optics) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"'\.txt' is not a format that refp reads"):
        open_dataset(tmp_path / "notes.txt", **optics)


def test_a_pattern_that_matches_nothing_shows_names(tmp_path: Path, save_frames, optics) -> None:
    save_frames([1, 2, 3])
    message = (
        "pattern 'z{z_um}.tif' matches none of 3 files, such as 'exp1_fov1_z1_t20ms.tif' and "
        "'exp1_fov1_z2_t20ms.tif'; correct --pattern"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        open_dataset(tmp_path, pattern="z{z_um}.tif", **optics)


def test_names_without_a_pattern_are_shown(tmp_path: Path, optics) -> None:
    for name in ("bead-a.tif", "bead-b.tif"):
        write_frame(tmp_path / name, GREY)
    with pytest.raises(DataError, match=r"no pattern: .*'bead-a.tif' and 'bead-b.tif'.*--pattern"):
        open_dataset(tmp_path, **optics)


@pytest.mark.parametrize("pattern", [None, "*z{z_um}*.tif"])
def test_a_set_all_of_floats_names_a_file_and_the_reason(
    tmp_path: Path, optics, pattern: str | None
) -> None:
    for z in (1, 2):
        tifffile.imwrite(tmp_path / f"exp1_fov1_z{z}_t20ms.tif", GREY.astype(np.float32))
    message = (
        r"no usable image \(all 2 files are left out\): exp1_fov1_z1_t20ms.tif: float32 pixels; "
        "save as grey of 8 or 16 bits"
    )
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(tmp_path, pattern=pattern, **optics)
    assert "\n" not in str(caught.value)


# The instrument


def test_the_sweep_file_is_read(tmp_path: Path, save_frames) -> None:
    save_frames([1, 2])
    write_sweep_file(
        tmp_path, dataset="A2K training", instrument="a2k", optics={"white_level": 250}
    )
    for path in (tmp_path, tmp_path / "sweep.toml", tmp_path / "exp1_fov1_z1_t20ms.tif"):
        data = open_dataset(path)
        assert (data.name, data.instrument.name) == ("A2K training", "a2k")
        assert data.instrument.optics.white_level == 250
        assert data.instrument.tile_side_px == 64
    assert data.n_frames == 1


def test_options_override_the_sweep_file(tmp_path: Path, save_frames) -> None:
    save_frames([1, 2])
    write_sweep_file(
        tmp_path, dataset="x", instrument="a2k", pattern="other{z_um}.tif", bead={"diameter_um": 20}
    )
    data = open_dataset(
        tmp_path,
        instrument="nikon-ti2",
        pattern="exp{experiment}_*_z{z_um}_*.tif",
        pixel_size_um=0.6,
        bead_diameter_um=28,
    )
    assert data.instrument.name == "nikon-ti2"
    assert data.instrument.optics.pixel_size_um == 0.6
    assert data.instrument.bead.diameter_um == 28
    assert data.sweeps[0].key == SweepKey("x", 1, 1, 0.0)


def test_a_recipe_file_is_relative_to_the_sweep_file(
    tmp_path: Path, save_frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_frames([1])
    recipe = 'name = "mine"\noptics.pixel_size_um = 0.7\nbead.diameter_um = 10.0\n'
    (tmp_path / "mine.toml").write_text(recipe, encoding="utf-8")
    (tmp_path / "sweep.toml").write_text('instrument = "mine.toml"\n', encoding="utf-8")
    assert open_dataset(tmp_path).instrument.name == "mine"
    (tmp_path / "sweep.toml").unlink()
    monkeypatch.chdir(tmp_path)
    assert open_dataset(".", instrument="mine.toml").instrument.name == "mine"


MISSING = {
    "both": ({}, "--instrument NAME or --pixel-size-um and --bead-diameter-um "),
    "bead": ({"pixel_size_um": 1.5}, "--instrument NAME or --bead-diameter-um "),
    "pixel": ({"bead_diameter_um": 28.0}, "--instrument NAME or --pixel-size-um "),
}


@pytest.mark.parametrize(("options", "remedy"), MISSING.values(), ids=MISSING)
def test_an_unknown_instrument_names_the_missing_options(
    tmp_path: Path, save_frames, options: dict[str, Any], remedy: str
) -> None:
    save_frames([1])
    with pytest.raises(RecipeError, match=re.escape(f"the instrument is not known; give {remedy}")):
        open_dataset(tmp_path, **options)


WRONG_SETTINGS = {
    "unknown key": ('instrumnet = "a2k"', "sweep.toml: instrumnet: Extra inputs are not permitted"),
    "unknown key of a table": (
        'instrument = "a2k"\n[optics]\npixel_size = 1.5',
        "sweep.toml, instrument 'a2k': optics.pixel_size: Extra inputs",
    ),
    "wrong type": ("dataset = 7", "sweep.toml: dataset: Input should be a valid string (given: 7)"),
    "not TOML": ("dataset = ", "sweep.toml: not a TOML file"),
    "both layouts": (
        'pattern = "z{z_um}.tif"\nmanifest = "m.csv"',
        "sweep.toml: both pattern and manifest are given; keep one",
    ),
    "no such recipe": ('instrument = "a3k"', "instrument 'a3k' is neither a recipe of the package"),
    "negative pixel": (
        'instrument = "a2k"\n[optics]\npixel_size_um = -1.0',
        "optics.pixel_size_um: Input should be greater than 0 (given: -1.0)",
    ),
    "text for a pixel": (
        'instrument = "a2k"\n[optics]\npixel_size_um = "large"',
        "optics.pixel_size_um: Input should be a valid number",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_a_wrong_sweep_file_names_the_key(
    tmp_path: Path, save_frames, text: str, message: str
) -> None:
    save_frames([1])
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=re.escape(message)):
        open_dataset(tmp_path)


@pytest.mark.parametrize("table", ["optics = 5", "bead = 'x'\noptics.pixel_size_um = 1.5"])
def test_a_wrong_recipe_file_names_the_key(tmp_path: Path, save_frames, table: str) -> None:
    save_frames([1])
    (tmp_path / "mine.toml").write_text(table, encoding="utf-8")
    with pytest.raises(RecipeError, match=table[:4]):
        open_dataset(tmp_path, instrument=str(tmp_path / "mine.toml"))
    with pytest.raises(RecipeError, match=table[:4]):
        open_dataset(
            tmp_path,
            instrument=str(tmp_path / "mine.toml"),
            pixel_size_um=1.5,
            bead_diameter_um=28.0,
        )


def test_pattern_and_manifest_exclude_each_other(tmp_path: Path, save_frames, optics) -> None:
    save_frames([1])
    with pytest.raises(RecipeError, match="options: both pattern and manifest are given"):
        open_dataset(tmp_path, pattern="z{z_um}.tif", manifest="m.csv", **optics)


@pytest.fixture
def stated_stack(save_stack) -> Path:
    """An ImageJ stack that states pixels of 1.6 um."""
    meta = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    path: Path = save_stack("a.tif", 3, imagej=True, resolution=(1 / 1.6, 1 / 1.6), metadata=meta)
    return path


def test_a_file_must_not_contradict_the_recipe(stated_stack: Path) -> None:
    message = r"a\.tif: states pixels of 1.6 um, instrument 'a2k' 1.5 um; .*--pixel-size-um"
    with pytest.raises(DataError, match=message):
        open_dataset(stated_stack, instrument="a2k")


def test_an_explicit_pixel_size_overrides_the_file(stated_stack: Path) -> None:
    data = open_dataset(stated_stack, instrument="a2k", pixel_size_um=1.5)
    assert data.instrument.optics.pixel_size_um == 1.5


def test_files_must_not_contradict_each_other(stated_stack: Path, save_stack) -> None:
    meta = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    save_stack("b.tif", 3, imagej=True, resolution=(1.0, 1.0), metadata=meta)
    with pytest.raises(DataError, match=r"b\.tif: states pixels of 1 um, another file 1.6 um"):
        open_dataset(stated_stack.parent, bead_diameter_um=28.0)


def test_the_simulated_training_set(shared_twin: Path) -> None:
    data = open_dataset(shared_twin / "a2k-training")
    assert [len(sweep.frames) for sweep in data.sweeps] == [81] * 6
    assert {(s.key.fov, s.key.exposure_ms) for s in data.sweeps} == {
        (fov, exposure) for fov in (1, 2) for exposure in (6.0, 12.0, 24.0)
    }
    assert (data.left_out, data.instrument.name) == ((), "a2k")
    assert next(data.frames).read().shape == (480, 640)


def test_a_simulated_set_without_its_sweep_file(shared_twin: Path, tmp_path: Path) -> None:
    for path in (shared_twin / "nikon-test1").glob("*.tif"):
        shutil.copy(path, tmp_path)
    (sweep,) = open_dataset(tmp_path, instrument="nikon-ti2").sweeps
    assert sweep.z_um == tuple(float(z) for z in range(1, 26, 2))


# The identity of the instrument


def test_the_serial_number_of_the_sweep_file(tmp_path: Path, save_frames) -> None:
    save_frames([1, 2])
    declared = 'instrument = "a2k"\n[identity]\nserial = "A1"\ncondenser = "0.3"\n'
    (tmp_path / "sweep.toml").write_text(declared, encoding="utf-8")
    assert open_dataset(tmp_path).identity == Identity(serial="A1", condenser="0.3")
    given = open_dataset(tmp_path, serial="B2").identity
    assert given == Identity(serial="B2", condenser="0.3")
    image = tmp_path / "exp1_fov1_z1_t20ms.tif"
    assert declared_identity(image) == Identity(serial="A1", condenser="0.3")


def test_no_serial_number_is_stated(tmp_path: Path, save_frames) -> None:
    save_frames([1, 2])
    assert open_dataset(tmp_path, instrument="a2k").identity == Identity()
    assert declared_identity(tmp_path / "exp1_fov1_z1_t20ms.tif") == Identity()
