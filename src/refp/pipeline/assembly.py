"""Checkpoint folder of a training, and assembly of the trained model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.digests import Contents, digest_bytes, digest_json, hash_code, hash_paths
from refp.core.files import library_versions
from refp.measure.dataset import Measurement
from refp.models import (
    TRAINING_LIBRARIES,
    Calibration,
    Ensemble,
    ModelCard,
    Trained,
    stack_of,
)
from refp.models.card import short_digests
from refp.models.tiles import LabelledTiles, Split
from refp.pipeline.material import TrainingData
from refp.settings import Recipe, join_identities
from refp.sweeps import Frame

CODE = ("core", "settings", "sweeps", "measure", "plane", "models")
"""Packages whose code a training depends on."""


@dataclass(frozen=True, slots=True)
class Training:
    """A trained ensemble, and the results of its training.

    Attributes
    ----------
    ensemble
        Contents of the model file.
    tiles
        Training tiles; ``tiles.frame`` holds indices into ``frames``.
    splits
        Splits into training and held-out tiles.
    trained
        Graph, predictions of the held-out tiles, and learning curves.
    frames, refp_um
        Training images, and Z of the plane that labels each, um.
    label_u_um
        Shape ``(n_tiles,)``: standard uncertainty of the label of each tile's image, um.
    """

    ensemble: Ensemble
    tiles: LabelledTiles
    splits: tuple[Split, ...]
    trained: Trained
    frames: tuple[Frame, ...]
    refp_um: tuple[float, ...]
    label_u_um: FloatArray


@contextmanager
def checkpoint_folder(
    parent: Path | None, material: TrainingData, recipe: Recipe, seed: int
) -> Iterator[Path]:
    """Yield the folder of this training alone, so that no other training resumes from it."""
    if parent is None:
        with TemporaryDirectory(prefix="refp-") as folder:
            yield Path(folder)
        return
    yield parent / digest_training(material, recipe, seed)


def digest_training(material: TrainingData, recipe: Recipe, seed: int) -> str:
    """Return twelve hexadecimal digits of everything that a training depends on."""
    tiles, versions = (
        material.tiles,
        library_versions("numpy", *TRAINING_LIBRARIES[recipe.train.family]),
    )
    arrays = digest_bytes(tiles.dz_um, tiles.profile, tiles.pixels, material.ring_pixels)
    return digest_json([recipe.digest, seed, versions, hash_code(*CODE), arrays])[:12]


def assemble(
    tiles: LabelledTiles,
    trained: Trained,
    calibration: Calibration,
    recipe: Recipe,
    measurements: Sequence[Measurement],
) -> Ensemble:
    """Assemble the ensemble from card, pooled stack and trained graph.

    Parameters
    ----------
    tiles, trained, calibration
        Training tiles, trained networks, and their calibration on held-out tiles.
    recipe
        Settings of the training.
    measurements
        Measured data sets of one instrument, with its black level, identity and files.
    """
    instrument = measurements[0].instrument
    files = {f.path for m in measurements for sweep in m.sweeps for f in sweep.frames}
    contents = Contents()
    family = recipe.train.family
    stack = stack_of(tiles)
    content = digest_bytes(trained.graph, stack.mean, stack.sd)
    per_image = np.unique(tiles.frame, return_counts=True)[1]
    card = ModelCard(
        name=f"{family}-{instrument.name}-{content[:8]}",
        family=family,
        members=trained.members,
        instrument=instrument,
        dz_range_um=(float(tiles.dz_um.min()), float(tiles.dz_um.max())),
        minimum_beads=int(min(recipe.estimate.minimum_beads, np.median(per_image))),
        n_tiles=len(tiles),
        n_beads=len(np.unique(tiles.bead)),
        sweeps=tuple(str(key) for key in tiles.sweeps),
        conditions=_conditions(tiles, len(per_image)),
        recipe=recipe.model_dump(mode="json"),
        versions=library_versions("numpy", *TRAINING_LIBRARIES[family]),
        data_sha256=hash_paths(files, contents.of),
        files_sha256=short_digests(files, contents),
        calibration=calibration,
        identity=join_identities(m.dataset.identity for m in measurements),
    )
    return Ensemble(card, stack, trained.graph)


def _exposures(tiles: LabelledTiles) -> str:
    exposures = sorted({key.exposure_ms for key in tiles.sweeps})
    known = ", ".join(f"{exposure:g}" for exposure in exposures if exposure)
    return " and ".join([f"{known} ms"] * bool(known) + ["not known"] * (0 in exposures))


def _conditions(tiles: LabelledTiles, n_images: int) -> str:
    n_fields = len(np.unique(tiles.field))
    return (
        f"{n_images} images, {len(tiles)} tiles of {len(np.unique(tiles.bead))} beads, {n_fields} "
        f"field{'s' if n_fields > 1 else ''} of view, exposures {_exposures(tiles)}, "
        f"dZ {tiles.dz_um.min():.1f} to {tiles.dz_um.max():.1f} um"
    )
