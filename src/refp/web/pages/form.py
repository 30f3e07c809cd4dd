"""Forms of the pages, checked by their form token."""

from pathlib import Path

from fastapi import Request

from refp.web.http.guard import Keys
from refp.web.http.uploads import Form, read_form
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
