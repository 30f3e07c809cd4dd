"""Control rules that fire at the newest record of an instrument, without reading the whole history."""

from typing import TYPE_CHECKING

from refp.history.baseline import standardise
from refp.history.history import KIND_OF, Quantity
from refp.history.quantity import QUANTITY_COLUMNS, values_of
from refp.history.rules import WARNING, fired

if TYPE_CHECKING:
    from refp.history.database import History

N_RECORDS = 100
"""Records that are read; the longest rule needs ten values, and refused images have none."""


def rejecting_rules(
    history: "History", instrument: str, quantity: Quantity = "delta_z_um"
) -> tuple[str, ...]:
    """Return the rules that reject the newest record of an instrument.

    Parameters
    ----------
    history
        Source of the records.
    instrument, quantity
        Name of the instrument, and the quantity.

    Returns
    -------
    tuple of str
        Rules by the limits of the baseline frozen last, without the rule that only warns; empty without
        a baseline, and where the newest record has no value.
    """
    own = [one for one in history.baselines(instrument) if one.quantity == quantity]
    if not own:
        return ()
    table = history.select(
        instrument=instrument,
        kind=KIND_OF[quantity],
        newest=N_RECORDS,
        columns=QUANTITY_COLUMNS[quantity],
    )
    z = standardise(values_of(table, quantity), own[-1])
    last = len(z) - 1
    return tuple(one.rule for one in fired(z) if one.index == last and one.rule != WARNING)
