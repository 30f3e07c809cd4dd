"""Archives that somebody sends: a bad one is refused in a sentence and leaves nothing behind."""

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")

from tests.web.requests import BASE, LIMITS, lying_tiff, tiff_of
from tests.web.server import Served

from refp.core.errors import DataError, RefpError
from refp.web import Client, WebSettings, create_app
from refp.web.job import JobSettings
from refp.web.jobs.data import open_datasets
from refp.web.storage.archive import unpack
from refp.web.storage.job_files import data_folder
from refp.web.storage.roots import OutsideRoots
from refp.web.workers.checks import check_sweeps

PLANES = "/api/v1/planes"
FEW = LIMITS.model_copy(update={"archive_files": 40, "unpacked_bytes": 2_000_000})
SMALL = tiff_of(np.full((64, 64), 100, dtype=np.uint8))
Members = dict[str, bytes]


def zip_of(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def tar_of(members: Members, mode: str = "w", *more: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as packed:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        for info in more:
            packed.addfile(info)
    return buffer.getvalue()


def special(kind: bytes, name: str = "a.tif", target: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        info = zipfile.ZipInfo("a.tif")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        packed.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def with_flag(content: bytes, bit: int) -> bytes:
    """A ZIP whose members are marked by a general-purpose bit."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(magic)
        while at >= 0:
            changed[at + offset] |= bit
            at = changed.find(magic, at + 4)
    return bytes(changed)


def saying(content: bytes, size: int) -> bytes:
    """A ZIP of one member that says how large it is unpacked."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", changed, changed.find(magic) + offset, size)
    return bytes(changed)


GOOD = {f"z{z}.tif": SMALL for z in range(3)}
BAD = [
    pytest.param(zip_of({"../a.tif": SMALL}), "is outside the folder", id="zip up"),
    pytest.param(zip_of({"x/../../a.tif": SMALL}), "is outside the folder", id="zip up from below"),
    pytest.param(tar_of({"../a.tif": SMALL}), "is outside the folder", id="tar up"),
    pytest.param(zip_of({"/etc/a.tif": SMALL}), "is outside the folder", id="absolute"),
    pytest.param(tar_of({"/etc/a.tif": SMALL}), "is outside the folder", id="tar absolute"),
    pytest.param(zip_of({"C:/a.tif": SMALL}), "is outside the folder", id="drive"),
    pytest.param(zip_of({"C:a.tif": SMALL}), "is outside the folder", id="drive without a slash"),
    pytest.param(zip_of({"..\\a.tif": SMALL}), "is outside the folder", id="backslash up"),
    pytest.param(zip_of({"\\\\host\\share\\a.tif": SMALL}), "is outside the folder", id="share"),
    pytest.param(zip_of({"a\n.tif": SMALL}), "is outside the folder", id="line break"),
    pytest.param(
        zip_of({"noname": SMALL}).replace(b"noname", bytes(6)), "not a valid name", id="no name"
    ),
    pytest.param(zip_of({"con.tif": SMALL}), "not a valid name", id="a device of Windows"),
    pytest.param(zip_of({"aux/a.tif": SMALL}), "not a valid name", id="a folder that is a device"),
    pytest.param(zip_of({"a./b.tif": SMALL}), "not a valid name", id="a dot at the end"),
    pytest.param(zip_of({f"{'a/' * 600}b.tif": SMALL}), "not a valid name", id="very deep"),
    pytest.param(zip_link(), "is a link", id="zip link"),
    pytest.param(tar_of({}, "w", special(tarfile.SYMTYPE)), "link or device", id="link"),
    pytest.param(tar_of({}, "w", special(tarfile.LNKTYPE)), "link or device", id="hard link"),
    pytest.param(tar_of({}, "w", special(tarfile.CHRTYPE)), "link or device", id="device"),
    pytest.param(tar_of({}, "w", special(tarfile.FIFOTYPE)), "link or device", id="pipe"),
    pytest.param(zip_of({"a.tif": SMALL, "A.TIF": SMALL}), "two files", id="alike in case"),
    pytest.param(zip_of({"\xe9.tif": SMALL, "e\u0301.tif": SMALL}), "two files", id="alike"),
    pytest.param(zip_of({"a": SMALL, "a/b.tif": SMALL}), "two files", id="file and folder"),
    pytest.param(
        zip_of({f"{k}.tif": b"" for k in range(41)}), "more than 40 files", id="many in a zip"
    ),
    pytest.param(
        tar_of({f"{k}.tif": b"" for k in range(41)}, "w:gz"), "more than 40 files", id="many"
    ),
    pytest.param(zip_of({"a.tif": bytes(3_000_000)}), "more than 2 MB", id="zip bomb"),
    pytest.param(tar_of({"a.tif": bytes(3_000_000)}, "w:gz"), "more than 2 MB", id="tar bomb"),
    pytest.param(zip_of(GOOD)[:-30], "cannot be unpacked", id="cut zip"),
    pytest.param(tar_of(GOOD, "w:gz")[:-30], "cannot be unpacked", id="cut tar.gz"),
    pytest.param(tar_of(GOOD)[:6000], "cannot be unpacked", id="cut tar"),
    pytest.param(with_flag(zip_of(GOOD), 1), "is encrypted", id="encrypted"),
    pytest.param(zip_of({}), "has no file", id="empty zip"),
    pytest.param(tar_of({}), "has no file", id="empty tar"),
    pytest.param(zip_of({"inner.zip": zip_of(GOOD)}), "archive in an archive", id="nested"),
    pytest.param(tar_of({"x/inner.tar.gz": b""}), "archive in an archive", id="nested tar"),
    pytest.param(SMALL + zip_of(GOOD), "both a TIFF and a ZIP", id="polyglot"),
    pytest.param(b"<html>", "neither ZIP, TAR nor TIFF", id="a page"),
    pytest.param(b"", "neither ZIP, TAR nor TIFF", id="nothing"),
    pytest.param(lying_tiff(60_000, 60_000), "million pixels", id="TIFF lies"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def keeping(home: Path) -> Iterator[TestClient]:
    """An app with a home whose limits are tight."""
    settings = WebSettings(home=home, jobs=str(home / "log.db"), workers=1, limits=FEW)
    with TestClient(create_app(settings), base_url=BASE) as client:
        yield client


@pytest.mark.parametrize(("content", "message"), BAD)
def test_bad_upload(keeping: TestClient, home: Path, content: bytes, message: str) -> None:
    answer = keeping.post(PLANES, files={"files": ("sweep.zip", content)})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "data_error")
    assert problem["detail"].startswith("sweep.zip: ")
    assert message in problem["detail"]
    assert "refp-" not in problem["detail"]  # where uploads lie on the server
    assert keeping.get("/api/v1/jobs").json() == []
    assert [p for p in home.rglob("*") if p.is_file() and p.parent != home] == []


def test_one_bad_file_keeps_none(keeping: TestClient, home: Path) -> None:
    files = [("files", ("a.zip", zip_of(GOOD))), ("files", ("b.zip", b""))]
    assert keeping.post(PLANES, files=files).status_code == 422
    assert list((home / "sweeps").rglob("*.archive")) == []


def test_a_wrong_option_keeps_no_file(keeping: TestClient, home: Path) -> None:
    for wrong in ({"instrument": "../a2k"}, {"recipe": "/etc/passwd"}, {"pixel_size_um": "-1"}):
        answer = keeping.post(PLANES, files={"files": ("a.zip", zip_of(GOOD))}, data=wrong)
        assert answer.status_code == 422
        assert next(iter(wrong)).partition("_")[0] in answer.json()["detail"]
    assert list((home / "sweeps").rglob("*.archive")) == []


def job_settings_of(home: Path, roots: tuple[Path, ...] = ()) -> JobSettings:
    return JobSettings(home, home / "models", roots, "", FEW, 1)


def opening(home: Path, name: str, content: bytes) -> RefpError:
    """What a job says of an archive that was let in; afterwards nothing of it is left."""
    stored = "0" * 64 + ".archive"
    path = home / "sweeps" / "00" / stored
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    request = {"data": [{"stored": stored, "name": name}]}
    with pytest.raises(RefpError) as raised, open_datasets(request, "job", job_settings_of(home)):
        pass
    assert not data_folder(home, "job").exists()
    assert str(home) not in str(raised.value)
    return raised.value


OUTSIDE = [
    pytest.param({"sweep.toml": b'manifest = "../../../secret.csv"'}, id="manifest outside"),
    pytest.param({"sweep.toml": b'manifest = "/etc/passwd"'}, id="manifest absolute"),
    pytest.param({"sweep.toml": b'instrument = "../other.toml"'}, id="instrument outside"),
    pytest.param(
        {
            "sweep.toml": b'manifest = "m.csv"',
            "m.csv": b"path,page,experiment,fov,exposure_ms,z_um\n../../x.tif,0,1,1,9,1\n",
        },
        id="paths of a manifest",
    ),
]


@pytest.mark.parametrize("members", OUTSIDE)
def test_what_names_things_outside(tmp_path: Path, members: Members) -> None:
    error = opening(tmp_path, "sweep.zip", zip_of(GOOD | members))
    assert isinstance(error, DataError)
    assert "is not part of the upload" in str(error)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_zip_that_lies_about_its_size(tmp_path: Path, size: int) -> None:
    bomb = saying(zip_of({"a.tif": bytes(50_000_000)}), size)
    path = tmp_path / "bomb.zip"
    path.write_bytes(bomb)
    assert check_sweeps(path, "bomb.zip", FEW) == ".archive"  # nothing to be seen yet
    error = opening(tmp_path, "bomb.zip", bomb)
    assert str(error).startswith("bomb.zip: cannot be unpacked")
    with pytest.raises(DataError):
        unpack(path, "bomb.zip", tmp_path / "out", FEW)
    assert sum(p.stat().st_size for p in tmp_path.glob("out*/*")) <= size


@pytest.mark.parametrize("name", ["...zip", "..tar.gz", ".zip", "a:b?.zip"])
def test_odd_names_stay_inside(tmp_path: Path, name: str) -> None:
    error = opening(tmp_path, name, zip_of({"note.txt": b"x"}))
    assert "no image in this folder" in str(error)
    assert {p.name for p in tmp_path.iterdir()} <= {"sweeps", "work"}


def test_a_root_with_a_link_out_of_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sweep").mkdir(parents=True)
    (tmp_path / "secret.tif").write_bytes(SMALL)
    (root / "sweep" / "z1.tif").write_bytes(SMALL)
    try:
        (root / "sweep" / "z2.tif").symlink_to(tmp_path / "secret.tif")
    except OSError:
        pytest.skip("links cannot be made here")
    request = {"data": [{"path": "sweep"}]}
    with (
        pytest.raises(OutsideRoots),
        open_datasets(request, "job", job_settings_of(tmp_path, (root,))),
    ):
        pass


def test_a_link_to_a_folder_with_a_link_out_of_the_root(tmp_path: Path) -> None:
    """The first link stays inside; what lies behind it does not."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "b").mkdir()
    (tmp_path / "z3.tif").write_bytes(SMALL)
    try:
        (root / "a" / "l").symlink_to(root / "b", target_is_directory=True)
        (root / "b" / "z3.tif").symlink_to(tmp_path / "z3.tif")
    except OSError:
        pytest.skip("links cannot be made here")
    request = {
        "data": [{"path": "a"}],
        "pattern": "l/z{z_um}.tif",
        "pixel_size_um": 1.5,
        "bead_diameter_um": 28,
    }
    with (
        pytest.raises(OutsideRoots),
        open_datasets(request, "job", job_settings_of(tmp_path, (root,))),
    ):
        pass


def stack_of(folder: Path, path: Path) -> Path:
    """The frames of a sweep as one OME-TIFF."""
    frames = sorted(folder.glob("*.tif"))
    planes = np.stack([tifffile.imread(frame) for frame in frames])
    metadata = {
        "axes": "ZYX",
        **{f"PhysicalSize{axis}": size for axis, size in (("X", 1.5), ("Y", 1.5), ("Z", 12.0))},
    }
    tifffile.imwrite(path, planes, ome=True, metadata=metadata)
    return path


def packed(how: str, folder: Path, out: Path) -> Path:
    """A sweep as somebody would send it."""
    members = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    below = {f"monday/{name}": content for name, content in members.items()}
    if how == "ome-tiff":
        return stack_of(folder, out / "stack.ome.tif")
    path = out / {"zip": "a.zip", "zip with a folder": "b.zip", "tar.gz": "c.tar.gz"}[how]
    path.write_bytes(
        {
            "zip": lambda: zip_of(members),
            "zip with a folder": lambda: zip_of(below),
            "tar.gz": lambda: tar_of(below, "w:gz"),
        }[how]()
    )
    return path


@pytest.mark.parametrize("how", ["zip", "zip with a folder", "tar.gz", "ome-tiff"])
def test_good_upload_gives_the_planes_of_the_command(
    keeper: Served,
    tiny_test: Path,
    tmp_path: Path,
    run_refp: Callable[..., Any],
    how: str,
) -> None:
    sent = packed(how, tiny_test, tmp_path)
    options = {"bead_diameter_um": 28.0} if how == "ome-tiff" else {}
    flags = ["--bead-diameter-um", 28.0] if options else []
    data = sent if options else tiny_test
    done = run_refp("plane", data, "-o", tmp_path / "planes", *flags, "--json")
    assert done.code == 0, done.stderr
    client = Client(keeper.address)
    job = client.wait(client.define_planes([sent], title=how, **options)["id"])
    assert job["state"] == "done", job
    rows = client.planes(job["id"])["planes"]
    assert rows == json.loads(done.stdout)
    assert any(row["refp_um"] is not None for row in rows)


def test_what_systems_add_to_an_archive_is_left_out(tmp_path: Path) -> None:
    """As Finder packs a folder: resource forks, .DS_Store, a folder's icon, and one more folder."""
    members = {
        "monday/sweep/z1.tif": SMALL,
        "monday/sweep/.DS_Store": b"x",
        "monday/Icon\r": b"",
        "__MACOSX/monday/sweep/._z1.tif": b"\0\5\x16\7",
        "__MACOSX/._monday": b"\0\5\x16\7",
        "Thumbs.db": b"x",
    }
    packed = tmp_path / "monday.zip"
    packed.write_bytes(zip_of(members))
    folder = unpack(packed, packed.name, tmp_path / "data", FEW)
    assert folder == tmp_path / "data" / "monday" / "sweep"
    assert [path.name for path in folder.iterdir()] == ["z1.tif"]


def test_a_sweep_toml_in_a_folder_below_is_checked(tmp_path: Path, home: Path) -> None:
    """A root whose only folder has a sweep.toml that names a file outside."""
    root = tmp_path / "root"
    inner = root / "monday"
    inner.mkdir(parents=True)
    (inner / "z1.tif").write_bytes(SMALL)
    (tmp_path / "outside.toml").write_text("name = 'x'", encoding="utf-8")
    text = 'instrument = "../../outside.toml"\npattern = "z{z_um}.tif"\n'
    (inner / "sweep.toml").write_text(text, encoding="utf-8")
    request = {"data": [{"path": str(root)}]}
    with (
        pytest.raises(OutsideRoots, match=r"outside\.toml"),
        open_datasets(request, "job", job_settings_of(home, (root,))),
    ):
        pass


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    packed=st.sampled_from([zip_of({"a/z1.tif": SMALL}), tar_of({"a/z1.tif": SMALL}, "w:gz")]),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    keep=st.one_of(st.just(1.0), st.floats(0.0, 1.0)),
)
def test_a_damaged_archive(
    tmp_path: Path, packed: bytes, changes: list[tuple[int, int]], keep: float
) -> None:
    content = bytearray(packed)
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "a.zip"
    path.write_bytes(content[: int(keep * len(content))])
    try:
        unpack(path, path.name, tmp_path / "data", FEW)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    written = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert written <= 2 * FEW.unpacked_bytes
