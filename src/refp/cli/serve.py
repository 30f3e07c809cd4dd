"""``refp serve``."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.errors import MissingExtraError, ModelError, RecipeError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from refp.web import WebSettings

GRACE_S = 3
"""What is being answered at the end may take so long; a page that watches a job would wait for ever."""
LEAST_TOKEN = 16
"""Characters; fewer can be guessed."""


def serve(
    *,
    model: Annotated[
        list[Path] | None,
        Parameter(
            help="Model files; the first is the default.", negative=(), consume_multiple=True
        ),
    ] = None,
    models: Annotated[
        Path | None,
        Parameter(
            help="Folder of model files; those put there later count too, and trained ones go there; "
            "default: models in --home."
        ),
    ] = None,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 8421,
    token_file: Annotated[
        Path | None, Parameter(help="File with the token that everybody has to give.")
    ] = None,
    home: Annotated[
        Path | None,
        Parameter(
            help="Folder for what is kept: history.db, planes, models, files that were sent; default: "
            "the user's data folder (or REFP_HOME)."
        ),
    ] = None,
    database: Annotated[
        str | None, Parameter(help="URL of another database for the history.")
    ] = None,
    history: Annotated[
        bool, Parameter(negative="--no-history", help="Record every estimate.")
    ] = True,
    root: Annotated[
        list[Path] | None,
        Parameter(
            help="Folders that requests may name files in.", negative=(), consume_multiple=True
        ),
    ] = None,
    tolerance_um: Annotated[
        float | None,
        Parameter(help="Largest dZ that is tolerated, um.", validator=Number(gt=0, lt=math.inf)),
    ] = None,
) -> None:
    """Open the pages and the HTTP API on this machine.

    Only this machine can reach them, unless --host names another address; that demands --token-file.
    An image that is sent is estimated as by refp estimate, and removed when its page is not needed. What
    came out is recorded as by refp history record.

    Examples
    --------
    refp serve --model a2k.refp

    refp serve --models models/ --root images/ --tolerance-um 7.5

    refp serve --model a2k.refp --host 0.0.0.0 --token-file token.txt
    """
    try:
        import uvicorn

        from refp.web import WebSettings, create_app
        from refp.web.home import Home
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "web", "refp serve") from error
    from refp.cli.console import say
    from refp.history import default_database

    kept = Home((home or default_database().parent).absolute())
    log = _database(kept.folder, database)
    settings = WebSettings(
        models=tuple(_files(model or [])),
        models_folder=_folder(models, "--models") or kept.models,
        roots=tuple(filter(None, (_folder(path, "--root") for path in root or []))),
        home=kept.folder,
        history=log if history else "",
        jobs=log,
        host=host,
        token=_token(token_file),
        tolerance_um=tolerance_um,
    )
    if not settings.local and settings.token is None:
        raise RecipeError(f"--host {host}: others can reach this address; add --token-file FILE")
    with kept.held():
        say(f"refp: {_address(host, port)} for {_who(settings)}; Ctrl-C ends it")
        uvicorn.run(
            create_app(settings),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
        )


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _who(settings: "WebSettings") -> str:
    who = "this machine only" if settings.local else "the network"
    return who if settings.token is None else f"{who}, with its token"


def _files(paths: list[Path]) -> list[Path]:
    for path in paths:
        if not path.is_file():
            raise ModelError(f"{path}: no such model file; 'refp train' makes one")
    return [path.absolute() for path in paths]


def _folder(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_dir():
        raise RecipeError(f"{option} {path}: no such folder; check the path")
    return None if path is None else path.absolute()


def _database(home: Path, database: str | None) -> str:
    """Return where is recorded; nowhere, and that is said, without the libraries for it."""
    from refp.cli.console import say
    from refp.history import default_database

    if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
        say("refp: no history and no jobs; python -m pip install 'refp[history]' to have them")
        return ""
    return database or str(default_database(home))


def _token(path: Path | None) -> "SecretStr | None":
    from pydantic import SecretStr

    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"--token-file {path}: cannot be read; check the path") from error
    if len(token) < LEAST_TOKEN:
        raise RecipeError(
            f"--token-file {path}: shorter than {LEAST_TOKEN} characters; make one: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return SecretStr(token)
