"""Planes that the user states, the plane of one feature, and saturated peaks."""

import numpy as np
import pytest

from refp.core.flags import SweepFlag
from refp.measure.features import FeatureCurve
from refp.plane.choice import of_features
from refp.plane.locate import locate_by_features
from refp.plane.stated import state_planes
from refp.plane.zero import saturated_range_um
from refp.settings import PlaneSettings
from refp.sweeps.frame import SweepKey

Z_UM = np.arange(-20.0, 21.0)


def curve(ss_um: float = 0.0, ci_um: float = 0.0, saturated: float = 0.0) -> FeatureCurve:
    """Curves with extrema at given Z, saturated up to a distance from their middle."""
    middle = (ss_um + ci_um) / 2
    clipped = np.abs(Z_UM - middle) < saturated
    rng = np.random.default_rng(0)
    return FeatureCurve(
        key=SweepKey("data", 1, 1, 12.0),
        z_um=Z_UM,
        steepest_slope=-np.exp(-(((Z_UM - ss_um) / 6) ** 2)) + rng.normal(0, 0.003, len(Z_UM)),
        center_intensity=1 + np.exp(-(((Z_UM - ci_um) / 6) ** 2)) + rng.normal(0, 0.003, len(Z_UM)),
        ss_saturated=clipped,
        ci_saturated=clipped,
        n_beads=np.full(len(Z_UM), 1),
    )


def locate(of: FeatureCurve, **settings: object):
    return locate_by_features(
        [of], PlaneSettings.model_validate(settings), bead_diameter_um=2.8
    ).planes[0]


def test_of_features() -> None:
    assert [of_features(1.0, 3.0, choice) for choice in ("ss", "ci", "both")] == [1.0, 3.0, 2.0]


@pytest.mark.parametrize(("feature", "expected_um"), [("ss", -3.0), ("ci", 3.0)])
def test_one_feature_has_a_plane_where_both_disagree(feature: str, expected_um: float) -> None:
    apart = curve(-3.0, 3.0)
    assert locate(apart).flags & SweepFlag.FEATURES_DISAGREE
    plane = locate(apart, feature=feature)
    assert plane.determined
    assert plane.refp_um == pytest.approx(expected_um, abs=0.2)


def test_one_feature_does_not_need_the_other() -> None:
    plane = locate(curve(0.0, 60.0), feature="ss")
    assert plane.determined
    assert plane.flags == SweepFlag(0)


def test_a_stated_plane_replaces_one_that_is_not_determined() -> None:
    missing = locate(curve(60.0, 60.0))
    assert not missing.determined
    stated = PlaneSettings(stated_um=55.0, stated_u_um=0.5)
    (plane,) = state_planes([missing], stated)
    assert plane.determined
    assert (plane.refp_um, plane.refp_u_um) == (55.0, 0.5)
    assert plane.flags == SweepFlag.STATED
    assert plane.upper_um - plane.refp_um == pytest.approx(1.96 * 0.5, rel=0.01)


def test_a_sweep_without_beads_has_no_stated_plane() -> None:
    empty = curve()
    none = FeatureCurve(
        **{
            name: getattr(empty, name)
            for name in ("key", "z_um", "ss_saturated", "ci_saturated", "resampled")
        },
        steepest_slope=np.full(len(Z_UM), np.nan),
        center_intensity=np.full(len(Z_UM), np.nan),
        n_beads=np.zeros(len(Z_UM), dtype=np.int64),
    )
    (plane,) = state_planes([locate(none)], PlaneSettings(stated_um=0.0))
    assert not plane.determined


def test_without_a_stated_plane_nothing_changes() -> None:
    plane = locate(curve())
    assert state_planes([plane], PlaneSettings()) == [plane]


def test_the_range_of_saturated_frames_is_that_between_the_others() -> None:
    assert saturated_range_um(curve(saturated=3.5)) == (-4.0, 4.0)


@pytest.mark.parametrize(
    ("ss_um", "ci_um", "saturated"),
    [
        pytest.param(0.0, 0.0, 0.0, id="none is saturated"),
        pytest.param(0.0, 0.0, 0.5, id="one frame is"),
        pytest.param(-19.0, -19.0, 4.0, id="the first frame is"),
        pytest.param(-8.0, 8.0, 3.0, id="the extrema are elsewhere"),
    ],
)
def test_no_range_without_saturated_frames_about_both_extrema(
    ss_um: float, ci_um: float, saturated: float
) -> None:
    assert saturated_range_um(curve(ss_um, ci_um, saturated)) is None
