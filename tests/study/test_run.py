"""A whole study of tiny data: every item, kept results, and missing data."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.conftest import narrow_resnets

from refp import pipeline
from refp.core.errors import OutputError, RecipeError, WorkersError
from refp.study import ITEMS, Study, check_folder, check_items, run_study
from refp.study.item import Outcome

torch = pytest.importorskip("torch", reason="the networks are trained with extra 'train'")
pytestmark = pytest.mark.slow
MakeStudy = Callable[..., Study]
WITHOUT_DATA = {"fig01a", "fig12", "fig14"}


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """Residual networks that cost little: their errors are not tested."""
    with pytest.MonkeyPatch.context() as patched:
        narrow_resnets(patched)
        yield


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, make_study: MakeStudy
) -> tuple[Path, dict[str, Outcome]]:
    folder = tmp_path_factory.mktemp("study") / "results"
    with pytest.MonkeyPatch.context() as shortened:  # the deeper networks take as long as all else
        shortened.setattr("refp.study.items.text.DEEPER", {})
        outcomes = run_study(make_study(folder), ITEMS)
    return folder, {outcome.item: outcome for outcome in outcomes}


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "tables" / f"{name}.csv")


def test_every_item_is_made_or_names_missing_data(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    _, outcomes = whole
    states = {name: outcome.state for name, outcome in outcomes.items()}
    assert states == {
        item.name: "missing" if item.name in WITHOUT_DATA else "done" for item in ITEMS
    }, {name: o.summary for name, o in outcomes.items()}
    assert "[assay] in study.toml" in outcomes["fig01a"].summary
    assert "Nikon" in outcomes["fig12"].summary


def test_the_page_holds_each_item_beside_the_article(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    folder, outcomes = whole
    page = (folder / "study.html").read_text(encoding="utf-8")
    for item in ITEMS:
        assert f">{item.title.replace(chr(39), '&#39;')}</h2>" in page
    assert page.count("<dt>The article</dt>") == len(ITEMS)
    assert page.count("data:image/png") == sum(len(o.pictures) for o in outcomes.values())
    for href in re.findall(r'href="((?:tables|figures)/[^"]+)"', page):
        assert (folder / href).is_file(), href
    assert "://" not in page


def test_captions_name_data_images_beads_and_members(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    _, outcomes = whole
    for name in ("fig08", "fig11"):
        for picture in outcomes[name].pictures:
            assert "A2K test 1: 11 images" in picture.caption
            assert "beads used per image" in picture.caption
            assert re.search(r"\d members?|no training", picture.caption)


def test_table_1_has_the_articles_planes_ours_and_the_truth(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    rows = table(whole[0], "table1").set_index("dataset")
    assert rows.loc["A2K training", "article_refp_um"] == 1507.5
    assert rows.loc["A2K training", "refp_um"] == pytest.approx(1503.0, abs=3.0)
    assert rows.loc["A2K test 1", "truth_um"] == pytest.approx(1520.0, abs=3.0)
    assert rows.loc["A2K training", "n_images"] == 52
    assert np.isnan(rows.loc["Nikon training", "refp_um"])
    assert np.isnan(rows.loc["A2K test 2", "refp_um"])
    assert rows.loc["A2K test 2", "determined"] == "0 of 1"


def test_shares_and_claims_are_consistent_with_the_errors(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    folder, _ = whole
    fractions, errors = table(folder, "fig10"), table(folder, "fig11")
    assert set(fractions["family"]) == {"resnet", "profile", "lookup"}
    assert fractions["share"].between(0, 1).all()
    assert (fractions["lower"] <= fractions["share"] + 1e-9).all()
    assert (fractions["share"] <= fractions["upper"] + 1e-9).all()
    claims = table(folder, "claims").set_index("claim")
    estimated = errors[
        (errors["family"] == "lookup") & (errors["status"] == "ok") & errors["in_range"]
    ]
    expected = 100 * (estimated["error_um"].abs() <= 10).mean()
    row = claims.loc["images with an error of at most 10 um"]
    assert row["lookup"] == pytest.approx(expected)
    resnet = errors[errors["family"] == "resnet"]
    assert (resnet["status"] == "ok").all()
    whole_images = table(folder, "fig08")
    assert set(whole_images["pipeline"]) == {"whole image", "beads"}
    beads = whole_images[whole_images["pipeline"] == "beads"]
    np.testing.assert_allclose(beads["error_um"], resnet["error_um"])


def test_errors_are_judged_with_the_uncertainty_of_their_labels(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    errors = table(whole[0], "fig11")
    assert (errors["label"] == "nominal").all()
    assert errors["label_u_um"].between(0.3, 3.0).all()  # at least the stage's repeatability
    assert errors.groupby("family")["label_u_um"].nunique().eq(1).all()


def test_the_half_pixel_changes_the_center_intensity(
    whole: tuple[Path, dict[str, Outcome]],
) -> None:
    rows = table(whole[0], "fig06_summary").set_index("case")
    assert rows.loc["half a pixel", "ci_bead"] > rows.loc["half a pixel", "ci_tile"]
    assert rows.loc["off centre", "ci_bead"] > 2 * rows.loc["off centre", "ci_tile"]


def test_a_second_run_makes_nothing_anew(
    whole: tuple[Path, dict[str, Outcome]],
    make_study: MakeStudy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, outcomes = whole
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.csv")}
    monkeypatch.setattr(pipeline, "define_planes", None)
    monkeypatch.setattr(pipeline, "train_model", None)
    again = run_study(make_study(folder), ITEMS)
    assert {o.item: o for o in again} == outcomes
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.csv")} == before


def test_an_item_with_a_missing_figure_is_made_again_from_kept_results(
    whole: tuple[Path, dict[str, Outcome]],
    make_study: MakeStudy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole[0], folder)
    gone = folder / "figures" / "fig11-resnet.svg"
    svg = gone.read_bytes()
    gone.unlink()
    monkeypatch.setattr(pipeline, "train_model", None)
    run_study(make_study(folder), check_items(["fig11"]))
    assert gone.read_bytes() == svg


def test_only_some_items_are_made_on_demand(
    whole: tuple[Path, dict[str, Outcome]], make_study: MakeStudy, tmp_path: Path
) -> None:
    folder = tmp_path / "s"
    shutil.copytree(whole[0] / ".study" / "measured", folder / ".study" / "measured")
    outcomes = run_study(make_study(folder), check_items(["table1", "fig06"]))
    states = {o.item: o.state for o in outcomes}
    assert states["table1"] == states["fig06"] == "done"
    assert states["fig10"] == "not made"
    with pytest.raises(RecipeError, match="--only fig3: choose of table1, "):
        check_items(["fig3"])


def test_a_study_that_was_broken_off_keeps_its_models(
    whole: tuple[Path, dict[str, Outcome]],
    make_study: MakeStudy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A whole study without its predictions, and without one model, whose predictions are lost."""
    folder = Path(shutil.copytree(whole[0], tmp_path / "s"))
    for part in ("predictions", "items"):
        shutil.rmtree(folder / ".study" / part)
    study = make_study(folder)
    model = study.model_file(study.spec_of("A2K", "resnet"))
    model.unlink()

    def lost(*_: object, **__: object) -> None:
        raise WorkersError("they are gone")

    with monkeypatch.context() as broken:
        broken.setattr("refp.study.study.predict_frames", lost)
        with pytest.raises(WorkersError):
            run_study(make_study(folder), check_items(["fig11"]))
    assert model.is_file()
    assert not list(model.parent.glob("*.checkpoints"))
    monkeypatch.setattr(pipeline, "train_model", None)
    outcomes = run_study(make_study(folder), check_items(["fig11"]))
    assert {o.item: o.state for o in outcomes}["fig11"] == "done"


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError):
        check_folder(tmp_path, overwrite=False)
    check_folder(tmp_path / "new", overwrite=False)
    (tmp_path / ".study" / "items").mkdir(parents=True)
    check_folder(tmp_path, overwrite=False)
    check_folder(tmp_path, overwrite=True)
    assert not (tmp_path / ".study").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_damaged_record_is_made_anew(
    whole: tuple[Path, dict[str, Outcome]], make_study: MakeStudy, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole[0], folder)
    record = folder / ".study" / "items" / "table1.json"
    kept = json.loads(record.read_text())
    study = make_study(folder)
    for text in ("{", "[]", json.dumps(kept | {"digest": "0"}), json.dumps(kept | {"more": 1})):
        record.write_text(text)
        outcomes = run_study(study, check_items(["table1"]))
        assert outcomes[0] == whole[1]["table1"]
        assert json.loads(record.read_text()) == kept
