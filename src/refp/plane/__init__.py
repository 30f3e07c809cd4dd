"""Reference planes from feature curves and radial profiles.

The main types are :class:`ReferencePlane` and :class:`Pool`. A pool holds the data that sweeps share: a
:class:`PooledProfile` for each feature and the :class:`PooledStack` of radial profiles.

Names load on first use: an estimate needs the types of the stack, but not the fitting.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
