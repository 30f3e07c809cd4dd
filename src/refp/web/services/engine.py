"""What the routes share: workers, models, and results that are kept for their page."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from refp.core.errors import RefpError
from refp.core.parallel import default_jobs
from refp.web.errors import LOST, OUT_OF_MEMORY, TOO_LONG, WorkError
from refp.web.http.problems import Problem
from refp.web.http.uploads import Given
from refp.web.job import JobPlace
from refp.web.jobs.runner import Runner
from refp.web.messages import NOBODY, Answer, By, ModelInfo, Row, Task
from refp.web.settings import WebSettings
from refp.web.storage.files import Files
from refp.web.storage.home import Home
from refp.web.storage.job_files import demo_folder
from refp.web.storage.models import model_files, retired_files
from refp.web.workers.pool import Pool

START_S = 300.0
"""A worker's first work may compile its kernels, which takes a minute on a slow machine."""
NO_IMAGE = "its content is no TIFF, PNG, JPEG or BMP; export it as TIFF"
REFUSABLE = frozenset({TOO_LONG, LOST, OUT_OF_MEMORY})
"""What a single file may do to a worker; it is refused, and the others are not."""
NOT_ITS_FAULT = frozenset({LOST, OUT_OF_MEMORY})
"""What may be the doing of another program or of an earlier file; a new worker tells."""
SCIENCE, PAST, JOB_LOG = (
    "refp.web.workers.estimates",
    "refp.web.workers.history",
    "refp.web.workers.job_log",
)
SLOW = ("refp.web.workers.checks", "refp.web.workers.folders", "refp.web.workers.models")
"""What looks through archives, folders and sent models."""
NO_JOBS = "no jobs are kept here; start refp serve --home FOLDER with extra 'history' installed"
NO_HISTORY = "no history is kept here; start refp serve without --no-history"


@dataclass(slots=True)
class Result:
    """The answers to one form, while they are kept; ``tasks`` has what each was made from."""

    model: ModelInfo
    tolerance_um: float | None
    answers: list[Answer] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """The rows of all images."""
        return [answer.row for answer in self.answers]


