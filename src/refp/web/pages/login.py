"""The pages Help and Log in."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import EngineDep
from refp.web.http.guard import SESSION
from refp.web.pages.form import read_fields
from refp.web.pages.render import KeysDep, render, set_cookie

router = APIRouter()


@router.get("/help")
async def help_page(request: Request) -> Response:
    """Show the help: the meaning of dZ, and the remedy of each refusal."""
    return render(request, "help.html.jinja", {})


@router.get("/login")
async def login_page(request: Request) -> Response:
    """Show the form for the token."""
    return render(request, "login.html.jinja", {"wrong": False})


@router.post("/login")
async def login(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Set the session cookie if the token is right."""
    fields = await read_fields(request, engine, keys)
    if not keys.locked or not keys.is_token(fields.get("token", "")):
        status = HTTPStatus.UNAUTHORIZED
        return render(request, "login.html.jinja", {"wrong": True}, status)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    set_cookie(request, response, SESSION, keys.session())
    return response
