"""Every image once: estimated, recorded and reported, with a clock that the tests turn."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.core.errors import HistoryAccessError, WorkersError
from refp.estimate.estimator import Estimator
from refp.estimate.rows import estimate_rows
from refp.history import ChartRequest, History, HistoryRecord, Selection, new_id
from refp.pipeline.recording import Origin
from refp.pipeline.watching import opening
from refp.pipeline.watching.answering import Answer, Answerer
from refp.pipeline.watching.folder import WatchedFolder
from refp.pipeline.watching.seen import Seen
from refp.pipeline.watching.watch import Watch
from refp.settings.watching import WatchSettings
from refp.sweeps import SingleImage
from refp.sweeps.pages import Choice

from .scene import Machine

SETTINGS = WatchSettings(settle_s=0.2, patience_s=3.0)


@pytest.fixture(scope="module")
def estimator(lookup_model: Path) -> Estimator:
    return Estimator.load(lookup_model)


@pytest.fixture(scope="module")
def files(tiny_test: Path) -> list[Path]:
    return sorted(tiny_test.glob("*.tif"))


class Scene:
    """A folder, its history, and watches of it one after the other."""

    def __init__(self, tmp_path: Path, estimator: Estimator) -> None:
        self.root, self.home = tmp_path / "in", tmp_path / "home"
        self.root.mkdir()
        self.estimator, self.machine = estimator, Machine()
        self.history = History.open(self.home / "history.db")
        self.answers: list[Answer] = []
        self.start()

    def start(self, choice: Choice = Choice()) -> None:  # noqa: B008
        database = self.home / "history.db"
        answerer = Answerer(self.estimator, self.history, database, Origin("Ada"), 30.0)
        seen = Seen(
            self.home / "seen.json",
            self.root,
            lambda one: bool(answerer.recorded([one])),
            self.machine.clock,
        )
        folder = WatchedFolder(self.root, seen, SETTINGS, self.machine.surroundings)
        self.watch = Watch(folder, answerer, [self.answers.append], choice)
        self.folder = folder
        folder.start()

    def restart(self, *, power_cut: bool = False, choice: Choice = Choice()) -> None:  # noqa: B008
        if not power_cut:
            self.folder.close()
        self.start(choice)

    def put(self, source: Path | bytes, name: str) -> Path:
        """Write a file, and notify the watch."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
        self.machine.changed.add(path)
        return path

    def run(self, seconds: float = 0.5) -> list[str]:
        """Watch for a while; return the images that were answered in it."""
        before = len(self.answers)
        self.machine.run(self.watch.step, seconds)
        return [str(answer.row["image"]) for answer in self.answers[before:]]

    def recorded(self) -> Any:
        return self.history.select()


@pytest.fixture
def scene(tmp_path: Path, estimator: Estimator) -> Iterator[Scene]:
    scene = Scene(tmp_path, estimator)
    yield scene
    scene.history.close()


def test_an_image_is_estimated_recorded_and_reported(
    scene: Scene, files: list[Path], estimator: Estimator
) -> None:
    path = scene.put(files[4], "day 1/a.tif")
    assert scene.run() == ["day 1/a.tif"]
    (answer,) = scene.answers
    expected = estimator.estimate_source(SingleImage(path)).estimate
    (row,) = estimate_rows(["day 1/a.tif"], [expected], estimator.card.name)
    assert answer.row == {**row, "verification": "instrument not stated", "verdict": "pass"}
    assert (answer.outcome, answer.causes) == ("pass", ())
    (record,) = scene.recorded().to_dict("records")
    assert record["image"] == "day 1/a.tif"
    assert record["delta_z_um"] == expected.delta_z_um
    assert (record["operator"], record["recorded_at"].tzinfo is None) == ("Ada", False)


