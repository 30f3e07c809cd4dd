"""Maps between their points and radii, blurred, and kept on disk."""

from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import DataError
from refp.synthetic import SceneSettings, as_instrument, looks_of
from refp.synthetic.optics import (
    MapStore,
    Material,
    Microscope,
    RadialMap,
    Sphere,
    image_radially,
    make_microscope,
    sphere_maps,
    store,
)

SCOPE = Microscope(0.2, 0.1, 0.55, 0.05, Material(1.333, 55.7), Material(1.52, 58.6), 0.0)
SMALL = Sphere(2.0, 1.45, 40.0)


@pytest.mark.parametrize(("radius_um", "index"), [(14.0, 1.59), (14.37, 1.59), (13.2, 1.592)])
def test_between_maps(radius_um: float, index: float) -> None:
    """Maps interpolated in radius and index, against images computed for these values."""
    a2k = as_instrument("a2k")
    maps = looks_of(a2k, SceneSettings()).beads
    z_um, r_um = np.array([-211.3, -33.1, 4.7, 122.0]), np.arange(0, 40, 1.7)
    own = image_radially(Sphere(radius_um, index, 30.9), make_microscope(a2k), z_um, r_um)
    difference = maps.at(radius_um, index, z_um, r_um) - own
    assert np.sqrt(np.mean(difference**2)) < 3e-3
    assert np.abs(difference).max() < 0.03
    assert np.abs(maps.at(14.0, 1.59, z_um, r_um) - own).max() > np.abs(difference).max() - 1e-12


def test_blur_is_gaussian() -> None:
    """A Gaussian spot blurred by a Gaussian is a wider, lower one."""
    z_um, r_um = np.linspace(-1, 1, 9), np.arange(0, 30, 0.5)
    wide, blur = 3.0, 1.2
    spot = RadialMap(z_um, r_um, 1 + np.tile(np.exp(-0.5 * (r_um / wide) ** 2), (9, 1)))
    total = wide**2 + blur**2
    expected = 1 + wide**2 / total * np.exp(-0.5 * r_um**2 / total)
    np.testing.assert_allclose(spot.blurred(blur).values[4], expected, atol=2e-3)


def test_far_from_focus_is_refused(tmp_path: Path) -> None:
    one = MapStore(tmp_path).get([SMALL], SCOPE)[0]
    with pytest.raises(DataError, match=r"is \+1000 um from a sphere's focus; .* shorten"):
        one.at(np.array([1000.0]), np.zeros(1))


def test_maps_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = MapStore(tmp_path).get([SMALL], SCOPE)[0]
    (file,) = tmp_path.iterdir()

    def refuse(_: object) -> RadialMap:
        raise AssertionError("made again")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_compute", refuse)
        again = MapStore(tmp_path).get([SMALL], SCOPE)[0]
        np.testing.assert_array_equal(first.values, again.values)
        with pytest.raises(AssertionError, match="made again"):
            MapStore(tmp_path).get([Sphere(2.01, 1.45, 40.0)], SCOPE)
    file.write_bytes(file.read_bytes()[:500])
    np.testing.assert_array_equal(MapStore(tmp_path).get([SMALL], SCOPE)[0].values, first.values)


def test_a_cache_that_cannot_be_written_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert MapStore(tmp_path / "file").get([SMALL], SCOPE)[0].values.shape[0] > 100


def test_the_folder_of_the_cache_can_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.CACHE_VARIABLE, str(tmp_path))
    store.default_store.cache_clear()
    try:
        sphere_maps([SMALL], SCOPE)
    finally:
        store.default_store.cache_clear()
    assert list((tmp_path / "maps").glob("*.npz"))
