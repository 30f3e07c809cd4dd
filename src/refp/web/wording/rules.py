"""Rules that fired at a value, in words, the gravest first."""

from collections.abc import Mapping, Sequence

from refp.history.actions import OUT_OF_CONTROL, gravest_first

Fired = Mapping[str, object]
WARNING = "1_2s"
"""As :data:`refp.history.WARNING`, which the server process does not load."""
FINDINGS = {
    "outside_tolerance": "outside the tolerance",
    "rejected": OUT_OF_CONTROL,
    "warning": "warning",
}
"""Words of a state of :data:`refp.history.PointState` that is a finding."""


def by_gravity(rules: Sequence[Fired]) -> list[Fired]:
    """Return rules, the gravest first and the warning last."""
    named = {str(one["rule"]): one for one in rules}
    return [named[rule] for rule in gravest_first(named)]


def to_act_on(rules: Sequence[Fired]) -> list[Fired]:
    """Return rules, the gravest first; the warning only if no other fired."""
    ordered = by_gravity(rules)
    return [one for one in ordered if one["rule"] != WARNING] or ordered
