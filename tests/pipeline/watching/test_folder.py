"""A watched folder: which files are due, without notifications, over restarts, when it goes away."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from refp.core.errors import OutputError
from refp.pipeline.watching.folder import WatchedFolder
from refp.pipeline.watching.listing import stamp_of
from refp.pipeline.watching.seen import Seen, seen_file
from refp.settings.watching import WatchSettings

from .scene import Machine

SETTINGS = WatchSettings(settle_s=0.2, scan_s=5.0)
Due = Callable[[float], list[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def machine() -> Machine:
    return Machine()


def seen_of(root: Path, machine: Machine, *, recorded: bool = True) -> Seen:
    return Seen(root.parent / "seen.json", root, lambda _: recorded, machine.clock)


def watched(root: Path, machine: Machine, *, skip_existing: bool = False) -> WatchedFolder:
    folder = WatchedFolder(root, seen_of(root, machine), SETTINGS, machine.surroundings)
    folder.start(skip_existing=skip_existing)
    return folder


def answered(folder: WatchedFolder, machine: Machine, seconds: float = 0.3) -> list[str]:
    """Names of the files that become due within some time; each is answered."""
    names: list[str] = []

    def step() -> None:
        for path, stamp in folder.due(9):
            names.append(path.name)
            folder.finish(path, stamp, "id")
        folder.wait()

    machine.run(step, seconds)
    return names


def test_a_notified_file_is_due_after_its_rest(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    (root / "a.tif").write_text("1")
    machine.changed.add(root / "a.tif")
    assert answered(folder, machine) == ["a.tif"]
    machine.changed.add(root / "a.tif")  # nothing changed
    assert answered(folder, machine, 20) == []


def test_a_file_is_found_without_a_notification(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    (root / "a.tif").write_text("1")
    assert answered(folder, machine, 4) == []
    assert answered(folder, machine, 2) == ["a.tif"]


def test_a_new_folder_is_listed_at_once(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    (root / "b" / "c").mkdir(parents=True)
    (root / "b" / "c" / "a.tif").write_text("1")
    machine.changed.add(root / "b")
    assert answered(folder, machine) == ["a.tif"]


def test_a_file_that_grows_is_due_at_its_end(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    for size in range(1, 30):
        (root / "a.tif").write_text("x" * size)
        machine.changed.add(root / "a.tif")
        assert answered(folder, machine, 0.15) == []
    assert answered(folder, machine) == ["a.tif"]


def test_growth_without_a_notification_is_seen_before_reading(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    (root / "a.tif").write_text("x")
    machine.changed.add(root / "a.tif")
    folder.wait()
    (root / "a.tif").write_text("xx")
    machine.now_s += 0.2
    assert folder.due(9) == []
    assert answered(folder, machine) == ["a.tif"]


def test_a_file_that_is_written_again_is_due_again(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    for text in ("1", "22"):
        (root / "a.tif").write_text(text)
        machine.changed.add(root / "a.tif")
        assert answered(folder, machine) == ["a.tif"]


def test_a_file_that_is_renamed_into_place(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    part = root / "a.tif.part"
    part.write_text("1")
    machine.changed.add(part)
    assert answered(folder, machine) == []
    part.rename(root / "a.tif")
    machine.changed |= {part, root / "a.tif"}
    assert answered(folder, machine) == ["a.tif"]


def test_a_file_that_disappears_before_it_is_due(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    for notified in (True, False):
        (root / "a.tif").write_text("1")
        machine.changed.add(root / "a.tif")
        folder.wait()
        (root / "a.tif").unlink()
        machine.changed |= {root / "a.tif"} if notified else set()
        assert answered(folder, machine) == []


def test_after_a_restart_only_new_and_changed_files(root: Path, machine: Machine) -> None:
    for name in ("a.tif", "b.tif"):
        (root / name).write_text("1")
    folder = watched(root, machine)
    assert answered(folder, machine) == ["a.tif", "b.tif"]
    folder.close()
    (root / "b.tif").write_text("22")
    (root / "c.tif").write_text("1")
    assert answered(watched(root, machine), machine) == ["b.tif", "c.tif"]


def test_existing_files_may_be_left_out_at_the_first_start(root: Path, machine: Machine) -> None:
    (root / "a.tif").write_text("1")
    watched(root, machine, skip_existing=True)  # ends without a word, as after a power cut
    (root / "b.tif").write_text("1")
    folder = watched(root, machine, skip_existing=True)  # of a later start b is not left out
    assert answered(folder, machine) == ["b.tif"]


def test_a_list_of_another_history_is_ignored(root: Path, machine: Machine) -> None:
    (root / "a.tif").write_text("1")
    folder = watched(root, machine)
    assert answered(folder, machine) == ["a.tif"]
    folder.close()
    assert seen_of(root, machine).is_new is False
    assert seen_of(root, machine, recorded=False).is_new


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": {"a": 1}}', "\0"])
def test_a_damaged_list_is_ignored(root: Path, machine: Machine, content: str) -> None:
    (root.parent / "seen.json").write_text(content)
    assert seen_of(root, machine).is_new


def test_lists_differ_by_folder_and_database(tmp_path: Path) -> None:
    paths = {seen_file(tmp_path, tmp_path / f, d) for f in "ab" for d in ("one.db", "two.db")}
    assert len(paths) == 4


def test_the_list_is_written_now_and_then(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    (root / "a.tif").write_text("1")
    machine.changed.add(root / "a.tif")
    answered(folder, machine, 6)
    stamp = stamp_of(root / "a.tif")
    assert stamp is not None
    assert seen_of(root, machine).has(root / "a.tif", stamp)


def test_a_folder_that_goes_away_and_returns(root: Path, machine: Machine) -> None:
    (root / "a.tif").write_text("1")
    folder = watched(root, machine)
    assert answered(folder, machine) == ["a.tif"]
    root.rename(root.with_name("elsewhere"))
    assert answered(folder, machine, 20) == []
    assert len(machine.messages) == 1
    assert "waiting for it" in machine.messages[0]
    root.with_name("elsewhere").rename(root)
    (root / "b.tif").write_text("1")
    assert answered(folder, machine, 2) == ["b.tif"]
    assert machine.messages[1:] == [f"{root}: found again"]
    assert machine.n_connected == 2


def test_another_folder_in_its_place_is_connected(root: Path, machine: Machine) -> None:
    """As after the mount of a share; its notifications are those of another folder."""
    folder = watched(root, machine)
    other = root.with_name("other")
    other.mkdir()
    (other / "a.tif").write_text("1")
    shutil.rmtree(root)
    other.rename(root)
    assert answered(folder, machine, 6) == ["a.tif"]
    assert (machine.n_connected, machine.messages) == (2, [])


def test_thousands_at_once(root: Path, machine: Machine) -> None:
    folder = watched(root, machine)
    for k in range(2_000):
        (root / f"{k}.tif").touch()
    machine.now_s += 6  # no notification came
    found: list[str] = []
    while len(found) < 2_000:
        due = folder.due(300)
        for path, stamp in due:
            found.append(path.name)
            folder.finish(path, stamp, "")
        folder.wait()
        assert machine.now_s < 200
    assert len(set(found)) == 2_000


def test_a_list_that_cannot_be_written_is_an_error_at_the_start(
    root: Path, machine: Machine
) -> None:
    (root.parent / "file").write_text("")
    seen = Seen(root.parent / "file" / "seen.json", root, lambda _: True, machine.clock)
    with pytest.raises(OutputError):
        WatchedFolder(root, seen, SETTINGS, machine.surroundings).start()
