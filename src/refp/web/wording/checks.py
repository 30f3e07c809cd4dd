"""The text of a daily check on the page History."""

from dataclasses import dataclass, replace
from datetime import date

from refp.web.messages import DailyCheck, EarlierRecord, Row
from refp.web.wording.numbers import PLUS_MINUS, UM, VERDICTS
from refp.web.wording.remedies import REMEDIES
from refp.web.wording.rules import foremost

MINUS = "\N{MINUS SIGN}"
FREEZE = "Freeze limits below when at least 20 good checks on 5 days are recorded."
TAKE = (
    "Choose an image of the check slide and press “Check”; it is recorded, and compared with limits "
    "and tolerance."
)


@dataclass(frozen=True, slots=True)
class CheckText:
    """Text of the banner: style, sign, and up to three sentences."""

    look: str
    sign: str
    headline: str
    detail: str = ""
    action: str = ""


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
        return CheckText("open", "?", "No daily check yet", "", TAKE)
    day, time = str(check.record["recorded_at"]).split("T")
    own = _outcome(check)
    if check.earlier is not None:
        own = replace(own, detail=f"{own.detail} {describe_earlier(check.earlier)}".strip())
    value = _value(check.record)
    if day == today.isoformat():
        by = f" by {check.record['operator']}" if check.record["operator"] else ""
        detail = f"{own.detail} At {time[:5]}{by}.".strip()
        headline = (
            f"Today: {value} \N{EM DASH} {own.headline}" if value else f"Today: {own.headline}"
        )
        return CheckText(own.look, own.sign, headline, detail, own.action)
    last = f"The last check was on {day}: {value + ', ' if value else ''}{own.headline}."
    look = "fail" if own.look == "fail" else "open"
    return CheckText(look, "?", "No daily check today", last, TAKE)


def describe_earlier(earlier: EarlierRecord) -> str:
    """Return the sentence about an earlier record of the same image."""
    at = earlier.recorded_at[:16].replace("T", " ")
    by = f" by {earlier.operator}" if earlier.operator else ""
    return f"The same image was recorded on {at}{by} as {earlier.image}; this is a further record of it."


def _outcome(check: DailyCheck) -> CheckText:
    """Return the text of the outcome; ``headline`` follows the value."""
    if check.record["status"] == "refused":
        return _refusal(str(check.record["reason"]))
    own = _compared(check)
    notes = " ".join(map(sentence, (*check.notes, _verdict(check)))).replace(" um", f" {UM}")
    return replace(own, detail=f"{own.detail} {notes}".strip())


def _compared(check: DailyCheck) -> CheckText:
    """Return the text of a value compared with limits and tolerance, without notes."""
    names = ", ".join(str(one["rule"]) for one in check.rules)
    meaning = sentence(str(foremost(check.rules)["meaning"])) if check.rules else ""
    cross = "\N{MULTIPLICATION X}"
    match check.state:
        case "outside_tolerance":
            return CheckText("fail", cross, f"fail: outside {_tolerance(check)}", "", check.action)
        case "rejected":
            return CheckText("fail", cross, f"out of control: {names}", meaning, check.action)
        case "warning":
            return CheckText("open", "!", f"warning {names}", meaning, check.action)
        case "within_limits":
            return _passed(check)
        case _:
            return CheckText("open", "?", "no limits yet", "", FREEZE)


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


def _refusal(reason: str) -> CheckText:
    code, _, words = reason.partition(": ")
    if code == "withdrawn":
        return CheckText("open", "\N{EN DASH}", "withdrawn", sentence(words), TAKE)
    help_ = REMEDIES.get(code)
    title = help_.title.lower() if help_ else "refused"
    return CheckText("fail", "\N{EN DASH}", f"no number, {title}", sentence(words),
                      help_.remedy if help_ else "")  # fmt: skip


def sentence(text: str) -> str:
    """Return a text with a capital first letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _value(record: Row) -> str:
    """Return dZ with half the width of its interval; empty for a refused image."""
    value, lower, upper = (record[name] for name in ("delta_z_um", "lower_um", "upper_um"))
    if not isinstance(value, int | float):
        return ""
    text = f"{value:+.1f} {UM}".replace("-", MINUS)
    if isinstance(lower, int | float) and isinstance(upper, int | float):
        text += f" \N{PLUS-MINUS SIGN} {(upper - lower) / 2:.1f}"
    return text
