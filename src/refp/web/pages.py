"""The pages, rendered here; htmx replaces the result without loading the page again."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from refp.web.answer import Answer, ImageView, Past
from refp.web.api import AnEngine, check_any, tolerance_of
from refp.web.engine import Engine, Result
from refp.web.guard import FORM, SESSION, Keys, cookie_of, new_form_cookie
from refp.web.problems import Problem
from refp.web.remedies import REMEDIES
from refp.web.uploads import Form, read_form
from refp.web.words import describe_dz, describe_opinions, describe_verdict, plus_minus

router = APIRouter(include_in_schema=False)
TEMPLATES = Environment(
    loader=PackageLoader("refp.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(
    remedies=REMEDIES,
    describe_dz=describe_dz,
    describe_opinions=describe_opinions,
    describe_verdict=describe_verdict,
    plus_minus=plus_minus,
)
SHOWN_RECORDS = 30
QUANTITIES = {
    "delta_z_um": "dZ",
    "n_beads_used": "beads used",
    "background": "background",
    "tilt": "tilt of the slide",
    "refp_um": "reference plane",
}
"""What a chart may show, by the names that :mod:`refp.history` has."""
CARD_LINES = ("instrument", "family", "dZ range", "fewest beads", "calibration: rms_um")


def keys_of(request: Request) -> Keys:
    """Return what the app knows."""
    keys: Keys = request.app.state.keys
    return keys


TheKeys = Annotated[Keys, Depends(keys_of)]


@router.get("/")
async def estimate_page(request: Request, engine: AnEngine) -> Response:
    """Show the form, and nothing else yet."""
    return _estimate_page(request, engine)


@router.post("/estimate")
async def estimate(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Estimate what the form sends, and show the result."""
    folder = engine.spool()
    try:
        form = await read_form(request, Path(folder.name), engine.settings.limits)
        keys.check_form(request.headers, form.fields.get("form_token", ""))
        result = Result(
            model=await engine.choose(form.fields.get("model", "")),
            tolerance_um=tolerance_of(form.fields.get("tolerance_um", "")),
            folder=folder,
        )
        await _fill(engine, result, form)
    except BaseException:
        folder.cleanup()
        raise
    name = engine.keep(result)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/results/{name}", HTTPStatus.SEE_OTHER)
    content = _shown(name, result, 0)
    return _render(
        request, "result.html.jinja", content, headers={"hx-push-url": f"/results/{name}"}
    )


@router.get("/results/{name}")
async def result_page(request: Request, engine: AnEngine, name: str, image: int = 0) -> Response:
    """Show a result that is still kept, one of its images large."""
    return _estimate_page(request, engine, _shown(name, engine.result(name), image))


@router.get("/results/{name}/estimates.csv")
async def result_csv(engine: AnEngine, name: str) -> Response:
    """Return the rows as ``refp estimate -o`` writes them."""
    text: str = await engine.ask("write_csv", engine.result(name).rows)
    return Response(text, media_type="text/csv", headers=_saved("estimates.csv"))


@router.get("/results/{name}/estimates.json")
async def result_json(engine: AnEngine, name: str) -> Response:
    """Return the rows as ``refp estimate --json`` prints them."""
    return JSONResponse(engine.result(name).rows, headers=_saved("estimates.json"))


@router.get("/results/{name}/{image}/image.png")
async def image_png(engine: AnEngine, name: str, image: int) -> Response:
    """Return the image as it is shown."""
    return Response(_view(engine, name, image).png, media_type="image/png")


@router.get("/results/{name}/{image}/profiles.json")
async def profiles(engine: AnEngine, name: str, image: int) -> Response:
    """Return every bead's profile and the pooled stack's at the image's dZ."""
    view = _view(engine, name, image)
    content = {
        "radius_radii": view.radius_radii,
        "pooled": view.pooled,
        "pooled_sd": view.pooled_sd,
        "beads": [{"profile": bead.profile, "used": bead.used} for bead in view.beads],
    }
    return JSONResponse(content)


@router.get("/results/{name}/{image}/overlay.png")
async def overlay(engine: AnEngine, name: str, image: int) -> Response:
    """Return the picture that ``refp estimate --overlay`` writes."""
    result = engine.result(name)
    _view(engine, name, image)
    page = result.answers[image].page
    png: bytes = await engine.ask("draw_overlay", result.tasks[image], page)
    return Response(png, media_type="image/png", headers=_saved("overlay.png"))


@router.get("/models")
async def models_page(request: Request, engine: AnEngine) -> Response:
    """Show the models' cards."""
    content = {"models": await engine.models(), "first_lines": CARD_LINES}
    return _render(request, "models.html.jinja", content)


