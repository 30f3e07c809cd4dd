"""Cached frames are read unchanged, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refp.core.digests import Contents
from refp.core.parallel import Execution
from refp.core.rows import shared
from refp.measure.cache import BATCH, FrameStore, array_names, pack_frames, unpack_frames
from refp.measure.frame import FrameMeasurement, measure_frame
from refp.settings import load_recipe
from refp.sweeps import DataSet, Frame, SweepKey, open_dataset

KEY = SweepKey("data", 1, 1, 10.0)


@dataclass(frozen=True, slots=True)
class Points:
    at: npt.NDArray[Any]
    good: npt.NDArray[Any]
    radius: npt.NDArray[Any] = shared()
    level: float = shared()

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Marks:
    bits: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Measured:
    points: Points
    marks: Marks


def measured(n: int, level: float = 1.5) -> Measured:
    at = np.arange(2.0 * n).reshape(n, 2)
    marks = Marks(np.arange(n, dtype=np.uint32))
    return Measured(Points(at, at[:, 0] > 1, np.array([0.0, 0.5]), level), marks)


def check_same(one: Any, other: Any) -> None:
    """The same in type, shape and every bit."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert type(a) is type(b)
        if isinstance(a, np.ndarray):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        elif not isinstance(a, float):
            check_same(a, b)
        else:
            assert a == b or (np.isnan(a) and np.isnan(b))


@st.composite
def frames(draw: st.DrawFn) -> list[Measured]:
    radius = draw(hnp.arrays(np.float64, draw(st.integers(0, 3))))
    level = draw(st.floats())
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int64]))
    made = []
    for n in draw(st.lists(st.integers(0, 4), min_size=1, max_size=5)):
        at = draw(hnp.arrays(dtype, (n, 2)))
        good = draw(hnp.arrays(np.bool_, n))
        marks = Marks(draw(hnp.arrays(np.uint32, n)))
        made.append(Measured(Points(at, good, radius, level), marks))
    return made


@given(frames())
def test_unpacking_undoes_packing(made: list[Measured]) -> None:
    arrays = pack_frames(made)
    assert set(array_names(Measured)) < set(arrays)
    back = unpack_frames(arrays, Measured)
    assert len(back) == len(made)
    for one, other in zip(made, back, strict=True):
        check_same(one, other)


def test_measured_frames_come_back_whether_they_have_beads_or_not(tiny_test: Path) -> None:
    dataset = open_dataset(tiny_test)
    image = next(dataset.frames).read()
    images = [np.full_like(image, 60), image, np.full_like(image, 60)]
    recipe = load_recipe()
    made = [measure_frame(i, dataset.instrument, recipe) for i in images]
    assert [len(m) > 0 for m in made] == [False, True, False]
    for one, other in zip(made, unpack_frames(pack_frames(made), FrameMeasurement), strict=True):
        check_same(one, other)


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[[], FrameStore[Measured]]:
    """Open the store of a folder like a new run."""
    return lambda: FrameStore(tmp_path / "kept", Measured, Contents())


MakeStore = Callable[[], FrameStore[Measured]]


def fill(store: FrameStore[Measured], n: int = BATCH + 3) -> None:
    for k in range(n):
        store.keep(f"key {k}", measured(k % 4))


def test_full_batches_are_on_disk_at_once_and_the_rest_when_flushed(make_store: MakeStore) -> None:
    store = make_store()
    assert not store.folder.exists()
    fill(store)
    assert (len(store), len(make_store())) == (BATCH + 3, BATCH)
    store.flush()
    again = make_store()
    assert len(again) == BATCH + 3
    for k in range(BATCH + 3):
        known = again.recall(f"key {k}")
        assert known is not None
        check_same(known, measured(k % 4))
    assert again.recall("another") is None
    assert again.n_recalled == BATCH + 3


@pytest.mark.parametrize("spoil", ["cut", "flipped", "foreign"])
def test_a_damaged_batch_holds_nothing(make_store: MakeStore, spoil: str) -> None:
    store = make_store()
    fill(store)
    store.flush()
    path = max(store.folder.iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    if spoil == "flipped":
        place = content.index(b"points.at") + 200
        content[place] ^= 0xFF
    path.write_bytes({"cut": content[:500], "flipped": content, "foreign": b"mine"}[spoil])
    again = make_store()
    assert again.recall("key 0") is None
    assert again.recall(f"key {BATCH}") is not None
    again.tidy()
    assert path not in again.folder.iterdir()


def test_files_that_a_run_did_not_use_are_removed_at_its_end(make_store: MakeStore) -> None:
    store = make_store()
    fill(store)
    store.flush()
    (store.folder / ".cut.npz.123.part").write_bytes(b"half")
    again = make_store()
    assert again.recall("key 1") is not None
    again.keep("new", measured(2))
    again.tidy()
    third = make_store()
    assert len(third) == BATCH + 1
    assert third.recall("new") is not None
    assert {path.suffix for path in third.folder.iterdir()} == {".npz"}


def frame_of(path: Path, content: bytes = b"pixels", page: int = 0) -> Frame:
    path.write_bytes(content)
    return Frame(KEY, 1.0, path, page)


def test_a_key_depends_on_content_page_and_settings_and_not_on_names(
    make_store: MakeStore, tmp_path: Path
) -> None:
    store = make_store()
    frame = frame_of(tmp_path / "a.tif")
    key = store.key_of(frame, "settings")
    assert key == store.key_of(frame_of(tmp_path / "b.tif"), "settings")
    others = [
        store.key_of(frame, "other settings"),
        store.key_of(frame_of(tmp_path / "c.tif", b"other"), "settings"),
        store.key_of(frame_of(tmp_path / "d.tif", page=1), "settings"),
    ]
    assert len({key, *others}) == 4


def test_only_frames_that_are_not_cached_are_measured(
    make_store: MakeStore, tmp_path: Path
) -> None:
    todo = [frame_of(tmp_path / f"{k}.tif", bytes([k])) for k in range(10)]
    done: list[str] = []
    seen: list[int] = []

    def measure(frame: Frame) -> Measured | str:
        done.append(frame.path.name)
        return "cannot be read" if frame.path.name == "3.tif" else measured(2)

    store = make_store()
    first = store.map_ordered(measure, todo[:6], "settings")
    store.flush()
    assert (len(done), first[3]) == (6, "cannot be read")
    done.clear()
    again = make_store()
    results = again.map_ordered(
        measure,
        todo[::-1],
        "settings",
        execution=Execution(progress=lambda *step: seen.append(step[1])),
    )
    assert sorted(done) == ["3.tif", "6.tif", "7.tif", "8.tif", "9.tif"]
    assert [isinstance(r, str) for r in results] == [False] * 6 + [True] + [False] * 3
    assert seen == list(range(1, 11))


def test_cached_frames_equal_measured_ones(tiny_test: Path, tmp_path: Path) -> None:
    from refp.measure import dataset as measure

    dataset: DataSet = open_dataset(tiny_test)
    recipe = load_recipe()
    store = FrameStore(tmp_path, FrameMeasurement, Contents())
    plain = measure.measure_dataset(dataset, recipe)
    measure.measure_dataset(dataset, recipe, store=store)
    store.flush()
    again = FrameStore(tmp_path, FrameMeasurement, Contents())
    recalled = measure.measure_dataset(dataset, recipe, store=again)
    assert again.n_recalled == dataset.n_frames
    for one, other in zip(plain.sweeps, recalled.sweeps, strict=True):
        check_same(one.profiles, other.profiles)
        check_same(one.features, other.features)
        check_same(one.beads, other.beads)
