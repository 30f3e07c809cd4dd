"""Model files: their names, and moves that replace nothing."""

from pathlib import Path

import pytest

from refp.web.storage.models import NameTaken, check_free, check_name, move_model, publish_model


def test_a_job_that_comes_second_replaces_nothing(tmp_path: Path) -> None:
    made, target = tmp_path / "job.refp", tmp_path / "models" / "a.refp"
    target.parent.mkdir()
    made.write_bytes(b"second")
    made.with_suffix(".html").write_text("of the second")
    target.write_bytes(b"first")
    with pytest.raises(NameTaken, match=r"^a\.refp: exists already; choose another name"):
        publish_model(made, target)
    assert target.read_bytes() == b"first"
    assert not target.with_suffix(".html").exists()  # it would be taken for the first one's
    assert made.read_bytes() == b"second"


def test_publishing_again_after_a_kill(tmp_path: Path) -> None:
    made, target = tmp_path / "job.refp", tmp_path / "models" / "a.refp"
    made.write_bytes(b"model")
    made.with_suffix(".html").write_text("report")
    publish_model(made, target)
    made.with_suffix(".html").unlink()  # where a job that is begun again may find itself
    publish_model(made, target)
    assert (target.read_bytes(), target.with_suffix(".html").read_text()) == (b"model", "report")
    assert sorted(path.name for path in target.parent.iterdir()) == ["a.html", "a.refp"]


def test_a_move_takes_both_or_none(tmp_path: Path) -> None:
    model, folder = tmp_path / "a.refp", tmp_path / "retired"
    model.write_bytes(b"model")
    model.with_suffix(".html").write_text("report")
    folder.mkdir()
    (folder / "a.html").write_text("of another")
    with pytest.raises(NameTaken):
        move_model(model, folder)
    assert model.is_file()
    assert (folder / "a.html").read_text() == "of another"
    (folder / "a.html").unlink()
    made_at = model.stat().st_mtime_ns
    assert move_model(model, folder).stat().st_mtime_ns == made_at
    assert (folder / "a.html").read_text() == "report"
    assert not model.exists()


@pytest.mark.parametrize("name", ["a2k-2026", "a2k 2026.refp", "A.b_c", "console", "x" * 80])
def test_good_names(name: str, tmp_path: Path) -> None:
    assert check_name(name) == check_free(name, tmp_path) == f"{name.removesuffix('.refp')}.refp"


@pytest.mark.parametrize(
    "there", ["a.refp", "A.refp", "a.html", "retired/a.refp", "retired/A.html"]
)
def test_taken_names(there: str, tmp_path: Path) -> None:
    (tmp_path / "retired").mkdir()
    (tmp_path / there).write_bytes(b"")
    with pytest.raises(NameTaken, match="choose another"):
        check_free("a", tmp_path)
    assert check_free("b", tmp_path) == "b.refp"
