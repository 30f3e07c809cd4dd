"""Control charts as plain values for pages and the API."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pandas as pd

from refp.core.arrays import IntArray
from refp.history import (
    ACTIONS,
    LABELS,
    OUTSIDE_TOLERANCE,
    RULES,
    Baseline,
    ControlChart,
    PointState,
    missing_limits,
    states_of,
    wide_limits,
    with_offset,
)
from refp.history.actions import gravest_first
from refp.history.chart import thin
from refp.web.messages import Row
from refp.web.wording.rules import FINDINGS, by_gravity

MAX_FIRED = MAX_CALM = 1000
"""Above these numbers, values with firings and other values are thinned; extremes are kept."""
MAX_REFUSED = 500
SIGMAS = (-3, -2, -1, 0, 1, 2, 3)


def describe_chart(chart: ControlChart, records: pd.DataFrame) -> Row:
    """Return the content of a chart as plain values.

    Parameters
    ----------
    chart
        The chart.
    records
        Columns ``id, image, verdict`` of each of its values.
    """
    fired: dict[int, list[str]] = {}
    for firing in chart.firings:
        fired.setdefault(firing.index, []).append(firing.rule)
    rows, states = choose_points(chart).tolist(), states_of(chart)
    named = records.take(rows).to_dict("records")
    points = [
        {**one, **_point(chart, k), "state": states[k], "rules": fired.get(k, [])}
        for k, one in zip(rows, named, strict=True)
    ]
    pairs = zip(rows, points, strict=True)
    return {
        **_summary(chart),
        "n_points": len(points),
        "points": points,
        "firings": [_firing(point, rule) for k, point in pairs for rule in fired.get(k, [])],
    }


def _summary(chart: ControlChart) -> Row:
    """Return the summary of a chart: numbers, limits, firings of each rule, notes."""
    last = {firing.rule: firing.index for firing in chart.firings}
    counts = Counter(firing.rule for firing in chart.firings)
    return {
        "instrument": chart.instrument,
        "quantity": chart.quantity,
        "label": LABELS[chart.quantity],
        "n": int(np.isfinite(chart.value).sum()),
        "n_refused": int(chart.refused.sum()),
        "n_days": chart.n_days,
        "series": "daily" if chart.purpose else "all",
        "tolerance_um": finite(chart.tolerance_um),
        "n_outside": int(chart.outside.sum()),
        "missing": missing_limits(chart),
        "caution": wide_limits(chart),
        "baseline": None if chart.baseline is None else describe_baseline(chart.baseline),
        "limits": _limits(chart.baseline),
        "rules": [
            {**describe_rule(rule), "n": counts[rule], "last_at": _time(chart, last.get(rule))}
            for rule in RULES
        ],
        "annotations": [
            {"time": _local(chart, note.time), "text": note.text} for note in chart.annotations
        ],
    }


def describe_baseline(baseline: Baseline) -> Row:
    """Return a baseline as ``refp history baseline --json`` prints it."""
    times = {key: getattr(baseline, key).isoformat() for key in ("since", "until", "frozen_at")}
    return {**asdict(baseline), **times}


def describe_rule(rule: str) -> dict[str, str]:
    """Return name, meaning and action of a rule."""
    return {"rule": rule, "meaning": RULES[rule], "action": ACTIONS[rule]}


def rules_at(chart: ControlChart, index: int) -> list[Row]:
    """Return the rules that fire at a value."""
    return [{**describe_rule(one.rule)} for one in chart.firings if one.index == index]


def action_of(state: PointState, rules: Sequence[str]) -> str:
    """Return the gravest action for a value; empty where none is needed."""
    if state == "outside_tolerance":
        return OUTSIDE_TOLERANCE
    if not rules:
        return ""
    return ACTIONS[gravest_first(rules)[0]]


def finite(value: float) -> float | None:
    """Return a number, or ``None`` for NaN."""
    return value if np.isfinite(value) else None


def newest_findings(chart: ControlChart, max_values: int) -> list[Row]:
    """Return the values that fail or warn, the newest first, each with state, rules and actions.

    ``action`` is that for a value outside the tolerance; ``rules`` hold their own, the gravest first.
    """
    states = states_of(chart)
    found = [k for k, state in enumerate(states) if state in FINDINGS][::-1][:max_values]
    return [
        {
            "time": _local(chart, chart.time[k]),
            "value": float(chart.value[k]),
            "state": states[k],
            "rules": by_gravity(rules_at(chart, k)),
            "action": OUTSIDE_TOLERANCE if states[k] == "outside_tolerance" else "",
        }
        for k in found
    ]


def choose_points(chart: ControlChart) -> IntArray:
    """Return the indices of the displayed values, shape ``(k,)``, in rising order."""
    rows = np.array([firing.index for firing in chart.firings], dtype=int)
    fired = np.union1d(rows, np.flatnonzero(chart.outside))
    calm = np.setdiff1d(chart.shown, fired)
    calm = calm[thin(chart.value[calm], [], MAX_CALM)]
    fired = fired[thin(chart.value[fired], [], MAX_FIRED)]
    refused = np.flatnonzero(chart.refused)
    if len(refused) > MAX_REFUSED:
        refused = refused[np.linspace(0, len(refused) - 1, MAX_REFUSED).astype(int)]
    return np.unique(np.concatenate([calm, fired, refused]).astype(int))


def _point(chart: ControlChart, index: int) -> Row:
    return {
        "time": _local(chart, chart.time[index]),
        "value": finite(float(chart.value[index])),
        "u": finite(float(chart.u[index])),
        "refused": bool(chart.refused[index]),
    }


def _firing(point: Mapping[str, object], rule: str) -> Row:
    kept = {name: point[name] for name in ("id", "image", "time", "value")}
    return {**kept, **describe_rule(rule)}


def _limits(baseline: Baseline | None) -> list[Row]:
    if baseline is None:
        return []
    return [{"n_sd": n, "value": baseline.mean + n * baseline.sd} for n in SIGMAS]


def _time(chart: ControlChart, index: int | None) -> str | None:
    return None if index is None else _local(chart, chart.time[index])


def _local(chart: ControlChart, utc: np.datetime64) -> str:
    """Return a time in the zone of the last record of the chart."""
    return with_offset(utc.astype(object), chart.utc_offset_s).isoformat()


def period_of(chart: ControlChart) -> tuple[str, str]:
    """Return the first day of a chart and the day after its last, in the zone of this machine."""
    first, last = (
        with_offset(chart.time[k].astype(object), 0).astimezone().date() for k in (0, -1)
    )
    return first.isoformat(), (last + timedelta(days=1)).isoformat()
