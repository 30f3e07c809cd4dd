"""Reference planes by the API, its client and the pages: those of the command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")

from tests.web.markup import check
from tests.web.requests import form_token
from tests.web.server import Served

from refp.web import ApiError, Client, WebSettings
from refp.web.workers.views import ComparedSet

Planes = dict[str, Any]


@pytest.fixture(scope="module")
def client(keeper: Served) -> Client:
    return Client(keeper.address)


@pytest.fixture(scope="module")
def pages(keeper: Served) -> Iterator[httpx.Client]:
    """A browser that runs no script."""
    with httpx.Client(base_url=keeper.address, follow_redirects=True, timeout=60) as pages:
        yield pages


@pytest.fixture(scope="module")
def progress_texts() -> list[str]:
    """Texts of the progress of the job that defines the planes."""
    return []


@pytest.fixture(scope="module")
def defined(client: Client, progress_texts: list[str]) -> Planes:
    """The planes of the training sweeps, defined from their folder."""

    def collect(job: dict[str, Any]) -> None:
        if job["progress"]:
            progress_texts.append(job["progress"]["told"])

    asked = client.define_planes_there(["training"], title="Monday", operator="Ada")
    assert asked["state"] in ("queued", "running")
    job = client.wait(asked["id"], collect)
    assert job["state"] == "done", job
    return client.planes(job["result"]["planes"])


def test_a_folder_gives_the_planes_of_the_command(defined: Planes, plane_run: Path) -> None:
    assert defined["planes"] == json.loads((plane_run / "stdout.json").read_text("utf-8"))
    assert (defined["title"], defined["operator"]) == ("Monday", "Ada")
    assert defined["instruments"] == {"training": "a2k"}


def test_progress_texts(defined: Planes, progress_texts: list[str]) -> None:
    assert defined
    assert any(re.match(r"measuring training, frame \d+ of 60", words) for words in progress_texts)


def test_nothing_is_left_of_the_work(defined: Planes, keeping_settings: WebSettings) -> None:
    home = keeping_settings.home
    assert home is not None
    assert not (home / "work" / defined["id"]).exists()
    assert not list((home / "uploads").glob("*"))


def test_planes_are_recorded_once(defined: Planes, keeper: Served) -> None:
    rows = httpx.get(f"{keeper.address}/api/v1/history").json()
    own = [row["refp_um"] for row in rows if row["refp_um"] and row["operator"] == "Ada"]
    expected = [row["refp_um"] for row in defined["planes"] if row["refp_um"]]
    assert sorted(own) == pytest.approx(sorted(expected))


@pytest.mark.parametrize(
    "name",
    [
        *("planes.csv", "planes.json", "comparison.csv", "bead_planes.csv"),
        *("beads.parquet", "curves.parquet", "pooled.npz"),
    ],
)
def test_files(
    client: Client, pages: httpx.Client, defined: Planes, keeping_settings: WebSettings, name: str
) -> None:
    home = keeping_settings.home
    assert home is not None
    content = (home / "planes" / defined["id"] / name).read_bytes()
    assert client.planes_file(defined["id"], name) == content
    answer = pages.get(f"/planes/{defined['id']}/files/{name}")
    assert answer.content == content
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    "name",
    ["report.html", "run.json", "..%2f..%2fserver-id", "%2fetc%2fpasswd", "pooled-a2k.npz", "x"],
)
def test_no_other_file(pages: httpx.Client, defined: Planes, name: str) -> None:
    answer = pages.get(f"/api/v1/planes/{defined['id']}/files/{name}")
    assert answer.status_code == 404
    assert "passwd" not in answer.json()["detail"] or "no file" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/planes/{}/report", "/api/v1/planes/{}/report"])
def test_report_has_rules_of_its_own(pages: httpx.Client, defined: Planes, path: str) -> None:
    answer = pages.get(path.format(defined["id"]))
    rules = answer.headers["content-security-policy"]
    assert answer.headers["content-type"].startswith("text/html")
    assert rules.startswith("sandbox allow-downloads; default-src 'none'; img-src data:")
    assert "script" not in rules
    assert "frame-ancestors 'none'" in rules
    assert "Reference planes" in answer.text


def test_comparison_within_a_job_is_that_of_the_command(
    client: Client, defined: Planes, keeping_settings: WebSettings
) -> None:
    home = keeping_settings.home
    assert home is not None
    table = pd.read_csv(home / "planes" / defined["id"] / "comparison.csv")
    compared = client.compare_planes([defined["id"]])
    own = pd.DataFrame(compared["differences"])
    assert len(own) == len(table) > 0
    for name in ("kind", "within", "first", "second"):
        assert own[name].tolist() == table[name].tolist()
    for name in ("difference_um", "u_um", "lower_um", "upper_um"):
        assert own[name].tolist() == pytest.approx(table[name].tolist(), rel=1e-6)
    significant = (table["lower_um"] > 0) | (table["upper_um"] < 0)
    assert own["significant"].tolist() == significant.tolist()
    known = [row["refp_um"] for row in defined["planes"] if row["refp_um"] is not None]
    relative = [plane["relative_um"] for plane in compared["planes"]]
    mean = sum(known) / len(known)
    assert relative == pytest.approx([value - mean for value in known], abs=1e-5)


def other_set(home: Path, source: str, name: str, shift_um: float) -> None:
    """Planes like those of a job, elsewhere on the stage."""
    content = json.loads((home / "planes" / source / "planes.json").read_text())
    for row in content["planes"]:
        row["refp_um"] += shift_um
    (home / "planes" / name).mkdir()
    (home / "planes" / name / "planes.json").write_text(json.dumps(content))


def test_jobs_are_compared_within_their_instrument(
    defined: Planes, keeping_settings: WebSettings
) -> None:
    from refp.web.workers.planes import compare_sets

    home = keeping_settings.home
    assert home is not None
    other_set(home, defined["id"], "later", 100.0)
    other_set(home, defined["id"], "elsewhere", 1000.0)
    first = ComparedSet(defined["id"], "Monday", {"training": "a2k"})
    later = ComparedSet("later", "Monday", {"training": "a2k"})
    elsewhere = ComparedSet("elsewhere", "Nikon", {"training": "nikon-ti2"})
    planes, differences = compare_sets(home, [first, later, elsewhere])
    assert {str(row["dataset"]) for row in planes} == {
        "Monday: training",
        "Monday: training (2)",
        "Nikon: training",
    }
    assert {row["kind"] for row in differences} <= {"exposure", "fov", "experiment", "dataset"}
    (between,) = [row for row in differences if row["kind"] == "dataset"]
    assert (between["within"], between["significant"]) == ("a2k", True)
    assert between["difference_um"] == pytest.approx(100.0)
    # Each was measured by itself: nothing is shared, and the uncertainty is that of both means.
    alone = compare_sets(home, [first])[1]
    assert all(between["u_um"] > row["u_um"] for row in alone if row["kind"] == "exposure")  # type: ignore[operator]
    for instrument in ("a2k", "nikon-ti2"):
        own = [float(str(r["relative_um"])) for r in planes if r["instrument"] == instrument]
        assert sum(own) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/planes/nothing", 404, "no_planes"),
        ("/planes/nothing/report", 404, "no_planes"),
        ("/planes/nothing/files/planes.csv", 404, "no_planes"),
        ("/planes/comparison?ids=nothing", 404, "no_planes"),
        ("/planes/comparison", 422, "invalid_request"),
        ("/jobs/nothing", 404, "no_job"),
        ("/jobs/nothing/events", 404, "no_job"),
    ],
)
def test_problems(pages: httpx.Client, path: str, status: int, code: str) -> None:
    answer = pages.get(f"/api/v1{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_client_tells_problems(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="outside the folders"):
        client.define_planes_there(["/etc"])
    with pytest.raises(ApiError, match="no such file or folder"):
        client.define_planes_there(["nothing"])
    with pytest.raises(ApiError, match="no job 'x'"):
        client.wait("x")
    (tmp_path / "a.zip").write_bytes(b"PK\x05\x06")
    with pytest.raises(ApiError, match="cannot be unpacked"):
        client.define_planes([tmp_path / "a.zip"])


# Pages


def mean_of_first_field(rows: list[dict[str, Any]]) -> float:
    keys = ("dataset", "experiment", "fov")
    own = [row["refp_um"] for row in rows if all(row[key] == rows[0][key] for key in keys)]
    return float(sum(own) / len(own))


def test_page_of_planes(pages: httpx.Client, defined: Planes) -> None:
    page = pages.get("/planes").text
    check(page)
    name = defined["id"]
    for part in ("report", "files/planes.csv"):
        assert f'href="/planes/{name}/{part}"' in page
    assert f'href="/models?planes={name}"' in page
    found = re.search(r"<strong>(\d+\.\d+)</strong> ±\d", page)
    assert found
    assert float(found[1]) == pytest.approx(mean_of_first_field(defined["planes"]), abs=0.06)
    assert f'name="ids" value="{name}"' in page


def test_page_of_one(pages: httpx.Client, defined: Planes, keeping_settings: WebSettings) -> None:
    page = pages.get(f"/planes/{defined['id']}").text
    check(page)
    home = keeping_settings.home
    assert home is not None
    rows = json.loads((home / "planes" / defined["id"] / "planes.json").read_text())["planes"]
    found = re.search(r'<span class="large">(\d+\.\d+)</span>', page)
    assert found
    assert float(found[1]) == pytest.approx(mean_of_first_field(rows), abs=0.06)
    first = rows[0]
    half_um = (first["upper_um"] - first["lower_um"]) / 2
    assert f"{first['refp_um']:.2f} ±{half_um:.2f}" in page
    assert "pooled.npz" in page


def test_page_of_a_comparison(pages: httpx.Client, client: Client, defined: Planes) -> None:
    page = pages.get("/planes/compare", params={"ids": defined["id"]}).text
    check(page)
    for row in client.compare_planes([defined["id"]])["differences"]:
        assert f"{row['difference_um']:+.2f} ±" in page
    assert "cannot be subtracted" not in page
    nothing = pages.get("/planes/compare")
    assert (nothing.status_code, "tick some" in nothing.text) == (422, True)


def test_form_with_a_folder(
    pages: httpx.Client, client: Client, defined: Planes, tiny_sweep: Path
) -> None:
    fields = {"form_token": form_token(pages, "/planes"), "path": str(tiny_sweep), "title": "Form"}
    fields |= {"pixel_size_um": "9", "bead_diameter_um": "9"}  # of no other instrument
    page = pages.post("/planes", data=fields, files={"files": ("", b"")})
    assert page.url.path.startswith("/jobs/")
    check(page.text)
    name = page.url.path.removeprefix("/jobs/")
    job = client.wait(name)
    assert (job["title"], job["state"]) == ("Form", "done")
    again = client.planes(name)["planes"]
    assert [row["refp_um"] for row in again] == [row["refp_um"] for row in defined["planes"]]
    done = pages.get(page.url.path)
    assert f'href="/planes/{name}"' in done.text
    check(done.text)
    check(pages.get("/jobs").text)


@pytest.mark.parametrize(
    ("fields", "file", "message"),
    [
        pytest.param({}, None, "No sweep was chosen", id="nothing"),
        pytest.param({"path": "training"}, b"x", "choose one of them", id="both"),
        pytest.param({"path": "/etc"}, None, "outside the folders", id="outside"),
        pytest.param({"path": "training", "instrument": "x"}, None, "choose a2k", id="unknown"),
        pytest.param({"path": "training", "instrument": "other"}, None, "diameter", id="no bead"),
        pytest.param({}, b"no archive", "neither ZIP, TAR nor TIFF", id="no archive"),
    ],
)
def test_form_is_refused(
    pages: httpx.Client, client: Client, fields: dict[str, str], file: bytes | None, message: str
) -> None:
    n_jobs = len(client.jobs())
    sent = {"files": ("", b"")} if file is None else {"files": ("a.zip", file)}
    asked = {"form_token": form_token(pages, "/planes"), **fields}
    answer = pages.post("/planes", data=asked, files=sent)
    assert (answer.status_code // 100, message in answer.text) == (4, True)
    check(answer.text)
    assert len(client.jobs()) == n_jobs


def test_form_without_its_token(pages: httpx.Client, client: Client) -> None:
    n_jobs = len(client.jobs())
    for path in ("/planes", "/jobs/x/cancel"):
        answer = pages.post(path, data={"path": "training"}, files={"files": ("", b"")})
        assert (answer.status_code, "load the page again" in answer.text) == (403, True)
    assert len(client.jobs()) == n_jobs


def test_job_that_fails_says_why(pages: httpx.Client, client: Client, tiny_sweep: Path) -> None:
    (tiny_sweep.parent / "empty").mkdir(exist_ok=True)
    job = client.wait(client.define_planes_there(["empty"])["id"])
    assert (job["state"], job["code"], job["title"]) == ("failed", "data_error", "empty")
    page = pages.get(f"/jobs/{job['id']}").text
    check(page)
    assert "no image in this folder" in page
    assert "start the job again" in page
    with pytest.raises(ApiError, match="no planes"):
        client.planes(job["id"])


def test_folders_under_the_roots(pages: httpx.Client, tiny_sweep: Path) -> None:
    page = pages.get("/planes").text
    assert f'value="{tiny_sweep}"' in page
    assert "60 images, sweep.toml" in page
    part = pages.get(
        "/planes", params={"folder": str(tiny_sweep)}, headers={"hx-request": "true"}
    ).text
    assert not part.startswith("<!doctype")
    assert f'value="{tiny_sweep}" checked' in part
    assert pages.get("/planes", params={"folder": "/etc"}).status_code == 403
    assert pages.get("/planes", params={"folder": "../.."}).status_code == 403
    assert pages.get("/planes", params={"folder": "nothing"}).status_code == 422


def test_pages_without_a_home(served: Served) -> None:
    for path in ("/planes", "/jobs"):
        answer = httpx.get(served.address + path)
        assert (answer.status_code, "has no jobs" in answer.text) == (404, True)
        check(answer.text)


# Words
