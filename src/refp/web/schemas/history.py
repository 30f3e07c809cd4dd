"""Schemas of the history."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from dataclasses import Field as DataclassField
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    create_model,
)

from refp.history.actions import ACTIONS
from refp.history.history import (
    HistoryRecord,
    PointState,
    Purpose,
    Quantity,
    RecordVerdict,
    Series,
)
from refp.web.http.fields import Line, Note, shown
from refp.web.messages import EarlierRecord
from refp.web.schemas.common import ESTIMATE, MODEL, EstimateRow

MAX_RECORDS = 1000
"""Records of one request to append."""
YEARS = range(1900, 9000)
"""Accepted years of a record."""
UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
AT = "ISO 8601"
PERIOD = f"{AT}; local time without a zone, midnight without an hour"

WHEN = "2026-03-31T08:30:00+02:00"
ID = "5f0c2c3e-8a55-4c58-9c4b-0d6b3f6f2a11"
RECORD: dict[str, JsonValue] = {
    "id": ID,
    "recorded_at": WHEN,
    "kind": "estimate",
    "instrument": "a2k",
    "operator": "Ada",
    "image": "daily.tif",
    "status": "ok",
    "delta_z_um": 0.4,
    "u_um": 0.5,
    "n_beads": 21,
    "n_beads_used": 19,
    "purpose": "daily",
}
RECORDED: dict[str, JsonValue] = {
    **RECORD,
    "utc_offset_s": 7200,
    "appended_at": WHEN,
    "image_sha256": "3f1c" + 15 * "9a04",
    "model": MODEL,
    "model_sha256": "b07e" + 15 * "51d2",
    "recipe": "default 0123456789ab",
    "version": "0.2.0",
    "reason": "",
    "lower_um": -0.6,
    "upper_um": 1.4,
    "coverage": 0.95,
    "background": 118.4,
    "tilt_y_um_per_px": 0.0021,
    "tilt_x_um_per_px": -0.0004,
    "refp_um": None,
    "refp_u_um": None,
    "note": "",
    "corrects": "",
    "corrected_by": "",
    "serial": "",
    "verification": "instrument not stated",
    "slope": None,
    "slope_u": None,
    "t_squared": None,
    "verdict": "pass",
    "tolerance_um": 5.0,
}
LIMITS: dict[str, JsonValue] = {
    "name": "spring",
    "instrument": "a2k",
    "quantity": "delta_z_um",
    "since": "2026-03-01T00:00:00+01:00",
    "until": "2026-03-31T00:00:00+02:00",
}
FROZEN: dict[str, JsonValue] = {
    **LIMITS,
    "n": 30,
    "mean": 0.1,
    "sd": 0.8,
    "frozen_at": WHEN,
    "by": "Ada",
    "purpose": "daily",
    "n_days": 28,
}


FIRED: dict[str, JsonValue] = {
    "rule": "1_3s",
    "meaning": "a value more than 3 sd from the mean",
    "action": ACTIONS["1_3s"],
}
POINT: dict[str, JsonValue] = {"id": ID, "image": "daily.tif", "time": WHEN, "value": 3.1}
STATE = (
    "no_value, outside_tolerance, rejected (by a rule), warning (rule 1_2s), within_limits or "
    "no_limits; the first that holds, so that a value outside the tolerance is never within limits"
)


def _as_whole(value: object) -> object:
    """Return a float with an integer value as an integer; JSON does not distinguish them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Number = Annotated[float | None, Field(default=None, allow_inf_nan=False)]
Count = Annotated[int, Field(default=0, ge=0, le=1_000_000), BeforeValidator(_as_whole)]
Id = Annotated[str, Field(pattern=UUID)]
RecordField = DataclassField[Any]
Moment = Annotated[str, Field(default="", max_length=40, description=f"{PERIOD}; now if empty")]


