"""The daily check: one image, estimated as any other, recorded as a check, compared with the limits."""

from http import HTTPStatus

from refp.web.http.problems import Problem
from refp.web.http.uploads import RequestFile
from refp.web.messages import Answer, By, Check, ModelInfo
from refp.web.services.engine import Engine
from refp.web.workers import calls

DAILY = "daily"


async def check_today(
    engine: Engine, files: list[RequestFile], model: str, instrument: str, operator: str
) -> tuple[Answer, Check]:
    """Estimate the image of a daily check, record it, and say what it came to.

    Parameters
    ----------
    engine
        The app's.
    files
        The image, and no other.
    model
        Name of the model; empty: the instrument's, or the first.
    instrument
        Whose model to take where none is named; empty: any.
    operator
        Who checks.

    Raises
    ------
    Problem
        If no history is kept, or there is not one file.
    WorkError
        As of ``Estimates.estimate``.
    """
    _ = engine.history.database  # before anything is estimated
    if len(files) != 1:
        detail = f"{len(files)} files; a daily check is one image of the check slide: choose it"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
    chosen = await _choose(engine, model, instrument)
    files = await engine.files.keep_images(files)
    tolerance_um, by = engine.settings.tolerance_um, By(operator, DAILY)
    ((answer, *_),) = await engine.estimates.estimate(
        files, chosen, tolerance_um, view=False, by=by
    )
    return answer, await engine.history.ask(calls.read_check, answer.record_id)


async def _choose(engine: Engine, model: str, instrument: str) -> ModelInfo:
    if model or not instrument:
        return await engine.models.choose(model)
    for one in await engine.models.read():
        if not one.error and instrument_of(one) == instrument:
            return one
    return await engine.models.choose("")


def instrument_of(model: ModelInfo) -> str:
    """Return the name of a model's instrument."""
    card = model.card.get("instrument")
    return str(card.get("name", "")) if isinstance(card, dict) else ""
