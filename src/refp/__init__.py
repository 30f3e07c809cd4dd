"""How far a brightfield image lies from the reference effective focal plane (REFP).

Frames of a Z sweep become beads, sub-pixel radial profiles, features and, pooled, the reference
plane. Beads of known dZ train an ensemble, which tells dZ of one image with an interval, or refuses
and says why. :mod:`refp.pipeline` has the whole method on one screen; the public names below are its
steps. They load when first used, so that ``import refp`` is quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
