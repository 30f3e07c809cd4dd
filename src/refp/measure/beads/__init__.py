"""Detection of bead candidates (:class:`Beads`) and registration of frames (:class:`Registration`).

A candidate is a point about which the image is round, on the scale of the bead. Its radial profile
determines later whether it is a bead (:mod:`refp.measure.profiles`).
"""

from refp.measure.beads.beads import Beads, Persistence, Registration
from refp.measure.beads.find import find_beads, flag_touching, place_beads
from refp.measure.beads.link import Tracks, link_candidates
from refp.measure.beads.register import PASSING_FRACTION, find_persistent, register_frames

__all__ = [
    "PASSING_FRACTION",
    "Beads",
    "Persistence",
    "Registration",
    "Tracks",
    "find_beads",
    "find_persistent",
    "flag_touching",
    "link_candidates",
    "place_beads",
    "register_frames",
]
