"""Rendering of templates, form tokens, and problems as pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from refp.web.http.guard import FORM, Keys, cookie_of, new_form_cookie
from refp.web.http.problems import Problem
from refp.web.wording.checks import begin, describe_earlier, describe_missing
from refp.web.wording.numbers import (
    COLORS,
    INDISTINGUISHABLE,
    NO_MOVE,
    color_beads,
    describe_comparison,
    describe_dz,
    describe_move,
    describe_tilt,
    describe_verdict,
    plus_minus,
    signed,
    typeset,
)
from refp.web.wording.options import in_web_words
from refp.web.wording.remedies import JPEG, JPEG_QUALITY, REMEDIES, remedy_of
from refp.web.wording.rules import FINDINGS, to_act_on

TEMPLATES = Environment(
    loader=PackageLoader("refp.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(
    remedies=REMEDIES,
    remedy_of=remedy_of,
    jpeg=JPEG,
    jpeg_quality=JPEG_QUALITY,
    scale=COLORS,
    begin=begin,
    indistinguishable=INDISTINGUISHABLE,
    no_move=NO_MOVE,
    finding_words=FINDINGS,
    color_beads=color_beads,
    describe_dz=describe_dz,
    describe_earlier=describe_earlier,
    describe_missing=describe_missing,
    describe_move=describe_move,
    describe_tilt=describe_tilt,
    describe_comparison=describe_comparison,
    describe_verdict=describe_verdict,
    plus_minus=plus_minus,
    signed=signed,
    to_act_on=to_act_on,
    typeset=typeset,
    in_web_words=in_web_words,
)


def keys_of(request: Request) -> Keys:
    """Return the keys of the app."""
    keys: Keys = request.app.state.keys
    return keys


KeysDep = Annotated[Keys, Depends(keys_of)]


def show_problem(request: Request, problem: Problem) -> Response:
    """Render a problem: in place of the result for htmx, as a page otherwise."""
    part = "hx-request" in request.headers
    template = "problem.html.jinja" if part else "problem_page.html.jinja"
    content = {"problem": problem.details}
    return render(request, template, content, problem.status, problem.headers)


def saved(name: str) -> dict[str, str]:
    """Return the header of a response that browsers save as a file."""
    return {"content-disposition": f'attachment; filename="{name}"'}


def render(
    request: Request,
    template: str,
    content: Mapping[str, object],
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render a page with the form token of the form cookie."""
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
    """Set a cookie that is closed to scripts and other sites."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=secure)
