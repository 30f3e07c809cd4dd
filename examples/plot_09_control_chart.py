"""
A control chart
===============

Daily checks of one instrument, here invented ones that begin to drift. Limits are frozen from a period
without trouble; the rules of Westgard report the drift before it leaves the tolerance.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from refp.history import History, HistoryRecord, Selection, new_id, select_chart
from refp.reports import describe_control, draw_control

rng = np.random.default_rng(3)
start = datetime(2026, 3, 1, 8, tzinfo=UTC)
drift_um = np.interp(np.arange(50), [30, 49], [0, 2.2])
records = [
    HistoryRecord(
        id=new_id(),
        recorded_at=start + timedelta(days=day),
        kind="estimate",
        purpose="daily",
        instrument="a2k",
        status="ok",
        delta_z_um=float(drift + rng.normal(scale=0.7)),
        u_um=0.5,
    )
    for day, drift in enumerate(drift_um)
]

with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    history = History.open(Path(folder) / "history.db", create=True)
    history.append(records)
    history.freeze("spring", Selection("a2k", start, start + timedelta(days=30)))
    history.annotate("new slide lot", "a2k", at=start + timedelta(days=32))
    chart = select_chart(history, Selection("a2k"))
    history.close()

print(describe_control(chart))
figure = draw_control(chart, "daily check, dZ in um")
