"""The text of a daily check on the page History."""

import re
from dataclasses import dataclass, replace
from datetime import date

from refp.history.actions import describe_rejection
from refp.web.messages import DailyCheck, EarlierRecord, Row
from refp.web.wording.numbers import PLUS_MINUS, UM, VERDICTS, plus_minus, signed, typeset
from refp.web.wording.remedies import REMEDIES
from refp.web.wording.rules import Fired, to_act_on

TAKE = (
    "Choose an image of the check slide (always the same slide with beads) and press “Check”. It is "
    "recorded"
)
LIMITS_LATER = ". Limits exist only after 20 checks on 5 days; later checks are compared with them."
NEEDED = re.compile(r"limits need (\d+) (\w+) on (\d+) days; there (?:is|are) (\d+) on (\d+)")
"""The sentence of :func:`refp.history.missing_limits` on too few values."""
ENOUGH = re.compile(r"no limits are frozen; \d+ (\w+) on \d+ days are enough to freeze them")
"""The sentence of the same function on enough values."""

FILE_NAME = re.compile(r"[^:]*\.[A-Za-z]\w*(#\d+)?: |\S*[.:/\\]\S|\S+:")
"""The name of a file at the beginning of a message, in which it may have spaces before a colon."""


@dataclass(frozen=True, slots=True)
class CheckText:
    """Text of the banner: style, sign, headline, sentences, and rules that fired, the gravest first."""

    look: str
    sign: str
    headline: str
    detail: str = ""
    action: str = ""
    rules: tuple[Fired, ...] = ()


def describe_check(check: DailyCheck | None, today: date) -> CheckText:
    """Return the text of the last daily check.

    Parameters
    ----------
    check
        The last check; ``None`` without any.
    today
        Current day.
    """
    if check is None:
        return CheckText("open", "?", "No daily check yet", "", f"{TAKE}{LIMITS_LATER}")
    day, time = str(check.record["recorded_at"]).split("T")
    own = _outcome(check)
    if check.earlier is not None:
        own = replace(own, detail=f"{own.detail} {describe_earlier(check.earlier)}".strip())
    value = _value(check.record)
    if day == today.isoformat():
        by = f" by {check.record['operator']}" if check.record["operator"] else ""
        detail = f"{own.detail} Last check {time[:5]}{by}.".strip()
        headline = (
            f"Today: {value} \N{EM DASH} {own.headline}" if value else f"Today: {own.headline}"
        )
        return replace(own, headline=headline, detail=detail)
    last = f"The last check was on {day}: {value + ', ' if value else ''}{own.headline}."
    if check.state == "no_limits":
        last = f"{last} {own.detail}".strip()
    look = "fail" if own.look == "fail" else "open"
    return CheckText(look, "?", "No daily check today", last, _take(check))


def describe_missing(sentence_: str) -> str:
    """Return the sentence on missing limits for a page, without a full stop.

    For ``limits need 20 checks on 5 days; there is 1 on 1`` this is ``1 of 20 checks recorded, on 1 of 5
    days``. Other sentences are returned unchanged.
    """
    few, enough = NEEDED.fullmatch(sentence_), ENOUGH.fullmatch(sentence_)
    if enough:
        return f"Enough {enough[1]} are recorded: freeze limits now"
    if not few:
        return sentence_
    n_needed, noun, days_needed, n, n_days = few.groups()
    values = f"{n} of {n_needed} {noun}" if int(n) <= int(n_needed) else f"{n} {noun}"
    days = (
        f"{n_days} of {days_needed} days" if int(n_days) <= int(days_needed) else f"{n_days} days"
    )
    return f"{values} recorded, on {days}"


def describe_earlier(earlier: EarlierRecord) -> str:
    """Return the sentence about an earlier record of the same image."""
    at = earlier.recorded_at[:16].replace("T", " ")
    by = f" by {earlier.operator}" if earlier.operator else ""
    return f"The same image was recorded on {at}{by} as {earlier.image}; this is a further record of it."


