"""The operator: a cookie holds the name that was last entered."""

from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import Response

from refp.web.http.fields import line_in
from refp.web.http.guard import cookie_of
from refp.web.http.problems import Problem

OPERATOR = "refp_operator"
KEPT_S = 365 * 24 * 3600


def operator_of(request: Request) -> str:
    """Return the operator of the cookie; empty without one."""
    try:
        return line_in({OPERATOR: unquote(cookie_of(request.headers, OPERATOR))}, OPERATOR)
    except Problem:  # a cookie that somebody edited
        return ""


def remember(request: Request, response: Response, operator: str) -> Response:
    """Set the operator cookie, closed to scripts and other sites; return the response."""
    secure = request.url.scheme == "https"
    response.set_cookie(
        OPERATOR,
        quote(operator, safe=""),
        max_age=KEPT_S if operator else 0,
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return response
