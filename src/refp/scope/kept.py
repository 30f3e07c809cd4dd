"""The stage of an instrument in the history: known before a refocus run, and kept after it."""

import math
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from refp.history.stage import Direction, StageRecord
from refp.scope.guards import Learnt, Outcome
from refp.scope.step import Refocused
from refp.settings import RefocusSettings

if TYPE_CHECKING:
    from refp.history import StageLog

CONTRADICTIONS: frozenset[Outcome] = frozenset({"wrong_direction", "wrong_response", "worse"})
"""Ends of a run in which a move did not change dZ as the direction of the stage demands."""
DOUBTS: frozenset[Outcome] = frozenset({"refused", "outside_limits"})
"""Ends after a first move that has led out of the trained range or towards a limit, as a wrong one does."""


class KeptStage:
    """The stage of one instrument in the history.

    Parameters
    ----------
    log
        Open log.
    instrument, serial
        Recipe of the instrument, and its serial number.
    operator
        Operator of the run.

    Attributes
    ----------
    known
        Last record; ``None`` without one.
    """

    def __init__(self, log: "StageLog", instrument: str, serial: str, operator: str = "") -> None:
        self._log = log
        self._none = StageRecord(_now(), instrument, serial, 0, "refocus", operator=operator)
        self.known = log.latest(instrument).get(self._none.instrument_name)

    def keep(
        self, learnt: Learnt, settings: RefocusSettings, result: Refocused
    ) -> StageRecord | None:
        """Append the properties of the stage that a run has shown; return them, ``None`` if none is new.

        A direction that moves have proved is kept. One that an earlier record holds is dropped if the run
        that relied on it ended in a contradiction, or in doubt before a move had proved it again.
        """
        in_doubt = result.outcome in DOUBTS and result.n_moves > 0 and not learnt.proved
        if result.outcome in CONTRADICTIONS or in_doubt:
            return self._append(0, math.nan) if learnt.kept else None
        if not learnt.proved:
            return None
        known = self.known
        known_um = known.approach_um if known and known.direction == learnt.direction else math.nan
        lengthened = learnt.approach_um > settings.first_approach_um
        approach_um = learnt.approach_um if lengthened else known_um
        is_known = known is not None and known.direction == learnt.direction
        if is_known and (approach_um == known_um or math.isnan(approach_um)):
            return None
        return self._append(learnt.direction, approach_um)

    def _append(self, direction: Direction, approach_um: float) -> StageRecord:
        now = _now()
        self.known = replace(
            self._none, learnt_at=now, direction=direction, approach_um=approach_um
        )
        self._log.append(self.known)
        return self.known


def _now() -> datetime:
    return datetime.now().astimezone()
