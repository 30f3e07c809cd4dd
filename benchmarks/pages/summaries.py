"""Summaries of benchmark files that the pages need beyond single numbers."""

from typing import Any

import numpy as np

from benchmarks.pages.render import A2K_PLANES, load, rms
from refp.settings import RefocusSettings

Rows = list[dict[str, Any]]


def plane_summary(planes: Rows) -> dict[str, Any]:
    """Return RMS and largest error of A2K planes, in um and in floors."""
    known = [p for p in planes if p["dataset"] in A2K_PLANES and p["error_um"] is not None]
    error = np.array([p["error_um"] for p in known])
    floor = np.array([p["floor_um"] for p in known])
    return {
        "n": len(known),
        "rms_um": rms(error),
        "largest_um": float(np.abs(error).max()),
        "floor_um": rms(floor),
        "rms_floors": rms(error / floor),
        "largest_floors": float(np.abs(error / floor).max()),
        "article_rms_um": rms(
            p["features_error_um"] for p in known if p["features_error_um"] is not None
        ),
        "n_covered": sum(p["lower_um"] <= 0 <= p["upper_um"] for p in known),
    }


SIX = 6


def methods() -> dict[str, dict[str, dict[str, Any]]]:
    """Return RMS and largest error on each test set of every measured method."""
    families = [
        family for name in ("lookup", "profile") if (family := load(f"accuracy/{name}.json"))
    ]
    found = {family["family"]: _six_beads(family) for family in families}
    if not found:
        return {}
    rows = [
        row for row in load("accuracy/resnet.json").get("paper_fast", []) if row["n_beads"] == SIX
    ]
    if rows:
        found["the article's network, recipe paper-fast, none refused"] = {
            row["set"]: {"rms_um": row["rms_true_um"], "largest_um": row["largest_true_um"]}
            for row in rows
        }
    for row in load("accuracy/magtrack.json").get("rows", []):
        if row["method"] == "magtrack":
            errors = {"rms_um": row["six_rms_um"], "largest_um": row["six_largest_um"]}
            found.setdefault("MagTrack 1.0, median of six", {})[row["test"]] = errors
    return found


def _six_beads(family: dict[str, Any]) -> dict[str, dict[str, Any]]:
    tests = [test for run in family["runs"] for test in run["tests"] if test["beads"] == SIX]
    return {test["dataset"]: test["true"] for test in tests}


def busy_cores(speed: dict[str, Any]) -> float | None:
    """Return the fewest cores that two processes got; None for an undisturbed measurement."""
    parts = [part for name, part in speed.items() if name != "conditions"]
    if all(part["undisturbed"] for part in parts):
        return None
    return float(min(min(part["cores"]) for part in parts))


def worst_near_plane(bounds: Rows) -> Rows:
    """Return, per instrument at its middle exposure, the largest bound near the plane."""
    names = dict.fromkeys(row["instrument"] for row in bounds)
    groups = [[row for row in bounds if row["instrument"] == name] for name in names]
    found = []
    for row in (group[len(group) // 2] for group in groups):
        dz, sd = np.array(row["dz_um"]), np.array(row["sd_um"])
        near = np.abs(dz) < 0.25 * dz.max()
        at = int(np.flatnonzero(near & (sd == sd[near].max()))[0])
        best = sd[np.abs(dz) < 0.5 * dz.max()].min()
        found.append({**row, "sd_um": sd[at], "dz_um": dz[at], "over_best": sd[at] / best})
    return found


def guard_rows() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of every guard of the refocus loop."""
    rows = []
    for name, field in RefocusSettings.model_fields.items():
        meaning, _, default = str(field.description).partition("; default: ")
        if field.is_required():
            default = "none: must be stated"
        rows.append((name, default or f"{field.default}", meaning.replace("|", "\\|")))
    return rows
