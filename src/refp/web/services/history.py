"""What people add to the history: limits, notes, corrections; by a page or a program."""

from refp.web.messages import Asked, Row
from refp.web.schemas.history import AnnotateRequest, CorrectRequest, FreezeRequest
from refp.web.services.engine import Engine


async def freeze_as(engine: Engine, sent: FreezeRequest) -> Row:
    """Freeze limits."""
    asked = Asked(sent.instrument, sent.quantity, sent.name, sent.since, sent.until, sent.only)
    row: Row = await engine.ask_past("freeze", asked, sent.operator)
    return row


async def annotate_as(engine: Engine, sent: AnnotateRequest) -> Row:
    """Note what happened."""
    told = sent.instrument, sent.text, sent.at, sent.operator
    row: Row = await engine.ask_past("annotate", *told)
    return row


async def correct_as(engine: Engine, sent: CorrectRequest) -> list[Row]:
    """Correct records."""
    names = ("note", "instrument", "delta_z_um", "u_um")
    given = {**{name: getattr(sent, name) for name in names}, "operator": sent.measured_by}
    rows: list[Row] = await engine.ask_past(
        "correct", sent.ids, given, sent.withdraw, sent.operator
    )
    return rows