@router.get("/history")
async def history_page(
    request: Request, engine: AnEngine, instrument: str = "", quantity: str = "delta_z_um"
) -> Response:
    """Show the control chart of an instrument, and its newest records."""
    kept = bool(engine.settings.history)
    past: Past = Past([], [], [])
    if kept:
        past = await engine.ask_past("read_history", instrument, "", "", SHOWN_RECORDS)
    chosen = instrument or next((str(row["instrument"]) for row in past.rows), "")
    content = {
        "kept": kept,
        "past": past,
        "chosen": chosen,
        "quantity": quantity,
        "quantities": QUANTITIES,
        "chart": f"/history/chart.svg?{urlencode({'instrument': chosen, 'quantity': quantity})}",
    }
    return _render(request, "history.html.jinja", content)


@router.get("/history/chart.svg")
async def history_chart(
    engine: AnEngine, instrument: str, quantity: str = "delta_z_um", baseline: str = ""
) -> Response:
    """Return the control chart of a quantity."""
    svg: bytes = await engine.ask_past("draw_history", instrument, quantity, baseline)
    return Response(svg, media_type="image/svg+xml")


@router.get("/history/records.csv")
async def history_csv(engine: AnEngine, instrument: str = "") -> Response:
    """Return the records of an instrument as a table."""
    past: Past = await engine.ask_past("read_history", instrument)
    text: str = await engine.ask("write_csv", past.rows)
    return Response(text, media_type="text/csv", headers=_saved("history.csv"))


@router.get("/help")
async def help_page(request: Request) -> Response:
    """Show what dZ means, and what each refusal asks for."""
    return _render(request, "help.html.jinja", {})


@router.get("/login")
async def login_page(request: Request) -> Response:
    """Ask for the token."""
    return _render(request, "login.html.jinja", {"wrong": False})


@router.post("/login")
async def login(request: Request, engine: AnEngine, keys: TheKeys) -> Response:
    """Let a browser in that brings the token."""
    with engine.spool() as folder:
        form = await read_form(request, Path(folder), engine.settings.limits)
    keys.check_form(request.headers, form.fields.get("form_token", ""))
    if not keys.locked or not keys.knows(form.fields.get("token", "")):
        status = HTTPStatus.UNAUTHORIZED
        return _render(request, "login.html.jinja", {"wrong": True}, status)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    _set_cookie(request, response, SESSION, keys.session())
    return response


def show_problem(request: Request, problem: Problem) -> Response:
    """Show an error: in place of the result where htmx asks, as a page otherwise."""
    part = "hx-request" in request.headers
    template = "problem.html.jinja" if part else "problem_page.html.jinja"
    content = {"problem": problem.details}
    return _render(request, template, content, problem.status, problem.headers)


def _estimate_page(
    request: Request, engine: Engine, shown: dict[str, Any] | None = None
) -> Response:
    tolerance_um = engine.settings.tolerance_um
    content = {
        "models": engine.choices(),
        "tolerance_um": shown["result"].tolerance_um if shown else tolerance_um,
        "chosen": shown["result"].model.path.name if shown else "",
        "shown": bool(shown),
        **(shown or {}),
    }
    return _render(request, "estimate.html.jinja", content)


async def _fill(engine: Engine, result: Result, form: Form) -> None:
    check_any(form.files)
    answers = await engine.estimate(form.files, result.model, result.tolerance_um, view=True)
    for given, of_file in zip(form.files, answers, strict=True):
        result.answers += of_file
        result.tasks += [engine.task(given, result.model, result.tolerance_um)] * len(of_file)


def _shown(name: str, result: Result, image: int) -> dict[str, Any]:
    """Return what the template of a result needs; ``image`` is the one that is shown large."""
    answer = _answer(result, image)
    return {"name": name, "result": result, "image": image, "answer": answer}


def _answer(result: Result, image: int) -> Answer:
    if not 0 <= image < len(result.answers):
        raise Problem(HTTPStatus.NOT_FOUND, "no_result", "this result has no such image")
    return result.answers[image]


def _view(engine: Engine, name: str, image: int) -> ImageView:
    view = _answer(engine.result(name), image).view
    if view is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no_result", "there is no picture of this image")
    return view


def _saved(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _render(
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
        **content, form_token=token, path=request.url.path, locked=keys.locked
    )
    response = Response(page, status, headers, media_type="text/html")
    if cookie_of(request.headers, FORM) != cookie:
        _set_cookie(request, response, FORM, cookie)
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=secure)
