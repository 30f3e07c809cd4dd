"""Words and actions for values of a control chart; needs no other module."""

from collections.abc import Iterable, Mapping, Sequence

ACTIONS: Mapping[str, str] = {
    "1_3s": "Do not measure with this instrument until a repeated check is within limits. Check slide, "
    "lamp, objective and focus, and take the image again. If a second repeat is out of limits too, ask the "
    "person responsible for the instrument, who decides on a service.",
    "2_2s": "The instrument has shifted. Find the change (slide lot, objective, service) "
    "and note it; focus again and repeat the check before you measure.",
    "R_4s": "The scatter has grown. If the image before was a wrong one (other slide, out of focus), "
    "withdraw it and repeat the check. If not, check that the slide is flat and clamped, take three "
    "images and compare them.",
    "4_1s": "The values are on one side of the mean. Let the instrument reach its temperature and "
    "repeat the check; if they stay there, ask the person responsible for the instrument to plan a "
    "service.",
    "10_x": "The instrument drifts slowly. You can measure while no other rule fires and the values are "
    "within the tolerance, if one is set; ask the person responsible for the instrument to plan a service, "
    "or to freeze new limits if the change is intended.",
    "1_2s": "If no other rule fired, take one more image now. If it is within limits, continue; if not, "
    "look for the cause.",
}
"""Actions by the name of the rule, the gravest first."""
OUT_OF_CONTROL = "out of control"
URGENCY: Mapping[str, str] = {
    "1_3s": "do not measure",
    "2_2s": "do not measure",
    "R_4s": "do not measure",
    "4_1s": "repeat the check",
    "10_x": "slow drift",
}
"""Words after ``OUT_OF_CONTROL``, by the gravest rule."""
OUTSIDE_TOLERANCE = (
    "Do not measure at this focus. Focus again and repeat the check; if dZ stays outside the tolerance, "
    "check slide, objective and condenser; if that does not help, ask the person responsible for the "
    "instrument."
)
"""Action for a value outside the tolerance, whatever the limits."""


def gravest_first(rules: Iterable[str]) -> list[str]:
    """Return the names of rules in the order of ``ACTIONS``."""
    given = set(rules)
    return [rule for rule in ACTIONS if rule in given]


def describe_rejection(rules: Sequence[str]) -> str:
    """Return ``out of control: do not measure``, or the like for the gravest of some rules."""
    return f"{OUT_OF_CONTROL}: {URGENCY[gravest_first(rules)[0]]}"
