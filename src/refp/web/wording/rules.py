"""The rule that is shown first of those that fired at a value."""

from collections.abc import Mapping, Sequence

WARNING = "1_2s"
"""As :data:`refp.history.WARNING`, which the server process does not load."""


def foremost(rules: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    """Return the first rule that rejects a value, or else the warning."""
    return next((one for one in rules if one["rule"] != WARNING), rules[0])