def test_a_file_that_is_written_slowly_is_answered_once(scene: Scene, files: list[Path]) -> None:
    content = files[4].read_bytes()
    for k in range(1, 8):
        scene.put(content[: k * len(content) // 8], "a.tif")
        assert scene.run(1.0) == []  # longer than the rest, but it does not open
    scene.put(content, "a.tif")
    assert scene.run() == ["a.tif"]
    assert scene.answers[0].outcome == "pass"
    assert len(scene.recorded()) == 1


def test_a_bad_file_is_refused_after_a_while(scene: Scene, files: list[Path]) -> None:
    scene.put(files[4].read_bytes()[:3000], "cut.tif")
    scene.put(b"", "empty.png")
    scene.put(b"no image", "text.tif")
    assert scene.run(2.5) == []
    assert sorted(scene.run(5)) == ["cut.tif", "empty.png", "text.tif"]
    assert {answer.causes for answer in scene.answers} == {("refused",)}
    assert all(str(answer.row["reason"]).startswith("unreadable: ") for answer in scene.answers)
    assert scene.run(20) == []
    scene.put(files[4], "cut.tif")
    assert scene.run() == ["cut.tif"]


def test_written_again(scene: Scene, files: list[Path]) -> None:
    scene.put(files[3], "a.tif")
    assert scene.run() == ["a.tif"]
    scene.put(files[3], "a.tif")  # the same content
    assert scene.run(10) == []
    scene.put(files[4], "a.tif")
    assert scene.run() == ["a.tif"]
    scene.put(files[3], "b.tif")  # the same content elsewhere
    assert scene.run() == ["b.tif"]
    assert len(scene.recorded()) == 3


@pytest.mark.parametrize("power_cut", [False, True])
@pytest.mark.parametrize("list_is_lost", [False, True])
def test_nothing_twice_and_nothing_missed_over_restarts(
    scene: Scene, files: list[Path], power_cut: bool, list_is_lost: bool
) -> None:
    scene.put(files[3], "a.tif")
    scene.put(files[4], "b.tif")
    assert sorted(scene.run()) == ["a.tif", "b.tif"]
    scene.put(files[5], "c.tif")
    scene.put(files[6], "b.tif")
    scene.machine.changed.clear()
    if list_is_lost:
        (scene.home / "seen.json").unlink(missing_ok=True)
    scene.restart(power_cut=power_cut)
    assert sorted(scene.run()) == ["b.tif", "c.tif"]
    assert scene.run(20) == []
    assert len(scene.recorded()) == 4


def test_pages_of_a_growing_stack_are_answered_as_they_come(
    scene: Scene, files: list[Path]
) -> None:
    pages = [tifffile.imread(path) for path in files[3:6]]
    path = scene.root / "stack.tif"
    answered = []
    for n in (1, 2, 3):
        tifffile.imwrite(path, np.stack(pages[:n]), photometric="minisblack")
        scene.machine.changed.add(path)
        answered.append(scene.run())
    assert answered == [["stack.tif"], ["stack.tif#1"], ["stack.tif#2"]]
    dz_um = [float(str(answer.row["delta_z_um"])) for answer in scene.answers]
    assert np.diff(dz_um) == pytest.approx([12, 12], abs=3)


def test_a_file_that_changes_while_it_is_estimated_is_read_again(
    scene: Scene, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, n = opening.open_file, []

    def slow(*given: Any) -> Any:
        opened = whole(*given)
        if not n:
            n.append(scene.put(files[5], "a.tif"))
        return opened

    monkeypatch.setattr("refp.pipeline.watching.watch.open_file", slow)
    scene.put(files[3].read_bytes() + b"0", "a.tif")
    assert scene.run(1.0) == ["a.tif"]
    (record,) = scene.recorded().to_dict("records")
    assert record["delta_z_um"] == pytest.approx(10, abs=3)


def test_a_locked_file_is_tried_again(
    scene: Scene, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows locks it; another file is not held up."""
    locked = scene.root / "a.tif"
    whole = Path.open

    def refuse(path: Path, *given: Any, **options: Any) -> Any:
        if path == locked:
            raise PermissionError(13, "used by another process", str(path))
        return whole(path, *given, **options)

    content = files[4].read_bytes()
    locked.write_bytes(content)
    scene.machine.changed.add(locked)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        scene.machine.changed.add(Path(shutil.copy(files[3], scene.root / "b.tif")))
        assert scene.run(60) == ["b.tif"]
        assert len(scene.machine.messages) == 1
        assert "used by another process" in scene.machine.messages[0]
    assert scene.run(6) == ["a.tif"]


def test_a_file_that_is_gone_before_it_is_read(
    scene: Scene, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.put(files[4], "a.tif")
    whole = opening.open_file

    def vanish(path: Path, *given: Any) -> Any:
        path.unlink()
        return whole(path, *given)

    monkeypatch.setattr("refp.pipeline.watching.watch.open_file", vanish)
    assert scene.run(10) == []
    assert scene.recorded().empty


def test_a_database_that_is_away_misses_nothing(
    scene: Scene, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise HistoryAccessError("history.db: disk full; check the database")

    scene.put(files[3], "a.tif")
    with monkeypatch.context() as patched:
        patched.setattr(scene.history, "append", fail)
        assert scene.run(10) == []
        scene.put(files[4], "b.tif")
        assert scene.run(10) == []
    assert len(scene.machine.messages) == 1
    assert "disk full" in scene.machine.messages[0]
    assert sorted(scene.run(10)) == ["a.tif", "b.tif"]


def test_lost_workers_are_replaced_by_this_process(
    scene: Scene, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object, **__: object) -> None:
        raise WorkersError("a worker process was stopped")

    scene.put(files[3], "a.tif")
    with monkeypatch.context() as patched:
        patched.setattr("refp.pipeline.watching.answering.estimate_each", lose)
        scene.run(0.25)
    assert scene.run(2) == ["a.tif"]
    assert scene.machine.messages == ["a worker process was stopped; continuing in this process"]


def test_two_watches_of_one_folder_record_once(
    scene: Scene, files: list[Path], estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, first = Machine(now_s=scene.machine.now_s), scene.watch
    scene.put(files[4], "a.tif")
    monkeypatch.setattr(Answerer, "recorded", lambda *_: set())  # both see it unrecorded
    assert scene.run() == ["a.tif"]
    (scene.home / "seen.json").unlink()
    scene.machine = other
    scene.restart(power_cut=True)
    assert scene.watch is not first
    assert scene.run() == []
    assert len(scene.recorded()) == 1


def test_the_serial_of_an_image_names_its_instrument(scene: Scene, files: list[Path]) -> None:
    (scene.root / "sweep.toml").write_text(
        'instrument = "a2k"\n[identity]\nserial = "A2K-0417"\n', encoding="utf-8"
    )
    scene.put(files[4], "a.tif")
    assert scene.run() == ["a.tif"]
    (answer,) = scene.answers
    assert (answer.outcome, answer.row["status"]) == ("unverified", "unverified")
    assert scene.recorded()["instrument"].tolist() == ["a2k #A2K-0417"]


def test_an_image_of_another_instrument_is_refused(scene: Scene, files: list[Path]) -> None:
    (scene.root / "sweep.toml").write_text('instrument = "nikon-ti2"\n', encoding="utf-8")
    scene.put(files[4], "a.tif")
    assert scene.run() == ["a.tif"]
    assert str(scene.answers[0].row["reason"]).startswith("other_instrument: ")
    assert "nikon-ti2" in str(scene.answers[0].row["reason"])


def test_files_without_the_chosen_channel_are_passed_over(scene: Scene, files: list[Path]) -> None:
    scene.restart(choice=Choice(t=3))
    pages = np.stack([tifffile.imread(path) for path in files[:5]])
    tifffile.imwrite(scene.root / "t.ome.tif", pages, metadata={"axes": "TYX"}, ome=True)
    scene.machine.changed.add(scene.root / "t.ome.tif")
    scene.put(files[4], "a.tif")
    assert scene.run() == ["t.ome.tif#3"]
    assert scene.run(20) == []


def test_fail_and_drift_are_causes_of_an_alert(scene: Scene, files: list[Path]) -> None:
    scene.put(files[0], "far.tif")
    assert scene.run() == ["far.tif"]
    assert (scene.answers[0].outcome, scene.answers[0].causes) == ("fail", ("fail",))
    start = datetime.now(UTC) - timedelta(days=30)
    past = [
        HistoryRecord(
            id=new_id(),
            recorded_at=start + timedelta(days=k),
            kind="estimate",
            instrument="a2k",
            status="ok",
            delta_z_um=float(k % 3),
        )
        for k in range(25)
    ]
    scene.history.append(past)
    period = Selection("a2k", start, start + timedelta(days=28))
    scene.history.freeze("first", period, ChartRequest(series="all"))
    scene.put(files[1], "low.tif")
    assert scene.run() == ["low.tif"]
    assert "1_3s" in scene.answers[-1].causes
