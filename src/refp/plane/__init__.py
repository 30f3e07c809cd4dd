"""Feature curves and profiles to reference planes: hands on :class:`ReferencePlane` and the :class:`Pool`.

A pool is what sweeps share: a :class:`PooledProfile` for each feature and the :class:`PooledStack` of
whole profiles.

The names load when first used: a model at work needs the stack's types, and none of the fitting.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
