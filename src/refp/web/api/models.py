"""The models that are here."""

from fastapi import APIRouter

from refp.web.api.common import AnEngine
from refp.web.schemas import Model

router = APIRouter()


@router.get("/models")
async def models(engine: AnEngine) -> list[Model]:
    """Return the models that are here, the default first."""
    return [
        Model(name=m.name, file=m.path.name, sha256=m.sha256, error=m.error, card=m.card)
        for m in await engine.models()
    ]
