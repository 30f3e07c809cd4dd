"""A verification: the comparison of a model with a short sweep of one instrument."""

import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from refp.core.errors import HistoryError
from refp.history.history import name_instrument
from refp.history.stage import Direction

Outcome = Literal["pass", "fail", "inconclusive"]
SIGMAS = 3.0
"""Standard uncertainties by which a slope must differ from 0 to show a direction."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One quantity of a verification, compared with its limit.

    Attributes
    ----------
    name
        ``bias_um``, ``slope`` or the name of a statistic of fit.
    value, u
        Value and standard uncertainty in the quantity's unit; ``u`` is NaN where it has none.
    expanded
        Expanded uncertainty of 95 % coverage; NaN where it has none.
    limit
        Largest absolute bias, deviation of the slope from 1, or statistic of fit.
    outcome
        ``pass``, ``fail`` or ``inconclusive``.
    """

    name: str
    value: float
    u: float
    expanded: float
    limit: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Verification:
    """The record of a verification; appended, never changed.

    Attributes
    ----------
    id
        UUID as text.
    verified_at, valid_until
        Time, and end of the validity, with zones.
    instrument, serial, objective, condenser
        Recipe of the instrument, its serial number, and the parts that a user changes, as stated.
    operator, note
        Operator, and a remark.
    model, model_sha256, data_sha256, version
        Model, SHA-256 of its file, digest over the sweep's files, and version of refp.
    tolerance_um
        Tolerance, um; half of it is the limit of bias, and of the slope's error at ``half_range_um``.
    half_range_um
        Largest absolute dZ of the images, um.
    n_images
        Number of images.
    outcome
        ``pass`` if all criteria pass, ``fail`` if one fails, else ``inconclusive``.
    criteria
        Quantities, compared with their limits.
    """

    id: str
    verified_at: datetime
    valid_until: datetime
    instrument: str
    serial: str
    objective: str
    condenser: str
    operator: str
    note: str
    model: str
    model_sha256: str
    data_sha256: str
    version: str
    tolerance_um: float
    half_range_um: float
    n_images: int
    outcome: Outcome
    criteria: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        if not self.serial:
            raise HistoryError("serial: a verification is that of one instrument; give --serial")
        for name in ("verified_at", "valid_until"):
            if getattr(self, name).utcoffset() is None:
                raise HistoryError(f"{name} {getattr(self, name)}: needs a zone, such as +01:00")
        if self.outcome not in get_args(Outcome):
            raise HistoryError(f"outcome {self.outcome!r}: choose {', '.join(get_args(Outcome))}")
        try:
            uuid.UUID(self.id)
        except ValueError as error:
            raise HistoryError(f"id {self.id!r}: not a UUID; leave it to new_id()") from error

    @property
    def instrument_name(self) -> str:
        """Name of the instrument in a history."""
        return name_instrument(self.instrument, self.serial)

    @property
    def direction(self) -> Direction:
        """Direction of the instrument's stage; 0 without a slope that differs clearly from 0."""
        for one in self.criteria:
            if one.name == "slope" and abs(one.value) > SIGMAS * one.u:
                return 1 if one.value > 0 else -1
        return 0

    def is_valid(self, at: datetime) -> bool:
        """Return whether the verification passed and has not expired at a time with its zone."""
        return self.outcome == "pass" and at < self.valid_until

    def as_row(self) -> dict[str, object]:
        """Return the record as one flat row, with value and ``u`` of every criterion."""
        row: dict[str, object] = {name: getattr(self, name) for name in FIELDS}
        for criterion in self.criteria:
            row[criterion.name] = criterion.value
            if not math.isnan(criterion.u):
                row[_column(criterion.name, "u")] = criterion.u
            row[_column(criterion.name, "limit")] = criterion.limit
        for name in TIMES:
            row[name] = getattr(self, name).isoformat(timespec="seconds")
        return row


TIMES = ("verified_at", "valid_until")
FIELDS = (
    *("verified_at", "valid_until", "instrument", "serial", "objective", "condenser", "outcome"),
    *("tolerance_um", "half_range_um", "n_images", "operator", "note", "model", "model_sha256"),
    *("data_sha256", "version", "id"),
)
"""Columns of a table of verifications, before those of the criteria."""


def latest_by_serial(known: Iterable[Verification]) -> dict[str, Verification]:
    """Return the last verification of each serial number; ``known`` has the oldest first."""
    return {one.serial: one for one in known}


def verification_rows(known: Iterable[Verification]) -> list[dict[str, object]]:
    """Return the rows of verifications, all with the columns of all; ``None`` where one has no value."""
    rows = [one.as_row() for one in known]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


def _column(name: str, kind: str) -> str:
    """Return ``bias_u_um`` for ``bias_um`` and ``u``; the unit is the last part of a name."""
    unit = "_um" if name.endswith("_um") else ""
    return f"{name.removesuffix(unit)}_{kind}{unit}"
