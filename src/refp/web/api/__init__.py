"""The API, version 1: a module for each resource."""

from fastapi import APIRouter, Depends

from refp.web.api import estimates, health, history, jobs, models, planes
from refp.web.api.common import jobs_known
from refp.web.schemas.common import PROBLEMS

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
for part in (estimates, history, health):
    router.include_router(part.router)
for part in (planes, models, jobs):
    router.include_router(part.router, dependencies=[Depends(jobs_known)])
