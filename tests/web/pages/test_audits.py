"""The page Audit: audits of folders of the server and of uploads, and what the form refuses."""

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
from fastapi.testclient import TestClient
from httpx import Response
from tests.web.markup import check
from tests.web.requests import BASE, LIMITS, form_token

from refp.web import WebSettings, create_app


@pytest.fixture(scope="module")
def client(
    lookup_model: Path, tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("audits")
    settings = WebSettings(
        models=(lookup_model,),
        home=home,
        roots=(tiny_sweep.parent,),
        jobs=str(home / "history.db"),
        workers=1,
        limits=LIMITS,
    )
    with TestClient(create_app(settings), base_url=BASE) as client:
        yield client


@pytest.fixture(scope="module")
def archive(image_files: list[Path]) -> bytes:
    """A ZIP of two dated images and a damaged one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for k, image in enumerate(image_files[3:5]):
            file.write(image, f"archive/2026-03-0{k + 1}/image.tif")
        file.writestr("archive/cut.png", b"\x89PNG")
    return packed.getvalue()


def send(client: TestClient, file: bytes = b"", **fields: str) -> Response:
    """Send the form as a browser would."""
    data = {"form_token": form_token(client, "/audits"), "serial": "", **fields}
    sent = {"files": ("a.zip" if file else "", file)}
    return client.post("/audits", data=data, files=sent, follow_redirects=False)


def ended(client: TestClient, answer: Response) -> dict[str, object]:
    """Return the job of a form once it has ended."""
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    while client.get(f"/api/v1{address}").json()["state"] in ("queued", "running"):
        threading.Event().wait(0.1)
    return dict(client.get(f"/api/v1{address}").json())


def test_an_uploaded_archive_is_audited(client: TestClient, archive: bytes) -> None:
    job = ended(client, send(client, archive, title="<Two days>", tolerance_um="60"))
    assert job["state"] == "done", job["detail"]
    shown = client.get(f"/jobs/{job['id']}?result=1")  # leads to the report
    assert shown.url.path == f"/audits/{job['id']}/report"
    assert "0 of 2 estimates" in shown.text
    page = client.get("/audits").text
    check(page)
    assert "&lt;Two days&gt;" in page
    table = client.get(f"/audits/{job['id']}/files/audit.csv").text.splitlines()
    assert len(table) == 4
    assert "2026-03-01T00:00:00" in table[1]
    assert client.get(f"/audits/{job['id']}/files/audit.db").status_code == 404


def test_a_folder_without_an_image_fails_with_the_reason(
    client: TestClient, tiny_sweep: Path
) -> None:
    (tiny_sweep.parent / "empty").mkdir(exist_ok=True)
    job = ended(client, send(client, path="empty"))
    assert job["state"] == "failed"
    assert "no image in this folder or below it" in str(job["detail"])
    assert 'href="/audits"' in client.get(f"/jobs/{job['id']}").text


def test_the_form_refuses_other_folders_and_empty_forms(client: TestClient, archive: bytes) -> None:
    outside, neither, both, unknown = (
        send(client, path="/"),
        send(client),
        send(client, archive, path="training"),
        send(client, archive, model="other.refp"),
    )
    assert "outside the folders" in outside.text
    assert "Choose either a folder of the server or an archive" in neither.text
    assert "Choose either a folder of the server or an archive" in both.text
    assert "No model" in unknown.text
    assert {r.status_code for r in (outside, neither, both, unknown)} <= {403, 404, 422}
    assert client.get("/audits/none/report").status_code == 404
