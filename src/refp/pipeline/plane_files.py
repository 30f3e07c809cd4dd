"""The files of ``refp plane``: tables, uncertainty budget, pooled profiles and report."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from refp.core.errors import DataError
from refp.core.files import read_arrays, rows_of, write_arrays, write_csv, write_json, write_parquet
from refp.core.parallel import Execution
from refp.measure.dataset import Measurement
from refp.pipeline.inspection import white_level_note
from refp.pipeline.overlays import overlay_of_sweep, sweep_montage
from refp.pipeline.pixel_fit import pixel_size_note
from refp.pipeline.planes import Planes, define_planes_of_all
from refp.pipeline.remarks import remarks_on
from refp.pipeline.results import plane_provenance
from refp.pipeline.runs import PlaneRun, digest_inputs
from refp.pipeline.stated_z import stated_z_notes
from refp.pipeline.tables import (
    KEY_COLUMNS,
    bead_plane_table,
    bead_table,
    budget_table,
    comparison_table,
    curve_table,
    field_table,
    interval_table,
    keys_of,
    plane_table,
)
from refp.plane import (
    COVERAGE,
    TERMS,
    Contribution,
    Pool,
    PooledProfile,
    PooledStack,
    compare_planes,
)
from refp.plane.budget import definitional_u, draw_interval
from refp.reports import PlaneTables, write_plane_report
from refp.settings import Recipe, is_alike
from refp.sweeps import DataSet

KEYS = list(KEY_COLUMNS)
POOLED_ARRAYS = (
    *("ss_dz_um", "ss_value", "ss_u_um", "ci_dz_um", "ci_value", "ci_u_um"),
    *("stack_dz_um", "stack_radius_radii", "stack_mean", "stack_sd"),
    *("feature_distance_um", "u_um", "stage_sigma_um", "black_level"),
    *("pixel_size_um", "bead_diameter_um"),
)


@dataclass(frozen=True, slots=True)
class DefinedPlanes:
    """Result of a run of ``refp plane``.

    Attributes
    ----------
    files
        Names of the written files; none where the folder already held the same result.
    measurements
        Measured data sets.
    n_recalled
        Number of frames that an earlier run had measured.
    notes
        Remarks on sweeps without a plane, static detections, stated Z, pixel size and white level.
    """

    files: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    n_recalled: int = 0
    notes: tuple[str, ...] = ()


def define_and_write(
    run: PlaneRun,
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Path | None,
    execution: Execution,
) -> DefinedPlanes:
    """Define and write the planes of data sets, unless the folder holds them already.

    Parameters
    ----------
    run
        The run, an entered context manager.
    datasets, recipe, pool
        Inputs; ``pool`` is the ``pooled.npz`` of earlier data.
    execution
        Executor for the work, and callback for progress.

    Raises
    ------
    DataError
        If the data cannot be used.
    OutputError
        If the folder holds another result.
    """
    optics, bead = datasets[0].instrument.optics, datasets[0].instrument.bead
    known = read_pooled(pool, optics.pixel_size_um, bead.diameter_um) if pool else None
    inputs = partial(digest_inputs, datasets, recipe, pool, run.contents, execution.progress)
    if run.is_done(inputs):
        return DefinedPlanes()
    found = define_planes_of_all(datasets, recipe, pool=known, execution=execution, store=run.store)
    with run.replacing(inputs):
        names = write_planes(found, recipe, run.folder)
    measurements = tuple(m for planes in found for m in planes.measurements)
    notes = remarks_on(found)
    notes += [note for planes in found for note in notes_of_planes(planes, recipe)]
    return DefinedPlanes(tuple(names), measurements, run.store.n_recalled, tuple(notes))


def notes_of_planes(planes: Planes, recipe: Recipe) -> list[str]:
    """Return remarks on stated Z, pixel size and white level of the sweeps of an instrument."""
    sizes = (pixel_size_note(m, recipe) for m in planes.measurements)
    white = (white_level_note(m) for m in planes.measurements)
    stated = stated_z_notes(planes.curves, planes.measurements[0].instrument)
    return [*stated, *filter(None, (*sizes, *white))]


def write_planes(results: Sequence[Planes], recipe: Recipe, folder: Path) -> list[str]:
    """Write all files of ``refp plane``.

    Parameters
    ----------
    results
        Planes of each instrument.
    recipe
        Recipe of the planes.
    folder
        Output folder.

    Returns
    -------
    list of str
        Names of the files.
    """
    planes = [plane for result in results for plane in result.result.planes]
    table = plane_table(planes)
    curves = pd.concat(
        [curve_table(r.curves, r.result.planes, r.result.axes) for r in results], ignore_index=True
    )
    sweeps = [sweep for r in results for m in r.measurements for sweep in m.sweeps]
    tables = plane_tables(results)
    write_csv(table, folder / "planes.csv")
    write_parquet(bead_table(sweeps), folder / "beads.parquet")
    write_parquet(curves, folder / "curves.parquet")
    write_csv(tables.beads, folder / "bead_planes.csv")
    write_csv(tables.comparison, folder / "comparison.csv")
    names = ["planes.csv", "planes.json", "beads.parquet", "curves.parquet"]
    names += ["bead_planes.csv", "comparison.csv"]
    for result in results:
        name = pooled_name(result, alone=len(results) == 1)
        write_pooled(result, folder / name)
        names.append(name)
    stamp = plane_provenance(results, recipe)
    write_json(describe_planes(table, tables, stamp), folder / "planes.json")
    write_plane_report(
        folder / "report.html",
        planes=table,
        curves=curves,
        more=tables,
        overlays=[overlay_of_sweep(result) for result in results],
        montages=[montage for result in results for montage in sweep_montage(result)],
        provenance=stamp,
        beside=names,
    )
    return [*names, "report.html"]


def plane_tables(results: Sequence[Planes]) -> PlaneTables:
    """Return the tables that accompany the planes."""
    planes = [plane for r in results for plane in r.result.planes]
    axes = [axis for r in results for axis in r.result.axes]
    beads = [field for r in results for field in r.result.beads]
    named = [(r.measurements[0].instrument.name, r.result.planes) for r in results]
    return PlaneTables(
        by_features=plane_table(plane for r in results for plane in r.result.by_features),
        budget=budget_table(planes),
        intervals=interval_table(planes),
        fields=field_table(axes, beads),
        beads=bead_plane_table(beads),
        comparison=comparison_table(compare_planes(named)),
    )


def describe_planes(
    planes: pd.DataFrame, tables: PlaneTables, stamp: dict[str, str]
) -> dict[str, Any]:
    """Return the contents of ``planes.json``: planes with budgets, fields, beads and differences."""
    intervals = tables.intervals[[*KEYS, "dof", "lower_um", "upper_um"]]
    features = tables.by_features[[*KEYS, "refp_um", "refp_u_um", "flags"]]
    whole = planes.merge(intervals, on=KEYS).merge(features, on=KEYS, suffixes=("", "_by_features"))
    parts = defaultdict[tuple[object, ...], list[dict[str, Any]]](list)
    terms = rows_of(tables.budget[["term", "source", "u_um", "dof"]])
    for key, term in zip(keys_of(tables.budget), terms, strict=True):
        parts[key].append(term)
    rows = rows_of(whole)
    for row, key in zip(rows, keys_of(whole), strict=True):
        row["budget"] = parts[key]
        row["drawn_interval_um"] = _drawn_interval(row)
        row["definitional_u_um"] = (
            definitional_u(row["refp_ss_um"], row["refp_ci_um"])
            if None not in (row["refp_ss_um"], row["refp_ci_um"]) and row["budget"]
            else None
        )
    return {
        "coverage": COVERAGE,
        "terms": dict(TERMS),
        "planes": rows,
        "fields": rows_of(tables.fields),
        "beads": rows_of(tables.beads),
        "comparison": rows_of(tables.comparison),
        "provenance": stamp,
    }


def _drawn_interval(plane: dict[str, Any]) -> list[float] | None:
    """Return the interval by propagation of distributions; ``None`` without a plane."""
    terms = [
        Contribution(p["term"], p["source"], p["u_um"], np.inf if p["dof"] is None else p["dof"])
        for p in plane["budget"]
    ]
    return list(draw_interval(plane["refp_um"], terms)) if terms else None


def pooled_name(planes: Planes, *, alone: bool) -> str:
    """Return the name of an instrument's pooled file."""
    return "pooled.npz" if alone else f"pooled-{planes.measurements[0].instrument.name}.npz"


