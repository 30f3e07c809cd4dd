"""The models of a server: those in use and those retired, how each came here, and how more come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from refp.core.errors import RefpError
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, RequestFile
from refp.web.job import OPTIONS, Job
from refp.web.messages import ModelInfo, ModelUsage
from refp.web.schemas.models import AdaptRequest, TrainRequest
from refp.web.services.engine import Engine
from refp.web.services.planes import find_planes
from refp.web.storage.models import REPORT, check_name, model_files, retired_files
from refp.web.workers import calls

MAKES_MODELS = frozenset({"train", "adapt"})
UNUSED = ModelUsage(n_estimates=0, last_at="", instruments=[])
NO_FOLDER = "no models are kept here; start refp serve with --home FOLDER"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of the server, with its origin and use.

    Attributes
    ----------
    info
        What its file is.
    is_default, is_retired, is_fixed
        Whether it is used where none is named; whether it is not offered; whether the server was
        started with it.
    made_at
        Time of its training or upload, ISO 8601 with zone; empty where its file is gone.
    job
        The job that made it; ``None`` where no job did.
    use
        Where it was used; ``None`` where that is not known.
    """

    info: ModelInfo
    is_default: bool
    is_retired: bool
    is_fixed: bool
    made_at: str
    job: Job | None
    use: ModelUsage | None

    @property
    def file(self) -> str:
        """Name of its file."""
        return self.info.path.name

    @property
    def error(self) -> str:
        """Why it cannot be loaded, without the folders of this machine; else empty."""
        return self.info.error.replace(str(self.info.path), self.file)

    @property
    def report(self) -> Path | None:
        """The page of its training."""
        page = self.info.path.with_suffix(REPORT)
        return page if page.is_file() else None


async def list_models(engine: Engine, *, retired: bool = False) -> list[ServedModel]:
    """Return the models in use, the default first, or those that are retired."""
    infos = await engine.models.read(retired=retired)
    uses = await _uses(engine) if infos else None
    jobs = [job for job in engine.jobs.known() if "sha256" in job.result]
    made = {(job.result["model"], job.result["sha256"]): job for job in jobs}
    return [
        ServedModel(
            info=info,
            is_default=number == 0 and not retired,
            is_retired=retired,
            is_fixed=info.path in engine.settings.models,
            made_at=_made_at(info.path, made.get((info.path.name, info.sha256))),
            job=made.get((info.path.name, info.sha256)),
            use=None if uses is None else uses.get(info.sha256, UNUSED),
        )
        for number, info in enumerate(infos)
    ]


async def find_model(engine: Engine, file: str) -> ServedModel:
    """Return a model, in use or retired, by its file's name.

    Raises
    ------
    Problem
        If there is none.
    """
    for retired in (False, True):
        for model in await list_models(engine, retired=retired):
            if model.file == file:
                return model
    raise _unknown(file)


def find_file(engine: Engine, file: str) -> Path:
    """Return where a model lies by its file's name; errors as of :func:`find_model`."""
    settings = engine.settings
    for path in (*model_files(settings), *retired_files(settings)):
        if path.name == file and path.is_file():
            return path
    raise _unknown(file)


async def take_form(engine: Engine, form: Form) -> tuple[str, bool]:
    """Take the model of a form; return its file's name, and whether it is new.

    Raises
    ------
    Problem
        If no file was sent, or no models are kept.
    """
    if not form.files:
        detail = "no file was sent; choose a model file, *.refp"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
    return await _take_upload(engine, form.files[0], form.fields.get("name", "").strip())


async def _take_upload(engine: Engine, given: RequestFile, name: str) -> tuple[str, bool]:
    """Put a model that was sent among those in use; return its file's name, and whether it is new.

    Raises
    ------
    Problem
        If no models are kept.
    WorkError
        If it is no model, or its name is none or not free.
    """
    folder = _folder(engine)
    waiting = [folder / file for file in _waiting(engine)]  # their names are taken
    others = [*engine.settings.models, *waiting]
    return await engine.pools.ask(calls.take_model, given.path, given.name, name, folder, others)


async def queue_training(engine: Engine, asked: TrainRequest) -> Job:
    """Queue the training of a model.

    Raises
    ------
    Problem
        If there are no such planes.
    WorkError
        If the name is none or not free, or family, recipe or a library is not there.
    """
    planes = find_planes(engine, asked.planes)
    async with engine.jobs.naming:
        file = await _new_name(engine, asked.name)
        await engine.pools.ask(calls.check_training, asked.recipe, asked.family)
        request = asked.model_dump() | {"name": file} | _data_of(planes)
        return await engine.jobs.runner.add("train", Path(file).stem, request, asked.operator)


