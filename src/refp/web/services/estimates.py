"""Estimates of images, each in a worker."""

import asyncio
from collections.abc import Awaitable, Sequence

from refp.web.errors import LOST, OUT_OF_MEMORY, TOO_LONG, WorkError
from refp.web.http.uploads import RequestFile
from refp.web.messages import (
    ALL_IMAGES,
    ANONYMOUS,
    ImageChoice,
    ModelInfo,
    PageEstimate,
    Requester,
    Task,
)
from refp.web.settings import WebSettings
from refp.web.workers import calls
from refp.web.workers.pools import WorkerPools

NO_IMAGE = "its content is not TIFF, PNG, JPEG or BMP; export it as TIFF"
REFUSABLE = frozenset({TOO_LONG, LOST, OUT_OF_MEMORY})
"""Codes of a lost worker for which one file is refused and the request continues."""


class Estimates:
    """Service of estimates."""

    def __init__(self, settings: WebSettings, pools: WorkerPools) -> None:
        self._settings, self._pools = settings, pools
        self._progress: dict[str, tuple[int, int]] = {}

    def progress(self, name: str) -> tuple[int, int]:
        """Return the number of completed files of a request, and of all; zeros for an unknown name."""
        return self._progress.get(name, (0, 0))

    async def list_files(self, paths: Sequence[str]) -> list[RequestFile]:
        """Return the files of paths under the roots; errors as of ``workers.estimates.list_files``."""
        roots, max_files = self._settings.roots, self._settings.limits.files
        files = await self._pools.run(calls.estimates.list_files, list(paths), roots, max_files)
        return [RequestFile(path, path.name, is_image=True) for path in files]

    def task(
        self,
        given: RequestFile,
        model: ModelInfo,
        tolerance_um: float | None,
        requester: Requester = ANONYMOUS,
        choice: ImageChoice = ALL_IMAGES,
    ) -> Task:
        """Return the task of a file."""
        limits = self._settings.limits
        return Task(
            model=model.path,
            path=given.path,
            name=given.name,
            tolerance_um=tolerance_um,
            max_pixels=limits.pixels,
            max_pages=1 if requester.purpose else limits.files,  # a check is one image
            history=self._settings.history,
            requester=requester,
            choice=choice,
            direction=self._settings.stage_direction,
        )

    async def estimate(
        self,
        files: Sequence[RequestFile],
        model: ModelInfo,
        tolerance_um: float | None,
        *,
        view: bool,
        requester: Requester = ANONYMOUS,
        choice: ImageChoice = ALL_IMAGES,
        name: str = "",
    ) -> list[list[PageEstimate]]:
        """Return the estimates of each file, one per page and time point, in order.

        ``name`` is that of the request in :meth:`progress`; empty: no progress is kept.

        Raises
        ------
        WorkError
            If the model cannot be loaded, or a file states another instrument.
        """
        work = [
            self._estimate(f, self.task(f, model, tolerance_um, requester, choice), view)
            for f in files
        ]
        if not name:
            return list(await asyncio.gather(*work))
        self._progress[name] = 0, len(work)
        try:
            return list(await asyncio.gather(*(self._count(name, one) for one in work)))
        finally:
            del self._progress[name]

    async def _count(self, name: str, work: Awaitable[list[PageEstimate]]) -> list[PageEstimate]:
        estimates = await work
        done, total = self.progress(name)
        if total:  # another file of the request may have failed
            self._progress[name] = done + 1, total
        return estimates

    async def _estimate(self, given: RequestFile, task: Task, view: bool) -> list[PageEstimate]:
        if not given.is_image:
            return await self._refuse(task, f"{given.name}: {NO_IMAGE}")
        try:
            return await self._pools.run_again(calls.estimates.estimate_file, task, view)
        except WorkError as error:
            if error.code not in REFUSABLE:
                message = str(error).replace(str(task.path), task.name)
                raise WorkError(error.code, message) from error
            return await self._refuse(task, f"{given.name}: {error}; send a smaller image")

    async def _refuse(self, task: Task, sentence: str) -> list[PageEstimate]:
        return await self._pools.run(calls.estimates.refuse_file, task, sentence)
