"""``refp serve``."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import DIRECTIONS, StageDirection
from refp.core.errors import MissingExtraError, ModelError, RecipeError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from refp.web import WebSettings

MIN_TOKEN = 16
"""Characters; shorter tokens can be guessed."""


Files = Parameter(negative=(), consume_multiple=True)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class OfferedOptions:
    """Models and folders that requests may use."""

    model: Annotated[list[Path] | None, Files] = None
    "Model files; the first is the default."
    models: Path | None = None
    "Folder of model files, including those that are trained here; default: models in --home."
    root: Annotated[list[Path] | None, Files] = None
    "Folders whose files requests may name."
    tolerance_um: Annotated[float | None, Parameter(validator=Number(gt=0, lt=math.inf))] = None
    "Largest tolerated dZ, um."
    stage_direction: StageDirection = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class KeptOptions:
    """Storage of results."""

    home: Path | None = None
    "Folder of history, planes, models and uploads; default: the user's data folder (or REFP_HOME)."
    database: str | None = None
    "URL of another database for the history."
    history: Annotated[bool, Parameter(negative="--no-history")] = True
    "Record every estimate."


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Address, port and token of the server."""

    host: str = "127.0.0.1"
    "Address to listen on."
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 8421
    "Port to listen on."
    token_file: Path | None = None
    "File with the token that every request must give."


def serve(
    *,
    offered: OfferedOptions = OfferedOptions(),
    kept: KeptOptions = KeptOptions(),
    access: AccessOptions = AccessOptions(),
) -> None:
    """Open the pages and the HTTP API on this machine.

    Only this machine can reach them, unless --host names another address, which requires --token-file.
    No model or data are needed to start: the pages define reference planes from sweeps, train models,
    estimate dZ of uploaded images and keep the history, with the same results as the commands. The folder
    --home holds history.db, planes, models and uploads.

    Examples
    --------
    refp serve

    refp serve --model a2k.refp --root sweeps/

    refp serve --models models/ --root images/ --tolerance-um 7.5

    refp serve --model a2k.refp --host 0.0.0.0 --token-file token.txt
    """
    try:
        from refp.web.serve import check_port, run_server
        from refp.web.storage.home import Home
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "web", "refp serve") from error
    from refp.cli.console import print_message

    settings = _settings(offered, kept, access)
    assert settings.home is not None
    if not settings.local and settings.token is None:
        raise RecipeError(
            f"--host {access.host}: others can reach this address; add --token-file FILE"
        )
    check_port(access.host, access.port)
    with Home(settings.home).held():
        print_message(
            f"refp: {_address(access.host, access.port)} for {_describe_access(settings)}; Ctrl-C ends it"
        )
        run_server(settings, access.port)


def _settings(offered: OfferedOptions, kept: KeptOptions, access: AccessOptions) -> "WebSettings":
    from refp.history import default_database
    from refp.web import WebSettings
    from refp.web.storage.home import Home

    home = Home((kept.home or default_database().parent).absolute())
    log = _database(home.folder, kept.database)
    return WebSettings(
        models=tuple(_files(offered.model or [])),
        models_folder=_folder(offered.models, "--models") or home.models,
        roots=tuple(filter(None, (_folder(path, "--root") for path in offered.root or []))),
        home=home.folder,
        history=log if kept.history else "",
        jobs=log,
        host=access.host,
        token=_token(access.token_file),
        tolerance_um=offered.tolerance_um,
        stage_direction=DIRECTIONS[offered.stage_direction],
    )


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _describe_access(settings: "WebSettings") -> str:
    clients = "this machine only" if settings.local else "the network"
    return clients if settings.token is None else f"{clients}, with its token"


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
    """Return the database; empty, with a message, if its libraries are not installed."""
    from refp.cli.console import print_message
    from refp.history import default_database

    if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
        print_message(
            "refp: no history and no jobs; python -m pip install 'refp[history]' to have them"
        )
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
    if len(token) < MIN_TOKEN:
        raise RecipeError(
            f"--token-file {path}: shorter than {MIN_TOKEN} characters; make one: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return SecretStr(token)
