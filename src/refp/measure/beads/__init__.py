"""Find what may be a bead: hands on :class:`Beads`, and :class:`Registration` of a field's frames.

A candidate is a place about which the image is round, on the scale of the bead. Whether it is a bead
is judged later, by its radial profile (:mod:`refp.measure.profiles`).
"""

from refp.measure.beads.beads import Beads, Persistence, Registration
from refp.measure.beads.find import find_beads, place_beads
from refp.measure.beads.register import PASSING_FRACTION, find_persistent, register_frames

__all__ = [
    "PASSING_FRACTION",
    "Beads",
    "Persistence",
    "Registration",
    "find_beads",
    "find_persistent",
    "place_beads",
    "register_frames",
]
