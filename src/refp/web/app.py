"""The app: routes, guard, and the engine that starts and stops with it."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from refp.web import api, pages
from refp.web.http.guard import Guard, Keys
from refp.web.http.problems import install
from refp.web.pages.render import show_problem
from refp.web.schemas.common import complete_document
from refp.web.schemas.history import CheckAnswer, RecordRow
from refp.web.services.engine import Engine
from refp.web.settings import WebSettings

STATIC = Path(__file__).parent / "static"


def create_app(settings: WebSettings) -> FastAPI:
    """Return the app with its pages and its API.

    Parameters
    ----------
    settings
        Models, roots, limits, tolerance and token.

    Returns
    -------
    FastAPI
        The app. Its lifespan starts and ends the workers; ``/api/v1/openapi.json`` describes its API.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = Engine(settings)
        app.state.engine = engine
        engine.start()
        try:
            yield
        finally:
            await engine.stop()

    mimetypes.add_type("text/javascript", ".js")  # some Windows machines have text/plain
    keys = Keys(settings)
    app = FastAPI(
        title="REFP",
        summary="How far is a brightfield image from the reference focal plane?",
        version=version("refp"),
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both pages load scripts from other hosts
        redoc_url=None,
    )
    app.state.keys = keys
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Guard, settings=settings, keys=keys, show_page=show_problem)
    install(app, show_problem)
    complete_document(app, with_null=(CheckAnswer, RecordRow))
    return app
