"""A daily check in words, as they stand on the page of the history."""

from dataclasses import dataclass
from datetime import date

from refp.web.messages import Check, Row
from refp.web.wording.remedies import REMEDIES
from refp.web.wording.rules import foremost

MINUS = "\N{MINUS SIGN}"
UM = "\N{MICRO SIGN}m"
FREEZE = "Freeze limits below once ten good checks are recorded."
TAKE = "Choose an image of the check slide; it is measured, recorded and held against the limits."


@dataclass(frozen=True, slots=True)
class CheckWords:
    """What the banner says: how it looks, a sign that needs no colour, and up to three sentences."""

    look: str
    sign: str
    headline: str
    detail: str = ""
    action: str = ""


def describe_check(check: Check | None, today: date) -> CheckWords:
    """Return what is said of the last daily check.

    Parameters
    ----------
    check
        The last one; ``None``: there was none yet.
    today
        The day it is.
    """
    if check is None:
        return CheckWords("open", "?", "No daily check yet", "", TAKE)
    day, time = str(check.record["recorded_at"]).split("T")
    own = _outcome(check)
    value = _value(check.record)
    if day == today.isoformat():
        by = f" by {check.record['operator']}" if check.record["operator"] else ""
        detail = f"{own.detail} At {time[:5]}{by}.".strip()
        headline = (
            f"Today: {value} \N{EM DASH} {own.headline}" if value else f"Today: {own.headline}"
        )
        return CheckWords(own.look, own.sign, headline, detail, own.action)
    last = f"The last was on {day}: {value + ', ' if value else ''}{own.headline}."
    look = "fail" if own.look == "fail" else "open"
    return CheckWords(look, "?", "No daily check today", last, TAKE)


def _outcome(check: Check) -> CheckWords:
    """Return what a check came to; ``headline`` goes on after its value."""
    if check.record["status"] == "refused":
        return _refusal(str(check.record["reason"]))
    if check.in_control is None:
        return CheckWords("open", "?", "no limits yet", "", FREEZE)
    if not check.rules:
        return CheckWords("pass", "\N{CHECK MARK}", "within limits")
    names = ", ".join(str(one["rule"]) for one in check.rules)
    told = foremost(check.rules)
    meaning, action = sentence(str(told["meaning"])), str(told["action"])
    if check.in_control:
        return CheckWords("open", "!", f"warning {names}", meaning, action)
    return CheckWords("fail", "\N{MULTIPLICATION X}", f"out of control: {names}", meaning, action)


def _refusal(reason: str) -> CheckWords:
    code, _, words = reason.partition(": ")
    if code == "withdrawn":
        return CheckWords("open", "\N{EN DASH}", "withdrawn", sentence(words), TAKE)
    help_ = REMEDIES.get(code)
    title = help_.title.lower() if help_ else "refused"
    return CheckWords("fail", "\N{EN DASH}", f"no number, {title}", sentence(words),
                      help_.remedy if help_ else "")  # fmt: skip


def sentence(text: str) -> str:
    """Return words as a sentence, names in them as they are."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _value(record: Row) -> str:
    """Return dZ with half of its interval; nothing of what was refused."""
    value, lower, upper = (record[name] for name in ("delta_z_um", "lower_um", "upper_um"))
    if not isinstance(value, int | float):
        return ""
    text = f"{value:+.1f} {UM}".replace("-", MINUS)
    if isinstance(lower, int | float) and isinstance(upper, int | float):
        text += f" \N{PLUS-MINUS SIGN} {(upper - lower) / 2:.1f}"
    return text
