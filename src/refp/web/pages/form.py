"""Forms of the pages, checked by their form token."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from refp.web.http.guard import Keys
from refp.web.http.uploads import Form, read_form
from refp.web.job import Job
from refp.web.pages.operator import remember
from refp.web.services.engine import Engine
from refp.web.settings import Limits


async def read_shown(request: Request, keys: Keys, folder: str, limits: Limits) -> Form:
    """Read a form, check its form token, and write its files to ``folder``.

    Raises
    ------
    Problem
        If it is too large or too slow, or its form token is wrong.
    """
    form = await read_form(request, Path(folder), limits)
    keys.check_form(request.headers, form.fields.pop("form_token", ""))
    return form


async def read_fields(request: Request, engine: Engine, keys: Keys) -> dict[str, str]:
    """Read a form without files; errors as of :func:`read_shown`."""
    with engine.files.spool() as folder:
        limits = engine.settings.limits.for_fields()
        return (await read_shown(request, keys, folder, limits)).fields


async def start_job(
    request: Request,
    engine: Engine,
    keys: Keys,
    queue: Callable[[Engine, Form], Awaitable[Job]],
) -> Response:
    """Queue the job of a form with images, and redirect to it; errors as of :func:`read_shown`."""
    _ = engine.jobs.runner  # raises before the body is read
    with engine.files.spool() as folder:
        form = await read_shown(request, keys, folder, engine.settings.limits.for_sweeps())
        job = await queue(engine, form)
    response = RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)
    return remember(request, response, job.operator)
