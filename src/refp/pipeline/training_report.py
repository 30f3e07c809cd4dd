"""What ``refp train`` writes beside the model."""

from refp.pipeline.assembly import Training
from refp.pipeline.held_out import training_tables
from refp.pipeline.planes import Planes
from refp.pipeline.results import plane_provenance
from refp.reports import render_report, training_sections
from refp.settings import Recipe


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
