"""Actions for the Westgard rules."""

from collections.abc import Mapping, Sequence

ACTIONS: Mapping[str, str] = {
    "1_2s": "Take one more image now. If it is within limits, continue; if not, look for the cause.",
    "1_3s": "Do not use this setting. Check slide, lamp, objective and focus, and take the image "
    "again; if it is still out of limits, have the instrument serviced.",
    "2_2s": "The instrument has shifted. Find the change (slide lot, objective, service) "
    "and note it; focus again and repeat the check before you measure.",
    "R_4s": "The scatter has grown. Check that the slide is flat and clamped; take three images "
    "and compare them.",
    "4_1s": "The values are on one side of the mean. Let the instrument reach its temperature and "
    "repeat the check; if they stay there, plan a service.",
    "10_x": "The instrument drifts slowly. You can continue to measure; plan a service, or freeze new "
    "limits if the change is intended.",
}
"""Actions by the name of the rule."""
WARNING = "1_2s"
"""As :data:`refp.history.WARNING`, which the server process does not load."""


def foremost(rules: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    """Return the first rule that rejects a value, or else the warning."""
    return next((one for one in rules if one["rule"] != WARNING), rules[0])
