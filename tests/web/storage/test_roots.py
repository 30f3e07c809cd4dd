"""Paths that lead out of the folder that may be read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.web.requests import BASE, ESTIMATES

from refp.web import WebSettings, create_app


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, image_files: list[Path]) -> Path:
    root = tmp_path_factory.mktemp("data") / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "good.tif").write_bytes(image_files[4].read_bytes())
    (root.parent / "secret.tif").write_bytes(image_files[4].read_bytes())
    (root.parent / "rootless.tif").write_bytes(b"")
    try:
        (root / "linked").mkdir()
        (root / "linked" / "link.tif").symlink_to(root.parent / "secret.tif")
        (root / "up").symlink_to(root.parent, target_is_directory=True)
        (root / "within.tif").symlink_to(root / "inner" / "good.tif")
    except OSError:
        pytest.skip("links cannot be made here")
    return root


@pytest.fixture(scope="module")
def client(settings: WebSettings, root: Path) -> Iterator[TestClient]:
    app = create_app(settings.model_copy(update={"roots": (root,)}))
    with TestClient(app, base_url=BASE) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "../secret.tif",
        "inner/../../secret.tif",
        "linked/link.tif",
        "linked",
        "up/secret.tif",
        "../nothing.tif",
        "../rootless.tif",
        "/",
        "~",
    ],
)
def test_outside(client: TestClient, path: str) -> None:
    problem = client.post(ESTIMATES, json={"paths": [path]})
    expected = (422, "data_error") if path == "~" else (403, "outside_roots")
    assert (problem.status_code, problem.json()["code"]) == expected


@pytest.mark.parametrize("path", ["inner/good.tif", "inner", "within.tif", "up/root/inner"])
def test_inside(client: TestClient, path: str) -> None:
    (row,) = client.post(ESTIMATES, json={"paths": [path]}).json()["estimates"]
    assert row["status"] == "ok"


def test_without_a_root_nothing_is_inside(settings: WebSettings, root: Path) -> None:
    app = create_app(settings.model_copy(update={"roots": ()}))
    with TestClient(app, base_url=BASE) as client:
        problem = client.post(ESTIMATES, json={"paths": [str(root / "inner")]})
    assert problem.status_code == 403
