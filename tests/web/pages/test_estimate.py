"""The pages: what people read is what the API says, with and without JavaScript."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from tests.web.markup import check
from tests.web.requests import BASE, LIMITS, File, send_form

from refp.estimate.focus_estimate import Reason
from refp.web import WebSettings, create_app
from refp.web.wording.numbers import describe_dz, plus_minus
from refp.web.wording.remedies import REMEDIES

RunRefp = Callable[..., Any]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/", "Drop images here"),
        ("/models", "default"),
        ("/help", "Preparing beads"),
        ("/login", "Token"),
    ],
)
def test_page(client: TestClient, path: str, message: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert message in answer.text
    check(answer.text)


def test_first_start_with_nothing() -> None:
    with TestClient(create_app(WebSettings(workers=1)), base_url=BASE) as client:
        assert "No model yet" in client.get("/").text
        answer = send_form(client, ("a.tif", b"x"))
        assert (answer.status_code, "page Models" in answer.text) == (409, True)
        check(answer.text)


@pytest.mark.parametrize("htmx", [False, True])
def test_result(
    client: TestClient,
    good: File,
    lookup_model: Path,
    image_files: list[Path],
    run_refp: RunRefp,
    htmx: bool,
) -> None:
    (row,) = json.loads(
        run_refp("estimate", lookup_model, image_files[4], "--tolerance-um", 50, "--json").stdout
    )
    answer = send_form(client, good, htmx=htmx, tolerance_um="50")
    assert answer.text.startswith("<article" if htmx else "<!doctype html>")
    assert answer.headers.get("hx-push-url", answer.url.path).startswith("/results/")
    value, where = describe_dz(row)
    assert f'<span class="number">{value}</span>' in answer.text
    assert where in answer.text
    assert f"{plus_minus(row)} µm" in answer.text
    assert f'class="verdict {row["verdict"]}"' in answer.text
    assert answer.text.count('class="bead used"') == row["n_beads_used"]
    check(answer.text)


def test_refusal_says_what_to_do(client: TestClient, blank: bytes) -> None:
    answer = send_form(client, ("blank.png", blank), tolerance_um="5")
    assert "<strong>Refused</strong>" in answer.text
    assert "No dZ is given." in answer.text
    assert REMEDIES["no_beads"].title in answer.text
    assert REMEDIES["no_beads"].remedy in answer.text
    assert 'class="number"' not in answer.text
    check(answer.text)


def test_every_refusal_has_a_remedy(client: TestClient) -> None:
    codes = {code for code in Reason.__args__ if code}
    assert set(REMEDIES) == codes
    page = client.get("/help").text
    assert all(f'id="{code}"' in page for code in codes)


def test_many_images(client: TestClient, good: File, blank: bytes) -> None:
    answer = send_form(client, ("blank.png", blank), good)
    assert "2 images" in answer.text
    second = client.get(f"{answer.url.path}?image=1")
    assert 'class="number"' in second.text
    check(second.text)
    assert client.get(f"{answer.url.path}?image=2").status_code == 404
    assert client.get(f"{answer.url.path}?image=-1").status_code == 404


def test_downloads_are_those_of_the_command(
    client: TestClient,
    image_files: list[Path],
    lookup_model: Path,
    run_refp: RunRefp,
    tmp_path: Path,
) -> None:
    files = [(path.name, path.read_bytes()) for path in image_files[3:5]]
    output, pictures = tmp_path / "estimates.csv", tmp_path / "pictures"
    options = ["-o", output, "--overlay", pictures, "--tolerance-um", 7.5, "--json"]
    done = run_refp("estimate", lookup_model, *image_files[3:5], *options)
    result = send_form(client, *files, tolerance_um="7.5").url.path
    assert client.get(f"{result}/estimates.json").json() == json.loads(done.stdout)
    message = list(csv.DictReader(io.StringIO(client.get(f"{result}/estimates.csv").text)))
    assert message == list(csv.DictReader(io.StringIO(output.read_text())))
    for k, path in enumerate(sorted(pictures.glob("*.png"))):
        sent = client.get(f"{result}/{k}/overlay.png")
        ours, theirs = (
            np.asarray(PillowImage.open(source)) for source in (io.BytesIO(sent.content), path)
        )
        assert np.array_equal(ours, theirs)
        assert sent.headers["content-disposition"] == 'attachment; filename="overlay.png"'


def test_profiles_of_a_result(client: TestClient, good: File) -> None:
    result = send_form(client, good).url.path
    message = client.get(f"{result}/0/profiles.json").json()
    own = np.array([bead["profile"] for bead in message["beads"] if bead["used"]], dtype=float)
    pooled, sd = np.array(message["pooled"]), np.array(message["pooled_sd"])
    assert own.shape[1:] == pooled.shape == sd.shape == (len(message["radius_radii"]),)
    # The stack at this dZ is what these beads look like; it is not at a plane far off.
    assert np.nanmedian(np.abs(own - pooled) / sd) < 2
    picture = PillowImage.open(io.BytesIO(client.get(f"{result}/0/image.png").content))
    assert picture.size == (200, 160)


def test_oldest_result_goes(settings: WebSettings, blank: bytes, tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"results": 1})
    kept = settings.model_copy(update={"limits": limits, "home": tmp_path})
    with TestClient(create_app(kept), base_url=BASE) as client:
        first = send_form(client, ("blank.png", blank)).url.path
        second = send_form(client, ("blank.png", blank)).url.path
        gone = client.get(first)
        assert (gone.status_code, "no longer kept" in gone.text) == (404, True)
        assert client.get(second).status_code == 200
    assert list((tmp_path / "uploads").iterdir()) == []


def test_error_is_a_page_or_a_part(client: TestClient) -> None:
    page = client.get("/results/nothing")
    assert (page.status_code, page.text.startswith("<!doctype html>")) == (404, True)
    check(page.text)
    part = send_form(client, htmx=True)
    assert (part.status_code, part.text.startswith("<div")) == (400, True)


def test_nothing_is_fetched_from_outside() -> None:
    static = Path(__file__).parents[3] / "src" / "refp" / "web" / "static"
    theirs = {"htmx.min.js", "plotly-basic.min.js"}
    mine = [p for p in static.iterdir() if p.suffix in (".css", ".js") and p.name not in theirs]
    assert mine
    own = "".join(path.read_text() for path in mine)
    assert re.findall(r"https?://|@import|url\(", own) == []
    assert {path.name for path in static.glob("*.LICENSE.txt")} == {
        "htmx.LICENSE.txt",
        "plotly-basic.LICENSE.txt",
    }
