"""Cache of maps, in memory and on disk."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from refp.core.digests import digest_json, hash_code
from refp.core.errors import OutputError
from refp.core.parallel import (
    SERIAL,
    Execution,
    map_ordered,
)
from refp.core.store import ArrayStore
from refp.synthetic.optics.image import image_radially
from refp.synthetic.optics.maps import RadialMap, SphereMaps, map_grid
from refp.synthetic.optics.microscope import Microscope
from refp.synthetic.optics.scatter import Sphere

CACHE_VARIABLE = "REFP_CACHE"
MAPS_WORTH_A_POOL = 4
ARRAYS = ("z_um", "r_um", "values")
"""Arrays of a stored map."""


class MapStore(ArrayStore):
    """Radial maps on disk, one file for each sphere and microscope.

    Parameters
    ----------
    folder
        Folder of the files. If it cannot be written, maps are computed again; results do not change.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._read: dict[str, RadialMap] = {}

    def get(
        self,
        spheres: Sequence[Sphere],
        microscope: Microscope,
        *,
        execution: Execution = SERIAL,
    ) -> list[RadialMap]:
        """Return the maps of spheres; maps that are not cached are computed.

        Parameters
        ----------
        spheres, microscope
            Spheres to image, and the microscope.
        execution
            Executor for the work, and callback for progress.
        """
        keys = [_key(sphere, microscope) for sphere in spheres]
        missing = {
            key: (sphere, microscope)
            for key, sphere in zip(keys, spheres, strict=True)
            if not self._has(key)
        }
        if missing:
            execution.workers.crew(len(missing), MAPS_WORTH_A_POOL)
            made = map_ordered(
                _compute, list(missing.values()), execution=execution, title="Imaging spheres"
            )
            for key, one in zip(missing, made, strict=True):
                self._keep(key, one)
        return [self._read[key] for key in keys]

    def _has(self, key: str) -> bool:
        if key in self._read:
            return True
        arrays = self.read(key, ARRAYS)
        if arrays is not None:
            self._read[key] = RadialMap(**arrays)
        return arrays is not None

    def _keep(self, key: str, one: RadialMap) -> None:
        self._read[key] = one
        with suppress(OutputError):  # without a cache, maps are computed again
            self.write(key, {name: getattr(one, name) for name in ARRAYS})


@lru_cache(maxsize=1)
def default_store() -> MapStore:
    """Return the user's store, in ``REFP_CACHE`` or the system's cache folder."""
    folder = os.environ.get(CACHE_VARIABLE)
    return MapStore((Path(folder) if folder else user_cache_path("refp")) / "maps")


def sphere_maps(
    spheres: Sequence[Sphere],
    microscope: Microscope,
    index_step: float = 0.0,
    *,
    store: MapStore | None = None,
    execution: Execution = SERIAL,
) -> SphereMaps:
    """Return the maps of spheres of one index and rising radii.

    Parameters
    ----------
    spheres
        At least one; they differ in radius only.
    microscope
        The microscope.
    index_step
        Half of the range of indices for the derivative with respect to the index; 0: no derivative.
    store
        Cache of maps; default: the user's store.
    execution
        As in :meth:`MapStore.get`.
    """
    middle = spheres[len(spheres) // 2]
    steps = [
        Sphere(middle.radius_um, middle.index + sign * index_step, middle.abbe_number)
        for sign in (-1, 1)
        if index_step
    ]
    store = store or default_store()
    maps = store.get([*spheres, *steps], microscope, execution=execution)
    own, beside = maps[: len(spheres)], maps[len(spheres) :]
    at = own[len(spheres) // 2]
    slope = np.zeros_like(at.values)
    if beside:
        slope = (beside[1].values - beside[0].values) / (2 * index_step)
    return SphereMaps(
        radius_um=np.array([sphere.radius_um for sphere in spheres]),
        maps=own,
        index=middle.index.real,
        per_index=RadialMap(at.z_um, at.r_um, slope),
    )


def _compute(task: tuple[Sphere, Microscope]) -> RadialMap:
    sphere, microscope = task
    z_um, r_um = map_grid(sphere, microscope)
    values = image_radially(sphere, microscope, z_um, r_um)
    return RadialMap(z_um, r_um, values.astype(np.float32))


def _key(sphere: Sphere, microscope: Microscope) -> str:
    """Return a key that depends on sphere, microscope and the code of this subpackage."""
    code = hash_code("synthetic.optics")
    return digest_json([code, asdict(sphere), asdict(microscope)])[:24]