class Engine:
    """Estimates for the routes; lives as long as the app."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = _with_demo(settings)
        self._pool = Pool(settings.workers, settings.limits.memory_bytes)
        self._slow = Pool(1, settings.limits.memory_bytes)  # estimates do not wait for archives
        self._models: dict[tuple[Path, int, int], ModelInfo] = {}
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._warming: list[asyncio.Task[None]] = []
        self._passing = None if settings.home else TemporaryDirectory(prefix="refp-")
        self._home = Home(settings.home or Path(self._passing.name if self._passing else ""))
        self._images = self._home.images(settings.limits.kept_bytes)
        self._runner: Runner | None = None
        self.naming = asyncio.Lock()
        """Held from seeing that a name is free until the job that takes it is queued."""

    def start(self) -> None:
        """Let the workers load their libraries and the first model; nobody waits for it."""
        if self.settings.home and self.settings.jobs:
            self._runner = Runner(self._ask_log, self._job_place(), self._home.server_id())
            self._runner.start()
        n = self.settings.workers
        self._warming = [asyncio.create_task(self._warm_up(at_once=k == 0)) for k in range(n)]

    async def stop(self) -> None:
        """End the workers, and remove what was uploaded."""
        if self._runner is not None:
            await self._runner.stop()
        for pool in (self._pool, self._slow):
            await asyncio.to_thread(pool.stop)
        await asyncio.gather(*self._warming, return_exceptions=True)
        self._results.clear()
        if self._passing is not None:
            self._passing.cleanup()

    async def ask(self, name: str, *arguments: object, limit_s: float | None = None) -> Any:
        """Run a function of :mod:`refp.web.workers.estimates`, or one named ``module:name``, in a worker.

        Raises
        ------
        WorkError
            What it raised, or what became of the worker.
        """
        function = name if ":" in name else f"{SCIENCE}:{name}"
        return await self._ask(function, *arguments, limit_s=limit_s)

    async def ask_past(self, name: str, *arguments: object) -> Any:
        """Run a function of :mod:`refp.web.workers.history` on the history in a worker.

        Raises
        ------
        Problem
            If no history is kept.
        WorkError
            As :meth:`ask`.
        """
        database = self.settings.history
        if not database:
            raise Problem(HTTPStatus.NOT_FOUND, "no_history", NO_HISTORY)
        return await self._ask(f"{PAST}:{name}", database, *arguments)

    async def _ask(self, function: str, *arguments: object, limit_s: float | None = None) -> Any:
        limit_s = limit_s or self.settings.limits.work_s
        pool = self._slow if function.startswith(SLOW) else self._pool
        loop = asyncio.get_running_loop()

        def wait() -> Any:
            return pool.ask(function, *arguments, limit_s=limit_s)

        return await loop.run_in_executor(pool.threads, wait)

    async def _ask_log(self, name: str, *arguments: object) -> Any:
        return await self._ask(f"{JOB_LOG}:{name}", self.settings.jobs, *arguments)

    def _job_place(self) -> JobPlace:
        return JobPlace(
            home=self._home.folder,
            models=self.settings.own_models or self._home.models,
            roots=self.settings.roots,
            history=self.settings.history,
            limits=self.settings.limits,
            processes=max(default_jobs() - 1, 1),  # estimates need a core
        )

    @property
    def home(self) -> Path:
        """The folder that everything is kept in."""
        return self._home.folder

    @property
    def keeps_jobs(self) -> bool:
        """Whether there are jobs."""
        return self._runner is not None

    @property
    def jobs(self) -> Runner:
        """The queue of jobs.

        Raises
        ------
        Problem
            If the server keeps nothing.
        """
        if self._runner is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no_jobs", NO_JOBS)
        return self._runner

    async def jobs_loaded(self) -> None:
        """Wait until the jobs of earlier servers are known; at once where there are no jobs."""
        if self._runner is not None:
            await self._runner.loaded()

    @property
    def sweeps(self) -> Files:
        """The sweeps that people sent, by content."""
        return self._home.sweeps()

    async def keep_images(self, files: Sequence[Given]) -> list[Given]:
        """Keep the images among files that were sent by their content; others stay where they lie."""

        def keep() -> list[Given]:
            return [
                replace(one, path=self._images.path(self._images.keep(one.path, one.path.suffix)))
                if one.known
                else one
                for one in files
            ]

        return await asyncio.to_thread(keep)

    def spool(self) -> "TemporaryDirectory[str]":
        """Make a folder for what one request uploads."""
        folder = self._home.uploads()
        return TemporaryDirectory(prefix="refp-", dir=folder, ignore_cleanup_errors=True)

    async def models(self, *, retired: bool = False) -> list[ModelInfo]:
        """Return the models that are there now; a file is read again only when it changes."""
        found: dict[tuple[Path, int, int], ModelInfo] = {}
        files = retired_files(self.settings) if retired else model_files(self.settings)
        for path in files:
            status = path.stat() if path.is_file() else None
            key = (path, status.st_mtime_ns, status.st_size) if status else (path, 0, 0)
            known = self._models.get(key)
            found[key] = known or await self._describe(path)
        others = {key: model for key, model in self._models.items() if key[0] not in files}
        self._models = others | found
        return list(found.values())

    async def _describe(self, path: Path) -> ModelInfo:
        """Return what a model file is; one that does harm to a worker is told as it is."""
        try:
            info: ModelInfo = await self._ask_anew("describe_model", path, limit_s=START_S)
        except WorkError as error:
            return ModelInfo(path, path.stem, {}, [], "", f"{path.name}: {error}")
        return info

    def choices(self) -> list[tuple[str, str]]:
        """Return file name and name of each model; a page does not wait for one not yet read."""
        read = {path: model.name for (path, _, _), model in self._models.items()}
        return [(p.name, read.get(p, p.stem)) for p in model_files(self.settings)]

    async def choose(self, name: str) -> ModelInfo:
        """Return the model of a name or of a file's name, the first where it is empty.

        Raises
        ------
        Problem
            If there is none, or it cannot be loaded.
        """
        models = await self.models()
        if not models:
            detail = (
                "no model is here; train or upload one on the page Models, or start with --model"
            )
            raise Problem(HTTPStatus.CONFLICT, "no_model", detail)
        chosen = next((m for m in models if name in ("", m.name, m.path.name)), None)
        if chosen is None:
            detail = f"no model is called {name!r}; see /api/v1/models"
            raise Problem(HTTPStatus.NOT_FOUND, "unknown_model", detail)
        if chosen.error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "model_error", chosen.error)
        return chosen

    async def list_files(self, paths: Sequence[str]) -> list[Given]:
        """Return the files under the allowed roots that paths stand for; errors of a worker."""
        roots = self.settings.roots
        files = await self.ask("list_files", list(paths), roots, self.settings.limits.files)
        return [Given(path, path.name, known=True) for path in files]

    def task(
        self, given: Given, model: ModelInfo, tolerance_um: float | None, by: By = NOBODY
    ) -> Task:
        """Return what a worker is told about a file."""
        limits = self.settings.limits
        return Task(
            model=model.path,
            path=given.path,
            name=given.name,
            tolerance_um=tolerance_um,
            most_pixels=limits.pixels,
            most_planes=1 if by.purpose else limits.files,  # a check is one image
            history=self.settings.history,
            by=by,
        )

    async def estimate(
        self,
        files: Sequence[Given],
        model: ModelInfo,
        tolerance_um: float | None,
        *,
        view: bool,
        by: By = NOBODY,
    ) -> list[list[Answer]]:
        """Return the answers to each file, a plane each, in order.

        Raises
        ------
        WorkError
            If the model cannot be loaded, or a file says that it is of another instrument.
        """
        work = [self._estimate_one(f, self.task(f, model, tolerance_um, by), view) for f in files]
        return list(await asyncio.gather(*work))

    async def _estimate_one(self, given: Given, task: Task, view: bool) -> list[Answer]:
        if not given.known:
            return await self.ask("refuse_file", task, f"{given.name}: {NO_IMAGE}")
        try:
            answers: list[Answer] = await self._ask_anew("estimate_file", task, view)
        except WorkError as error:
            if error.code not in REFUSABLE:
                message = str(error).replace(str(task.path), task.name)
                raise WorkError(error.code, message) from error
            sentence = f"{given.name}: {error}; send a smaller image"
            return await self.ask("refuse_file", task, sentence)
        return answers

    async def _ask_anew(self, name: str, *arguments: object, limit_s: float | None = None) -> Any:
        """Ask as :meth:`ask` does; if the worker ended meanwhile, a new one, which may have to compile."""
        try:
            return await self.ask(name, *arguments, limit_s=limit_s)
        except WorkError as error:
            if error.code not in NOT_ITS_FAULT:
                raise
            return await self.ask(name, *arguments, limit_s=START_S)

    def keep(self, result: Result) -> str:
        """Keep a result for its page, and let the oldest go; return its name."""
        name = secrets.token_urlsafe(12)
        self._results[name] = result
        while len(self._results) > 1 and self._n_kept() > self.settings.limits.results:
            self._results.popitem(last=False)
        return name

    def _n_kept(self) -> int:
        return sum(len(result.answers) for result in self._results.values())

    def result(self, name: str) -> Result:
        """Return a result that is still kept.

        Raises
        ------
        Problem
            If it is not.
        """
        if name not in self._results:
            detail = "this result is no longer kept; estimate the image again"
            raise Problem(HTTPStatus.NOT_FOUND, "no_result", detail)
        self._results.move_to_end(name)
        return self._results[name]

    async def _warm_up(self, *, at_once: bool) -> None:
        if not at_once:
            await self.jobs_loaded()  # which pages wait for
        with suppress(RefpError, asyncio.CancelledError, RuntimeError):  # asking for it says why
            models, database = model_files(self.settings), self.settings.history
            await self.ask("warm_up", models, database, limit_s=START_S)


def _with_demo(settings: WebSettings) -> WebSettings:
    """Return the settings with the folder of simulated sweeps as a last root."""
    if settings.home is None:
        return settings
    return settings.model_copy(update={"roots": (*settings.roots, demo_folder(settings.home))})
