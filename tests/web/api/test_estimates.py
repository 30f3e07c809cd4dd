"""The API: the command's numbers, typed, and errors as problems."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from tests.web.requests import BASE, ESTIMATES, LIMITS

from refp.web import WebSettings, create_app
from refp.web.workers import calls

RunRefp = Callable[..., Any]


def sent(*paths: Path) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (path.name, path.read_bytes())) for path in paths]


def test_upload_gives_the_numbers_of_the_command(
    client: TestClient, image_files: list[Path], lookup_model: Path, run_refp: RunRefp
) -> None:
    done = run_refp("estimate", lookup_model, *image_files[:4], "--tolerance-um", 20, "--json")
    answer = client.post(ESTIMATES, files=sent(*image_files[:4]), data={"tolerance_um": "20"})
    assert answer.status_code == 200
    assert answer.json()["estimates"] == json.loads(done.stdout)
    assert {row["status"] for row in answer.json()["estimates"]} == {"ok"}


def test_paths_give_the_numbers_of_the_command(
    client: TestClient, image_files: list[Path], lookup_model: Path, run_refp: RunRefp
) -> None:
    done = run_refp("estimate", lookup_model, *image_files[2:4], "--json")
    paths = [str(image_files[2]), image_files[3].name]  # absolute, and under the root
    answer = client.post(ESTIMATES, json={"paths": paths})
    assert answer.json()["estimates"] == json.loads(done.stdout)


def test_planes_of_a_stack(client: TestClient, image_files: list[Path], tmp_path: Path) -> None:
    stack = tmp_path / "stack.tif"
    for path in image_files[3:5]:
        tifffile.imwrite(stack, tifffile.imread(path), append=True)
    rows = client.post(ESTIMATES, files=sent(stack)).json()["estimates"]
    singles = client.post(ESTIMATES, files=sent(*image_files[3:5])).json()["estimates"]
    assert [row["image"] for row in rows] == ["stack.tif", "stack.tif#1"]
    assert [row["delta_z_um"] for row in rows] == [row["delta_z_um"] for row in singles]


@pytest.mark.parametrize(
    ("work", "n_lost", "status"),
    [
        pytest.param(
            calls.estimates.estimate_file, 1, "ok", id="once: perhaps for another's memory"
        ),
        pytest.param(calls.estimates.estimate_file, 2, "refused", id="again: by the image"),
        pytest.param(calls.estimates.describe_model, 1, "ok", id="once, with the model"),
    ],
)
def test_worker_that_ends(
    settings: WebSettings,
    image_files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[..., object],
    n_lost: int,
    status: str,
) -> None:
    with TestClient(create_app(settings), base_url=BASE) as client:
        pools, calls_made = client.app.state.engine.pools, []  # type: ignore[attr-defined]
        run = pools.run

        async def run_one_that_ends(function: Any, *arguments: object, **options: Any) -> Any:
            calls_made.append(function)
            if function == work and calls_made.count(work) <= n_lost:
                return await run(os._exit, 1)
            return await run(function, *arguments, **options)

        monkeypatch.setattr(pools, "run", run_one_that_ends)
        (row,) = client.post(ESTIMATES, files=sent(image_files[4])).json()["estimates"]
        assert row["status"] == status
        monkeypatch.undo()
        (row,) = client.post(ESTIMATES, files=sent(image_files[4])).json()["estimates"]
        assert row["status"] == "ok"


def test_refusal_is_an_answer(client: TestClient, blank: bytes) -> None:
    answer = client.post(ESTIMATES, files={"files": ("blank.png", blank)})
    (row,) = answer.json()["estimates"]
    assert (answer.status_code, row["status"], row["delta_z_um"]) == (200, "refused", None)
    assert row["reason"].startswith("no_beads: ")
    assert "verdict" not in row


def test_models(client: TestClient, lookup_model: Path, run_refp: RunRefp) -> None:
    shown = json.loads(run_refp("model", "show", lookup_model, "--json").stdout)[0]
    (model,) = client.get("/api/v1/models").json()
    assert model["name"] == shown["name"]
    assert (model["sha256"], model["error"]) == (shown["sha256"], "")
    assert {key: shown[key] for key in model["card"]} == model["card"]


def test_health_asks_no_worker(unstarted: Callable[[WebSettings], TestClient]) -> None:
    with unstarted(WebSettings()) as client:
        assert client.get("/api/v1/health").json()["status"] == "no_model"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"json": {"paths": []}}, 422, "invalid_request", id="no path"),
        pytest.param({"json": {"paths": ["x"], "tolerance": 1}}, 422, "invalid_request", id="typo"),
        pytest.param({"json": {"paths": ["x.tif"]}}, 422, "data_error", id="no such file"),
        pytest.param({"json": {"paths": ["../x.tif"]}}, 403, "outside_roots", id="outside"),
        pytest.param({"json": {"paths": ["/etc/passwd"]}}, 403, "outside_roots", id="absolute"),
        pytest.param({"json": {"paths": ["."]}}, 422, "data_error", id="too many in a folder"),
        pytest.param(
            {"content": b"[", "headers": {"content-type": "application/json"}},
            422,
            "invalid_request",
            id="no JSON",
        ),
        pytest.param({"content": b"x"}, 415, "invalid_request", id="no type"),
        pytest.param({"files": {"other": ("", b"")}}, 422, "no_files", id="no file"),
        pytest.param(
            {"files": {"files": ("a", b"a")}, "data": {"model": "x"}},
            404,
            "unknown_model",
            id="no such model",
        ),
        pytest.param(
            {"files": {"files": ("a", b"a")}, "data": {"tolerance_um": "-1"}},
            422,
            "invalid_request",
            id="tolerance",
        ),
        pytest.param(
            {"files": [("files", (f"{k}", b"a")) for k in range(5)]},
            413,
            "too_many_files",
            id="too many files",
        ),
        pytest.param(
            {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            422,
            "no_files",
            id="cut form",
        ),
        pytest.param(
            {"content": b"abc", "headers": {"content-type": "multipart/form-data"}},
            400,
            "invalid_request",
            id="no boundary",
        ),
    ],
)
def test_problem(client: TestClient, body: dict[str, Any], status: int, code: str) -> None:
    answer = client.post(ESTIMATES, **body)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert "\n" not in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/v1/x", 404), ("PUT", ESTIMATES, 405)]
)
def test_problem_of_the_route(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_bad_model_says_why(tmp_path: Path, good: tuple[str, bytes]) -> None:
    bad = tmp_path / "bad.refp"
    bad.write_bytes(b"no model")
    app = create_app(WebSettings(models=(bad,), workers=1, limits=LIMITS))
    with TestClient(app, base_url=BASE) as client:
        assert "not a whole model file" in client.get("/api/v1/models").json()[0]["error"]
        assert client.post(ESTIMATES, files={"files": good}).json()["code"] == "model_error"
        assert "Cannot be loaded" in client.get("/models").text


def test_image_of_another_pixel_size(
    client: TestClient, image_files: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "other.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, tifffile.imread(image_files[0]), ome=True, metadata=metadata)
    problem = client.post(ESTIMATES, files=sent(path)).json()
    assert problem["code"] == "model_error"
    assert problem["detail"].startswith("other.ome.tif: pixel size 0.5 um")
    sent_size = client.post(ESTIMATES, files=sent(path), data={"pixel_size_um": "1.5"})
    (row,) = sent_size.json()["estimates"]
    (own,) = client.post(ESTIMATES, files=sent(image_files[0])).json()["estimates"]
    assert row["delta_z_um"] == own["delta_z_um"]


def test_openapi_documents_both_bodies(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    content = document["paths"][ESTIMATES]["post"]["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/json"}
    assert "example" in document["components"]["schemas"]["Estimates"]


@pytest.fixture
def several(image_files: list[Path], tmp_path: Path) -> Path:
    """A file of two channels at two time points; the first channel is the images."""
    images = np.stack([tifffile.imread(path) for path in image_files[3:5]])
    pixels = np.stack([images, 255 - images], axis=1)
    tifffile.imwrite(tmp_path / "several.tif", pixels, imagej=True, metadata={"axes": "TCYX"})
    return tmp_path / "several.tif"


def test_channels_need_a_choice(client: TestClient, several: Path) -> None:
    (row,) = client.post(ESTIMATES, files=sent(several)).json()["estimates"]
    assert row["status"] == "refused"
    assert "several.tif: 2 channels (0, 1); choose one with --channel" in row["reason"]


def test_a_channel_and_a_time_point_are_chosen(
    client: TestClient, several: Path, image_files: list[Path]
) -> None:
    singles = client.post(ESTIMATES, files=sent(*image_files[3:5])).json()["estimates"]
    rows = client.post(ESTIMATES, files=sent(several), data={"channel": "0"}).json()["estimates"]
    assert [row["image"] for row in rows] == ["several.tif", "several.tif#2"]
    assert [row["delta_z_um"] for row in rows] == [row["delta_z_um"] for row in singles]
    form = client.post(ESTIMATES, files=sent(several), data={"channel": "0", "t": "1"})
    (row,) = form.json()["estimates"]
    assert row["delta_z_um"] == singles[1]["delta_z_um"]


@pytest.mark.parametrize(("field", "value"), [("t", "-1"), ("t", "x"), ("pixel_size_um", "0")])
def test_a_choice_that_is_no_number_is_a_problem(
    client: TestClient, image_files: list[Path], field: str, value: str
) -> None:
    answer = client.post(ESTIMATES, files=sent(image_files[3]), data={field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert value in answer.json()["detail"]
