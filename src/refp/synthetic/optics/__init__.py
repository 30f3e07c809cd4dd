"""Image of a sphere through a microscope, for every Z: partial waves through an objective.

:func:`partial_waves` computes the scattering of a :class:`Sphere`, :func:`image_radially` its image by a
:class:`Microscope`, and a :class:`RadialMap` holds the result; :class:`MapStore` computes each map once
and caches it on disk. :class:`SphereImages` are those through tilted light or an objective with coma.
"""

from refp.synthetic.optics.asymmetric import SphereImages
from refp.synthetic.optics.image import Sampling, image_radially, sampling_for
from refp.synthetic.optics.maps import RadialMap, SphereMaps
from refp.synthetic.optics.microscope import Material, Microscope, make_microscope
from refp.synthetic.optics.scatter import PartialWaves, Sphere, partial_waves
from refp.synthetic.optics.store import MapStore, default_store, sphere_maps

__all__ = [
    "MapStore",
    "Material",
    "Microscope",
    "PartialWaves",
    "RadialMap",
    "Sampling",
    "Sphere",
    "SphereImages",
    "SphereMaps",
    "default_store",
    "image_radially",
    "make_microscope",
    "partial_waves",
    "sampling_for",
    "sphere_maps",
]
