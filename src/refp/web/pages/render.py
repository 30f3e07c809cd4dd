"""Rendering: templates, forms that carry a token, problems as pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from refp.web.http.guard import FORM, Keys, cookie_of, new_form_cookie
from refp.web.http.problems import Problem
from refp.web.wording.numbers import (
    COLORS,
    color_beads,
    describe_dz,
    describe_opinions,
    describe_tilt,
    describe_verdict,
    plus_minus,
)
from refp.web.wording.remedies import REMEDIES

TEMPLATES = Environment(
    loader=PackageLoader("refp.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(
    remedies=REMEDIES,
    scale=COLORS,
    color_beads=color_beads,
    describe_dz=describe_dz,
    describe_tilt=describe_tilt,
    describe_opinions=describe_opinions,
    describe_verdict=describe_verdict,
    plus_minus=plus_minus,
)


def keys_of(request: Request) -> Keys:
    """Return what the app knows."""
    keys: Keys = request.app.state.keys
    return keys


TheKeys = Annotated[Keys, Depends(keys_of)]


def show_problem(request: Request, problem: Problem) -> Response:
    """Show an error: in place of the result where htmx asks, as a page otherwise."""
    part = "hx-request" in request.headers
    template = "problem.html.jinja" if part else "problem_page.html.jinja"
    content = {"problem": problem.details}
    return render(request, template, content, problem.status, problem.headers)


def saved(name: str) -> dict[str, str]:
    """Return the header of an answer that is saved as a file."""
    return {"content-disposition": f'attachment; filename="{name}"'}


def render(
    request: Request,
    template: str,
    content: Mapping[str, object],
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render a page; its forms carry a token that belongs to the browser's cookie."""
    keys = keys_of(request)
    cookie = cookie_of(request.headers, FORM) or new_form_cookie()
    token = keys.form_token(cookie)
    page = TEMPLATES.get_template(template).render(
        **content, form_token=token, path=str(request.scope["path"]), locked=keys.locked
    )
    response = Response(page, status, headers, media_type="text/html")
    if cookie_of(request.headers, FORM) != cookie:
        set_cookie(request, response, FORM, cookie)
    return response


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Set a cookie that no script reads and no other site brings."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=secure)
