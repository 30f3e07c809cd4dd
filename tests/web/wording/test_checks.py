"""The text of a daily check."""

from datetime import date
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import row

from refp.web.messages import DailyCheck
from refp.web.wording.checks import begin, describe_check, describe_missing


def checked(day: str, **values: Any) -> DailyCheck:
    record = row(0, 3.21, recorded_at=f"{day}T08:05:00+01:00", lower_um=2.1, upper_um=4.3)
    compared = {"in_control": True, "rules": [], "state": "within_limits", "notes": []}
    known: dict[str, Any] = {"baseline": "spring", "tolerance_um": None, "action": "", **compared}
    given = {**known, **values}
    return DailyCheck({**record, "reason": "", "verdict": "", **given.pop("record", {})}, **given)


TODAY = date(2026, 3, 2)


WARNS = {"rule": "1_2s", "meaning": "one value out", "action": "Take one more."}


REJECTS = {"rule": "2_2s", "meaning": "two values out", "action": "Stop."}


@pytest.mark.parametrize(
    ("check", "look", "headline"),
    [
        (None, "open", "No daily check yet"),
        (checked("2026-03-01"), "open", "No daily check today"),
        (checked("2026-03-02"), "pass", "Today: +3.2 ±1.1 µm — within limits"),
        (
            checked("2026-03-02", rules=[WARNS], state="warning"),
            "open",
            "Today: +3.2 ±1.1 µm — warning: take one more image",
        ),
        (
            checked("2026-03-02", rules=[WARNS, REJECTS], state="rejected", action="Stop."),
            "fail",
            "Today: +3.2 ±1.1 µm — out of control: do not measure",
        ),
        (checked("2026-03-02", state="no_limits"), "open", "Today: +3.2 ±1.1 µm — no limits yet"),
        (
            checked("2026-03-02", tolerance_um=5.0, record={"verdict": "pass"}),
            "pass",
            "Today: +3.2 ±1.1 µm — within limits and the tolerance of ±5 µm",
        ),
        (
            checked("2026-03-02", tolerance_um=4.0, record={"verdict": "inconclusive"}),
            "open",
            "Today: +3.2 ±1.1 µm — within limits and the tolerance of ±4 µm; verdict inconclusive",
        ),
        (
            checked("2026-03-02", tolerance_um=1.0, state="outside_tolerance", rules=[WARNS]),
            "fail",
            "Today: +3.2 ±1.1 µm — fail: outside the tolerance of ±1 µm",
        ),
        (
            checked("2026-03-02", record={"lower_um": None, "delta_z_um": -2.0}),
            "pass",
            "Today: \N{MINUS SIGN}2.0 µm — within limits",
        ),
        (
            checked(
                "2026-03-02",
                record={"status": "refused", "delta_z_um": None, "reason": "no_beads: none found"},
            ),
            "fail",
            "Today: no number, no bead to measure",
        ),
        (
            checked(
                "2026-03-02",
                record={"status": "refused", "delta_z_um": None, "reason": "withdrawn: bumped"},
            ),
            "open",
            "Today: withdrawn",
        ),
    ],
)
def test_text_of_a_check(check: DailyCheck | None, look: str, headline: str) -> None:
    words = describe_check(check, TODAY)
    assert (words.look, words.headline) == (look, headline)


def test_text_has_time_and_action() -> None:
    old = describe_check(checked("2026-03-01"), TODAY)
    assert old.detail == "The last check was on 2026-03-01: +3.2 ±1.1 µm, within limits."
    out = describe_check(
        checked("2026-03-02", rules=[WARNS, REJECTS], state="rejected", action="Stop."), TODAY
    )
    assert out.detail == "Last check 08:05 by Ada."
    assert out.rules == (REJECTS,)
    missing = "limits need 20 checks on 5 days; there is 1 on 1"
    new = describe_check(checked("2026-03-02", state="no_limits", notes=[missing]), TODAY)
    assert new.detail == "1 of 20 checks recorded, on 1 of 5 days. Last check 08:05 by Ada."
    first = describe_check(None, TODAY)
    assert "always the same slide" in first.action
    assert "after 20 checks on 5 days" in first.action
    unsure = checked("2026-03-02", tolerance_um=5.0, record={"verdict": "unverified"})
    assert describe_check(unsure, TODAY).detail.startswith("No verdict: the model is not verified")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            "limits need 20 checks on 5 days; there is 1 on 1",
            "1 of 20 checks recorded, on 1 of 5 days",
        ),
        (
            "limits need 20 checks on 5 days; there are 25 on 3",
            "25 checks recorded, on 3 of 5 days",
        ),
        (
            "no limits are frozen; 21 checks on 21 days are enough to freeze them",
            "Enough checks are recorded: freeze limits now",
        ),
        ("", ""),
    ],
)
def test_missing_limits(given: str, shown: str) -> None:
    assert describe_missing(given) == shown


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("unreadable: notes.tif: its content is damaged", "notes.tif: its content is damaged."),
        (
            "unreadable: my notes.tif: its content is damaged",
            "my notes.tif: its content is damaged.",
        ),
        ("no_beads: none found", "None found."),
        ("withdrawn: notes.tif was a wrong slide", "notes.tif was a wrong slide."),
    ],
)
def test_names_of_files_are_verbatim(reason: str, detail: str) -> None:
    image = "my notes.tif" if "my notes" in reason else "notes.tif"
    record = {"status": "refused", "delta_z_um": None, "reason": reason, "image": image}
    shown = describe_check(checked("2026-03-02", state="no_value", record=record), TODAY)
    assert shown.detail.startswith(f"{detail} Last check")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("notes.tif: its content is damaged", "notes.tif: its content is damaged"),
        ("my notes.tif: its content is damaged", "my notes.tif: its content is damaged"),
        ("stack.tif#2: damaged", "stack.tif#2: damaged"),
        ("folder/notes: damaged", "folder/notes: damaged"),
        ("notes: damaged", "notes: damaged"),
        (
            "this form is out of date; load the page again",
            "This form is out of date; load the page again",
        ),
        ("at most 2.5 um: choose less", "At most 2.5 um: choose less"),
    ],
)
def test_sentences_begin_with_a_capital_but_names(text: str, shown: str) -> None:
    assert begin(text) == shown
