"""Options and output that the commands ``refp history ...`` share."""

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from refp.cli.options import HistoryOptions
from refp.core.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from refp.history import ChartRequest, History, HistoryRecord, Purpose, Selection, Series


SHOWN = (
    *("id", "recorded_at", "image", "delta_z_um", "verdict", "status", "instrument", "kind"),
    *("purpose", "operator", "tolerance_um", "slope", "t_squared"),
    *("refp_um", "refp_u_um", "n_beads_used", "background", "reason", "note"),
    *("corrects", "corrected_by"),
)
"""Columns on a terminal, in an order that keeps dZ and verdict in the table; files and JSON have all."""
ID_LENGTH = 13
"""First characters of an id on a terminal, 12 hexadecimal digits: of a million records it is most unlikely
that two have the same."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """An instrument and a period."""

    instrument: str = ""
    "Name of the instrument."
    serial: str = ""
    "Its serial number."
    since: str = ""
    "First time, ISO 8601; without a zone it is local, without an hour it is midnight."
    until: str = ""
    "Records before this time."

    @property
    def chosen(self) -> "Selection":
        """The selection of instrument and period."""
        from refp.history import Selection, name_instrument

        named = name_instrument(self.instrument, self.serial)
        return Selection(named, time_limit(self.since), time_limit(self.until))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChoice(Period):
    """Selection of records."""

    daily: Annotated[bool, Parameter(negative=())] = False
    "Daily checks only."

    def select(self, history: "History", *, with_corrected: bool = False) -> "pd.DataFrame":
        """Return the records."""
        purpose: Purpose = "daily" if self.daily else ""
        return history.select(replace(self.chosen, purpose=purpose, with_corrected=with_corrected))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChartChoice(Period):
    """Records of a chart or of limits."""

    instrument: str
    "Name of the instrument."
    all: Annotated[bool, Parameter(negative=())] = False
    "All estimates, not only daily checks."

    def request(
        self, quantity: str, baseline: str = "", tolerance_um: float | None = None
    ) -> "ChartRequest":
        """Return the request of a chart: of daily checks, unless all are asked for."""
        from refp.history import ChartRequest, check_quantity

        limit_um = math.nan if tolerance_um is None else tolerance_um
        series: Series = "all" if self.all else "daily"
        return ChartRequest(check_quantity(quantity), series, baseline, limit_um)


DEFAULT_HISTORY, ALL_RECORDS = HistoryOptions(), RecordChoice()
Instrument = Annotated[str, Parameter(help="Name of the instrument.")]
Operator = Annotated[str | None, Parameter(help="Operator; default: the user's login name.")]
Note = Annotated[str, Parameter(help="A remark.")]
At = Annotated[str, Parameter(help="Time, ISO 8601; without a zone it is local. Default: now.")]
Of = Annotated[
    str,
    Parameter(
        name="--quantity",
        help="One of delta_z_um, slope, t_squared, refp_um, n_beads_used, background, tilt.",
    ),
]
WithCorrected = Annotated[
    bool, Parameter(negative=(), help="Include records that later ones correct.")
]


def operator_name(name: str | None) -> str:
    """Return the operator, by default the login name; empty if the system has none."""
    import getpass

    if name is not None:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return ""


def moment(text: str) -> "datetime":
    """Return a time; the present one if none is given."""
    from datetime import datetime

    return time_limit(text) or datetime.now().astimezone()


def time_limit(text: str) -> "datetime | None":
    """Return a time, or ``None`` for no limit."""
    from refp.history import parse_time

    return parse_time(text) if text else None


def parse_offsets(text: str, *, daily: bool) -> tuple[float, ...]:
    """Return offsets in um from text such as ``-15,0,15``; empty for an empty text.

    Raises
    ------
    RecipeError
        If they are not numbers, or the images are no daily check.
    """
    if not text:
        return ()
    if not daily:
        raise RecipeError(f"--offsets-um {text}: is of a daily check; give --daily too")
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(f"--offsets-um {text}: write numbers, such as -15,0,15") from None


def append_records(history: "History", made: "Sequence[HistoryRecord]", *, as_json: bool) -> None:
    """Append records, and print them."""
    from refp.cli.console import print_message

    history.append(made)
    print_records(made, as_json=as_json)
    print_message(f"recorded {len(made)} in {history.place}")


def print_outcomes(
    history: "History", made: "Sequence[HistoryRecord]", tolerance_um: float | None
) -> None:
    """Print a line for each daily check, and for each other estimate outside its tolerance."""
    from refp.cli.console import print_message
    from refp.history import describe_failure, describe_result, evaluate_check

    notes: dict[str, None] = {}
    limit_um = math.nan if tolerance_um is None else tolerance_um
    for one in made:
        if one.purpose == "daily":
            result = evaluate_check(history, one.id, one.instrument, limit_um)
            print_message(describe_result(one, result))
            notes.update(dict.fromkeys(result.notes))
        elif one.verdict == "fail" or abs(one.delta_z_um) > limit_um:
            print_message(describe_failure(one, limit_um))
    for note in notes:
        print_message(f"note: {note}")


def print_records(made: "Sequence[HistoryRecord]", *, as_json: bool) -> None:
    """Print records, on a terminal without columns that are empty in all of them."""
    import pandas as pd

    from refp.cli.console import print_table

    rows = [{**asdict(one), "recorded_at": one.recorded_at.isoformat()} for one in made]
    table = pd.DataFrame(rows)
    print_table(table if as_json else without_empty(table), as_json=as_json)


def without_empty(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the columns for a terminal, times to the minute, without those that are empty throughout."""
    from refp.cli.layout import with_u
    from refp.cli.shown import DZ, shown_time

    names = [name for name in SHOWN if (table[name].notna() & (table[name] != "")).any()]
    ids = {name: table[name].str[:ID_LENGTH] for name in ("id", "corrects") if name in names}
    shown = table[names].assign(recorded_at=table["recorded_at"].map(shown_time), **ids)
    if "delta_z_um" in names:
        ends = zip(table["delta_z_um"], table["upper_um"], strict=True)
        shown["delta_z_um"] = [
            with_u(dz_um, upper_um - dz_um, sign=True) for dz_um, upper_um in ends
        ]
    return shown.rename(columns={"delta_z_um": DZ})
