"""The pages: what people read is what the API says, with and without JavaScript."""

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage

from refp.estimate.focus_estimate import Reason
from refp.web import WebSettings, create_app
from refp.web.messages import BeadView, ImageView
from refp.web.wording.numbers import COLORS, color_beads, describe_dz, describe_tilt, plus_minus
from refp.web.wording.remedies import REMEDIES

from .given import BASE, LIMITS, File, send_form

RunRefp = Callable[..., Any]


class Checked(HTMLParser):
    """Tags of a page, those left open, and what would run or be fetched from elsewhere."""

    VOID = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag not in self.VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)
        if "style" in given or any(name.startswith("on") for name in given) or tag == "style":
            self.wrong.append(self.get_starttag_text() or "")
        is_data = given.get("type") == "application/json"  # which is not run
        if tag == "script" and not (is_data or (given.get("src") or "").startswith("/static/")):
            self.wrong.append(self.get_starttag_text() or "")
        for name in ("src", "href", "action"):
            if "//" in (given.get(name) or ""):
                self.wrong.append(self.get_starttag_text() or "")
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag == "input" and given.get("type") != "hidden" and "label" not in self.open:
            self.inputs.add(str(given.get("id")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def check(page: str) -> None:
    checked = Checked(page)
    assert checked.wrong == []
    assert checked.open == []
    assert checked.inputs <= checked.labelled


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "Drop images here"),
        ("/models", "default"),
        ("/help", "Preparing beads"),
        ("/login", "Token"),
    ],
)
def test_page(client: TestClient, path: str, told: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert told in answer.text
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
        run_refp("estimate", lookup_model, image_files[4], "--tolerance", 50, "--json").stdout
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


@pytest.mark.parametrize(
    ("dz_um", "told"),
    [
        (14.21, ("14.2", "above the reference plane")),
        (-3.0, ("3.0", "below the reference plane")),
        (0.04, ("0.0", "in the reference plane")),
        (-0.051, ("0.1", "below the reference plane")),
    ],
)
def test_words(dz_um: float, told: tuple[str, str]) -> None:
    assert describe_dz({"delta_z_um": dz_um}) == told
    assert plus_minus({"lower_um": 13.1, "upper_um": 15.3}) == "±1.1"


def test_refusal_says_what_to_do(client: TestClient, blank: bytes) -> None:
    answer = send_form(client, ("blank.png", blank), tolerance_um="5")
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
    options = ["-o", output, "--overlay", pictures, "--tolerance", 7.5, "--json"]
    done = run_refp("estimate", lookup_model, *image_files[3:5], *options)
    result = send_form(client, *files, tolerance_um="7.5").url.path
    assert client.get(f"{result}/estimates.json").json() == json.loads(done.stdout)
    told = list(csv.DictReader(io.StringIO(client.get(f"{result}/estimates.csv").text)))
    assert told == list(csv.DictReader(io.StringIO(output.read_text())))
    for k, path in enumerate(sorted(pictures.glob("*.png"))):
        sent = client.get(f"{result}/{k}/overlay.png")
        ours, theirs = (
            np.asarray(PillowImage.open(source)) for source in (io.BytesIO(sent.content), path)
        )
        assert np.array_equal(ours, theirs)
        assert sent.headers["content-disposition"] == 'attachment; filename="overlay.png"'


def test_profiles_of_a_result(client: TestClient, good: File) -> None:
    result = send_form(client, good).url.path
    told = client.get(f"{result}/0/profiles.json").json()
    own = np.array([bead["profile"] for bead in told["beads"] if bead["used"]], dtype=float)
    pooled, sd = np.array(told["pooled"]), np.array(told["pooled_sd"])
    assert own.shape[1:] == pooled.shape == sd.shape == (len(told["radius_radii"]),)
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
    static = Path(__file__).parents[2] / "src" / "refp" / "web" / "static"
    theirs = {"htmx.min.js", "plotly-basic.min.js"}
    mine = [p for p in static.iterdir() if p.suffix in (".css", ".js") and p.name not in theirs]
    assert mine
    own = "".join(path.read_text() for path in mine)
    assert re.findall(r"https?://|@import|url\(", own) == []
    assert {path.name for path in static.glob("*.LICENSE.txt")} == {
        "htmx.LICENSE.txt",
        "plotly-basic.LICENSE.txt",
    }


def view_of(*own: float | None, height: int = 100, width: int = 200) -> ImageView:
    beads = [BeadView(0, 0, value is not None, "", value, []) for value in own]
    return ImageView(b"", height, width, 5, beads, [], [], [], None)


def test_beads_are_coloured_from_low_to_high() -> None:
    told = color_beads(view_of(10.0, 4.0, None, 16.0))
    assert told.span_um == 6
    assert (told.colors[1], told.colors[2], told.colors[3]) == (COLORS[0], "", COLORS[-1])
    alike = color_beads(view_of(5.0, 5.1, 4.9))
    assert len(set(alike.colors)) == 1
    assert color_beads(view_of(None, None)).colors == ("", "")


def test_tilt_in_words() -> None:
    row = {
        "tilt_y_um_per_px": -0.05,
        "tilt_y_u_um_per_px": 0.01,
        "tilt_x_um_per_px": 0.001,
        "tilt_x_u_um_per_px": 0.001,
    }
    assert describe_tilt(row, view_of()) == "rises 5.0 ±2.0 µm to the top"
    flat = {**row, "tilt_y_um_per_px": 0.0}
    assert describe_tilt(flat, view_of()) == "none seen"
    assert describe_tilt({**row, "tilt_y_um_per_px": None}, view_of()) == ""
