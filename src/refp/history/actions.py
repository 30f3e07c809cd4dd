"""Actions for values of a control chart; needs no other module."""

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "1_2s": "Take one more image now. If it is within limits and tolerance, continue; if not, look for "
    "the cause.",
    "1_3s": "Do not use this setting. Check slide, lamp, objective and focus, and take the image "
    "again; if it is still out of limits, have the instrument serviced.",
    "2_2s": "The instrument has shifted. Find the change (slide lot, objective, service) "
    "and note it; focus again and repeat the check before you measure.",
    "R_4s": "The scatter has grown. Check that the slide is flat and clamped; take three images "
    "and compare them.",
    "4_1s": "The values are on one side of the mean. Let the instrument reach its temperature and "
    "repeat the check; if they stay there, plan a service.",
    "10_x": "The instrument drifts slowly. You can measure while the values are within the tolerance; "
    "plan a service, or freeze new limits if the change is intended.",
}
"""Actions by the name of the rule."""
OUTSIDE_TOLERANCE = (
    "Do not measure at this focus. Focus again and repeat the check; if dZ stays outside the tolerance, "
    "check slide, objective and condenser, and have the instrument serviced."
)
"""Action for a value outside the tolerance, whatever the limits."""
