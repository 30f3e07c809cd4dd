"""State of the server."""

from importlib.metadata import version as version_of
from typing import Literal

from fastapi import APIRouter

from refp.web.api.common import EngineDep
from refp.web.schemas.common import Health
from refp.web.storage.models import model_files

router = APIRouter()


@router.get("/health")
async def health(engine: EngineDep) -> Health:
    """Return the state of the server, without a call to its workers."""
    n_models = len(model_files(engine.settings))
    version = version_of("refp")
    status: Literal["ok", "no_model"] = "ok" if n_models else "no_model"
    waited_s = engine.pools.starting_s
    return Health(
        status=status,
        version=version,
        n_models=n_models,
        starting_s=None if waited_s is None else round(waited_s, 1),
    )
