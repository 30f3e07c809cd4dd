"""Run the server on this machine."""

import uvicorn

from refp.web.app import create_app
from refp.web.settings import WebSettings

GRACE_S = 3
"""Time for open responses at the end, s; the event stream of a job would not end by itself."""


def run_server(settings: WebSettings, port: int) -> None:
    """Run the pages and the API until the process is interrupted.

    Parameters
    ----------
    settings
        Settings of the app, with the address to listen on.
    port
        Port to listen on.
    """
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
