"""Texts of the newest estimate on the page Live."""

from collections.abc import Sequence
from dataclasses import dataclass

from refp.history.actions import ACTIONS, OUT_OF_CONTROL, gravest_first
from refp.web.messages import Row
from refp.web.wording.numbers import VERDICTS, describe_dz, describe_move, plus_minus, signed
from refp.web.wording.options import in_web_words
from refp.web.wording.remedies import remedy_of

ESTIMATED = "estimated"
"""Word for an estimate without a verdict."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest estimate in words.

    Attributes
    ----------
    look, sign, word
        Class of the colours, sign and word of the outcome.
    number, half, where, move
        dZ with its sign, and half the interval, um; the side of the plane; the move of the stage, where it
        is known. Empty for a refusal.
    title, action
        Of a refusal or an unverified image: the reason and the remedy; of control rules that fired: the
        verdict, if any. Else empty.
    rules
        Names and actions of control rules that fired, the gravest first.
    image, time, beads, instrument
        Image, time of the record in ISO 8601, beads used, and instrument.
    """

    look: str
    sign: str
    word: str
    number: str
    half: str
    where: str
    move: str
    title: str
    action: str
    rules: tuple[tuple[str, str], ...]
    image: str
    time: str
    beads: int
    instrument: str


def describe_newest(row: Row, rules: Sequence[str]) -> Newest:
    """Return the texts of a row of the page Live, and of the control rules that reject it.

    The worse finding is the word: ``fail``, then out of control, then the other outcomes.
    """
    outcome = str(row["outcome"])
    rejected = bool(rules) and outcome not in ("fail", "refused")
    verdict = VERDICTS.get(outcome)
    number, where = _number(row, outcome)
    title, action = _explain(row, outcome, rules)
    beads = row["n_beads_used"]
    return Newest(
        look="fail" if rejected else outcome,
        sign=VERDICTS["fail"].sign if rejected else verdict.sign if verdict else "",
        word=OUT_OF_CONTROL if rejected else verdict.word if verdict else ESTIMATED,
        number=number,
        half=_half(row),
        where=where,
        move=describe_move(row) if row.get("stage_move_um") is not None else "",
        title=title,
        action=action,
        rules=tuple((rule, ACTIONS[rule]) for rule in gravest_first(rules)),
        image=str(row["image"]),
        time=str(row["recorded_at"]),
        beads=beads if isinstance(beads, int) else 0,
        instrument=str(row["instrument"]),
    )


def _explain(row: Row, outcome: str, rules: Sequence[str]) -> tuple[str, str]:
    code, _, sentence = str(row["reason"]).partition(": ")
    if outcome == "refused":
        known = remedy_of(code, "")
        return (known.title, known.remedy) if known else (sentence or code, "")
    if outcome == "unverified":
        return "Not verified on this instrument", in_web_words(sentence)
    if rules and outcome in VERDICTS:
        return _both(outcome), ""
    return "", ""


def _both(verdict: str) -> str:
    """Return the sentence on the verdict of an image that control rules reject."""
    if verdict == "fail":
        return "Out of control too"
    joined = "but" if verdict == "pass" else "and"
    return f"Verdict: {verdict} by the tolerance, {joined} outside the control limits"


def _number(row: Row, outcome: str) -> tuple[str, str]:
    """Return dZ with its sign and its side of the plane; empty for a refusal."""
    dz_um = row["delta_z_um"]
    if outcome == "refused" or not isinstance(dz_um, int | float):
        return "", ""
    return signed(dz_um), describe_dz(row)[1]


def _half(row: Row) -> str:
    lower_um, upper_um = row["lower_um"], row["upper_um"]
    if not isinstance(lower_um, int | float) or not isinstance(upper_um, int | float):
        return ""
    return plus_minus(row)
