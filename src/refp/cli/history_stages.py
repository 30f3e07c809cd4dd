"""``refp history stages`` and ``refp history forget-stage``."""

from typing import Annotated

from cyclopts import Parameter

from refp.cli.history_options import DEFAULT_HISTORY, Operator, operator_name
from refp.cli.options import DIRECTIONS, AsJson, HistoryOptions, Serial

Recipe = Annotated[str, Parameter(help="Recipe of the instrument.")]
WAYS = {direction: way or "not known" for way, direction in DIRECTIONS.items()}
"""Directions in the words of ``--stage-direction``."""


def stages(
    *,
    instrument: Recipe = "",
    place: HistoryOptions = DEFAULT_HISTORY,
    as_json: AsJson = False,
) -> None:
    """List the direction of the stage of each instrument, as 'refp verify' or 'refp refocus' has found it.

    Direction 1, on a terminal up: the focal plane rises with the Z of the stage; -1, down: it falls; 0: a
    run has contradicted the direction, or it was forgotten. approach_um is the last leg of a move that
    takes up the backlash, where a run has shown it.

    Examples
    --------
    refp history stages

    refp history stages --instrument a2k --json
    """
    from refp.cli.console import print_message, print_rows
    from refp.cli.shown import shown_times
    from refp.history import StageLog

    with StageLog.open(place.address, create=False) as log:
        known = [stage for _, stage in sorted(log.latest(instrument).items())]
    if not known and not as_json:
        print_message("no direction of a stage")
        return
    rows = [stage.as_row() for stage in known]
    if not as_json:
        shown = zip(rows, known, strict=True)
        rows = [
            shown_times(row, ["learnt_at"]) | {"direction": WAYS[one.direction]}
            for row, one in shown
        ]
    print_rows(rows, as_json=as_json)


def forget_stage(
    *,
    instrument: Recipe,
    serial: Serial,
    operator: Operator = None,
    place: HistoryOptions = DEFAULT_HISTORY,
) -> None:
    """Forget the direction and the backlash of an instrument's stage, as after its repair.

    The next 'refp refocus' begins with a small move, and 'refp estimate' states no move of the stage, until
    'refp verify' or 'refp refocus' has found the direction again. Earlier records are kept.

    Examples
    --------
    refp history forget-stage --instrument a2k --serial A2K-0417
    """
    from refp.cli.console import print_message
    from refp.history import StageLog

    with StageLog.open(place.address, create=False) as log:
        print_message(log.forget(instrument, serial, operator_name(operator)).describe())
