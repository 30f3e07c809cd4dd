"""Records and baselines of a history, and the quantities that control charts show."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from refp.core.errors import HistoryError

Kind = Literal["estimate", "plane", "annotation"]
Status = Literal["", "ok", "refused"]
Purpose = Literal["", "daily", "refocus"]
"""Daily checks form a series; images of refocus runs are taken wherever the stage is. Empty: all others."""
RecordVerdict = Literal["", "pass", "fail", "inconclusive", "unverified"]
Series = Literal["daily", "all"]
"""Records of a chart: daily checks alone, or all estimates."""
PointState = Literal[
    "no_value", "outside_tolerance", "rejected", "warning", "within_limits", "no_limits"
]
"""State of a value of a chart, the first that holds: one outside the tolerance is never within limits."""
Quantity = Literal[
    "delta_z_um", "slope", "t_squared", "refp_um", "n_beads_used", "background", "tilt"
]
NAN = float("nan")
SERIAL_SIGN = " #"
"""Separates the serial number from the recipe in the name of an instrument."""

KIND_OF: Mapping[Quantity, Kind] = {
    "delta_z_um": "estimate",
    "slope": "estimate",
    "t_squared": "estimate",
    "refp_um": "plane",
    "n_beads_used": "estimate",
    "background": "estimate",
    "tilt": "estimate",
}
"""Kind of record that holds each quantity."""
LABELS: Mapping[Quantity, str] = {
    "delta_z_um": "dZ (um)",
    "slope": "slope of dZ",
    "t_squared": "T squared",
    "refp_um": "REFP (um)",
    "n_beads_used": "beads used",
    "background": "background (grey levels)",
    "tilt": "tilt (um per px)",
}


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """A measurement or a note; appended, never changed.

    Attributes
    ----------
    id
        UUID as text.
    recorded_at
        Time of the measurement, with its zone.
    kind
        ``estimate`` of an image, reference ``plane``, or ``annotation`` (its text in ``note``).
    instrument, operator
        Instrument as of :func:`name_instrument`, and the operator.
    image, image_sha256
        Image, and SHA-256 of its file.
    model, model_sha256, recipe, version
        Model, SHA-256 of its file, recipe with its digest, and version of refp.
    status, reason
        ``ok`` where there is a value, or ``refused``, and the reason; both empty for an annotation.
        ``ok`` is no verdict.
    delta_z_um, u_um, lower_um, upper_um, coverage
        Estimate, standard uncertainty and interval, um, and coverage.
    n_beads, n_beads_used
        Number of beads found, and of beads used.
    background
        Median background of the used beads, grey levels.
    tilt_y_um_per_px, tilt_x_um_per_px
        Tilt of the slide along y and x, um per pixel.
    refp_um, refp_u_um
        Z of the reference plane and its standard uncertainty, um.
    note
        Free text.
    corrects
        ``id`` of the record that this one replaces; empty for none.
    purpose
        ``daily`` for a daily check, which forms a separate series; ``refocus`` for an image of a refocus
        run; else empty.
    corrected_by
        Operator who made this correction, where ``operator`` is the one who measured; else empty.
    serial
        Serial number of the instrument, which is part of ``instrument`` too; empty where not stated.
    verification
        State of verification of the instrument at the time of an estimate; ``reason`` gives the cause where
        it is unverified.
    slope, slope_u
        Of a daily check of three images: slope of dZ against nominal Z, and its standard uncertainty.
    t_squared
        Of a daily check of three images: largest T squared a ring of the beads.
    verdict
        Outcome of an estimate against ``tolerance_um``; empty without a tolerance, or if refused.
    tolerance_um
        Tolerance at the time of the estimate, um; NaN for none.
    """

    id: str
    recorded_at: datetime
    kind: Kind
    instrument: str
    operator: str = ""
    image: str = ""
    image_sha256: str = ""
    model: str = ""
    model_sha256: str = ""
    recipe: str = ""
    version: str = ""
    status: Status = ""
    reason: str = ""
    delta_z_um: float = NAN
    u_um: float = NAN
    lower_um: float = NAN
    upper_um: float = NAN
    coverage: float = NAN
    n_beads: int = 0
    n_beads_used: int = 0
    background: float = NAN
    tilt_y_um_per_px: float = NAN
    tilt_x_um_per_px: float = NAN
    refp_um: float = NAN
    refp_u_um: float = NAN
    note: str = ""
    corrects: str = ""
    purpose: Purpose = ""
    corrected_by: str = ""
    serial: str = ""
    verification: str = ""
    slope: float = NAN
    slope_u: float = NAN
    t_squared: float = NAN
    verdict: RecordVerdict = ""
    tolerance_um: float = NAN

    def __post_init__(self) -> None:
        _check_zone(self.recorded_at, "recorded_at")
        _check_choice("kind", self.kind, get_args(Kind))
        _check_choice("status", self.status, get_args(Status))
        _check_choice("purpose", self.purpose, get_args(Purpose))
        _check_choice("verdict", self.verdict, get_args(RecordVerdict))
        if self.verdict and self.status != "ok":
            raise HistoryError(
                f"verdict {self.verdict!r}: of a record without a value; leave it out"
            )
        if not self.instrument:
            raise HistoryError("instrument: a record needs the name of one")
        if self.serial and serial_of(self.instrument) != self.serial:
            own = name_instrument(self.instrument.partition(SERIAL_SIGN)[0], self.serial)
            raise HistoryError(
                f"serial {self.serial!r}: not that of instrument {self.instrument!r}; write the "
                f"instrument as {own!r}"
            )
        try:
            uuid.UUID(self.id)
        except ValueError as error:
            raise HistoryError(f"id {self.id!r}: not a UUID; leave it to new_id()") from error


@dataclass(frozen=True, slots=True)
class Baseline:
    """Frozen mean and standard deviation of a period, which later records do not change.

    Attributes
    ----------
    name, instrument, quantity
        Name of the baseline and of its instrument, and the quantity.
    since, until
        The period, with zones; ``until`` is exclusive.
    n, mean, sd
        Number of values, their mean and sample standard deviation, in the quantity's unit.
    frozen_at, by
        Time, and the operator.
    purpose
        ``daily`` where the values are of daily checks; empty: of all records.
    n_days
        Number of different days of the values; 0 where that is not recorded.
    """

    name: str
    instrument: str
    quantity: Quantity
    since: datetime
    until: datetime
    n: int
    mean: float
    sd: float
    frozen_at: datetime
    by: str = ""
    purpose: Purpose = ""
    n_days: int = 0


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Number of estimates of a model on an instrument.

    Attributes
    ----------
    model_sha256, instrument
        SHA-256 of the model's file, and name of the instrument.
    n_estimates, last_at
        Number of records, and time of the newest, with its zone.
    """

    model_sha256: str
    instrument: str
    n_estimates: int
    last_at: datetime