async def queue_adaptation(engine: Engine, asked: AdaptRequest) -> Job:
    """Queue the adaptation of a model; errors as of :func:`queue_training`, and of the paths."""
    _ = engine.jobs.runner  # before anything is looked for
    _check_source(asked)
    model = await engine.models.choose(asked.model)
    async with engine.jobs.naming:
        return await _queue_adapting(engine, asked, model.path)


async def _queue_adapting(engine: Engine, asked: AdaptRequest, model: Path) -> Job:
    file = await _new_name(engine, asked.name)
    if asked.planes:
        data = _data_of(find_planes(engine, asked.planes))
    else:
        await engine.pools.ask(calls.check_paths, asked.paths, engine.settings.roots)
        data = {"data": [{"path": path} for path in asked.paths]}
    request = asked.model_dump(exclude={"paths", "title"}) | data
    request |= {"name": file, "model": str(model)}
    title = asked.title or Path(file).stem
    return await engine.jobs.runner.add("adapt", title, request, asked.operator)


async def retire(engine: Engine, file: str) -> None:
    """Take a model out of use; it is kept.

    Raises
    ------
    Problem
        If there is none, the server was started with it, or a job that waits needs it.
    """
    path = next((p for p in model_files(engine.settings) if p.name == file), None)
    if path is None or not path.is_file():
        raise _unknown(file)
    if path in engine.settings.models:
        detail = f"{file}: the server was started with it (--model); start it without"
        raise Problem(HTTPStatus.CONFLICT, "named_at_start", detail)
    if any(
        job.request.get("model") == str(path) for job in engine.jobs.known() if not job.has_ended
    ):
        detail = f"{file}: a job that has not ended adapts it; wait for the job or cancel it"
        raise Problem(HTTPStatus.CONFLICT, "in_use", detail)
    await engine.pools.ask(calls.retire_model, path)


async def restore(engine: Engine, file: str) -> None:
    """Take a retired model into use again.

    Raises
    ------
    Problem
        If there is none.
    WorkError
        If another model has its name.
    """
    path = next((p for p in retired_files(engine.settings) if p.name == file), None)
    if path is None:
        raise _unknown(file)
    await engine.pools.ask(calls.restore_model, path)


def _check_source(asked: AdaptRequest) -> None:
    """Refuse a request that does not say of which sweep it is, or says it twice."""
    stated = asked.instrument or asked.pattern or asked.pixel_size_um or asked.bead_diameter_um
    if bool(asked.planes) == bool(asked.paths):
        detail = "which sweep? give planes that were defined here, or paths"
    elif asked.planes and stated:
        detail = "planes know what they are of; leave instrument, pattern and sizes out"
    else:
        return
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "which_sweep", detail)


async def _new_name(engine: Engine, name: str) -> str:
    """Return the file name of a model that a job is to make."""
    others = [path.name for path in engine.settings.models]
    return await engine.pools.ask(
        calls.check_free, name, _folder(engine), [*others, *_waiting(engine)]
    )


def _waiting(engine: Engine) -> list[str]:
    """Return the file names of models that jobs are yet to make."""
    jobs = [job for job in engine.jobs.known() if job.kind in MAKES_MODELS and not job.has_ended]
    return [check_name(job.request["name"]) for job in jobs]


def _folder(engine: Engine) -> Path:
    folder = engine.settings.own_models
    if folder is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no_folder", NO_FOLDER)
    return folder


def _data_of(planes: Job) -> dict[str, Any]:
    """Return the data that planes were defined from, and what was said of them."""
    said: Mapping[str, Any] = planes.request
    return {"data": said["data"], **{name: said.get(name) for name in OPTIONS}}


async def _uses(engine: Engine) -> dict[str, ModelUsage] | None:
    """Return where models were used; a history that is not there keeps nobody from the models."""
    if not engine.settings.history:
        return None
    try:
        return await engine.history.ask(calls.read_uses)
    except RefpError:
        return None


def _made_at(path: Path, job: Job | None) -> str:
    if job is not None:
        return job.ended_at
    if not path.is_file():
        return ""
    at = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return at.isoformat(timespec="seconds")


def _unknown(file: str) -> Problem:
    detail = f"no model file is called {file!r}; see /api/v1/models"
    return Problem(HTTPStatus.NOT_FOUND, "unknown_model", detail)
