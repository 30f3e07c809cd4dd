"""Identity of one instrument of a make."""

import pytest

from refp.core.errors import RecipeError
from refp.settings import Identity, join_identities
from refp.sweeps.sweep_file import make_sweep_file

FIRST = Identity(serial="A1", objective="10x")


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (Identity(), ""),
        (FIRST, ""),
        (Identity(condenser="0.3"), ""),
        (Identity(serial="B2"), "serial"),
        (Identity(serial="A1", objective="20x"), "objective"),
    ],
)
def test_only_what_both_state_conflicts(other: Identity, key: str) -> None:
    assert FIRST.conflict(other) == key
    assert other.conflict(FIRST) == key


def test_keys_are_completed_and_not_replaced() -> None:
    second = Identity(serial="B2", condenser="0.3")
    assert FIRST.completed(second) == Identity(serial="A1", objective="10x", condenser="0.3")
    assert join_identities([Identity(), second, FIRST]) == second.completed(FIRST)
    assert join_identities([]) == Identity()


def test_blanks_are_no_serial_number() -> None:
    assert make_sweep_file({"identity": {"serial": "  "}}, "x").identity == Identity()


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"sweep\.toml: identity\.seral"):
        make_sweep_file({"identity": {"seral": "A1"}}, "sweep.toml")
