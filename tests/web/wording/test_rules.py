"""Rules to act on: the warning is one of them only if no other rule fired."""

import pytest

from refp.web.wording.rules import to_act_on


@pytest.mark.parametrize(
    ("fired", "shown"),
    [(["1_2s"], ["1_2s"]), (["1_2s", "2_2s", "1_3s"], ["1_3s", "2_2s"]), ([], [])],
)
def test_the_warning_is_shown_alone(fired: list[str], shown: list[str]) -> None:
    assert [one["rule"] for one in to_act_on([{"rule": rule} for rule in fired])] == shown
