"""The page of models: what may be done is there, and what was asked for is done once."""

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from tests.web.markup import check
from tests.web.requests import BASE, LIMITS, form_token

from refp.models import load_model, save_model
from refp.web import WebSettings, create_app


@pytest.fixture(scope="module")
def kept(
    lookup_model: Path,
    tiny_sweep: Path,
    home_with_planes: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> WebSettings:
    home = tmp_path_factory.mktemp("page") / "home"
    shutil.copytree(home_with_planes[0], home)
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "bad.refp").write_bytes(b"no model")
    database = str(home / "history.db")
    roots = (tiny_sweep.parent,)
    return WebSettings(
        models=(lookup_model,), home=home, roots=roots, jobs=database, workers=1, limits=LIMITS
    )


@pytest.fixture(scope="module")
def client(kept: WebSettings) -> Iterator[TestClient]:
    with TestClient(create_app(kept), base_url=BASE) as client:
        yield client


@pytest.fixture
def planes_job(home_with_planes: tuple[Path, str]) -> str:
    return home_with_planes[1]


def ended(client: TestClient, job: str) -> str:
    while client.get(f"/api/v1/jobs/{job}").json()["state"] in ("queued", "running"):
        threading.Event().wait(0.1)
    return job


def send(
    client: TestClient, path: str, file: tuple[str, bytes] | None = None, **fields: str
) -> Response:
    """Send a form as a browser would, and do not follow where it leads."""
    data = {"form_token": form_token(client, "/models"), **fields}
    sent = {"file": file or ("", b"")}
    return client.post(path, data=data, files=sent, follow_redirects=False)


def other_model(model: Path, path: Path, name: str) -> tuple[str, bytes]:
    ensemble = load_model(model)
    card = ensemble.card.model_copy(update={"name": name})
    save_model(type(ensemble)(card, ensemble.stack, ensemble.graph), path)
    return path.name, path.read_bytes()


def test_first_start(tmp_path: Path) -> None:
    settings = WebSettings(home=tmp_path, jobs=str(tmp_path / "history.db"), workers=1)
    with TestClient(create_app(settings), base_url=BASE) as client:
        page = client.get("/models").text
        assert "No model yet" in page
        assert "Define a reference plane first" in page
        assert 'action="/models/upload"' in page
        assert 'action="/models/train"' not in page
        check(page)


def test_server_that_keeps_nothing_offers_no_forms(lookup_model: Path) -> None:
    settings = WebSettings(models=(lookup_model,), workers=1, limits=LIMITS)
    with TestClient(create_app(settings), base_url=BASE) as client:
        page = client.get("/models").text
        assert "<form" not in page
        check(page)
        answer = client.post("/api/v1/models", files={"file": ("a.refp", b"x")})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_folder")


def test_page(client: TestClient, planes_job: str, kept: WebSettings) -> None:
    client.cookies.set("refp_operator", "Ada%20%3Cb%3E")
    page = client.get(f"/models?planes={planes_job}").text
    check(page)
    assert client.get("/api/v1/models").json()[0]["used"] is None  # no history is kept
    assert re.search(rf'<option value="{planes_job}" selected>&lt;Monday&gt;, ', page)
    assert 'value="Ada &lt;b&gt;"' in page
    assert page.count("Cannot be loaded") == 1
    assert str(kept.home) not in page  # what is wrong with it names no folder of the server
    assert page.count("Retire</button>") == 1  # that of the command line stays