def _take(check: DailyCheck) -> str:
    """Return the invitation to a check, with the limits and the tolerance that it is compared with."""
    if any(ENOUGH.fullmatch(note) for note in check.notes):
        return f"{TAKE}."
    if not check.baseline:
        return f"{TAKE}{LIMITS_LATER}"
    both = f" and {_tolerance(check)}" if check.tolerance_um else ""
    return f"{TAKE}, and compared with the limits{both}."


def _outcome(check: DailyCheck) -> CheckText:
    """Return the text of the outcome; ``headline`` follows the value."""
    if check.record["status"] == "refused":
        return _refusal(check)
    own = _compared(check)
    notes = [describe_missing(note) for note in check.notes]
    if notes != check.notes and check.state != "no_limits":
        notes[0] = f"no limits yet: {notes[0]}"
    detail = typeset(" ".join(map(sentence, (*notes, _verdict(check)))))
    return replace(own, detail=detail.strip(), rules=tuple(to_act_on(check.rules)))


def _compared(check: DailyCheck) -> CheckText:
    """Return the text of a value compared with limits and tolerance, without notes and rules."""
    cross = "\N{MULTIPLICATION X}"
    match check.state:
        case "outside_tolerance":
            return CheckText("fail", cross, f"fail: outside {_tolerance(check)}", "", check.action)
        case "rejected":
            names = [str(one["rule"]) for one in check.rules]
            return CheckText("fail", cross, describe_rejection(names))
        case "warning":
            return CheckText("open", "!", "warning: take one more image")
        case "within_limits":
            return _passed(check)
        case _:
            return CheckText("open", "?", "no limits yet")


def _passed(check: DailyCheck) -> CheckText:
    both = f" and {_tolerance(check)}" if check.tolerance_um else ""
    if _verdict(check):
        verdict = str(check.record["verdict"])
        return CheckText("open", "?", f"within limits{both}; verdict {verdict}")
    return CheckText("pass", "\N{CHECK MARK}", f"within limits{both}")


def _verdict(check: DailyCheck) -> str:
    """Return the meaning of a verdict that is neither pass nor fail; empty otherwise."""
    verdict = str(check.record["verdict"])
    return VERDICTS[verdict].meaning if verdict in ("inconclusive", "unverified") else ""


def _tolerance(check: DailyCheck) -> str:
    known = check.tolerance_um
    return f"the tolerance of {PLUS_MINUS}{known:g} {UM}" if known else "the tolerance"


def _refusal(check: DailyCheck) -> CheckText:
    code, _, words = str(check.record["reason"]).partition(": ")
    if code == "withdrawn":
        note = f"{words}." if words else ""  # verbatim: the text of a person
        return CheckText("open", "\N{EN DASH}", "withdrawn", note, _take(check))
    help_ = REMEDIES.get(code)
    title = help_.title.lower() if help_ else "refused"
    name = str(check.record["image"]).partition("#")[0]
    reason = f"{words}." if name and words.startswith(name) else sentence(words)
    return CheckText("fail", "\N{EN DASH}", f"no number, {title}", reason,
                      help_.remedy if help_ else "")  # fmt: skip


def begin(text: str) -> str:
    """Return a text with a capital first letter, unless it begins with the name of a file."""
    named = FILE_NAME.match(text) is not None
    return text if named else f"{text[:1].upper()}{text[1:]}"


def sentence(text: str) -> str:
    """Return a text with a capital first letter and a full stop; names of files are verbatim."""
    return f"{begin(text)}." if text else ""


def _value(record: Row) -> str:
    """Return dZ with half the width of its interval; empty for a refused image."""
    value, lower, upper = (record[name] for name in ("delta_z_um", "lower_um", "upper_um"))
    if not isinstance(value, int | float):
        return ""
    known = isinstance(lower, int | float) and isinstance(upper, int | float)
    half = f" {plus_minus(record)}" if known else ""
    return f"{signed(value)}{half} {UM}"
