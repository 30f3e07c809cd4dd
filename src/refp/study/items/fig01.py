"""Fig. 1: a bead against dZ on each instrument (B), and an assay's result against dZ (A)."""

from pathlib import Path

import numpy as np
import pandas as pd

from refp.core.errors import DataError
from refp.pipeline.overlays import sweep_montage
from refp.pipeline.tolerance_table import AllowedBias, curve_table, fit_sets, fit_table
from refp.reports import Montage, draw_bead_montage
from refp.reports.study import draw_assay
from refp.settings import load_recipe
from refp.study.descriptions import count, needs_training, um
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import Assay, DataLayout, table1_name
from refp.study.study import Study


def make_beads(study: Study) -> Finding:
    """Make Fig. 1B."""
    montages: dict[str, Montage] = {}
    for label in study.layout.labels:
        for montage in sweep_montage(study.training_planes(label, load_recipe())):
            montages[label] = montage
    table = pd.DataFrame(
        [
            {"instrument": label, "bead": montage.title, "delta_z_um": dz_um}
            for label, montage in montages.items()
            for dz_um in montage.dz_um
        ],
        columns=["instrument", "bead", "delta_z_um"],
    )

    def draw(tables: Tables) -> list[Picture]:
        rows = tables["fig01b"]
        return [
            Picture(
                f"fig01b-{label.lower()}",
                f"One bead of {label} at {len(montage.tiles)} Z positions from below to above.",
                f"{montage.title}: one bead, {len(montage.tiles)} images, divided by background.",
                draw_bead_montage(
                    montage.tiles,
                    rows.loc[rows["instrument"] == label, "delta_z_um"].tolist(),
                    montage.pixel_size_um,
                    label,
                ),
            )
            for label, montage in montages.items()
        ]

    reach = ", ".join(
        f"{label} from {min(m.dz_um):+.0f} to {max(m.dz_um):+.0f} um"
        for label, m in montages.items()
    )
    return Finding({"fig01b": table}, draw, f"Beads shown of {reach or 'no instrument'}.")


def make_assay(study: Study) -> Finding:
    """Make Fig. 1A."""
    assay = study.layout.assay
    assert assay is not None  # the item is missing otherwise
    path = study.layout.root / assay.table
    points = _points(study, path, assay)
    allowed = AllowedBias(assay.result, assay.unit, assay.allowed_bias)
    fits, reasons = fit_sets(points, allowed, path.name)
    fit = fit_table(points, fits, allowed)

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig01a"]
        caption = (
            f"{path.name}: {count(len(shown), 'image')} of {', '.join(fit['dataset'])}; dZ by the planes "
            "of recipe default. Curve: penalised spline with its 95 % interval; line: slope at the plane; "
            "horizontal band: the allowed bias about the result there; vertical band: dZ within the "
            "allowed bias. No network is used."
        )
        title = f"{assay.result} against dZ"
        figure = draw_assay(shown, tables["fig01a_fit"], title, tables["fig01a_curve"])
        return [Picture("fig01a", f"{assay.result} against dZ.", caption, figure)]

    sentences = [_sentence(row) for _, row in fit.iterrows() if row["dataset"] in fits]
    tables = {"fig01a": points, "fig01a_fit": fit, "fig01a_curve": curve_table(fits)}
    return Finding(tables, draw, " ".join([*sentences, *(f"{r}." for r in reasons.values())]))


def _points(study: Study, path: Path, assay: Assay) -> pd.DataFrame:
    """Return the table of the assay with dZ of each row."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the assay's table cannot be read: {error}") from error
    lacking = [c for c in ("dataset", "z_um", assay.result) if c not in table.columns]
    if lacking:
        raise DataError(
            f"{path}: has no column {', '.join(lacking)}; it needs dataset, z_um and {assay.result}"
        )
    names = [table1_name(str(name)) or str(name) for name in table["dataset"]]
    unknown = sorted(set(names) - set(study.layout.sets))
    if unknown:
        raise DataError(
            f"{path}: data set {unknown[0]!r} is none of {', '.join(study.layout.sets)}"
        )
    planes = {name: _plane_um(study, name) for name in dict.fromkeys(names)}
    dz_um = table["z_um"].to_numpy(dtype=np.float64) - np.array([planes[name] for name in names])
    result = pd.to_numeric(table[assay.result], errors="coerce")
    points = pd.DataFrame({"dataset": names, "delta_z_um": dz_um, "result": result})
    return points.dropna().reset_index(drop=True)


def _plane_um(study: Study, name: str) -> float:
    planes = study.planes_of(name, load_recipe()).result.planes
    known = [p.refp_um for p in planes if p.key.dataset == name and p.determined]
    return float(np.median(known)) if known else float("nan")


def _sentence(fit: pd.Series) -> str:
    return (
        f"{fit['dataset']}: {fit['result_name']} changes by {fit['slope_per_um']:+.3g} {fit['unit']} "
        f"per um at the plane; a bias of {fit['allowed_bias']} {fit['unit']} allows from "
        f"{um(fit['tolerance_low_um'])} to {um(fit['tolerance_high_um'])}."
    )


def _no_assay(layout: DataLayout) -> str:
    return "" if layout.assay else "a table of an assay's result ([assay] in study.toml)"


ASSAY = Item(
    "fig01a",
    "Fig. 1A: an assay's result against dZ",
    "One field of view was read as 19 % or 70 % viable at two planes.",
    _no_assay,
    make_assay,
)
BEADS = Item(
    "fig01b",
    "Fig. 1B: a bead against dZ",
    "Beads look very different on the two instruments at about the same effective exposure and focus.",
    needs_training,
    make_beads,
)