def test_train_by_the_form(client: TestClient, planes_job: str) -> None:
    fields = {"planes": planes_job, "name": "by form", "family": "lookup", "seed": "0"}
    answer = send(client, "/models/train", **fields, recipe="default", operator="Ada")
    assert answer.status_code == 303, answer.text
    job = answer.headers["location"].removeprefix("/jobs/")
    twice = send(client, "/models/train", **fields)
    assert (twice.status_code, "exists already" in twice.text) == (409, True)
    check(twice.text)
    job_view = client.get(f"/api/v1/jobs/{ended(client, job)}").json()
    assert (job_view["state"], job_view["operator"]) == ("done", "Ada")
    page = client.get("/models").text
    assert f'href="/jobs/{job}">trained on this server</a> by Ada' in page
    assert 'href="/models/by%20form.refp/report"' in page
    shown = client.get("/models/by%20form.refp/report")
    assert shown.status_code == 200
    assert '<a href="/models">Back to the models</a>' in shown.text
    assert client.get("/api/v1/models/by%20form.refp/report").status_code == 200
    check(page)


def test_upload_retire_restore(
    client: TestClient, kept: WebSettings, lookup_model: Path, tmp_path: Path
) -> None:
    sent = other_model(lookup_model, tmp_path / "sent.refp", "sent")
    answer = send(client, "/models/upload", sent, name="")
    assert answer.headers["location"] == "/models?notice=new&file=sent.refp"
    assert "sent.refp was added" in client.get(answer.headers["location"]).text
    assert "notice=same" in send(client, "/models/upload", sent, name="x").headers["location"]
    answer = send(client, "/models/sent.refp/retire")
    page = client.get(answer.headers["location"]).text
    assert "Retired models (1)" in page
    assert 'action="/models/sent.refp/restore"' in page
    check(page)
    assert kept.own_models is not None
    assert (kept.own_models / "retired" / "sent.refp").read_bytes() == sent[1]
    answer = send(client, "/models/sent.refp/restore")
    assert "Retired models" not in client.get(answer.headers["location"]).text
    assert (kept.own_models / "sent.refp").read_bytes() == sent[1]


def test_default_is_chosen_and_kept(
    client: TestClient, kept: WebSettings, lookup_model: Path, tmp_path: Path
) -> None:
    send(client, "/models/upload", other_model(lookup_model, tmp_path / "mine.refp", "hash-1"))
    assert client.get("/api/v1/models").json()[0]["file"] == lookup_model.name
    answer = send(client, "/models/mine.refp/default")
    page = client.get(answer.headers["location"]).text
    check(page)
    assert re.search(r"<h2>mine <span class=\"tag\">default", page)
    assert "mine (hash-1)</option>" in client.get("/").text
    with TestClient(create_app(kept), base_url=BASE) as later:
        (first, *others) = later.get("/api/v1/models").json()
        assert (first["file"], first["default"]) == ("mine.refp", True)
        assert not any(model["default"] for model in others)
    send(client, "/models/mine.refp/retire")
    send(client, "/models/mine.refp/restore")
    assert client.get("/api/v1/models").json()[0]["file"] == lookup_model.name
    unknown = send(client, "/models/none.refp/default")
    assert (unknown.status_code, "No model file" in unknown.text) == (404, True)


def test_form_of_nobody(client: TestClient, kept: WebSettings) -> None:
    for path in (
        "upload",
        "train",
        "adapt",
        "bad.refp/default",
        "bad.refp/retire",
        "bad.refp/restore",
    ):
        sent = {"file": ("a", b"a")} if path == "upload" else {"file": (None, "a")}
        answer = client.post(f"/models/{path}", data={"name": "x"}, files=sent)
        assert (answer.status_code, "out of date" in answer.text) == (403, True)
    assert kept.own_models is not None
    assert (kept.own_models / "bad.refp").is_file()


def test_adapt_by_the_form_needs_a_source(client: TestClient, lookup_model: Path) -> None:
    answer = send(client, "/models/adapt", model=lookup_model.name, name="x")
    assert (answer.status_code, "give either planes that were defined here" in answer.text) == (
        422,
        True,
    )
    check(answer.text)


@pytest.mark.parametrize(
    "query", ["notice=retired&file=%3Cb%3E", "notice=x&file=bad.refp", "planes=x"]
)
def test_notice_only_for_known_models(client: TestClient, query: str) -> None:
    page = client.get(f"/models?{query}").text
    assert 'class="note said"' not in page
    check(page)