def write_pooled(planes: Planes, path: Path) -> None:
    """Write the pool of an instrument: pooled profiles, stack, black level and stage."""
    pool = planes.result.pool
    instrument = planes.measurements[0].instrument
    write_arrays(
        {
            "ss_dz_um": pool.ss.dz_um,
            "ss_value": pool.ss.value,
            "ss_u_um": np.array(pool.ss.u_um),
            "ci_dz_um": pool.ci.dz_um,
            "ci_value": pool.ci.value,
            "ci_u_um": np.array(pool.ci.u_um),
            "stack_dz_um": pool.stack.dz_um,
            "stack_radius_radii": pool.stack.radius_radii,
            "stack_mean": pool.stack.mean,
            "stack_sd": pool.stack.sd,
            "feature_distance_um": np.array(pool.feature_distance_um),
            "u_um": np.array(pool.u_um),
            "stage_sigma_um": np.array(pool.stage_sigma_um),
            "black_level": np.array(pool.black_level),
            "pixel_size_um": np.array(instrument.optics.pixel_size_um),
            "bead_diameter_um": np.array(instrument.bead.diameter_um),
        },
        path,
    )


def read_pooled(path: Path, pixel_size_um: float, bead_diameter_um: float) -> Pool:
    """Read the pool of earlier sweeps of an instrument.

    Parameters
    ----------
    path
        ``pooled.npz`` of an earlier run.
    pixel_size_um, bead_diameter_um
        Of the instrument that the pool is used with.

    Raises
    ------
    DataError
        If the file is missing or damaged, its run determined no plane, or it is of another
        instrument.
    """
    arrays = read_arrays(path, POOLED_ARRAYS)
    if not arrays["ss_dz_um"].size or not arrays["ci_dz_um"].size:
        raise DataError(
            f"{path}: holds no pooled profile, because that run determined no plane; "
            "give the pooled.npz of a run that did"
        )
    own = (float(arrays["pixel_size_um"]), float(arrays["bead_diameter_um"]))
    if not (is_alike(own[0], pixel_size_um) and is_alike(own[1], bead_diameter_um)):
        raise DataError(
            f"{path}: is of an instrument with {own[0]:g} um a pixel and beads of {own[1]:g} um, "
            f"these data have {pixel_size_um:g} um and {bead_diameter_um:g} um; "
            "give the pooled.npz of this instrument"
        )
    stack = (arrays[f"stack_{name}"] for name in ("dz_um", "radius_radii", "mean", "sd"))
    return Pool(
        ss=PooledProfile(arrays["ss_dz_um"], arrays["ss_value"], float(arrays["ss_u_um"])),
        ci=PooledProfile(arrays["ci_dz_um"], arrays["ci_value"], float(arrays["ci_u_um"])),
        stack=PooledStack(*stack),
        feature_distance_um=float(arrays["feature_distance_um"]),
        u_um=float(arrays["u_um"]),
        stage_sigma_um=float(arrays["stage_sigma_um"]),
        black_level=float(arrays["black_level"]),
    )
