"""MagTrack's part of ``benchmarks.accuracy.magtrack``, run by the Python of its separate environment.

``python magtrack_table.py FOLDER``: reads tiles, makes the look-up table of background-normalised
median profiles, looks up the test tiles and writes Z and processor time. Does not import refp.
"""

import sys
import time
from pathlib import Path

import magtrack
import numpy as np
from scipy.interpolate import CubicSpline

BACKGROUND_BINS = 6
"""Number of outermost rings of a tile that give its background."""
STEP_PLANES = 0.4
"""Interpolation step of the table, in Z steps of the sweep. It improves MagTrack's result: without it, its
parabola through seven entries has errors 1.3 to 2 times as large."""
BATCHES = (8, 32, 128)
"""Tiles per call; the fastest is used."""
REPEATS = 5


def stack_of(tiles):
    """Return tiles ``(n, side, side)`` in MagTrack's order, ``(side, side, n)``."""
    return np.ascontiguousarray(np.moveaxis(tiles.astype(np.float64), 0, -1))


def normalised(profiles):
    """Return profiles ``(bins, n)`` divided by their background."""
    return profiles / np.mean(profiles[-BACKGROUND_BINS:], axis=0)


def make_table(tiles, dz_um, plane):
    """Return the table: a row of dZ, and below it the interpolated median profiles."""
    profiles = normalised(magtrack.stack_to_xyzp(stack_of(tiles))[3])
    planes = np.unique(plane)
    dz_of_planes = np.array([np.mean(dz_um[plane == p]) for p in planes])
    medians = np.array([np.median(profiles[:, plane == p], axis=1) for p in planes])
    fine = np.arange(
        dz_of_planes[0], dz_of_planes[-1], STEP_PLANES * np.median(np.diff(dz_of_planes))
    )
    # The first ring, one pixel or none, may be empty; MagTrack leaves it out.
    return np.vstack([fine, CubicSpline(dz_of_planes, np.nan_to_num(medians))(fine).T])


def look_up(tiles, table, batch):
    """Return Z of tiles by MagTrack's whole chain: centre, profile and look-up."""
    parts = []
    for start in range(0, len(tiles), batch):
        profiles = magtrack.stack_to_xyzp(stack_of(tiles[start : start + batch]))[3]
        parts.append(magtrack.lookup_z(normalised(profiles), table))
    return np.concatenate(parts)


def minimum_seconds(tiles, table):
    """Return the minimum processor time over batch sizes and repeats."""
    best = np.inf
    for batch in BATCHES:
        for _ in range(REPEATS):
            started = time.process_time()
            look_up(tiles, table, batch)
            best = min(best, time.process_time() - started)
    return best


def main():
    """Read tiles, look them up, and write the results."""
    folder = Path(sys.argv[1])
    training, dz_um, plane, tests = (
        np.load(folder / f"{name}.npy") for name in ("training", "dz_um", "plane", "tests")
    )
    table = make_table(training, dz_um, plane)
    np.save(folder / "z_um.npy", look_up(tests, table, BATCHES[-1]))
    np.save(folder / "ms_per_bead.npy", 1e3 * minimum_seconds(tests, table) / len(tests))


if __name__ == "__main__":
    main()
