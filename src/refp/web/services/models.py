"""The models of a server: in use and retired, their origin, uploads, training and adaptation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from refp.core.errors import RefpError
from refp.web.http.problems import Problem
from refp.web.http.uploads import Form, RequestFile
from refp.web.job import OPTIONS, Job
from refp.web.messages import InstrumentVerification, ModelInfo, ModelUsage
from refp.web.schemas.models import AdaptRequest, TrainRequest
from refp.web.services.engine import Engine
from refp.web.services.planes import find_planes
from refp.web.storage.models import REPORT, check_name, model_files, retired_files
from refp.web.wording.options import in_web_words
from refp.web.workers import calls

MODEL_JOBS = frozenset({"train", "adapt"})
Content = TypeVar("Content")
UNUSED = ModelUsage(n_estimates=0, last_at="", instruments=[])
NO_FOLDER = "this server has no folder of models; its administrator can start it with a home folder"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of the server, with its origin and use.

    Attributes
    ----------
    info
        Description of the file.
    is_default, is_retired, is_fixed
        Whether it is used if none is named; whether it is retired; whether it is from ``--model``.
    made_at
        Time of its training or upload, ISO 8601 with zone; empty if its file is gone.
    job
        The job that made it, if any.
    use
        Its use; ``None`` if unknown.
    verified
        State of its verification on each instrument; ``None`` if unknown.
    """

    info: ModelInfo
    is_default: bool
    is_retired: bool
    is_fixed: bool
    made_at: str
    job: Job | None
    use: ModelUsage | None
    verified: list[InstrumentVerification] | None

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.info.path.name

    @property
    def title(self) -> str:
        """Name that the user gave."""
        return self.info.title

    @property
    def error(self) -> str:
        """Error of loading it, without folders of this machine; empty if it loads."""
        return in_web_words(self.info.error.replace(str(self.info.path), self.file))

    @property
    def report(self) -> Path | None:
        """The training report, if there is one."""
        page = self.info.path.with_suffix(REPORT)
        return page if page.is_file() else None


async def list_models(engine: Engine, *, retired: bool = False) -> list[ServedModel]:
    """Return the models in use, the default first, or the retired models."""
    infos = await engine.models.read(retired=retired)
    uses = await _from_history(engine, calls.history.read_uses) if infos else None
    verified = await _from_history(engine, calls.history.read_verifications) if infos else None
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
            verified=None if verified is None else verified.get(info.sha256, []),
        )
        for number, info in enumerate(infos)
    ]


async def find_model(engine: Engine, file: str) -> ServedModel:
    """Return a model, in use or retired, by its file name.

    Raises
    ------
    Problem
        If there is no such model.
    """
    for retired in (False, True):
        for model in await list_models(engine, retired=retired):
            if model.file == file:
                return model
    raise _unknown(file)


def find_file(engine: Engine, file: str) -> Path:
    """Return the path of a model by its file name; errors as of :func:`find_model`."""
    settings = engine.settings
    for path in (*model_files(settings), *retired_files(settings)):
        if path.name == file and path.is_file():
            return path
    raise _unknown(file)


def find_report(engine: Engine, file: str) -> Path:
    """Return the path of the training report of a model.

    Raises
    ------
    Problem
        As of :func:`find_model`, or if this server has no report of it.
    """
    page = find_file(engine, file).with_suffix(REPORT)
    if not page.is_file():
        detail = f"{file}: this server has no training report of it; read its card instead"
        raise Problem(HTTPStatus.NOT_FOUND, "no_report", detail)
    return page


async def take_form(engine: Engine, form: Form) -> tuple[str, bool]:
    """Store the model of a form; return its file name, and whether it is new.

    Raises
    ------
    Problem
        If the form has no file, or the server no folder of models.
    """
    if not form.files:
        detail = "the request has no file; choose a model file, *.refp"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
    return await _take_upload(engine, form.files[0], form.fields.get("name", "").strip())


async def _take_upload(engine: Engine, given: RequestFile, name: str) -> tuple[str, bool]:
    """Store an uploaded model; return its file name, and whether it is new.

    Raises
    ------
    Problem
        If the server has no folder of models.
    WorkError
        If the file is not a model, or its name is invalid or taken.
    """
    folder = _folder(engine)
    waiting = [folder / file for file in _pending(engine)]  # their names are taken
    others = [*engine.settings.models, *waiting]
    return await engine.pools.run(
        calls.models.take_model, given.path, given.name, name, folder, others
    )


async def queue_training(engine: Engine, sent: TrainRequest) -> Job:
    """Queue the training of a model.

    Raises
    ------
    Problem
        If there are no such planes.
    WorkError
        If the name is invalid or taken, or family, recipe or a library is missing.
    """
    planes = find_planes(engine, sent.planes)
    async with engine.jobs.naming:
        file = await new_name(engine, sent.name)
        await engine.pools.run(calls.models.check_training, sent.recipe, sent.family)
        request = sent.model_dump() | {"name": file} | _data_of(planes)
        return await engine.jobs.runner.add("train", Path(file).stem, request, sent.operator)


