"""Measure the speed of a long history: ``python -m benchmarks.speed.history [chart|browser]``."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright
from tests.web.browser import QUIET, find_chromium

from benchmarks import HERE
from benchmarks.speed.__main__ import seconds
from benchmarks.speed.parts import measure_parts
from benchmarks.speed.web import serve
from refp.core.files import write_csv
from refp.history import History, HistoryRecord, Selection, new_id, select_chart
from refp.reports import draw_control, png_bytes
from refp.web.messages import ChartQuery
from refp.web.schemas.history import HistoryChart
from refp.web.workers.history import read_chart, read_page

RECORDS = 100_000
REFUSED = 0.02
DRIFT_SD = 1.5
"""Drift of the values, in standard deviations, so that many rules fire."""
REPEATS = 7
DRAWN_S = 1.0
INSTRUMENT = "a2k"
START = datetime(2024, 1, 1, tzinfo=UTC)


def make_records(n: int) -> list[HistoryRecord]:
    """Return records of estimates every ten minutes; the last third drifts."""
    rng = np.random.default_rng(1)
    drift = DRIFT_SD * np.clip(np.linspace(-2, 1, n), 0, None)
    dz_um = rng.normal(0.0, 1.0, n) + drift
    refused = rng.random(n) < REFUSED
    return [
        HistoryRecord(
            id=new_id(),
            recorded_at=START + timedelta(minutes=10 * k),
            kind="estimate",
            purpose="daily",
            instrument=INSTRUMENT,
            operator="benchmark",
            image=f"daily_{k}.tif",
            image_sha256=f"{k:064x}",
            model="profile-a2k-0123456789ab",
            model_sha256="0" * 64,
            recipe="default 0123456789ab",
            version="0.1.0",
            status="refused" if refused[k] else "ok",
            delta_z_um=float("nan") if refused[k] else float(dz_um[k]),
            u_um=float("nan") if refused[k] else 0.6,
            n_beads=20,
            n_beads_used=0 if refused[k] else 20,
        )
        for k in range(n)
    ]


def chart() -> dict[str, float]:
    """Return times of the chart of 100,000 records, and of reading them from CSV with pandas, s."""
    with TemporaryDirectory() as folder, History.open(Path(folder) / "history.db") as history:
        records = make_records(RECORDS)
        append_s = seconds(partial(history.append, records), 1)
        history.freeze("first", Selection(INSTRUMENT, START, START + timedelta(days=90)))
        write_csv(history.select(), Path(folder) / "history.csv")
        return {"records": RECORDS, "append_s": append_s, **_measure(history, Path(folder))}


def browser() -> dict[str, object]:
    """Return the time from request of the page of 100,000 records to its chart in Chromium, s."""
    with TemporaryDirectory() as folder:
        with History.open(Path(folder) / "history.db") as history:
            history.append(make_records(RECORDS))
            history.freeze("first", Selection(INSTRUMENT, START, START + timedelta(days=90)))
        with serve(Path(folder)) as (address, *_):
            return {"records": RECORDS, **_watch(f"{address}/history"), "bar_s": DRAWN_S}


def _watch(address: str) -> dict[str, object]:
    spent = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(QUIET))
        page = chromium.new_page(viewport={"width": 1366, "height": 768})
        for _ in range(REPEATS + 1):
            started = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_selector(".history-chart .main-svg")
            spent.append(time.perf_counter() - started)
        chromium.close()
    cold_s, *warm_s = spent  # the browser loads plotly, a worker opens the database
    return {"first_s": cold_s, "least_s": min(warm_s), "median_s": statistics.median(warm_s)}


def _measure(history: History, folder: Path) -> dict[str, float]:
    select = partial(select_chart, history, Selection(INSTRUMENT))
    found = select()
    work = {
        "select": select,
        "draw": lambda: png_bytes(draw_control(found)),
        "whole": lambda: png_bytes(draw_control(select())),
        "page": partial(read_page, str(folder / "history.db"), ChartQuery(INSTRUMENT), None),
        "data": lambda: _as_json(
            read_chart(str(folder / "history.db"), ChartQuery(INSTRUMENT), None)
        ),
        "csv": partial(pd.read_csv, folder / "history.csv"),
    }
    best = dict.fromkeys(work, np.inf)
    for _ in range(REPEATS):  # in turn, to distribute disturbances
        for name, one in work.items():
            best[name] = min(best[name], seconds(one, 1))
    return {
        "drawn": len(found.shown),
        "fired": len({firing.index for firing in found.firings}),
        **{f"{name}_s": float(best[name]) for name in work},
        "ratio": float(best["whole"] / best["csv"]),
    }


def _as_json(chart: dict[str, object]) -> str:
    """Return a chart as the server's JSON, with its types checked."""
    return HistoryChart.model_validate(chart).model_dump_json()


def main() -> None:
    """Write history.json."""
    measure_parts(
        HERE / "speed" / "history.json",
        {"chart": chart, "browser": browser},
        "simulated records in a SQLite file",
    )


if __name__ == "__main__":
    main()
