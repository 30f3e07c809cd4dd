"""Rules that fired at a value, in words, the gravest first."""

from collections.abc import Mapping, Sequence

from refp.history.actions import gravest_first

Fired = Mapping[str, object]
WARNING = "1_2s"
"""As :data:`refp.history.WARNING`, which the server process does not load."""
OUT_OF_CONTROL = "out of control"
URGENCY = {
    "1_3s": "do not measure",
    "2_2s": "do not measure",
    "R_4s": "do not measure",
    "4_1s": "repeat the check",
    "10_x": "slow drift",
}
"""Words after ``OUT_OF_CONTROL``, by the gravest rule."""
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


def describe_rejection(rules: Sequence[str]) -> str:
    """Return ``out of control: do not measure``, or the like for the gravest of some rules."""
    return f"{OUT_OF_CONTROL}: {URGENCY[gravest_first(rules)[0]]}"