class Sent(BaseModel):
    """Base of requests; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SentHead(Sent):
    """First columns of a record in a request."""

    id: Id = Field(description="UUID; a record with a known id is appended once")
    recorded_at: AwareDatetime = Field(description=f"time, {AT} with a zone")
    utc_offset_s: int | None = Field(default=None, description="ignored: recorded_at has the zone")
    appended_at: str | None = Field(default=None, description="ignored: the server sets it")


class RowHead(BaseModel):
    """First columns of a record in a response."""

    id: str
    recorded_at: str = Field(description=f"time, {AT} in the zone of the instrument")
    utc_offset_s: int = Field(description="offset of that zone, s")
    appended_at: str = Field(description="time of appending, also of a correction")


DESCRIPTIONS = {
    "operator": "operator of the measurement",
    "image": "measured image",
    "image_sha256": "SHA-256 of the image file",
    "model": "name of the model",
    "model_sha256": "SHA-256 of the model file",
    "recipe": "recipe with its digest",
    "version": "version of refp",
    "status": "ok where there is a value, else refused; empty for a note. No verdict: see verdict",
    "reason": "code and sentence of a refusal",
    "corrects": "id of the record that this one replaces",
    "purpose": "daily for a daily check, refocus for an image of a refocus run",
    "corrected_by": "operator of this correction",
    "serial": "serial number of the instrument, which is part of its name too",
    "verification": "state of verification of the instrument at the time of the estimate",
    "slope": "slope of dZ against nominal Z, of a daily check of three images",
    "slope_u": "its standard uncertainty",
    "t_squared": "largest T squared a ring of these images",
    "verdict": "pass, fail, inconclusive or unverified; empty without a tolerance, or if refused",
    "tolerance_um": "tolerance of the verdict, um",
}
CHECKED: dict[str, object] = {
    "instrument": Annotated[Line, Field(min_length=1)],
    "operator": Line,
    "reason": Note,
    "note": Note,
    "corrects": Annotated[str, Field(pattern=rf"^$|{UUID}")],
    "corrected_by": Line,
}
"""Types of columns with further constraints."""
SENT_AS: dict[object, object] = {str: Text, float: Number, int: Count}


def _sent_column(column: RecordField) -> tuple[Any, Any]:
    """Return type and field of a column in a request; optional if the record has a default."""
    type_ = CHECKED.get(column.name, SENT_AS.get(column.type, column.type))
    default = column.default if column.default is not MISSING else ...
    default = None if column.type is float else default  # JSON has no NaN
    return type_, Field(default, description=DESCRIPTIONS.get(column.name))


def _returned_column(column: RecordField) -> tuple[Any, Any]:
    """Return type and field of a column in a response."""
    type_ = float | None if column.type is float else column.type
    return type_, Field(description=DESCRIPTIONS.get(column.name))


def _with_columns(
    head: type[BaseModel], describe: Callable[[RecordField], tuple[Any, Any]]
) -> type[BaseModel]:
    """Return a model with its first columns and the others of :class:`refp.history.HistoryRecord`."""
    behind = (one for one in fields(HistoryRecord) if one.name not in head.model_fields)
    columns: dict[str, Any] = {one.name: describe(one) for one in behind}
    return create_model(head.__name__, __base__=head, **columns)


class RecordIn(_with_columns(SentHead, _sent_column)):  # type: ignore[misc]  # HistoryRecord's
    """A record to append, as ``refp history list --json`` prints it."""

    model_config = shown(**RECORD)


RecordsIn: TypeAdapter[list[RecordIn]] = TypeAdapter(
    Annotated[
        list[RecordIn],
        Field(min_length=1, max_length=MAX_RECORDS, json_schema_extra={"example": [RECORD]}),
    ]
)


class RecordRow(_with_columns(RowHead, _returned_column)):  # type: ignore[misc]  # as above
    """A record, with the columns of ``refp history list --json``."""

    model_config = shown(**RECORDED)


class Appended(BaseModel):
    """The response to ``POST /api/v1/history``."""

    model_config = shown(received=20, new=3)
    received: int = Field(description="records of the request")
    new: int = Field(description="records that were new")


class FreezeRequest(Sent):
    """A reference period, whose mean and standard deviation become limits: 20 checks or more, on 5 days."""

    model_config = shown(**LIMITS, operator="Ada")
    name: Line = Field(min_length=1, examples=["spring"])
    instrument: Line = Field(min_length=1, examples=["a2k"])
    quantity: Quantity = "delta_z_um"
    since: str = Field(min_length=1, max_length=40, description=f"first time; {PERIOD}")
    until: str = Field(min_length=1, max_length=40, description="end of the period, excluded")
    series: Series = Field(default="daily", description="all: all estimates, not only daily checks")
    operator: Line = Field(default="", description="operator who freezes them")


class BaselineRow(BaseModel):
    """Frozen limits, as ``refp history baseline --json`` prints them."""

    model_config = shown(**FROZEN)
    name: str
    instrument: str
    quantity: Quantity
    since: str
    until: str
    n: int = Field(description="values in the period")
    mean: float = Field(description="in the quantity's unit")
    sd: float = Field(description="sample standard deviation, in the quantity's unit")
    frozen_at: str
    by: str = Field(description="operator who froze them")
    purpose: Purpose = Field(description="daily: of daily checks; empty: of all records")
    n_days: int = Field(description="different days of the values; 0: not recorded")


class AnnotateRequest(Sent):
    """A note about an instrument, such as a service or a new slide lot."""

    model_config = shown(text="stage serviced", instrument="a2k", at=WHEN, operator="Ada")
    text: Note = Field(min_length=1, examples=["stage serviced"])
    instrument: Line = Field(min_length=1, examples=["a2k"])
    at: Moment
    operator: Line = Field(default="", description="author of the note")


class CorrectRequest(Sent):
    """Corrected values of records; the original records are kept."""

    model_config = shown(ids=[ID], note="wrong slide", withdraw=True, operator="Ada")
    ids: list[Id] = Field(min_length=1, max_length=100, description="ids of the records")
    note: Note | None = Field(default=None, description="reason")
    instrument: Line | None = Field(default=None, min_length=1, description="correct instrument")
    measured_by: Line | None = Field(default=None, description="correct operator")
    delta_z_um: float | None = Field(default=None, allow_inf_nan=False, description="um")
    u_um: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="um")
    withdraw: bool = Field(
        default=False, description="withdraw the value: shown as refused, with the note as reason"
    )
    operator: Line = Field(
        default="", description="operator of the correction: corrected_by of the new record"
    )


class Rule(BaseModel):
    """A Westgard rule that fired."""

    rule: str = Field(examples=["2_2s"])
    meaning: str
    action: str = Field(description="action to take")


class RuleCount(Rule):
    """A rule with its number of firings in a chart."""

    n: int
    last_at: str | None


class FiredRule(Rule):
    """A rule with the value at which it fired."""

    id: str
    image: str
    time: str
    value: float


class ChartPoint(BaseModel):
    """A value of a chart, or a refused image."""

    id: str
    image: str
    time: str = Field(description=f"{AT}, in the zone of the last record of the chart")
    value: float | None = Field(description="in the quantity's unit; null if refused")
    u: float | None = Field(description="standard uncertainty, if stated")
    refused: bool
    verdict: RecordVerdict = Field(description="verdict of the record; empty for none")
    state: PointState = Field(description=STATE)
    rules: list[str] = Field(description="rules that fire at this value")


class ChartLimit(BaseModel):
    """A limit line."""

    n_sd: int = Field(description="standard deviations from the mean; 0: the mean")
    value: float


class ChartNote(BaseModel):
    """A note with its time."""

    time: str
    text: str


class HistoryChart(BaseModel):
    """A control chart (Levey-Jennings).

    More than 1000 values are thinned: some of each interval remain, with the lowest and the highest.
    Values at which rules fire, or outside the tolerance, are thinned likewise. ``n``, ``n_refused``,
    ``n_outside`` and ``rules`` count all.
    """

    model_config = shown(
        instrument="a2k",
        quantity="delta_z_um",
        label="dZ (um)",
        n=31,
        n_refused=1,
        n_days=30,
        series="daily",
        tolerance_um=5.0,
        n_outside=0,
        missing="",
        caution="",
        baseline=FROZEN,
        limits=[{"n_sd": n, "value": round(0.1 + 0.8 * n, 1)} for n in range(-3, 4)],
        rules=[{**FIRED, "n": 1, "last_at": WHEN}],
        annotations=[{"time": "2026-03-30T16:00:00+02:00", "text": "stage serviced"}],
        n_points=32,
        points=[
            {
                **POINT,
                "u": 0.5,
                "refused": False,
                "verdict": "pass",
                "state": "rejected",
                "rules": ["1_3s"],
            }
        ],
        firings=[{**FIRED, **POINT}],
    )
    instrument: str
    quantity: Quantity
    label: str = Field(description="the quantity with its unit")
    n: int = Field(description="number of values")
    n_refused: int = Field(description="number of refused images")
    n_days: int = Field(description="number of different days of the values")
    series: Series = Field(description="daily: of daily checks; all: of all estimates, or planes")
    tolerance_um: float | None = Field(description="largest tolerated absolute dZ, um, if any")
    n_outside: int = Field(description="number of values outside the tolerance")
    missing: str = Field(
        description="values that are missing for limits, such as 'limits need 20 checks on 5 days; there "
        "are 12 on 3'; empty with limits"
    )
    caution: str = Field(description="sentence on limits wider than the tolerance; else empty")
    baseline: BaselineRow | None = Field(description="frozen limits of the chart")
    limits: list[ChartLimit] = Field(
        description="-3 to 3 standard deviations; empty without frozen limits"
    )
    rules: list[RuleCount] = Field(description="all rules, also those that did not fire")
    annotations: list[ChartNote]
    n_points: int = Field(description="number of points")
    points: list[ChartPoint] = Field(description="by rising time")
    firings: list[FiredRule] = Field(description="by rising time, at the points of this chart")


class CheckAnswer(BaseModel):
    """The result of a daily check."""

    model_config = shown(
        estimate={
            **ESTIMATE,
            **{name: RECORDED[name] for name in ESTIMATE if name in RECORDED},
            "verdict": "pass",
        },
        record=RECORDED,
        baseline="spring",
        in_control=True,
        rules=[],
        state="within_limits",
        tolerance_um=5.0,
        action="",
        notes=[],
    )
    estimate: EstimateRow = Field(description="as ``refp estimate --json`` prints it")
    record: RecordRow = Field(description="record of the check")
    baseline: str = Field(description="name of the frozen limits; empty without limits")
    in_control: bool | None = Field(
        description="whether dZ is within the tolerance and no rule except the warning 1_2s fired; null "
        "without limits or number, but false outside the tolerance"
    )
    rules: list[Rule] = Field(description="rules that fired")
    state: PointState = Field(description=STATE)
    tolerance_um: float | None = Field(description="largest tolerated absolute dZ, um, if any")
    action: str = Field(description="action to take; empty where none is needed")
    notes: list[str] = Field(
        description="sentences on limits that are missing, or wider than the tolerance"
    )
    earlier: EarlierRecord | None = Field(
        default=None, description="an earlier record of the same image file; null without one"
    )
