"""What ``refp train`` writes beside the model."""

from refp.assemble import Training
from refp.held_out import training_tables
from refp.pipeline import Planes
from refp.recipe import Recipe
from refp.reports import render_report, training_sections
from refp.results import plane_provenance


def training_page(training: Training, planes: Planes, recipe: Recipe, seed: int) -> bytes:
    """Return the page about a training: what was held out, learning curves, card, data."""
    card = training.ensemble.card
    stamp = {
        **plane_provenance([planes], recipe),
        **card.versions,
        "seed": str(seed),
        "training frames": f"sha256 {card.data_sha256}",
    }
    sections = training_sections(training_tables(training, recipe))
    return render_report(f"Training of {card.name}", sections, stamp).encode("utf-8", "replace")
