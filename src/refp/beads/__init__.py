"""Find what may be a bead: hands on :class:`Beads`, and :class:`Registration` of a field's frames.

A candidate is a place about which the image is round, on the scale of the bead. Whether it is a bead
is judged later, by its radial profile (:mod:`refp.profiles`).
"""

from refp.beads.beads import Beads, Registration, Standing
from refp.beads.find import find_beads, place_beads
from refp.beads.register import PASSING_SHARE, register_frames, who_stands
from refp.beads.settings import FindSettings

__all__ = [
    "PASSING_SHARE",
    "Beads",
    "FindSettings",
    "Registration",
    "Standing",
    "find_beads",
    "place_beads",
    "register_frames",
    "who_stands",
]
