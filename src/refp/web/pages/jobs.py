"""The pages of jobs: all of them, and one as it goes."""

from http import HTTPStatus
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import AnEngine
from refp.web.job import Job
from refp.web.jobs.runner import Runner
from refp.web.pages.form import read_fields
from refp.web.pages.render import TheKeys, render
from refp.web.services.engine import Engine
from refp.web.storage.job_files import demo_folder
from refp.web.wording.jobs import describe_kind, describe_progress, describe_remedy, describe_state

router = APIRouter()


@router.get("/jobs")
async def jobs_page(request: Request, engine: AnEngine) -> Response:
    """Show all jobs, the newest first."""
    content = {
        "jobs": engine.jobs.runner.jobs(),
        "describe_kind": describe_kind,
        "describe_state": describe_state,
    }
    return render(request, "jobs.html.jinja", content)


@router.get("/jobs/{name}")
async def job_page(request: Request, engine: AnEngine, name: str, result: bool = False) -> Response:
    """Show a job; or its result, where that is asked for and there."""
    job = engine.jobs.runner.job(name)
    made = result_of(job, engine)
    if result and made:
        return RedirectResponse(made, HTTPStatus.SEE_OTHER)
    live = engine.jobs.runner.live(name)
    content = {
        "job": job,
        "before": jobs_before(job, engine.jobs.runner),
        "kind": describe_kind(job.kind),
        "state": describe_state(job),
        "told": describe_progress(live),
        "live": live,
        "remedy": describe_remedy(job.code) if job.code else "",
        "result": made,
    }
    return render(request, "job.html.jinja", content)


@router.post("/jobs/{name}/cancel")
async def cancel(request: Request, engine: AnEngine, keys: TheKeys, name: str) -> Response:
    """End a job, and show it."""
    await read_fields(request, engine, keys)
    await engine.jobs.runner.cancel(name)
    return RedirectResponse(f"/jobs/{name}", HTTPStatus.SEE_OTHER)


def jobs_before(job: Job, runner: Runner) -> list[Job]:
    """Return what runs before a job that waits, the next first."""
    if job.state != "queued":
        return []
    jobs = list(reversed(runner.jobs()))
    ahead = [other for other in jobs if other.state == "running"]
    waiting = [other for other in jobs if other.state == "queued"]
    return ahead + waiting[: waiting.index(job)]


def result_of(job: Job, engine: Engine) -> str:
    """Return where the result of a job is shown; empty where there is none."""
    if job.state != "done":
        return ""
    if job.kind == "plane":
        return f"/planes/{job.id}"
    if job.kind == "demo":
        return f"/planes?{urlencode({'folder': demo_folder(engine.files.folder)})}"
    return f"/models#{quote(job.result['model'])}"
