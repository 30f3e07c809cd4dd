"""The API, version 1: a module for each kind of thing."""

from fastapi import APIRouter

from refp.web.api import estimates, health, history, jobs, models, planes
from refp.web.schemas import PROBLEMS

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
for part in (estimates, planes, models, jobs, history, health):
    router.include_router(part.router)
