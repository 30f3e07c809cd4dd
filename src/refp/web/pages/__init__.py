"""The pages: a module for each."""

from fastapi import APIRouter, Depends

from refp.web.api.common import jobs_known
from refp.web.pages import audits, estimate, history, jobs, live, login, models, planes

router = APIRouter(include_in_schema=False)
for page in (estimate, history, live, login):
    router.include_router(page.router)
for page in (planes, models, audits, jobs):
    router.include_router(page.router, dependencies=[Depends(jobs_known)])
