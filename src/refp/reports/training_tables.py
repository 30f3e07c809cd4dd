"""Tables of the report on a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class TrainingTables:
    """Tables about one training; sections of empty ones are left out.

    Attributes
    ----------
    card
        The model's card.
    curves
        A row per fit and point: ``fit, split, step, loss, train_rms_um, rms_um``; split 0 held out
        nothing.
    images
        A row per held-out image: ``split``, then the columns of ``errors.csv``.
    beads
        A row per held-out bead and image, the bead by its number in the field: ``split, dataset,
        experiment, fov, exposure_ms, z_um, image, bead, delta_z_true_um, delta_z_um, error_um, sd_um``.
    splits
        A row per split: ``split, held_out, n_images, n_beads, n_tiles, n_refused, rms_um, bias_um,
        largest_um, coverage_observed, bead_rms_um, n_steps``.
    coverage
        Sentence on nominal and observed coverage of the intervals.
    """

    card: Mapping[str, Any]
    curves: pd.DataFrame
    images: pd.DataFrame
    beads: pd.DataFrame
    splits: pd.DataFrame
    coverage: str
