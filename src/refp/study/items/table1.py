"""Table 1: ranges, exposures and reference planes, the article's beside ours."""

import numpy as np
import pandas as pd

from refp.core.errors import DataError
from refp.pipeline import Planes
from refp.settings import load_recipe
from refp.study.article import article_sets
from refp.study.descriptions import um
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import DataLayout
from refp.study.study import Study
from refp.sweeps import DataSet
from refp.synthetic import read_truth
from refp.synthetic.truth import TRUTH_FILE

RECIPES = {"": "default", "paper_": "paper"}


def make(study: Study) -> Finding:
    """Make the item."""
    rows = {s.name: _article_row(s.row) for s in article_sets()}
    for name, dataset in study.layout.sets.items():
        rows[name] = rows.get(name, {}) | _data_row(dataset)
        for prefix, recipe in RECIPES.items():
            rows[name] |= _plane_row(study, name, recipe, prefix)
    table = pd.DataFrame([{"dataset": name, **row} for name, row in rows.items()])
    return Finding({"table1": table}, _draw, _summarise(table))


def _article_row(row: object) -> dict[str, object]:
    z_um, exposures = getattr(row, "z_um"), getattr(row, "exposures_ms")  # noqa: B009
    return {
        "article_z_um": f"{z_um[0]:g} to {z_um[1]:g}",
        "article_step_um": z_um[2],
        "article_exposures_ms": " ".join(f"{e:g}" for e in exposures),
        "article_refp_um": getattr(row, "refp_um"),  # noqa: B009
    }


def _data_row(dataset: DataSet) -> dict[str, object]:
    z_um = np.unique([frame.z_um for frame in dataset.frames])
    keys = [sweep.key for sweep in dataset.sweeps]
    exposures = sorted({key.exposure_ms for key in keys if key.exposure_ms})
    return {
        "z_um": f"{z_um[0]:g} to {z_um[-1]:g}",
        "step_um": float(np.median(np.diff(z_um))) if len(z_um) > 1 else np.nan,
        "exposures_ms": " ".join(f"{e:g}" for e in exposures),
        "n_fov": len({key.field for key in keys}),
        "n_planes": max(len(sweep.frames) for sweep in dataset.sweeps),
        "n_images": dataset.n_frames,
        "truth_um": _truth_um(dataset),
    }


def _truth_um(dataset: DataSet) -> float:
    path = dataset.root / TRUTH_FILE
    if not path.is_file():
        return float("nan")
    try:
        return float(np.mean([field.refp_um for field in read_truth(path).fields]))
    except DataError:
        return float("nan")


def _plane_row(study: Study, name: str, recipe: str, prefix: str) -> dict[str, object]:
    try:
        planes = study.planes_of(name, load_recipe(recipe))
    except DataError:
        return {
            f"{prefix}refp_um": np.nan,
            f"{prefix}refp_u_um": np.nan,
            f"{prefix}determined": "0",
        }
    own = [p for p in planes.result.planes if p.key.dataset == name]
    known = [p for p in own if p.determined]
    row: dict[str, object] = {
        f"{prefix}refp_um": float(np.median([p.refp_um for p in known])) if known else np.nan,
        f"{prefix}refp_u_um": float(np.median([p.refp_u_um for p in known])) if known else np.nan,
        f"{prefix}determined": f"{len(known)} of {len(own)}",
    }
    return row if prefix else row | {"n_beads": _beads(planes, name)}


def _beads(planes: Planes, name: str) -> float:
    """Return the median number of usable beads of an image."""
    counts = [
        np.bincount(sweep.frame_index[sweep.typical], minlength=len(sweep.frames))
        for m in planes.measurements
        if m.dataset.name == name
        for sweep in m.sweeps
    ]
    return float(np.median(np.concatenate(counts))) if counts else float("nan")


def _summarise(table: pd.DataFrame) -> str:
    defined = table[table["refp_um"].notna()] if "refp_um" in table else table[:0]
    difference_um = (defined["refp_um"] - defined["article_refp_um"]).abs().dropna()
    text = f"{len(defined)} data sets with a plane"
    if len(difference_um):
        text += f"; ours is at most {um(float(difference_um.max()))} from the article's"
    known = defined.dropna(subset=["truth_um"])
    if len(known):
        error_um = {
            p: (known[f"{p}refp_um"] - known["truth_um"]).abs().max() for p in ("", "paper_")
        }
        text += (
            f"; from the simulation's truth at most {um(float(error_um['']))} with recipe default, "
            f"{um(float(error_um['paper_']))} with recipe paper"
        )
    return text + "."


def _draw(tables: Tables) -> list[Picture]:  # noqa: ARG001
    return []


def _missing(layout: DataLayout) -> str:  # noqa: ARG001
    return ""


ITEM = Item(
    "table1",
    "Table 1: the data sets and their planes",
    "Ten data sets of three instruments; reference planes at 1500 to 1695 um on the A2Ks and at 13 and "
    "23 um on the Nikon. Fields of view and beads are not stated.",
    _missing,
    make,
)
