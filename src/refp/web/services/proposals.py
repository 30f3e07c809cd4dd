"""Jobs that failed at the names of their images, started again with the proposed pattern."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from refp.web.http.fields import fields_as
from refp.web.http.problems import Problem
from refp.web.job import OPTIONS, Job, Proposal
from refp.web.schemas.jobs import DataOptions
from refp.web.services.engine import Engine
from refp.web.services.models import new_name
from refp.web.services.planes import check_kept
from refp.web.workers import calls


async def read_as_proposed(engine: Engine, job: Job, fields: Mapping[str, Any]) -> Job:
    """Queue a job again whose images are to be read by the pattern that was proposed for them.

    The pattern is part of the request, so that jobs on the same data read them alike. Files under a root
    are not changed; the copy of an upload gets a ``sweep.toml``.

    Parameters
    ----------
    engine
        The engine of the app.
    job
        The job that failed.
    fields
        Instrument, its sizes and Z step, as far as they were not known.

    Raises
    ------
    Problem
        If nothing was proposed, a field is invalid, an upload is not kept, or too many jobs are queued.
    WorkError
        If the instrument is unknown, or the name of the model was taken meanwhile.
    """
    proposal = job.proposal
    if proposal is None or not can_be_read(proposal):
        detail = "no pattern was proposed for the data of this job; fill in the form again with a pattern"
        raise Problem(HTTPStatus.CONFLICT, "no_pattern", detail)
    check_kept(engine, job)
    sent: DataOptions = fields_as(DataOptions, fields)
    await engine.pools.run(
        calls.checks.check_options, job.request.get("recipe", "default"), sent.instrument
    )
    given = {name: getattr(sent, name) for name in OPTIONS if name in sent.model_fields_set}
    request = {**job.request, **given, "data": _with_pattern(job.request["data"], proposal)}
    if job.kind != "adapt":
        return await engine.jobs.runner.add(job.kind, job.title, request, job.operator)
    async with engine.jobs.naming:
        await new_name(engine, request["name"])
        return await engine.jobs.runner.add(job.kind, job.title, request, job.operator)


def can_be_read(proposal: Proposal) -> bool:
    """Return whether a data set opens with the pattern that was proposed."""
    return bool(proposal["pattern"]) and not proposal["problem"]


def _with_pattern(data: list[dict[str, str]], proposal: Proposal) -> list[dict[str, str]]:
    return [
        {**one, "pattern": proposal["pattern"]} if number == proposal["number"] else one
        for number, one in enumerate(data)
    ]
