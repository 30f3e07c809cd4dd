"""Selection of records, the same for command line, pages and API."""

from dataclasses import dataclass, replace
from datetime import datetime

from refp.history.history import KIND_OF, NAN, Kind, Purpose, Quantity, Series


@dataclass(frozen=True, slots=True)
class Selection:
    """Records to select; an empty field selects all.

    Attributes
    ----------
    instrument, kind, purpose, image_sha256
        Name of the instrument, kind and purpose; digest of the image's file.
    since, until
        Recorded at ``since`` or later, and before ``until``; with zones.
    with_corrected
        Whether to include records that others correct.
    newest
        Number of records, the newest ones; ``None``: all.
    """

    instrument: str = ""
    since: datetime | None = None
    until: datetime | None = None
    kind: Kind | str = ""
    purpose: Purpose = ""
    with_corrected: bool = False
    newest: int | None = None
    image_sha256: str = ""


ALL = Selection()


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """Quantity, records, limits and tolerance of a control chart.

    Attributes
    ----------
    quantity
        The quantity.
    series
        ``daily`` for daily checks, ``all`` for all estimates. Planes have no daily checks: all count.
    baseline
        Name of a frozen baseline; empty: the last one frozen for these records, if any.
    tolerance_um
        Largest tolerated absolute dZ, um; NaN: that of the newest record that has one.
    """

    quantity: Quantity = "delta_z_um"
    series: Series = "daily"
    baseline: str = ""
    tolerance_um: float = NAN

    def narrow(self, chosen: Selection) -> Selection:
        """Return the selection of the records that hold the quantity."""
        kind = KIND_OF[self.quantity]
        of_checks = kind == "estimate" and self.series == "daily"
        return replace(chosen, kind=kind, purpose="daily" if of_checks else "")


DZ_OF_CHECKS = ChartRequest()
