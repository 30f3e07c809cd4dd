"""Estimates of images, each in a worker."""

import asyncio
from collections.abc import Sequence

from refp.web.errors import LOST, OUT_OF_MEMORY, TOO_LONG, WorkError
from refp.web.http.uploads import RequestFile
from refp.web.messages import NOBODY, Answer, By, ModelInfo, Task
from refp.web.settings import WebSettings
from refp.web.workers import calls
from refp.web.workers.pools import WorkerPools

NO_IMAGE = "its content is no TIFF, PNG, JPEG or BMP; export it as TIFF"
REFUSABLE = frozenset({TOO_LONG, LOST, OUT_OF_MEMORY})
"""Ends of a worker by a single file: it is refused, and the others are not."""


class Estimates:
    """Estimates for the routes."""

    def __init__(self, settings: WebSettings, pools: WorkerPools) -> None:
        self._settings, self._pools = settings, pools

    async def list_files(self, paths: Sequence[str]) -> list[RequestFile]:
        """Return the files of paths under the allowed roots; errors of a worker."""
        roots, most = self._settings.roots, self._settings.limits.files
        files = await self._pools.ask(calls.list_files, list(paths), roots, most)
        return [RequestFile(path, path.name, is_image=True) for path in files]

    def task(
        self, given: RequestFile, model: ModelInfo, tolerance_um: float | None, by: By = NOBODY
    ) -> Task:
        """Return the task of a worker for a file."""
        limits = self._settings.limits
        return Task(
            model=model.path,
            path=given.path,
            name=given.name,
            tolerance_um=tolerance_um,
            most_pixels=limits.pixels,
            most_planes=1 if by.purpose else limits.files,  # a check is one image
            history=self._settings.history,
            by=by,
        )

    async def estimate(
        self,
        files: Sequence[RequestFile],
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
            If the model cannot be loaded, or a file states that it is of another instrument.
        """
        work = [self._estimate(f, self.task(f, model, tolerance_um, by), view) for f in files]
        return list(await asyncio.gather(*work))

    async def _estimate(self, given: RequestFile, task: Task, view: bool) -> list[Answer]:
        if not given.is_image:
            return await self._refuse(task, f"{given.name}: {NO_IMAGE}")
        try:
            return await self._pools.ask_anew(calls.estimate_file, task, view)
        except WorkError as error:
            if error.code not in REFUSABLE:
                message = str(error).replace(str(task.path), task.name)
                raise WorkError(error.code, message) from error
            return await self._refuse(task, f"{given.name}: {error}; send a smaller image")

    async def _refuse(self, task: Task, sentence: str) -> list[Answer]:
        return await self._pools.ask(calls.refuse_file, task, sentence)
