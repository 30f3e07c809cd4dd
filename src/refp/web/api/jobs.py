"""Jobs, and the stream of their progress."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from refp.web.api.common import EngineDep
from refp.web.job import Job, Live
from refp.web.jobs.runner import Runner
from refp.web.schemas.jobs import JobProgress, JobView
from refp.web.wording.jobs import describe_progress

router = APIRouter(prefix="/jobs")
DEMO = "Simulated sweeps"
STREAM = "text/event-stream"
EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", "curve", "end"]},
        "data": {"type": "string", "description": "JSON of the job, or of the curve"},
    },
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`progress` with the job, `curve` with a learning curve, `end` with the job",
        "content": {STREAM: {"schema": EVENT, "example": {"event": "end", "data": "{}"}}},
    }
}


@router.get("")
async def jobs(engine: EngineDep) -> list[JobView]:
    """Return the jobs of this server, the newest first."""
    return [view_of(job, engine.jobs.runner) for job in engine.jobs.runner.jobs()]


@router.post("/demo", status_code=HTTPStatus.ACCEPTED)
async def demo(response: Response, engine: EngineDep) -> JobView:
    """Queue the simulation of sweeps, written to ``training`` and ``test``, as example data."""
    job = await engine.jobs.runner.add("demo", DEMO, {}, "")
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return view_of(job, engine.jobs.runner)


@router.get("/{job}")
async def job(engine: EngineDep, job: str) -> JobView:
    """Return a job with its progress."""
    return view_of(engine.jobs.runner.job(job), engine.jobs.runner)


@router.post("/{job}/cancel")
async def cancel(engine: EngineDep, job: str) -> JobView:
    """Cancel a job that has not ended, and remove its partial results."""
    return view_of(await engine.jobs.runner.cancel(job), engine.jobs.runner)


@router.get("/{job}/events", responses=EVENTS, response_class=StreamingResponse)
async def events(engine: EngineDep, job: str) -> StreamingResponse:
    """Send the progress of a job after each change, until its end."""
    runner = engine.jobs.runner
    runner.job(job)
    return StreamingResponse(_events(runner, job), media_type=STREAM)


def view_of(job: Job, runner: Runner) -> JobView:
    """Return a job in the schema of the API."""
    progress = _progress(runner.live(job.id)) if job.state == "running" else None
    names = set(JobView.model_fields) - {"progress", "result"}
    known = {name: getattr(job, name) for name in names}
    return JobView.model_validate({**known, "result": dict(job.result), "progress": progress})


def _progress(live: Live) -> JobProgress:
    left_s = None if live.left_s is None else round(live.left_s, 1)
    return JobProgress(
        stage=live.stage,
        done=live.done,
        total=live.total,
        left_s=left_s,
        told=describe_progress(live),
    )


async def _events(runner: Runner, name: str) -> AsyncIterator[str]:
    shown = 0
    async for job, live in runner.watch(name):
        before, shown = shown, live.version  # a change while this is sent is sent again
        for version, curve in list(live.curves.values()):
            if version > before:
                yield _event("curve", json.dumps(curve))
        kind = "end" if job.has_ended else "progress"
        yield _event(kind, view_of(job, runner).model_dump_json())


def _event(kind: str, data: str) -> str:
    return f"event: {kind}\ndata: {data}\n\n"
