"""Fig. 7: the pooled profile on three sweeps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from refp.core.errors import DataError
from refp.pipeline import Planes
from refp.pipeline.tables import curve_table, plane_table
from refp.plane import ReferencePlane
from refp.reports import describe_curves, draw_feature_curves
from refp.settings import load_recipe
from refp.study.descriptions import needs_training
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.study import Study


def make(study: Study) -> Finding:
    """Make the item."""
    label, recipe = study.layout.labels[0], load_recipe("paper")
    groups = [study.training_planes(label, recipe)]
    groups += [study.test_planes(name, recipe) for name in study.layout.tests(label)]
    chosen = _choose([(g, p) for g in groups for p in g.result.planes])
    if not chosen:
        raise DataError(f"no sweep of {label} has a determined plane")
    curves = pd.concat([_curves(group, plane) for group, plane in chosen], ignore_index=True)
    planes = plane_table(plane for _, plane in chosen)

    def draw(tables: Tables) -> list[Picture]:
        shown, about = tables["fig07"], tables["fig07_planes"]
        figure = draw_feature_curves(shown, about, f"{label}, recipe paper")
        alt = "Steepest slope and centre intensity against Z with the pooled profile, three sweeps."
        return [Picture("fig07", alt, describe_curves(shown, about), figure)]

    few = planes.iloc[int(planes["n_frames_used"].to_numpy().argmin())]
    summary = (
        f"Planes at {', '.join(f'{z:.1f}' for z in planes['refp_um'])} um; {few['dataset']} uses "
        f"{few['n_frames_used']} of {few['n_frames']} frames."
    )
    return Finding({"fig07": curves, "fig07_planes": planes}, draw, summary)


SweepPlane = tuple[Planes, ReferencePlane]


def _choose(all_planes: Sequence[SweepPlane]) -> list[SweepPlane]:
    """Choose sweeps of different data sets, the one with the fewest points in the middle."""
    known = [pair for pair in all_planes if pair[1].determined]
    if not known:
        return []
    first: dict[str, SweepPlane] = {}
    for pair in sorted(known, key=lambda pair: pair[1].n_frames_used):
        first.setdefault(pair[1].key.dataset, pair)
    few, *others = first.values()
    ends = {0, len(others) - 1} if others else set()
    picked = [others[i] for i in sorted(ends)]
    return [*picked[:1], few, *picked[1:]]


def _curves(planes: Planes, plane: ReferencePlane) -> pd.DataFrame:
    table = curve_table(planes.curves, planes.result.planes, planes.result.axes)
    sweep = np.repeat(np.arange(len(planes.curves)), [len(curve.z_um) for curve in planes.curves])
    return table[sweep == [curve.key for curve in planes.curves].index(plane.key)]


ITEM = Item(
    "fig07",
    "Fig. 7: the pooled profile on single sweeps",
    "The pooled profile fits three sweeps; one of few frames gets its REFP from the six whose medians "
    "are not saturated.",
    needs_training,
    make,
)
