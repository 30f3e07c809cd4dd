"""Tables and page of an audit, from its stored results."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from refp.core.arrays import FloatArray
from refp.core.files import provenance, write_csv
from refp.estimate.estimator import recipe_of
from refp.estimate.verdict import judge_interval
from refp.history import name_instrument
from refp.models import ModelCard
from refp.pipeline.audit_store import AuditStore
from refp.pipeline.changes import Change, Periods, find_changes, group_periods
from refp.pipeline.fractions import fraction_interval
from refp.reports.audit_report import AuditTables, write_audit_report

MAX_DRAWN = 1500
"""Largest number of images that are drawn of an instrument."""
MAX_AGAIN = 40
"""Largest number of images in the list of those to look at again; the table holds all."""
MAD_TO_SD = 1.4826
_CHANGE_COLUMNS = ("instrument", "kind", "from", "to", "change_um", "lower_um", "upper_um", "p")


def write_audit(
    store: AuditStore, tolerance_um: float, card: ModelCard, archive: str
) -> AuditTables:
    """Write ``audit.csv``, ``instruments.csv``, ``changes.csv`` and ``report.html``.

    Parameters
    ----------
    store
        Results of all images.
    tolerance_um
        Largest tolerated absolute dZ, um.
    card
        Card of the model.
    archive
        Name of the archive.
    """
    store.write_table(tolerance_um)
    tables = summarise_audit(store, tolerance_um)
    write_csv(tables.instruments, store.folder / "instruments.csv")
    write_csv(tables.changes, store.folder / "changes.csv")
    recipe = recipe_of(card)
    stamp = {**provenance(f"{recipe.name} {recipe.digest}", archive), "model": card.name}
    write_audit_report(store.folder / "report.html", archive, tables, stamp)
    return tables


def summarise_audit(store: AuditStore, tolerance_um: float) -> AuditTables:
    """Return the tables of the page, a series of an instrument in memory at a time."""
    groups = list(
        store.select("SELECT instrument, serial FROM images GROUP BY 1, 2 ORDER BY count(*) DESC")
    )
    rows, points, medians, changes = [], [], [], []
    for group in groups:
        name = name_instrument(*group)
        rows.append({"instrument": name, **_count(store, group, tolerance_um)})
        time_s, dz_um = _series(store, group)
        points.append(_drawn(name, time_s, dz_um))
        periods = group_periods(time_s, dz_um)
        medians.append(_medians(name, periods))
        changes += [_change_row(name, change) for change in find_changes(periods)]
    return AuditTables(
        tolerance_um=tolerance_um,
        instruments=pd.DataFrame(rows),
        changes=pd.DataFrame(changes, columns=list(_CHANGE_COLUMNS)),
        points=pd.concat(points, ignore_index=True),
        medians=pd.concat(medians, ignore_index=True),
        refused=_refused(store),
        reasons=_reasons(store),
        again=_again(store, tolerance_um),
    )


def _count(store: AuditStore, group: tuple[str, str], tolerance_um: float) -> dict[str, object]:
    """Return the row of an instrument: counts, fraction outside, median and spread of dZ."""
    ((n, n_ok, n_unverified, n_outside, n_undated, first, last),) = store.select(
        "SELECT count(*), sum(status != 'refused'), sum(status = 'unverified'), "
        "sum(status != 'refused' AND abs(delta_z_um) > ?), sum(acquired_at IS NULL), "
        "min(acquired_at), max(acquired_at) FROM images WHERE instrument = ? AND serial = ?",
        *(tolerance_um, *group),
    )
    dz_um = _column(
        store, "SELECT delta_z_um FROM answered WHERE instrument = ? AND serial = ?", group
    )
    middle = float(np.median(dz_um)) if n_ok else np.nan
    spread = MAD_TO_SD * float(np.median(np.abs(dz_um - middle))) if n_ok else np.nan
    lower, upper = fraction_interval(n_outside, n_ok)
    return {
        "n_images": n,
        "n_ok": n_ok,
        "n_refused": n - n_ok,
        "n_unverified": n_unverified,
        "n_outside": n_outside,
        "fraction_outside": n_outside / n_ok if n_ok else np.nan,
        "fraction_lower": lower,
        "fraction_upper": upper,
        "median_um": middle,
        "robust_sd_um": spread,
        "first": first,
        "last": last,
        "n_undated": n_undated,
    }


def _series(store: AuditStore, group: tuple[str, str]) -> tuple[FloatArray, FloatArray]:
    """Return times in seconds and dZ of the dated estimates of an instrument, in order of time."""
    dated = "FROM answered WHERE instrument = ? AND serial = ? AND acquired_at IS NOT NULL"
    order = "ORDER BY acquired_at, path, page"
    seconds = "CAST(strftime('%s', acquired_at) AS INTEGER)"
    return (
        _column(store, f"SELECT {seconds} {dated} {order}", group),
        _column(store, f"SELECT delta_z_um {dated} {order}", group),
    )


def _column(store: AuditStore, query: str, group: tuple[str, str]) -> FloatArray:
    return np.fromiter((value for (value,) in store.select(query, *group)), dtype=np.float64)


def _drawn(name: str, time_s: FloatArray, dz_um: FloatArray) -> pd.DataFrame:
    """Return the images to draw: all, or every so many and those farthest from the plane."""
    rows = np.arange(len(time_s))
    if len(rows) > MAX_DRAWN:
        step = -(-2 * len(rows) // MAX_DRAWN)
        far = np.argsort(-np.abs(dz_um), kind="stable")[: MAX_DRAWN // 2]
        rows = np.union1d(rows[::step], far)
    return pd.DataFrame({"instrument": name, "at": _dates(time_s[rows]), "delta_z_um": dz_um[rows]})


def _medians(name: str, periods: Periods) -> pd.DataFrame:
    values = {"at": _dates(periods.time_s), "median_um": periods.median_um, "n": periods.count}
    return pd.DataFrame({"instrument": name, **values})


def _change_row(name: str, change: Change) -> dict[str, object]:
    row = asdict(change)
    start, end = _dates(np.array([row.pop("start_s"), row.pop("end_s")]))
    return {"instrument": name, "from": start, "to": end, **row}


def _dates(time_s: FloatArray) -> pd.Series:
    return pd.Series(time_s.astype("datetime64[s]"))


def _refused(store: AuditStore) -> pd.DataFrame:
    """Return the dates of refused images, of each instrument at most ``MAX_DRAWN``."""
    rows = store.select(
        "SELECT instrument, serial, acquired_at FROM ("
        "SELECT instrument, serial, acquired_at, row_number() OVER own AS k, "
        "count(*) OVER (PARTITION BY instrument, serial) AS n "
        "FROM images WHERE status = 'refused' AND acquired_at IS NOT NULL "
        "WINDOW own AS (PARTITION BY instrument, serial ORDER BY acquired_at)"
        ") WHERE k % (1 + n / ?) = 0",
        MAX_DRAWN,
    )
    found = [(name_instrument(instrument, serial), at) for instrument, serial, at in rows]
    table = pd.DataFrame(found, columns=["instrument", "at"])
    return table.assign(at=pd.to_datetime(table["at"]))


def _reasons(store: AuditStore) -> pd.DataFrame:
    """Return a row per reason of refusal: its code, number, and one image with the whole reason."""
    rows = store.select(
        "SELECT substr(reason, 1, instr(reason, ':') - 1) AS code, count(*), min(image), "
        "substr(min(reason), 3 + length(substr(reason, 1, instr(reason, ':') - 1))) "
        "FROM images WHERE status = 'refused' GROUP BY code ORDER BY count(*) DESC, code"
    )
    return pd.DataFrame(list(rows), columns=["reason", "n_images", "first image", "example"])


def _again(store: AuditStore, tolerance_um: float) -> pd.DataFrame:
    """Return the images whose interval is not within the tolerance, farthest first."""
    rows = store.select(
        "SELECT image, acquired_at, instrument, serial, delta_z_um, lower_um, upper_um, status "
        "FROM answered WHERE lower_um < ? OR upper_um > ? "
        "ORDER BY abs(delta_z_um) DESC, path, page LIMIT ?",
        *(-tolerance_um, tolerance_um, MAX_AGAIN),
    )
    found = [
        {
            "image": image,
            "acquired": at,
            "instrument": name_instrument(instrument, serial),
            "delta_z_um": dz_um,
            "lower_um": lower_um,
            "upper_um": upper_um,
            "verdict": judge_interval(status, lower_um, upper_um, tolerance_um),
        }
        for image, at, instrument, serial, dz_um, lower_um, upper_um, status in rows
    ]
    columns = ("image", "acquired", "instrument", "delta_z_um", "lower_um", "upper_um", "verdict")
    return pd.DataFrame(found, columns=list(columns))
