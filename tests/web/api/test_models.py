"""Models by the API: sent, trained, adapted, retired; nothing that is there is ever replaced."""

import json
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.web.requests import LIMITS
from tests.web.server import serve

from refp.core.digests import hash_file
from refp.models import load_model, save_model
from refp.web import WebSettings
from refp.web.client import ApiError, Client
from refp.web.http.guard import REPORT_POLICY

RunRefp = Callable[..., Any]
WRONG_NAMES = ["../x", "CON", "com1.refp", "", "x" * 300, "modèle", "a/b", ".x", "x.", "a\nb", "-x"]


@pytest.fixture(scope="module")
def kept(
    lookup_model: Path,
    tiny_sweep: Path,
    tiny_test: Path,
    home_with_planes: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> WebSettings:
    """A server with a home, a model of its command line, and sweeps under its roots."""
    home = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(home_with_planes[0], home)
    (home / "data" / "nothing").mkdir(parents=True)
    database = str(home / "history.db")
    return WebSettings(
        models=(lookup_model,),
        home=home,
        roots=(tiny_sweep.parent, tiny_test.parent, home / "data"),
        history=database,
        jobs=database,
        workers=1,
        limits=LIMITS,
    )


@pytest.fixture(scope="module")
def api(kept: WebSettings) -> Iterator[Client]:
    pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
    with serve(kept) as served:
        yield Client(served.address)


@pytest.fixture(scope="module")
def folder(kept: WebSettings) -> Path:
    assert kept.own_models is not None
    return kept.own_models


def ended(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job when it has ended."""
    while job["state"] in ("queued", "running"):
        threading.Event().wait(0.1)
        job = api._get(f"/jobs/{job['id']}")
    return job


@pytest.fixture
def planes_job(home_with_planes: tuple[Path, str]) -> str:
    """Planes that were defined from the training sweeps."""
    return home_with_planes[1]


def copy_of(model: Path, path: Path, name: str) -> Path:
    """Save a model of other content: its card has another name."""
    ensemble = load_model(model)
    card = ensemble.card.model_copy(update={"name": name})
    save_model(type(ensemble)(card, ensemble.stack, ensemble.graph), path)
    return path


def refused(ask: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ApiError) as error:
        ask()
    assert "\n" not in str(error.value)
    return error.value.status, error.value.code


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_wrong_name_is_refused_before_anything(
    api: Client, planes_job: str, lookup_model: Path, name: str, tmp_path: Path
) -> None:
    assert refused(lambda: api.train(planes_job, name)) == (422, "output_error")
    assert refused(lambda: api.adapt("", name, planes=planes_job)) == (422, "output_error")
    sent = copy_of(lookup_model, tmp_path / "x.refp", "another")
    if name:  # empty: the file's own
        assert refused(lambda: api.upload_model(sent, name=name)) == (422, "output_error")


def test_upload(api: Client, folder: Path, lookup_model: Path, tmp_path: Path) -> None:
    sent = copy_of(lookup_model, tmp_path / "sent.refp", "sent")
    model = api.upload_model(sent)
    assert (model["file"], model["name"], model["error"]) == ("sent.refp", "sent", "")
    assert (folder / "sent.refp").read_bytes() == sent.read_bytes()
    assert model["sha256"] == hash_file(sent)
    assert (model["job"], model["fixed"], model["report"]) == ("", False, False)
    assert [m["file"] for m in api.models()] == [lookup_model.name, "sent.refp"]
    # The same again is the same model, whatever it is called.
    assert api.upload_model(sent, name="twice")["file"] == "sent.refp"
    assert api.upload_model(lookup_model)["file"] == lookup_model.name
    other = copy_of(lookup_model, tmp_path / "other.refp", "other")
    for name in ("sent", "SENT", "sent.refp", lookup_model.stem):
        assert refused(lambda n=name: api.upload_model(other, name=n)) == (409, "name_taken")
    assert (folder / "sent.refp").read_bytes() == sent.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["sent.refp"]


@pytest.mark.parametrize(
    "content", [b"", b"no model", pickle.dumps({"a": 1}), b"PK\x03\x04" + bytes(100)]
)
def test_what_is_no_model_is_refused(
    api: Client, folder: Path, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bad.refp"
    bad.write_bytes(content)
    with pytest.raises(ApiError, match=r"^bad\.refp: not a whole model file") as error:
        api.upload_model(bad)
    assert (error.value.status, error.value.code) == (422, "model_error")
    assert not (folder / "bad.refp").exists()


def test_retire_and_restore(api: Client, folder: Path, lookup_model: Path, tmp_path: Path) -> None:
    sent = copy_of(lookup_model, tmp_path / "old.refp", "old")
    api.upload_model(sent)
    (folder / "old.html").write_text("<p>its report</p>")
    retired = api.retire("old.refp")
    assert (retired["retired"], retired["default"]) == (True, False)
    assert "old.refp" not in [model["file"] for model in api.models()]
    assert [model["file"] for model in api.models(retired=True)] == ["old.refp"]
    assert refused(lambda: api.retire("old.refp")) == (404, "unknown_model")
    # It is not offered, its name is taken, and it does not come twice.
    assert refused(lambda: api.estimate([sent], model="old"))[1] == "unknown_model"
    other = copy_of(lookup_model, tmp_path / "other.refp", "newer")
    assert refused(lambda: api.upload_model(other, name="old")) == (409, "name_taken")
    assert refused(lambda: api.upload_model(sent)) == (409, "name_taken")
    again = api.restore("old.refp")
    assert (again["retired"], again["report"]) == (False, True)
    assert (folder / "old.refp").read_bytes() == sent.read_bytes()
    assert (folder / "old.html").read_text() == "<p>its report</p>"
    assert list((folder / "retired").iterdir()) == []
    assert refused(lambda: api.restore("old.refp")) == (404, "unknown_model")


def test_restore_replaces_nothing(
    api: Client, folder: Path, lookup_model: Path, tmp_path: Path
) -> None:
    api.upload_model(copy_of(lookup_model, tmp_path / "both.refp", "both"))
    api.retire("both.refp")
    (folder / "both.refp").write_bytes(b"put here by hand")
    assert refused(lambda: api.restore("both.refp")) == (409, "name_taken")
    assert (folder / "both.refp").read_bytes() == b"put here by hand"
    assert load_model(folder / "retired" / "both.refp").card.name == "both"
    (folder / "both.refp").unlink()


def test_model_of_the_command_line_stays(api: Client, lookup_model: Path) -> None:
    assert refused(lambda: api.retire(lookup_model.name)) == (409, "named_at_start")
    model = next(m for m in api.models() if m["file"] == lookup_model.name)
    assert (model["fixed"], model["default"]) == (True, True)
    assert lookup_model.is_file()


@pytest.mark.parametrize("path", ["/x.refp", "/x.refp/file", "/..%2fserver-id/file"])
def test_only_models_are_served(api: Client, path: str) -> None:
    assert refused(lambda: api._get(f"/models{path}"))[0] == 404


def test_use_is_that_of_the_history(
    api: Client, lookup_model: Path, image_files: list[Path], tmp_path: Path
) -> None:
    sent = copy_of(lookup_model, tmp_path / "used.refp", "used")
    assert api.upload_model(sent)["used"] == {"n_estimates": 0, "last_at": "", "instruments": []}
    api.estimate(image_files[3:5], model="used.refp")
    used = next(m for m in api.models() if m["file"] == "used.refp")["used"]
    assert (used["n_estimates"], used["instruments"]) == (2, ["a2k"])
    assert "T" in used["last_at"]


def test_training_is_that_of_the_command(
    api: Client,
    folder: Path,
    planes_job: str,
    tiny_sweep: Path,
    image_files: list[Path],
    run_refp: RunRefp,
    tmp_path: Path,
) -> None:
    job = api.train(planes_job, "trained", family="lookup", operator="Ada")
    assert (job["kind"], job["title"], job["operator"]) == ("train", "trained", "Ada")
    assert refused(lambda: api.train(planes_job, "Trained", family="lookup"))[1] == "name_taken"
    done = ended(api, job)
    assert done["state"] == "done", done["detail"]
    model = next(m for m in api.models() if m["file"] == "trained.refp")
    assert (model["job"], model["made_at"], model["report"]) == (job["id"], done["ended_at"], True)
    # Of two jobs that made the same bytes each has its own model.
    again = ended(api, api.train(planes_job, "again", family="lookup"))
    models = {m["file"]: m for m in api.models()}
    assert models["again.refp"]["sha256"] == models["trained.refp"]["sha256"]
    assert [models[f"{n}.refp"]["job"] for n in ("again", "trained")] == [again["id"], job["id"]]
    own = tmp_path / "own.refp"
    options = ["--instrument", "a2k", "--family", "lookup"]
    assert run_refp("train", tiny_sweep, "-o", own, *options).code == 0
    assert (folder / "trained.refp").read_bytes() == own.read_bytes()
    shown = run_refp("estimate", own, image_files[4], "--json")
    assert api.estimate([image_files[4]], model="trained.refp") == json.loads(shown.stdout)


def test_report_runs_nothing(api: Client, folder: Path, planes_job: str) -> None:
    if not (folder / "reported.refp").exists():
        ended(api, api.train(planes_job, "reported", family="lookup", seed=1))
    with api._open("GET", "/models/reported.refp/report") as answer:
        policy = answer.headers.get_list("content-security-policy")
        page = answer.read()
    assert policy == [REPORT_POLICY]
    assert policy[0].startswith("sandbox allow-downloads; default-src 'none';")
    assert not {"script-src", "allow-scripts"} & set(policy[0].replace(";", " ").split())
    assert page == (folder / "reported.html").read_bytes()
    with api._open("GET", "/models/reported.refp/file") as answer:
        assert answer.headers["content-disposition"] == 'attachment; filename="reported.refp"'
        assert answer.read() == (folder / "reported.refp").read_bytes()


def test_training_that_cannot_start_is_refused(
    api: Client, planes_job: str, kept: WebSettings
) -> None:
    assert kept.home is not None
    failed = ended(api, api._post("/planes", {"paths": [str(kept.home / "data" / "nothing")]}))
    assert failed["state"] == "failed"
    assert refused(lambda: api.train(failed["id"], "x")) == (404, "no_planes")
    assert refused(lambda: api.train("nothing", "x")) == (404, "no_planes")
    assert refused(lambda: api.train(planes_job, "x", recipe="../x")) == (422, "recipe_error")
    assert refused(lambda: api.train(planes_job, "x", family="x")) == (422, "invalid_request")
    assert refused(lambda: api.train(planes_job, "x", seed=-1)) == (422, "invalid_request")


def test_adapting(
    api: Client,
    folder: Path,
    lookup_model: Path,
    tiny_test: Path,
    planes_job: str,
    run_refp: RunRefp,
    tmp_path: Path,
) -> None:
    source = copy_of(lookup_model, tmp_path / "source.refp", "source")
    api.upload_model(source)
    asked = {"paths": [str(tiny_test)], "refp_um": 1520.0, "operator": "Ada"}
    job = api.adapt("source.refp", "adapted", **asked)
    assert refused(lambda: api.retire("source.refp")) == (409, "in_use")
    waiting = copy_of(lookup_model, tmp_path / "adapted.refp", "waiting")
    assert refused(lambda: api.upload_model(waiting)) == (409, "name_taken")
    done = ended(api, job)
    assert (done["state"], done["detail"]) == ("done", "")
    own = tmp_path / "own.refp"
    assert run_refp("adapt", source, tiny_test, "-o", own, "--refp-um", 1520).code == 0
    assert (folder / "adapted.refp").read_bytes() == own.read_bytes()
    again = ended(api, api.adapt("adapted.refp", "twice", planes=planes_job))
    assert (again["state"], again["code"]) == ("failed", "model_error")
    assert "was adapted already" in again["detail"]
    assert not (folder / "twice.refp").exists()


def test_adapting_with_the_wrong_bead(
    api: Client, folder: Path, lookup_model: Path, tiny_test: Path
) -> None:
    wrong = {"bead_diameter_um": 10.0, "pixel_size_um": 1.5, "refp_um": 1520.0}
    job = ended(api, api.adapt(lookup_model.name, "wrong", paths=[str(tiny_test)], **wrong))
    assert (job["state"], job["code"]) == ("failed", "model_error")
    assert "bead diameter 10 um" in job["detail"]
    assert not (folder / "wrong.refp").exists()


def test_adapting_needs_one_source(api: Client, lookup_model: Path, planes_job: str) -> None:
    for data in (
        {},
        {"planes": planes_job, "paths": ["x"]},
        {"planes": planes_job, "instrument": "a2k"},
    ):
        refusal = refused(lambda d=data: api.adapt(lookup_model.name, "x", **d))
        assert refusal == (422, "which_sweep")
    wrong = {"paths": ["x"], "refp_um": "nan"}
    refusal = refused(lambda: api.adapt(lookup_model.name, "x", **wrong))
    assert refusal == (422, "invalid_request")
    outside = refused(lambda: api.adapt(lookup_model.name, "x", paths=["/etc"]))
    assert outside == (403, "outside_roots")
    unknown = refused(lambda: api.adapt("none", "x", planes=planes_job))
    assert unknown == (404, "unknown_model")
