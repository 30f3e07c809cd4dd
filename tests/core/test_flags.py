"""Quality flags."""

import pytest

from refp.core.flags import UNUSABLE_BEAD, UNUSABLE_SWEEP, BeadFlag, SweepFlag, describe


@pytest.mark.parametrize("flags", [BeadFlag, SweepFlag])
def test_every_flag_is_one_bit_of_its_own(flags: type[BeadFlag] | type[SweepFlag]) -> None:
    values = [int(flag) for flag in flags]
    assert all(value.bit_count() == 1 for value in values)
    assert len(set(values)) == len(values)
    assert max(values) < 2**32  # the columns are uint32


DESCRIBED = {
    "none": (BeadFlag(0), ""),
    "one": (SweepFlag.NO_BEADS, "no_beads"),
    "in the order of the bits": (BeadFlag.ODD_SHAPE | BeadFlag.BORDER, "border|odd_shape"),
}


@pytest.mark.parametrize(("flags", "text"), DESCRIBED.values(), ids=DESCRIBED)
def test_names_of_flags(flags: BeadFlag, text: str) -> None:
    assert describe(flags) == text


def test_bits_are_a_contract_with_written_tables() -> None:
    assert [(f.name, int(f)) for f in BeadFlag] == [
        ("BORDER", 1),
        ("TOUCHING", 2),
        ("SATURATED", 4),
        ("ODD_SHAPE", 8),
        ("NO_CENTER", 16),
        ("OUTLIER", 32),
        ("CUT_TILE", 64),
        ("LOW_CONFIDENCE", 128),
        ("OFF_PLANE", 256),
        ("PLACED", 512),
        ("STATIC", 1024),
    ]
    assert [(f.name, int(f)) for f in SweepFlag] == [
        ("TOO_FEW_FRAMES", 1),
        ("SS_NOT_BRACKETED", 2),
        ("CI_NOT_BRACKETED", 4),
        ("NO_BEADS", 8),
        ("PEAK_SATURATED", 16),
        ("FEATURES_DISAGREE", 32),
        ("STATED", 64),
        ("IMPLAUSIBLE_Z", 128),
        ("TRUSTED_Z", 256),
    ]


def test_flags_of_usable_beads() -> None:
    usable = BeadFlag.SATURATED | BeadFlag.OUTLIER | BeadFlag.CUT_TILE | BeadFlag.PLACED
    assert describe(UNUSABLE_BEAD & usable) == ""
    usable_sweep = [f for f in SweepFlag if f not in UNUSABLE_SWEEP]
    assert usable_sweep == [SweepFlag.PEAK_SATURATED, SweepFlag.STATED, SweepFlag.TRUSTED_Z]
