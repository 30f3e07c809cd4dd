"""The pages of jobs: the list, and one job with its progress."""

from http import HTTPStatus
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from refp.web.api.common import EngineDep
from refp.web.job import Job
from refp.web.jobs.runner import Runner
from refp.web.pages.data_fields import INSTRUMENTS, filled_fields
from refp.web.pages.form import read_fields
from refp.web.pages.render import KeysDep, render
from refp.web.services.engine import Engine
from refp.web.services.models import MODEL_JOBS
from refp.web.services.planes import data_is_kept
from refp.web.services.proposals import can_be_read, read_as_proposed
from refp.web.storage.job_files import demo_folder
from refp.web.wording.jobs import (
    describe_earlier_times,
    describe_kind,
    describe_progress,
    describe_remedy,
    describe_state,
)
from refp.web.wording.proposals import describe_contents, describe_reading

router = APIRouter()


@router.get("/jobs")
async def jobs_page(request: Request, engine: EngineDep) -> Response:
    """Show all jobs, the newest first."""
    content = {
        "jobs": engine.jobs.runner.jobs(),
        "describe_kind": describe_kind,
        "describe_state": describe_state,
    }
    return render(request, "jobs.html.jinja", content)


@router.get("/jobs/{name}")
async def job_page(
    request: Request, engine: EngineDep, name: str, result: bool = False
) -> Response:
    """Show a job, or redirect to its result if ``result`` is set and it is done."""
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
        "progress": describe_progress(live),
        "live": live,
        "earlier_times": describe_earlier_times(
            engine.jobs.took_s(job.kind, job.request.get("family", ""))
        ),
        "remedy": describe_remedy(job.code) if job.code else "",
        "result": made,
        "tab": tab_of(job),
        "again": _again(job),
        "proposal": job.proposal,
        "can_be_read": job.proposal is not None and can_be_read(job.proposal),
        "is_kept": job.proposal is not None and data_is_kept(engine, job),
        "instruments": INSTRUMENTS,
        "describe_contents": describe_contents,
        "describe_reading": describe_reading,
    }
    return render(request, "job.html.jinja", content)


@router.post("/jobs/{name}/cancel")
async def cancel(request: Request, engine: EngineDep, keys: KeysDep, name: str) -> Response:
    """Cancel a job and show it."""
    await read_fields(request, engine, keys)
    await engine.jobs.runner.cancel(name)
    return RedirectResponse(f"/jobs/{name}", HTTPStatus.SEE_OTHER)


@router.post("/jobs/{name}/reading")
async def read(request: Request, engine: EngineDep, keys: KeysDep, name: str) -> Response:
    """Queue a job again with the pattern that was proposed, and redirect to the new job."""
    fields = await read_fields(request, engine, keys)
    job = await read_as_proposed(engine, engine.jobs.runner.job(name), filled_fields(fields))
    return RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def tab_of(job: Job) -> str:
    """Return the address of the page where jobs of this kind are started."""
    if job.kind == "audit":
        return "/audits"
    return "/models" if job.kind in MODEL_JOBS else "/planes"


def _again(job: Job) -> str:
    """Return the address of the form that holds the fields of a job."""
    anchor = f"#{job.kind}" if job.kind in MODEL_JOBS else ""
    return f"{tab_of(job)}?{urlencode({'again': job.id})}{anchor}"


def jobs_before(job: Job, runner: Runner) -> list[Job]:
    """Return the jobs that run before a queued job, the next first."""
    if job.state != "queued":
        return []
    jobs = list(reversed(runner.jobs()))
    ahead = [other for other in jobs if other.state == "running"]
    waiting = [other for other in jobs if other.state == "queued"]
    return ahead + waiting[: waiting.index(job)]


def result_of(job: Job, engine: Engine) -> str:
    """Return the address of the result of a job; empty without a result."""
    if job.state != "done":
        return ""
    if job.kind == "plane":
        return f"/planes/{job.id}"
    if job.kind == "audit":
        return f"/audits/{job.id}/report"
    if job.kind == "demo":
        return f"/planes?{urlencode({'folder': demo_folder(engine.files.folder)})}"
    return f"/models#{quote(job.result['model'])}"
