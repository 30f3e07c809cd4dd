"""The audits of a server: jobs that audited an archive, their files, new jobs."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import FileResponse

from refp.web.http.fields import fields_as
from refp.web.http.guard import send_report_file
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, check_any
from refp.web.job import Job
from refp.web.schemas.jobs import AuditRequest
from refp.web.services.engine import Engine
from refp.web.services.planes import store
from refp.web.storage.job_files import audits_folder
from refp.web.workers import calls

FILES = ("audit.csv", "instruments.csv", "changes.csv")
REPORT = "report.html"


def done_audits(engine: Engine) -> list[Job]:
    """Return the jobs that audited an archive, the newest first."""
    return [job for job in engine.jobs.runner.jobs() if job.kind == "audit" and job.state == "done"]


def send_audit_file(engine: Engine, audit: str, name: str) -> FileResponse:
    """Return a response with the report or a table of an audit.

    Raises
    ------
    Problem
        If there is no such audit, or it has no such file.
    """
    job = next((job for job in done_audits(engine) if job.id == audit), None)
    if job is None:
        detail = f"no audit {audit!r}; the page Audit lists those that are done"
        raise Problem(HTTPStatus.NOT_FOUND, "no_audit", detail)
    path = audits_folder(engine.files.folder, job.id) / name
    if name not in (*FILES, REPORT) or not path.is_file():
        detail = f"no file {name!r}; choose {', '.join(FILES)}"
        raise Problem(HTTPStatus.NOT_FOUND, "no_file", detail)
    if name == REPORT:
        return send_report_file(path)
    return FileResponse(path, filename=name, media_type="text/csv")


async def queue_audit(engine: Engine, form: Form) -> Job:
    """Queue the audit of a folder under the roots, or of an uploaded archive.

    Raises
    ------
    Problem
        If there is no queue, too many jobs are queued, a field is invalid, there is no such model, or
        not one of a folder and a file is given.
    WorkError
        If the path is missing or outside the roots; or as of :func:`refp.web.services.planes.store`.
    """
    engine.jobs.runner.check_room()  # raises before files are stored
    given = {name: text.strip() for name, text in form.fields.items() if text.strip()}
    sent = fields_as(AuditRequest, given)
    if bool(sent.path) == bool(form.files):
        detail = "choose either a folder of the server or an archive to upload"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    model = await engine.models.choose(sent.model)
    if sent.path:
        await engine.pools.run(calls.checks.check_paths, [sent.path], engine.settings.roots)
        data: Sequence[dict[str, str]] = [{"path": sent.path}]
        name = Path(sent.path).name or sent.path
    else:
        check_any(form.files)
        data, name = await store(engine, form.files), form.files[0].name
    request = sent.model_dump(exclude={"path", "title"}) | {"data": data, "model": str(model.path)}
    return await engine.jobs.runner.add("audit", sent.title or name, request, sent.operator)
