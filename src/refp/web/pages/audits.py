"""The page Audit: start audits of archives, and show their reports."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from refp.web.api.common import EngineDep
from refp.web.pages.form import start_job
from refp.web.pages.operator import operator_of
from refp.web.pages.render import KeysDep, render
from refp.web.services.audits import FILES, REPORT, done_audits, queue_audit, send_audit_file
from refp.web.services.models import list_models
from refp.web.wording.jobs import describe_state

router = APIRouter()


@router.get("/audits")
async def audits_page(request: Request, engine: EngineDep) -> Response:
    """Show the audits that are done or under way, and the form."""
    jobs = engine.jobs.runner.jobs()
    content = {
        "audits": done_audits(engine),
        "under_way": [job for job in jobs if job.kind == "audit" and not job.has_ended],
        "models": [model for model in await list_models(engine) if not model.error],
        "roots": engine.settings.roots,
        "tolerance_um": engine.settings.tolerance_um,
        "operator": operator_of(request),
        "max_mb": engine.settings.limits.archive_bytes // 1_000_000,
        "files": FILES,
        "describe_state": describe_state,
    }
    return render(request, "audits.html.jinja", content)


@router.post("/audits")
async def start(request: Request, engine: EngineDep, keys: KeysDep) -> Response:
    """Queue the audit of the form and redirect to its job."""
    return await start_job(request, engine, keys, queue_audit)


@router.get("/audits/{name}/report")
async def report(engine: EngineDep, name: str) -> FileResponse:
    """Show the report of ``refp audit``."""
    return send_audit_file(engine, name, REPORT)


@router.get("/audits/{name}/files/{file}")
async def file(engine: EngineDep, name: str, file: str) -> FileResponse:
    """Return a table of an audit."""
    return send_audit_file(engine, name, file)