async def queue_adaptation(engine: Engine, sent: AdaptRequest) -> Job:
    """Queue the adaptation of a model; errors as of :func:`queue_training`, and of the paths."""
    _ = engine.jobs.runner  # raises before the request is checked
    _check_source(sent)
    model = await engine.models.choose(sent.model)
    async with engine.jobs.naming:
        return await _queue_adapting(engine, sent, model.path)


async def _queue_adapting(engine: Engine, sent: AdaptRequest, model: Path) -> Job:
    file = await new_name(engine, sent.name)
    if sent.planes:
        data = _data_of(find_planes(engine, sent.planes))
    else:
        await engine.pools.run(calls.checks.check_paths, sent.paths, engine.settings.roots)
        data = {"data": [{"path": path} for path in sent.paths]}
    request = sent.model_dump(exclude={"paths", "title"}) | data
    request |= {"name": file, "model": str(model)}
    title = sent.title or Path(file).stem
    return await engine.jobs.runner.add("adapt", title, request, sent.operator)


async def retire(engine: Engine, file: str) -> None:
    """Retire a model; its file is kept.

    Raises
    ------
    Problem
        If there is no such model, the server was started with it, or a job needs it.
    """
    path = next((p for p in model_files(engine.settings) if p.name == file), None)
    if path is None or not path.is_file():
        raise _unknown(file)
    if path in engine.settings.models:
        detail = (
            f"{file}: the server was started with this model; choose another as the default, or ask the "
            "administrator to start it without this one"
        )
        raise Problem(HTTPStatus.CONFLICT, "named_at_start", detail)
    if any(
        job.request.get("model") == str(path) for job in engine.jobs.known() if not job.has_ended
    ):
        detail = f"{file}: a job that has not ended adapts it; wait for the job or cancel it"
        raise Problem(HTTPStatus.CONFLICT, "in_use", detail)
    await engine.pools.run(calls.models.retire_model, path)


async def restore(engine: Engine, file: str) -> None:
    """Restore a retired model.

    Raises
    ------
    Problem
        If there is no such model.
    WorkError
        If another model has the name.
    """
    path = next((p for p in retired_files(engine.settings) if p.name == file), None)
    if path is None:
        raise _unknown(file)
    await engine.pools.run(calls.models.restore_model, path)


async def make_default(engine: Engine, file: str) -> None:
    """Use a model where a request names none, also after a restart of the server.

    Raises
    ------
    Problem
        If there is no such model in use, or the server has no folder to keep the choice in.
    """
    folder = _folder(engine)
    if file not in (path.name for path in model_files(engine.settings) if path.is_file()):
        raise _unknown(file)
    await engine.pools.run(calls.model_names.choose_default, folder, file)


def _check_source(sent: AdaptRequest) -> None:
    """Raise a problem unless a request names exactly one source of the sweep."""
    stated = sent.instrument or sent.pattern or sent.pixel_size_um or sent.bead_diameter_um
    if bool(sent.planes) == bool(sent.paths):
        detail = (
            "the sweep is missing or ambiguous; give either planes that were defined here, or paths"
        )
    elif sent.planes and stated:
        detail = (
            "planes have instrument and sizes of their own; leave instrument, pattern and sizes out"
        )
    else:
        return
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "which_sweep", detail)


async def new_name(engine: Engine, name: str) -> str:
    """Return the file name of a new model, checked against all models and queued jobs.

    Raises
    ------
    Problem
        If the server has no folder of models.
    WorkError
        If the name is invalid or taken.
    """
    others = [path.name for path in engine.settings.models]
    return await engine.pools.run(
        calls.model_names.check_free, name, _folder(engine), [*others, *_pending(engine)]
    )


def _pending(engine: Engine) -> list[str]:
    """Return the file names of models that queued or running jobs will make."""
    jobs = [job for job in engine.jobs.known() if job.kind in MODEL_JOBS and not job.has_ended]
    return [check_name(job.request["name"]) for job in jobs]


def _folder(engine: Engine) -> Path:
    folder = engine.settings.own_models
    if folder is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no_folder", NO_FOLDER)
    return folder


def _data_of(planes: Job) -> dict[str, Any]:
    """Return the data that planes were defined from, and their options."""
    request: Mapping[str, Any] = planes.request
    return {"data": request["data"], **{name: request.get(name) for name in OPTIONS}}


async def _from_history(
    engine: Engine, read: Callable[[str], dict[str, Content]]
) -> dict[str, Content] | None:
    """Return values by the SHA-256 of models; ``None`` without a readable history."""
    if not engine.settings.history:
        return None
    try:
        return await engine.history.run(read)
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
    detail = f"no model file {file!r}; /api/v1/models lists them"
    return Problem(HTTPStatus.NOT_FOUND, "unknown_model", detail)
