"""MagTrack's part of ``benchmarks.accuracy.magtrack``; run by the Python of its own environment.

``python magtrack_table.py FOLDER``: reads tiles, makes the look-up table of background-normalised
median profiles, looks the test tiles up and writes Z and the processor time of it. Imports nothing of refp.
"""

import sys
import time
from pathlib import Path

import magtrack
import numpy as np
from scipy.interpolate import CubicSpline

BACKGROUND_BINS = 6
"""The outermost rings of a tile are its background."""
STEP_PLANES = 0.4
"""The table is interpolated to this step, in distances of the planes. That is to MagTrack's advantage: with
the planes as they are, its parabola through seven of them makes errors a third to one time larger."""
BATCHES = (8, 32, 128)
"""Tiles a call; the fastest counts."""
REPEATS = 5


def stack_of(tiles):
    """Bring tiles ``(n, side, side)`` into MagTrack's order, ``(side, side, n)``."""
    return np.ascontiguousarray(np.moveaxis(tiles.astype(np.float64), 0, -1))


def normalised(profiles):
    """Divide profiles ``(bins, n)`` by their background."""
    return profiles / np.mean(profiles[-BACKGROUND_BINS:], axis=0)


def make_table(tiles, dz_um, plane):
    """Return the table: a row of places, and below it the median profile of each, interpolated."""
    profiles = normalised(magtrack.stack_to_xyzp(stack_of(tiles))[3])
    planes = np.unique(plane)
    places = np.array([np.mean(dz_um[plane == p]) for p in planes])
    medians = np.array([np.median(profiles[:, plane == p], axis=1) for p in planes])
    fine = np.arange(places[0], places[-1], STEP_PLANES * np.median(np.diff(places)))
    # The first ring, one pixel or none, may be empty; MagTrack leaves it out.
    return np.vstack([fine, CubicSpline(places, np.nan_to_num(medians))(fine).T])


def look_up(tiles, table, batch):
    """Return Z of tiles: centre, profile and place, as MagTrack's whole chain does."""
    parts = []
    for start in range(0, len(tiles), batch):
        profiles = magtrack.stack_to_xyzp(stack_of(tiles[start : start + batch]))[3]
        parts.append(magtrack.lookup_z(normalised(profiles), table))
    return np.concatenate(parts)


def least_seconds(tiles, table):
    """Return the least processor time over sizes of batches and repeats."""
    best = np.inf
    for batch in BATCHES:
        for _ in range(REPEATS):
            started = time.process_time()
            look_up(tiles, table, batch)
            best = min(best, time.process_time() - started)
    return best


def main():
    """Read, look up, write."""
    folder = Path(sys.argv[1])
    training, dz_um, plane, tests = (
        np.load(folder / f"{name}.npy") for name in ("training", "dz_um", "plane", "tests")
    )
    table = make_table(training, dz_um, plane)
    np.save(folder / "z_um.npy", look_up(tests, table, BATCHES[-1]))
    np.save(folder / "ms_per_bead.npy", 1e3 * least_seconds(tests, table) / len(tests))


if __name__ == "__main__":
    main()
