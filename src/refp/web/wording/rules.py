"""What to do about each of Westgard's rules, as a technician reads it."""

from collections.abc import Mapping, Sequence

ACTIONS: Mapping[str, str] = {
    "1_2s": "Take one more image now. If it is within limits, go on; if not, look for the cause.",
    "1_3s": "Do not use this setting. Check slide, lamp, objective and focus, and take the image "
    "again; if it stays out, have the instrument looked at.",
    "2_2s": "The instrument has shifted. Think of what was changed (slide lot, objective, service) "
    "and note it; focus anew and check again before you measure.",
    "R_4s": "The scatter has grown. See that the slide lies flat and is clamped; take three images "
    "and see whether they agree.",
    "4_1s": "The instrument is off to one side. Let it reach its temperature and check again; if it "
    "stays, plan a service.",
    "10_x": "The instrument drifts slowly. Measuring may go on; plan a service, or freeze new limits "
    "if the change is meant to stay.",
}
"""By the rule's name."""
WARNING = "1_2s"
"""As :data:`refp.history.WARNING`, which the server's process does not load."""


def foremost(rules: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    """Return the rule, of those that fire at a value, whose advice comes first: one that rejects."""
    return next((one for one in rules if one["rule"] != WARNING), rules[0])
