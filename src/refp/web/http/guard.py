"""Access control by host, origin and token, and the security headers of responses."""

import hashlib
import hmac
import ipaddress
import secrets
import socket
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refp.core.pages import with_way_back
from refp.web.http.body import Body
from refp.web.http.problems import Problem, ShowPage
from refp.web.settings import LOOPBACK, WebSettings

SESSION, FORM = "refp_session", "refp_form"
SAFE_METHODS = frozenset({"GET", "HEAD"})
OPEN_PATHS = ("/login", "/static/")
SAME = frozenset({"same-origin", "none"})
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # With no-referrer a browser would send forms of these pages with "Origin: null".
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

REPORT_POLICY = (
    "sandbox allow-downloads; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of reports: inline styles and pictures, no scripts."""


class Keys:
    """Secrets of the app: the access token, and a key for form tokens."""

    def __init__(self, settings: WebSettings) -> None:
        self._token = settings.token.get_secret_value() if settings.token else ""
        self._secret = secrets.token_bytes(32)

    @property
    def locked(self) -> bool:
        """Whether the server requires a token."""
        return bool(self._token)

    def is_token(self, token: str) -> bool:
        """Return whether a text is the token, in constant time."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def session(self) -> str:
        """Return the value of the session cookie."""
        return _seal(self._token.encode(), "session")

    def form_token(self, cookie: str) -> str:
        """Return the form token that belongs to a form cookie."""
        return _seal(self._secret, cookie)

    def admits(self, headers: Headers) -> bool:
        """Return whether a request contains the token or a session cookie."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_token(token.strip())
        given = cookie_of(headers, SESSION)
        return hmac.compare_digest(given.encode(), self.session().encode())

    def check_form(self, headers: Headers, token: str) -> None:
        """Raise a problem unless the form token belongs to the form cookie of the browser."""
        expected = self.form_token(cookie_of(headers, FORM))
        if not cookie_of(headers, FORM) or not hmac.compare_digest(
            token.encode(), expected.encode()
        ):
            raise Problem(
                HTTPStatus.FORBIDDEN, "form_token", "the form is out of date; load the page again"
            )


def cookie_of(headers: Headers, name: str) -> str:
    """Return the value of a cookie; empty without one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def new_form_cookie() -> str:
    """Return a new value of the form cookie."""
    return secrets.token_urlsafe(16)


class Guard:
    """Middleware of all routes: refuses requests before their body is read, and sets the headers."""

    def __init__(
        self, app: ASGIApp, settings: WebSettings, keys: Keys, show_page: ShowPage
    ) -> None:
        self._app = app
        self._show_page = show_page
        self._settings = settings
        self._keys = keys
        self._hosts = _own_hosts(settings)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the app, or respond with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        safe = scope["method"] in SAFE_METHODS
        body = Body(receive, Headers(scope=scope), self._settings.limits)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] >= HTTPStatus.BAD_REQUEST and not safe:
                    await body.finish()
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # Scripts and styles are cached and revalidated; results are private.
                kept = "no-cache" if scope["path"].startswith("/static/") else "no-store"
                headers.setdefault("cache-control", kept)
            await send(message)

        try:
            self._check(scope)
        except Problem as problem:
            await self._answer(Request(scope), problem)(scope, receive, send_with_headers)
            return
        self._uploads += not safe
        try:
            await self._app(scope, body.receive, send_with_headers)
        finally:
            self._uploads -= not safe

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), str(scope["path"])
        host = headers.get("host", "")
        if not self._is_own(host):
            detail = "the host in the request is not a name of this server; use its own address"
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", detail)
        if scope["method"] not in SAFE_METHODS:
            _check_origin(headers, host)
            if self._uploads >= self._settings.limits.requests:
                detail = "too many uploads at once; wait a moment and send it again"
                again = {"retry-after": "2"}
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, again)
        if self._keys.locked and not path.startswith(OPEN_PATHS) and not self._keys.admits(headers):
            detail = "a token is required: send 'Authorization: Bearer TOKEN', or log in at /login"
            challenge = {"www-authenticate": "Bearer"}
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, challenge)

    def _answer(self, request: Request, problem: Problem) -> Response:
        """Return the response to a refused request; pages without a session redirect to the login."""
        if str(request.scope["path"]).startswith("/api"):
            return problem.response()
        if problem.status != HTTPStatus.UNAUTHORIZED:
            return self._show_page(request, problem)
        if "hx-request" in request.headers:
            return Response(headers={"hx-redirect": "/login"})
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)

    def _is_own(self, host: str) -> bool:
        """Return whether a host is a name of this server, against DNS rebinding."""
        name = _host_name(host)
        if name in self._hosts:
            return True
        return self._settings.host in ANY_ADDRESS and _is_address(name)


def send_report_file(path: Path) -> FileResponse:
    """Return a response with a report, under its content security policy."""
    policy = {"content-security-policy": REPORT_POLICY}
    return FileResponse(path, headers=policy, media_type="text/html")


def send_report_page(path: Path, href: str, text: str) -> HTMLResponse:
    """Return a response with a report whose way back is a link to a page of this server."""
    page = with_way_back(path.read_text(encoding="utf-8"), href, text)
    return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})


def _seal(key: bytes, text: str) -> str:
    return hmac.new(key, f"refp {text}".encode(), hashlib.sha256).hexdigest()


def _host_name(host: str) -> str:
    """Return the name or address in a host header; empty if it is invalid."""
    if set(host) & set("/@?#\\ "):
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as [ without ]
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_hosts(settings: WebSettings) -> frozenset[str]:
    if settings.local:
        return frozenset(LOOPBACK)
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset({*LOOPBACK, settings.host.lower(), *names})


def _check_origin(headers: Headers, host: str) -> None:
    """Raise a problem for a request that another site caused; programs send neither header."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in SAME:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "wrong_origin",
            "the request came from a page of another site; use the pages of this server",
        )
    if origin is not None and origin.partition("://")[2] != host:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "wrong_origin",
            "the request came from a page of another site; use the pages of this server",
        )
