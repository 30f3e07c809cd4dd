"""Run the server on this machine."""

import os
import socket

import uvicorn

from refp.core.errors import RecipeError
from refp.web.app import create_app
from refp.web.settings import WebSettings

GRACE_S = 3
"""Time for open responses at the end, s; the event stream of a job would not end by itself."""


def check_port(host: str, port: int) -> None:
    """Refuse a port that another program listens on.

    Raises
    ------
    RecipeError
        If the address cannot be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # on Windows the option would admit a port in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecipeError(
            f"--host {host} --port {port}: {reason}; choose another port, or stop the program that uses it"
        ) from error


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
