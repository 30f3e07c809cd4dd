"""What a history holds: records and baselines, and which quantities are followed over time."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from refp.core.errors import HistoryError

Kind = Literal["estimate", "plane", "annotation"]
Status = Literal["", "ok", "refused"]
Purpose = Literal["", "daily"]
Quantity = Literal["delta_z_um", "refp_um", "n_beads_used", "background", "tilt"]
NAN = float("nan")

KIND_OF: Mapping[Quantity, Kind] = {
    "delta_z_um": "estimate",
    "refp_um": "plane",
    "n_beads_used": "estimate",
    "background": "estimate",
    "tilt": "estimate",
}
"""Records of which kind tell a quantity."""
LABELS: Mapping[Quantity, str] = {
    "delta_z_um": "dZ (um)",
    "refp_um": "REFP (um)",
    "n_beads_used": "beads used",
    "background": "background (grey levels)",
    "tilt": "tilt (um per px)",
}


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One thing that was measured or noted; appended, never changed.

    Attributes
    ----------
    id
        UUID as text.
    recorded_at
        When, with its zone.
    kind
        ``estimate`` of an image, reference ``plane``, or ``annotation`` (its text in ``note``).
    instrument, operator
        What with and by whom.
    image, image_sha256
        What was measured, and the hash of the file's bytes.
    model, model_sha256, recipe, version
        What it was measured by: model, hash of its file, recipe with its digest, version of refp.
    status, reason
        ``ok`` or ``refused`` with the reason; both empty for an annotation.
    delta_z_um, u_um, lower_um, upper_um, coverage
        The estimate with standard uncertainty and interval.
    n_beads, n_beads_used
        Beads found; beads that the result rests on.
    background
        Median background of the used beads, grey levels.
    tilt_y_um_per_px, tilt_x_um_per_px
        Rise of the slide along y and x.
    refp_um, refp_u_um
        The reference plane, with standard uncertainty.
    note
        Free text.
    corrects
        ``id`` of the record that this one takes the place of; empty for none.
    purpose
        ``daily`` for the daily check, which a series of its own is made of; else empty.
    corrected_by
        Who made this correction; ``operator`` stays who measured. Empty where it is none.
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

    def __post_init__(self) -> None:
        _check_zone(self.recorded_at, "recorded_at")
        _check_choice("kind", self.kind, get_args(Kind))
        _check_choice("status", self.status, get_args(Status))
        _check_choice("purpose", self.purpose, get_args(Purpose))
        if not self.instrument:
            raise HistoryError("instrument: a record needs the name of one")
        try:
            uuid.UUID(self.id)
        except ValueError as error:
            raise HistoryError(f"id {self.id!r}: not a UUID; leave it to new_id()") from error


@dataclass(frozen=True, slots=True)
class Baseline:
    """Mean and standard deviation of a period, frozen: later records do not move them.

    Attributes
    ----------
    name, instrument, quantity
        What it is called; what of which instrument it is about.
    since, until
        The period, with zones; ``until`` is no part of it.
    n, mean, sd
        Values in it, their mean and sample standard deviation, in the quantity's unit.
    frozen_at, by
        When and by whom.
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


@dataclass(frozen=True, slots=True)
class ModelUse:
    """How often a model estimated on an instrument.

    Attributes
    ----------
    model_sha256, instrument
        Hash of the model's file; the instrument.
    n_estimates, last_at
        Records, and the time of the newest, with its zone.
    """

    model_sha256: str
    instrument: str
    n_estimates: int
    last_at: datetime


def new_id() -> str:
    """Return the id of a new record."""
    return str(uuid.uuid4())


def check_quantity(name: str) -> Quantity:
    """Return the name of a quantity as one.

    Raises
    ------
    HistoryError
        If there is none of that name; the message lists them.
    """
    for quantity in KIND_OF:
        if quantity == name:
            return quantity
    raise HistoryError(f"quantity {name!r}: choose {', '.join(KIND_OF)}")


def check_purpose(name: str) -> Purpose:
    """Return the name of a purpose as one; errors as of :func:`check_quantity`."""
    for purpose in get_args(Purpose):
        if purpose == name:
            return purpose
    raise HistoryError(f"purpose {name!r}: choose 'daily', or leave it out")


def parse_time(text: str) -> datetime:
    """Return a time of ISO 8601; without a zone it is a local one, without an hour its midnight.

    Raises
    ------
    HistoryError
        If it is none.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.astimezone()
        time.astimezone(UTC)  # of the first or the last days there may be none
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
