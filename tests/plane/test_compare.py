"""Differences between planes: shared errors drop out."""

from dataclasses import replace

import numpy as np
import pytest

from refp.core.flags import SweepFlag
from refp.plane import Contribution, FeaturePlane, ReferencePlane, compare_planes, mean_by_field
from refp.sweeps import SweepKey

FEATURE_PLANE = FeaturePlane(0.0, 0.0, 0.0, 1.0, np.empty(0, dtype=np.bool_), np.empty(0))


def plane(
    refp_um: float,
    exposure_ms: float = 9.0,
    *,
    fov: int = 1,
    dataset: str = "a",
    dof: float = np.inf,
) -> ReferencePlane:
    """Return a plane with a bead term (3 um) of its field and a stage term (1 um) of its sweep."""
    key = SweepKey(dataset, 1, fov, exposure_ms)
    budget = (
        Contribution("stage repeatability", str(key), 1.0, dof),
        Contribution("bead heights", f"{dataset} {fov}", 3.0, dof),
    )
    u_um = float(np.sqrt(10.0))
    return ReferencePlane(
        *(
            key,
            FEATURE_PLANE,
            FEATURE_PLANE,
            refp_um,
            u_um,
            dof,
            refp_um,
            refp_um,
            budget,
            20,
            20,
            9,
        ),
        SweepFlag(0),
    )


def test_exposures_of_a_field_share_the_bead_term() -> None:
    (only,) = compare_planes([("a2k", [plane(10.0), plane(12.5, 18.0)])])
    assert (only.kind, only.within) == ("exposure", "a, exp 1, FOV 1")
    assert (only.first, only.second) == ("9 ms", "18 ms")
    assert only.difference_um == pytest.approx(2.5)
    assert only.u_um == pytest.approx(np.sqrt(2.0))
    assert only.upper_um - only.difference_um == pytest.approx(1.96 * np.sqrt(2.0), rel=1e-3)


def test_plane_of_a_field_is_the_mean_of_its_exposures() -> None:
    lost = replace(plane(99.0, 30.0), refp_um=np.nan, flags=SweepFlag.NO_BEADS)
    field, other = mean_by_field([plane(10.0), plane(12.0, 18.0), lost, plane(20.0, fov=2)])
    assert (field.key, field.refp_um, field.n) == (("a", 1, 1), pytest.approx(11.0), 2)
    assert field.u_um == pytest.approx(np.sqrt(9.0 + 1 / 2))  # one bead term, two stage terms
    assert field.upper_um - 11.0 == pytest.approx(1.96 * field.u_um, rel=1e-3)
    assert other.u_um == pytest.approx(np.sqrt(10.0))
    (none,) = mean_by_field([lost])
    assert (none.n, np.isnan(none.refp_um)) == (0, True)


def test_fields_do_not_share_the_bead_term() -> None:
    (only,) = compare_planes([("a2k", [plane(10.0), plane(11.0, fov=2)])])
    assert only.kind == "fov"
    assert only.u_um == pytest.approx(np.sqrt(20.0))


def test_mean_of_several_planes_keeps_shared_errors() -> None:
    first = [plane(10.0), plane(12.0, 18.0)]
    second = [plane(21.0, dataset="b")]
    found = compare_planes([("a2k", [*first, *second])])
    (between,) = [d for d in found if d.kind == "dataset"]
    assert between.difference_um == pytest.approx(10.0)
    assert (between.n_first, between.n_second) == (2, 1)
    assert between.u_um == pytest.approx(np.sqrt(0.5 + 9.0 + 10.0))


def test_instruments_share_no_error() -> None:
    same = plane(10.0)
    found = compare_planes([("a2k", [same]), ("nikon", [replace(same, refp_um=4.0)])])
    (between,) = [d for d in found if d.kind == "instrument"]
    assert (between.first, between.second, between.within) == ("a2k", "nikon", "")
    assert between.difference_um == pytest.approx(-6.0)
    assert between.u_um == pytest.approx(np.sqrt(20.0))


def test_few_degrees_of_freedom_widen_the_interval() -> None:
    wide, narrow = (
        compare_planes([("a2k", [plane(0.0, dof=dof), plane(0.0, 18.0, dof=dof)])])[0]
        for dof in (3.0, np.inf)
    )
    assert wide.u_um == pytest.approx(narrow.u_um)
    # Two equal terms of three degrees each make six: Student's t is 2.447.
    assert wide.upper_um == pytest.approx(2.447 * np.sqrt(2.0), rel=1e-3)


def test_planes_that_are_not_determined_are_left_out() -> None:
    missing = replace(plane(np.nan), flags=SweepFlag.SS_NOT_BRACKETED)
    assert compare_planes([("a2k", [plane(1.0, 18.0), missing])]) == []


def test_many_are_compared_with_the_first() -> None:
    many = [plane(float(k), 3.0 * k + 3) for k in range(8)]
    found = compare_planes([("a2k", many)])
    assert len(found) == 7
    assert {d.first for d in found} == {"3 ms"}