def name_instrument(name: str, serial: str = "") -> str:
    """Return the name of an instrument in a history: recipe and serial number, where it is stated.

    Charts, baselines and notes belong to this name, so that two instruments of one make are two.
    """
    return f"{name}{SERIAL_SIGN}{serial}" if serial else name


def serial_of(instrument: str) -> str:
    """Return the serial number in a name from :func:`name_instrument`; empty where it has none."""
    return instrument.partition(SERIAL_SIGN)[2]


def new_id() -> str:
    """Return the id of a new record."""
    return str(uuid.uuid4())


def check_quantity(name: str) -> Quantity:
    """Return the quantity of a name.

    Raises
    ------
    HistoryError
        If there is no such quantity; the message lists them.
    """
    for quantity in KIND_OF:
        if quantity == name:
            return quantity
    raise HistoryError(f"quantity {name!r}: choose {', '.join(KIND_OF)}")


def check_purpose(name: str) -> Purpose:
    """Return the purpose of a name; errors as of :func:`check_quantity`."""
    for purpose in get_args(Purpose):
        if purpose == name:
            return purpose
    raise HistoryError(f"purpose {name!r}: choose 'daily' or 'refocus', or leave it out")


def check_series(name: str) -> Series:
    """Return the series of a name; errors as of :func:`check_quantity`."""
    for series in get_args(Series):
        if series == name:
            return series
    raise HistoryError(f"series {name!r}: choose 'daily' or 'all'")


def parse_time(text: str) -> datetime:
    """Return the time of a text in ISO 8601: local without a zone, midnight without an hour.

    Raises
    ------
    HistoryError
        If the text is not such a time.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.astimezone()
        time.astimezone(UTC)  # fails for the first and last days of the calendar
    except (ValueError, OverflowError) as error:
        raise HistoryError(
            f"time {text!r}: write it as 2026-03-31, 2026-03-31T08:30 or 2026-03-31T08:30+02:00"
        ) from error
    return time


def _check_zone(time: datetime, name: str) -> None:
    if time.utcoffset() is None:
        raise HistoryError(f"{name} {time.isoformat()}: needs a zone, such as +01:00")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise HistoryError(f"{name} {value!r}: choose {known}")
