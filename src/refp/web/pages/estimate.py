"""The page Estimate; htmx replaces the result without reloading the page."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from refp.web.api.common import EngineDep, choice_of, tolerance_of
from refp.web.http.fields import line_in
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, check_any
from refp.web.messages import ImageChoice, ImageView, PageEstimate, Requester
from refp.web.pages.form import read_shown
from refp.web.pages.operator import operator_of, remember
from refp.web.pages.render import KeysDep, render, saved
from refp.web.services.engine import Engine
from refp.web.services.results import Result
from refp.web.workers import calls

router = APIRouter()


@router.get("/")
async def estimate_page(request: Request, engine: EngineDep) -> Response:
    """Show the form."""
    return _estimate_page(request, engine)


@router.post("/estimate")
async def estimate(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Estimate the images of the form and show the result."""
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits)
        result = Result(
            model=await engine.models.choose(form.fields.get("model", "")),
            tolerance_um=tolerance_of(form.fields.get("tolerance_um", "")),
        )
        operator = line_in(form.fields, "operator")
        requester = Requester(operator, serial=line_in(form.fields, "serial"))
        given = requester, choice_of(form.fields), line_in(form.fields, "progress")
        await _fill(engine, result, form, *given)
    name = engine.results.keep(result)
    if "hx-request" not in request.headers:
        response: Response = RedirectResponse(f"/results/{name}", HTTPStatus.SEE_OTHER)
    else:
        content = _shown(name, result, 0)
        pushed = {"hx-push-url": f"/results/{name}"}
        response = render(request, "result.html.jinja", content, headers=pushed)
    return remember(request, response, operator)


@router.get("/estimate/progress")
async def progress(engine: EngineDep, name: str) -> Response:
    """Return the number of estimated files of a form, and of all, by the name that the form gave."""
    done, total = engine.estimates.progress(name)
    return JSONResponse({"done": done, "total": total})


@router.get("/starting")
async def starting(request: Request, engine: EngineDep) -> Response:
    """Show the time since the start of the server; empty once estimates are available."""
    return render(request, "starting.html.jinja", {"starting_s": engine.pools.starting_s})


@router.get("/results/{name}")
async def result_page(request: Request, engine: EngineDep, name: str, image: int = 0) -> Response:
    """Show a kept result with one of its images."""
    return _estimate_page(request, engine, _shown(name, engine.results.find(name), image))


@router.get("/results/{name}/estimates.csv")
async def result_csv(engine: EngineDep, name: str) -> Response:
    """Return the rows as ``refp estimate -o`` writes them."""
    text = await engine.pools.run(calls.estimates.write_csv, engine.results.find(name).rows)
    return Response(text, media_type="text/csv", headers=saved("estimates.csv"))


@router.get("/results/{name}/estimates.json")
async def result_json(engine: EngineDep, name: str) -> Response:
    """Return the rows as ``refp estimate --json`` prints them."""
    return JSONResponse(engine.results.find(name).rows, headers=saved("estimates.json"))


@router.get("/results/{name}/{image}/image.png")
async def image_png(engine: EngineDep, name: str, image: int) -> Response:
    """Return the image for display."""
    return Response(_view(engine, name, image).png, media_type="image/png")


@router.get("/results/{name}/{image}/profiles.json")
async def profiles(engine: EngineDep, name: str, image: int) -> Response:
    """Return the radial profiles of the beads and of the pooled stack at the dZ of the image."""
    view = _view(engine, name, image)
    content = {
        "radius_radii": view.radius_radii,
        "pooled": view.pooled,
        "pooled_sd": view.pooled_sd,
        "beads": [{"profile": bead.profile, "used": bead.used} for bead in view.beads],
    }
    return JSONResponse(content)


@router.get("/results/{name}/{image}/overlay.png")
async def overlay(engine: EngineDep, name: str, image: int) -> Response:
    """Return the picture that ``refp estimate --overlay`` writes."""
    result = engine.results.find(name)
    _view(engine, name, image)
    page, path = result.estimates[image].page, result.tasks[image].path
    if not path.is_file():
        raise Problem(
            HTTPStatus.NOT_FOUND, "no_result", "this image is no longer kept; send it again"
        )
    png = await engine.pools.run(calls.estimates.draw_overlay, result.tasks[image], page)
    return Response(png, media_type="image/png", headers=saved("overlay.png"))


def _estimate_page(
    request: Request, engine: Engine, shown: dict[str, Any] | None = None
) -> Response:
    tolerance_um = engine.settings.tolerance_um
    content = {
        "models": engine.models.choices(),
        "starting_s": engine.pools.starting_s,
        "tolerance_um": shown["result"].tolerance_um if shown else tolerance_um,
        "chosen": shown["result"].model.path.name if shown else "",
        "shown": bool(shown),
        "kept": bool(engine.settings.history),
        "keeps": bool(engine.settings.jobs),
        "operator": operator_of(request),
        **(shown or {}),
    }
    return render(request, "estimate.html.jinja", content)


async def _fill(
    engine: Engine,
    result: Result,
    form: Form,
    requester: Requester,
    choice: ImageChoice,
    progress: str,
) -> None:
    check_any(form.files)
    files = await engine.files.keep_images(form.files)
    model, tolerance_um = result.model, result.tolerance_um
    estimates = await engine.estimates.estimate(
        files, model, tolerance_um, view=True, requester=requester, choice=choice, name=progress
    )
    for given, of_file in zip(files, estimates, strict=True):
        result.estimates += of_file
        result.tasks += [engine.estimates.task(given, model, tolerance_um, choice=choice)] * len(
            of_file
        )


def _shown(name: str, result: Result, image: int) -> dict[str, Any]:
    """Return the content of the result template; ``image`` is the index of the displayed image."""
    estimate = _estimate_of(result, image)
    return {"name": name, "result": result, "image": image, "estimate": estimate}


def _estimate_of(result: Result, image: int) -> PageEstimate:
    if not 0 <= image < len(result.estimates):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "no_result",
            "this result has no such image; choose one of its list",
        )
    return result.estimates[image]


def _view(engine: Engine, name: str, image: int) -> ImageView:
    view = _estimate_of(engine.results.find(name), image).view
    if view is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no_result", "no picture was made of this image")
    return view
