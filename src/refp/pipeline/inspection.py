"""Tables of ``refp inspect``."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from refp.core.arrays import IntArray
from refp.core.errors import DataError
from refp.measure.dataset import Measurement
from refp.measure.features import SweepMeasurement, feature_curve
from refp.measure.white_level import piled_up_at
from refp.pipeline.pixel_fit import pixel_size_note
from refp.pipeline.remarks import count_static, describe_static
from refp.pipeline.tables import KEY_COLUMNS, key_row
from refp.plane.axial import describe_axial_scale
from refp.settings import Instrument, Recipe


def describe_instrument(measurement: Measurement) -> str:
    """Return one line that describes a data set and its instrument as read."""
    instrument = measurement.instrument
    optics = instrument.optics
    return (
        f"{measurement.dataset.name}: instrument {instrument.name}, {optics.pixel_size_um:g} um a "
        f"pixel, bead {instrument.bead.diameter_um:g} um = {2 * instrument.bead_radius_px:.1f} px, "
        f"tile {instrument.tile_side_px} px, black level {optics.black_level or 0:.1f}, "
        f"{measurement.dataset.n_frames} frames, {len(measurement.left_out)} files left out"
    )


def inspection_table(measurements: Sequence[Measurement], recipe: Recipe) -> pd.DataFrame:
    """Return one row per sweep with the problems to expect."""
    rows: list[dict[str, object]] = []
    for m in measurements:
        size = pixel_size_note(m, recipe)
        rows += [_inspect_sweep(sweep, m.instrument, recipe, size) for sweep in m.sweeps]
    return pd.DataFrame(rows)


def white_level_note(measurement: Measurement) -> str:
    """Return a remark if the pixels of saturated beads pile up at a camera's white level; else empty."""
    if measurement.instrument.optics.white_level is not None:
        return ""
    for sweep in measurement.sweeps:
        saturated = sweep.frame_index[sweep.profiles.n_saturated_px > 0]
        if len(saturated):
            with suppress(DataError):
                level = piled_up_at(sweep.frames[int(saturated[0])].read())
                return (
                    f"pixels pile up at {level}, which is taken for the white level of the camera; "
                    "confirm it with --bit-depth or optics.white_level"
                    if level
                    else ""
                )
    return ""


def _inspect_sweep(
    sweep: SweepMeasurement, instrument: Instrument, recipe: Recipe, size: str
) -> dict[str, object]:
    z_um = np.array([frame.z_um for frame in sweep.frames])
    n = len(z_um)
    usable = np.bincount(sweep.frame_index[sweep.usable], minlength=n)
    found = np.bincount(sweep.frame_index, minlength=n)
    saturated = sweep.usable & (sweep.profiles.n_saturated_px > 0)
    n_saturated = int(np.count_nonzero(np.bincount(sweep.frame_index[saturated], minlength=n)))
    warnings = _warnings(n, usable, n_saturated, recipe)
    z = describe_axial_scale(feature_curve(sweep, recipe.feature), instrument)
    return {
        **dict(zip(KEY_COLUMNS, key_row(sweep.key), strict=True)),
        "z_first_um": float(z_um[0]),
        "z_last_um": float(z_um[-1]),
        "z_step_um": float(np.median(np.diff(z_um))) if n > 1 else float("nan"),
        "n_frames": n,
        "n_beads_found": int(np.median(found)),
        "n_beads_usable": int(np.median(usable)),
        "n_frames_without_beads": int(np.count_nonzero(usable == 0)),
        "n_frames_saturated": n_saturated,
        "notes": "; ".join(filter(None, [*warnings, *_static(sweep), size, z])),
    }


def _static(sweep: SweepMeasurement) -> list[str]:
    n = count_static(sweep)
    return [describe_static(n)] if n else []


def _warnings(n_frames: int, usable: IntArray, n_saturated: int, recipe: Recipe) -> list[str]:
    """Return the problems to expect of a sweep."""
    notes: list[str] = []
    minimum = recipe.plane.minimum_frames
    if n_frames < minimum:
        notes.append(f"a plane needs {minimum} frames")
    if not usable.any():
        notes.append("no usable bead: check bead diameter and pixel size")
    elif n_saturated > n_frames / 2:
        notes.append("most frames are saturated: shorten the exposure")
    if 0 < np.median(usable) < recipe.estimate.minimum_beads:
        notes.append("few beads")
    return notes
