"""Pages and tables that several commands write."""

from collections.abc import Sequence
from pathlib import Path

from refp.core.files import provenance, write_csv, write_json
from refp.estimate.estimator import recipe_of
from refp.models import ModelCard
from refp.pipeline.evaluation import Evaluation
from refp.pipeline.overlays import overlay_of_sweep, sweep_montage
from refp.pipeline.planes import Planes
from refp.pipeline.tables import curve_table, plane_table
from refp.reports import (
    ReportSection,
    evaluation_sections,
    plane_sections,
    write_report,
)
from refp.settings import Recipe


def plane_provenance(results: Sequence[Planes], recipe: Recipe) -> dict[str, str]:
    """Return the provenance of a result on planes."""
    measured = [m for planes in results for m in planes.measurements]
    data = ", ".join(f"{m.dataset.name} ({m.dataset.n_frames} frames)" for m in measured)
    return provenance(f"{recipe.name} {recipe.digest}", data)


def write_evaluation(
    evaluation: Evaluation, card: ModelCard, tolerance_um: float, folder: Path
) -> None:
    """Write all files of ``refp evaluate``."""
    write_csv(evaluation.errors, folder / "errors.csv")
    summary = evaluation_summary(evaluation, card)
    write_json(summary, folder / "summary.json")
    sections = evaluation_sections(evaluation.errors, summary, tolerance_um)
    title = f"Errors of {card.name}"
    beside = ("errors.csv", "summary.json")
    write_page(folder / "report.html", title, sections, evaluation.planes, card, beside)


def write_page(
    path: Path,
    title: str,
    sections: Sequence[ReportSection],
    planes: Planes,
    card: ModelCard,
    beside: Sequence[str],
) -> None:
    """Write a page of the given sections, followed by beads, feature curves and planes."""
    about_planes = plane_sections(
        plane_table(planes.result.planes),
        curve_table(planes.curves, planes.result.planes, planes.result.axes),
        [overlay_of_sweep(planes)],
        sweep_montage(planes),
    )
    stamp = {**plane_provenance([planes], recipe_of(card)), "model": card.name}
    write_report(path, title, [*sections, *about_planes], stamp, beside)


def evaluation_summary(evaluation: Evaluation, card: ModelCard) -> dict[str, object]:
    """Return the summary with the definition of the labels, the model and its training conditions."""
    return {
        **evaluation.summary.as_dict(),
        "known_dz": evaluation.known_dz,
        "n_training": evaluation.n_training,
        "model": card.name,
        "family": card.family,
        "n_members": card.members,
        "conditions": f"trained on {card.conditions}",
    }
