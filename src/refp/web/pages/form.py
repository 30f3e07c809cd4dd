"""Forms of the pages: read, and refused where this app did not show them to this browser."""

from pathlib import Path

from fastapi import Request

from refp.web.http.guard import Keys
from refp.web.http.uploads import Form, read_form
from refp.web.services.engine import Engine
from refp.web.settings import Limits


async def read_shown(request: Request, keys: Keys, folder: str, limits: Limits) -> Form:
    """Read a form that a page showed; its files are put into ``folder``.

    Raises
    ------
    Problem
        If it is too large or too slow, or was not shown to this browser.
    """
    form = await read_form(request, Path(folder), limits)
    keys.check_form(request.headers, form.fields.pop("form_token", ""))
    return form


async def read_fields(request: Request, engine: Engine, keys: Keys) -> dict[str, str]:
    """Read a form that holds no file; errors as of :func:`read_shown`."""
    with engine.files.spool() as folder:
        limits = engine.settings.limits.for_fields()
        return (await read_shown(request, keys, folder, limits)).fields
