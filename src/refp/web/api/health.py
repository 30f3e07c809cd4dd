"""Whether the server answers."""

from importlib.metadata import version as version_of

from fastapi import APIRouter

from refp.web.api.common import AnEngine
from refp.web.schemas.common import Health
from refp.web.storage.models import model_files

router = APIRouter()


@router.get("/health")
async def health(engine: AnEngine) -> Health:
    """Say whether the server answers, without asking its workers."""
    n_models = len(model_files(engine.settings))
    version = version_of("refp")
    return Health(status="ok" if n_models else "no_model", version=version, n_models=n_models)
