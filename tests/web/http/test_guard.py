"""Access by host, origin, token and form token, and the headers of responses."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from tests.web.requests import BASE, ESTIMATES, LIMITS, form_token, send_form

from refp.web import WebSettings, create_app

TOKEN = "a token that nobody guesses"
Unstarted = Callable[[WebSettings], TestClient]


@pytest.fixture(scope="module")
def locked() -> Iterator[TestClient]:
    """An app that asks for a token, and has no model."""
    settings = WebSettings(host="0.0.0.0", token=SecretStr(TOKEN), workers=1, limits=LIMITS)
    with TestClient(create_app(settings), base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "[", "[::1", ""]
)
def test_wrong_host(client: TestClient, host: str) -> None:
    answer = client.get("/api/v1/health", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")
    assert client.get("/", headers={"host": host}).text.startswith("<!doctype html>")
    assert client.get("/api/v1/health").status_code == 200


@pytest.mark.parametrize("host", ["localhost:8421", "127.0.0.1:9000", "[::1]:8421"])
def test_own_host(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/health", headers={"host": host}).status_code == 200


def test_any_address_of_a_network_but_no_name(locked: TestClient) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for host, status in [("192.168.1.7:8421", 200), ("evil.example", 421)]:
        assert locked.get("/api/v1/health", headers={**bearer, "host": host}).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "http://evil.example"}, id="other origin"),
        pytest.param({"origin": "null"}, id="no origin"),
        pytest.param({"origin": "http://["}, id="broken origin"),
        pytest.param({"origin": "http://127.0.0.1:1"}, id="other port"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="other site"),
        pytest.param({"sec-fetch-site": "same-site", "origin": BASE}, id="neighbour"),
    ],
)
def test_wrong_origin(client: TestClient, good: tuple[str, bytes], headers: dict[str, str]) -> None:
    answer = client.post(ESTIMATES, files={"files": good}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
    same = {"origin": BASE, "sec-fetch-site": "same-origin"}
    assert client.post(ESTIMATES, files={"files": good}, headers=same).status_code == 200


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_form_without_its_token(client: TestClient, good: tuple[str, bytes], token: str) -> None:
    answer = client.post("/estimate", files={"files": good}, data={"form_token": token})
    assert answer.status_code == 403
    assert "load the page again" in answer.text
    assert send_form(client, good).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"authorization": "Bearer wrong"}, id="wrong"),
        pytest.param({"authorization": "Bearer "}, id="empty"),
        pytest.param({"authorization": f"Basic {TOKEN}"}, id="other kind"),
        pytest.param({"cookie": f"refp_session={TOKEN}"}, id="token as cookie"),
        pytest.param({"cookie": "refp_session="}, id="empty cookie"),
    ],
)
def test_missing_token(locked: TestClient, headers: dict[str, str]) -> None:
    locked.cookies.clear()
    answer = locked.get("/api/v1/health", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert TOKEN not in answer.text
    right = {"authorization": f"Bearer {TOKEN}"}
    assert locked.get("/api/v1/health", headers=right).status_code == 200


def test_people_see_a_page(client: TestClient, locked: TestClient) -> None:
    page = client.get("/", headers={"host": "evil.example"})
    assert (page.status_code, page.text.startswith("<!doctype html>")) == (421, True)
    part = client.post("/estimate", headers={"origin": "null", "hx-request": "true"})
    assert (part.status_code, part.text.startswith("<div")) == (403, True)
    locked.cookies.clear()
    assert locked.get("/", headers={"hx-request": "true"}).headers["hx-redirect"] == "/login"


def test_log_in(locked: TestClient) -> None:
    locked.cookies.clear()
    page = locked.get("/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    fields = {"form_token": form_token(locked, "/login"), "token": "wrong"}
    assert locked.post("/login", data=fields, files={"x": ("", b"")}).status_code == 401
    done = locked.post("/login", data={**fields, "token": TOKEN}, files={"x": ("", b"")})
    cookie = done.headers["set-cookie"].lower()
    assert done.status_code == 303
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/models", "/help", "/login", "/static/estimate.js", "/api/v1/health", "/nothing"]
)
def test_headers_of_every_answer(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    rules = headers["content-security-policy"]
    assert "unsafe" not in rules
    assert "default-src 'none'" in rules
    assert "frame-ancestors 'none'" in rules
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_refused_requests_have_the_headers_too(client: TestClient) -> None:
    headers = client.get("/", headers={"host": "evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"


def test_token_is_not_in_what_may_be_logged() -> None:
    settings = WebSettings(token=SecretStr(TOKEN))
    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_too_many_uploads_at_once(unstarted: Unstarted, good: tuple[str, bytes]) -> None:
    from refp.web.http.guard import Guard

    with unstarted(WebSettings(limits=LIMITS.model_copy(update={"requests": 1}))) as client:
        client.get("/help")
        guard = client.app.middleware_stack  # the outermost but one
        while not isinstance(guard, Guard):
            guard = guard.app
        guard._uploads = 1
        answer = client.post(ESTIMATES, files={"files": good})
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["retry-after"] == "2"
        guard._uploads = 0
        assert client.post(ESTIMATES, files={"files": good}).json()["code"] == "no_model"
        assert guard._uploads == 0
