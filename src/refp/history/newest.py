"""Control rules that fire at the newest record of an instrument, without reading the whole history."""

from dataclasses import replace
from typing import TYPE_CHECKING

from refp.history.baseline import standardise
from refp.history.history import KIND_OF, Quantity
from refp.history.quantity import QUANTITY_COLUMNS, values_of
from refp.history.rules import WARNING, fired
from refp.history.selection import Selection

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
        a baseline, where the newest record has no value, and where the limits are of daily checks and it
        is none.
    """
    own = [one for one in history.baselines(instrument) if one.quantity == quantity]
    if not own:
        return ()
    limits = own[-1]
    chosen = Selection(instrument, kind=KIND_OF[quantity], newest=1)
    newest = history.select(chosen, columns=("purpose",))["purpose"]
    if limits.purpose and limits.purpose not in set(newest):
        return ()
    chosen = replace(chosen, purpose=limits.purpose, newest=N_RECORDS)
    table = history.select(chosen, columns=QUANTITY_COLUMNS[quantity])
    z = standardise(values_of(table, quantity), limits)
    last = len(z) - 1
    return tuple(one.rule for one in fired(z) if one.index == last and one.rule != WARNING)
