"""Linking of candidates along Z."""

import numpy as np

from refp.measure.beads import link_candidates

RADIUS_PX = 7.0
Z_UM = np.arange(20.0)


def drifting(start: tuple[float, float], per_frame: tuple[float, float]) -> np.ndarray:
    """Positions of a bead that drifts, shape ``(20, 2)``."""
    return np.array(start) + np.outer(np.arange(20), per_frame)


def test_a_bead_that_drifts_by_more_than_its_radius_is_one_track() -> None:
    path = drifting((30.0, 40.0), (0.0, 0.6))
    tracks = link_candidates(list(path[:, None]), Z_UM, RADIUS_PX)
    assert len(tracks) == 1
    assert tracks.found.all()
    np.testing.assert_allclose(tracks.center_px[2:-2, 0], path[2:-2], atol=1e-9)


def test_tracks_do_not_depend_on_the_order_of_frames() -> None:
    path = drifting((30.0, 40.0), (0.3, 0.0))
    order = np.random.default_rng(0).permutation(20)
    tracks = link_candidates([path[i : i + 1] for i in order], Z_UM[order], RADIUS_PX)
    ordered = link_candidates([path[i : i + 1] for i in range(20)], Z_UM, RADIUS_PX)
    np.testing.assert_array_equal(tracks.center_px, ordered.center_px[order])


def test_candidates_that_appear_elsewhere_in_each_frame_are_no_track() -> None:
    rng = np.random.default_rng(1)
    bead = drifting((50.0, 50.0), (0.0, 0.0))
    centers = [np.vstack([bead[i], rng.uniform(0, 200, (6, 2))]) for i in range(20)]
    tracks = link_candidates(centers, Z_UM, RADIUS_PX)
    assert len(tracks) == 1
    np.testing.assert_allclose(np.median(tracks.center_px[:, 0], axis=0), [50, 50])


def test_a_missed_frame_is_interpolated() -> None:
    path = drifting((30.0, 40.0), (0.5, 0.0))
    centers = [path[i : i + 1] if i != 10 else np.empty((0, 2)) for i in range(20)]
    tracks = link_candidates(centers, Z_UM, RADIUS_PX)
    assert tracks.found[:, 0].sum() == 19
    np.testing.assert_allclose(tracks.center_px[10, 0], path[10], atol=1e-9)


def test_frames_without_candidates_have_no_track() -> None:
    assert len(link_candidates([np.empty((0, 2))] * 20, Z_UM, RADIUS_PX)) == 0
