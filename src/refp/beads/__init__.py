"""Find what may be a bead: hands on :class:`Beads`.

A candidate is a compact patch that differs from its surroundings over about the bead's own disc.
Whether it is a bead is judged later, by its radial profile (:mod:`refp.profiles`).
"""

from refp.beads.beads import Beads
from refp.beads.find import find_beads
from refp.beads.link import link_beads
from refp.beads.settings import FindSettings

__all__ = ["Beads", "FindSettings", "find_beads", "link_beads"]
