"""Texts of the newest estimate on the page Live."""

from collections.abc import Sequence
from dataclasses import dataclass

from refp.history.actions import ACTIONS, OUT_OF_CONTROL, gravest_first
from refp.web.messages import Row
from refp.web.wording.numbers import VERDICTS, describe_dz, describe_move
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
    number, where = ("", "") if outcome == "refused" else describe_dz(row)
    title, action = _explain(row, outcome, rules)
    beads = row["n_beads_used"]
    return Newest(
        look="fail" if rejected else outcome,
        sign=VERDICTS["fail"].sign if rejected else verdict.sign if verdict else "",
        word=OUT_OF_CONTROL if rejected else verdict.word if verdict else ESTIMATED,
        number=f"{_sign(row['delta_z_um'])}{number}" if number else "",
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
        return "Not verified on this instrument", sentence
    if rules and outcome in VERDICTS:
        also = "Out of control too" if outcome == "fail" else f"Verdict: {outcome}"
        return also, ""
    return "", ""


def _sign(dz_um: object) -> str:
    if not isinstance(dz_um, int | float) or round(abs(dz_um), 1) == 0:
        return ""
    return "+" if dz_um > 0 else "\N{MINUS SIGN}"


def _half(row: Row) -> str:
    lower_um, upper_um = row["lower_um"], row["upper_um"]
    if not isinstance(lower_um, int | float) or not isinstance(upper_um, int | float):
        return ""
    return f"\N{PLUS-MINUS SIGN}{(upper_um - lower_um) / 2:.1f}"
