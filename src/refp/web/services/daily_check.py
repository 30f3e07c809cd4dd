"""The daily check: one image is estimated, recorded and compared with the limits."""

from http import HTTPStatus

from refp.history.history import SERIAL_SIGN, serial_of
from refp.web.http.problems import Problem
from refp.web.http.uploads import RequestFile
from refp.web.messages import DailyCheck, ModelInfo, PageEstimate, Requester
from refp.web.services.engine import Engine
from refp.web.services.estimates import NO_IMAGE

DAILY = "daily"


async def check_today(
    engine: Engine, files: list[RequestFile], model: str, instrument: str, operator: str
) -> tuple[PageEstimate, DailyCheck]:
    """Estimate and record the image of a daily check, and compare it with limits and tolerance.

    Parameters
    ----------
    engine
        The engine of the app.
    files
        One image.
    model
        Name of the model; empty: that of the instrument, or the first.
    instrument
        Instrument whose model is used if none is named; empty: any.
    operator
        Operator.

    Raises
    ------
    Problem
        If no history is kept, the number of files is not one, or the file is no image.
    WorkError
        As of ``Estimates.estimate``, and if the image cannot be decoded; nothing is recorded then.
    """
    _ = engine.history.database  # raises before the image is estimated
    if len(files) != 1:
        detail = f"{len(files)} files were sent; choose one image of the check slide"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_files", detail)
    if not files[0].is_image:
        detail = f"{files[0].name}: {NO_IMAGE}; nothing was recorded"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", detail)
    chosen = await _choose(engine, model, instrument)
    files = await engine.files.keep_images(files)
    tolerance_um = engine.settings.tolerance_um
    requester = Requester(operator, DAILY, serial_of(instrument))
    ((estimate, *_),) = await engine.estimates.estimate(
        files, chosen, tolerance_um, view=False, requester=requester
    )
    return estimate, await engine.history.read_check(estimate.record_id)


async def _choose(engine: Engine, model: str, instrument: str) -> ModelInfo:
    if model or not instrument:
        return await engine.models.choose(model)
    name = instrument.partition(SERIAL_SIGN)[0]
    for one in await engine.models.read():
        if not one.error and instrument_of(one) == name:
            return one
    return await engine.models.choose("")


def instrument_of(model: ModelInfo) -> str:
    """Return the name of a model's instrument."""
    card = model.card.get("instrument")
    return str(card.get("name", "")) if isinstance(card, dict) else ""
