"""Descriptions of the model files of a server, made by workers."""

from http import HTTPStatus
from pathlib import Path

from refp.web.errors import WorkError
from refp.web.http.problems import Problem
from refp.web.messages import ModelInfo
from refp.web.settings import WebSettings
from refp.web.storage.models import model_files, retired_files
from refp.web.workers import calls
from refp.web.workers.pools import START_S, WorkerPools

NO_MODEL = "this server has no model; train or upload one on the page Models"


class ModelFiles:
    """Descriptions of the model files, cached until a file changes."""

    def __init__(self, settings: WebSettings, pools: WorkerPools) -> None:
        self._settings, self._pools = settings, pools
        self._known: dict[tuple[Path, int, int], ModelInfo] = {}

    async def read(self, *, retired: bool = False) -> list[ModelInfo]:
        """Return the models in use, the default first, or the retired models."""
        found: dict[tuple[Path, int, int], ModelInfo] = {}
        files = retired_files(self._settings) if retired else model_files(self._settings)
        for path in files:
            status = path.stat() if path.is_file() else None
            key = (path, status.st_mtime_ns, status.st_size) if status else (path, 0, 0)
            known = self._known.get(key)
            found[key] = known or await self._describe(path)
        others = {key: model for key, model in self._known.items() if key[0] not in files}
        self._known = others | found
        return list(found.values())

    async def _describe(self, path: Path) -> ModelInfo:
        """Return the description of a file, or the error if its worker is lost."""
        try:
            return await self._pools.run_again(
                calls.estimates.describe_model, path, limit_s=START_S
            )
        except WorkError as error:
            return ModelInfo(path, path.stem, {}, [], "", f"{path.name}: {error}")

    def choices(self) -> list[tuple[str, str]]:
        """Return file name and display name of each model: that of the user, and that of the card."""
        read = {path: model for (path, _, _), model in self._known.items()}
        return [(p.name, _label(p, read.get(p))) for p in model_files(self._settings)]

    async def choose(self, name: str) -> ModelInfo:
        """Return the model with a name or file name; the first if the name is empty.

        Raises
        ------
        Problem
            If there is no such model, or it cannot be loaded.
        """
        models = await self.read()
        if not models:
            raise Problem(HTTPStatus.CONFLICT, "no_model", NO_MODEL)
        chosen = next((m for m in models if name in ("", m.name, m.path.name, m.title)), None)
        if chosen is None:
            detail = f"no model {name!r}; /api/v1/models lists them"
            raise Problem(HTTPStatus.NOT_FOUND, "unknown_model", detail)
        if chosen.error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "model_error", chosen.error)
        return chosen


def _label(path: Path, model: ModelInfo | None) -> str:
    if model is None or model.error or model.name == path.stem:
        return path.stem
    return f"{path.stem} ({model.name})"
