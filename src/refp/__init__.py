"""Distance of a brightfield image from the reference effective focal plane (REFP).

Frames of a Z sweep become beads, sub-pixel radial profiles, features and, pooled, the reference
plane. Beads of known dZ train an ensemble, which estimates dZ of one image with an interval, or
refuses it and states the reason. :mod:`refp.pipeline` shows the whole method on one screen; the public
names below are its steps. They load on first use, so that ``import refp`` is quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
