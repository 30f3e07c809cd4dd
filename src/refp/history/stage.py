"""The focus stage of an instrument, as verifications and refocus runs have shown it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from refp.core.errors import HistoryError
from refp.history.history import NAN, name_instrument

Direction = Literal[-1, 0, 1]
"""1 if the focal plane rises with the Z of the stage, -1 if it falls, 0 if that is not known."""
LearntFrom = Literal["verify", "refocus"]
STAGE_COLUMNS = (
    *("instrument", "serial", "direction", "approach_um"),
    *("source", "learnt_at", "operator"),
)
"""Columns of a table of stages."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """Direction and backlash of the stage of one instrument; appended, and replaced by a later record.

    Attributes
    ----------
    learnt_at
        Time, with its zone.
    instrument, serial
        Recipe of the instrument, and its serial number.
    direction
        Direction of the stage; 0 where that of an earlier record was dropped, because a move has
        contradicted it or an operator has forgotten it.
    source
        ``verify`` for the slope of a verification, ``refocus`` for moves of the stage itself; of a
        forgotten direction, that of the record before.
    approach_um
        Last leg of an approach that takes up the backlash, um; NaN where it is not known.
    operator
        Operator.
    """

    learnt_at: datetime
    instrument: str
    serial: str
    direction: Direction
    source: LearntFrom
    approach_um: float = NAN
    operator: str = ""

    def __post_init__(self) -> None:
        if not self.serial:
            raise HistoryError("serial: a stage is that of one instrument; give --serial")
        if self.learnt_at.utcoffset() is None:
            raise HistoryError(f"learnt_at {self.learnt_at}: needs a zone, such as +01:00")
        if self.direction not in get_args(Direction):
            raise HistoryError(f"direction {self.direction!r}: choose -1, 0 or 1")

    @property
    def instrument_name(self) -> str:
        """Name of the instrument in a history."""
        return name_instrument(self.instrument, self.serial)

    def as_row(self) -> dict[str, object]:
        """Return the record as a row of a table."""
        return {
            **{name: getattr(self, name) for name in STAGE_COLUMNS},
            "learnt_at": self.learnt_at.isoformat(timespec="seconds"),
        }

    def describe(self) -> str:
        """Return the direction in words."""
        if not self.direction:
            return f"{self.instrument_name}: the direction of the stage is not known any more"
        way = "rises" if self.direction > 0 else "falls"
        return f"{self.instrument_name}: the focal plane {way} with the Z of the stage"
