"""Fig. 8: whole images (pipeline 1) beside bead tiles."""

import pandas as pd

from refp.reports.study import draw_pipelines
from refp.study.answers import image_errors
from refp.study.article import TEST_3, WHOLE
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import label_of
from refp.study.study import Study, Wanted
from refp.study.words import describe_images, describe_wanted, needs_tests, preferred, rms, um

PIPELINES = {"whole image": WHOLE, "beads": "paper"}


def make(study: Study) -> Finding:
    """Make the item."""
    name = preferred(study.layout, TEST_3)
    label = label_of(name)
    wanted = {pipeline: Wanted(label, recipe) for pipeline, recipe in PIPELINES.items()}
    tables = [
        image_errors(study.answers(model, name)).assign(pipeline=pipeline)
        for pipeline, model in wanted.items()
    ]
    errors = pd.concat(tables, ignore_index=True)
    trained_um = study.card(wanted["beads"]).dz_range_um
    side_px = study.recipe(wanted["whole image"]).tile.grid_side_px

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig08"]
        models = "; ".join(f"{p}: {describe_wanted(study, m)}" for p, m in wanted.items())
        images = describe_images(shown[shown["pipeline"] == "beads"])
        caption = (
            f"{images}. Whole image: squares of {side_px} px, as many as fit, averaged. {models}. "
            "Nothing is refused. Hatched: outside the trained range."
        )
        figure = draw_pipelines(shown, trained_um, name)
        return [Picture("fig08", "Error against dZ of both pipelines.", caption, figure)]

    whole, beads = (rms(errors.loc[errors["pipeline"] == p, "error_um"]) for p in PIPELINES)
    here = (
        f"RMS error {um(whole)} of whole images, {um(beads)} of beads: {whole / beads:.2g} times."
    )
    return Finding({"fig08": errors}, draw, here)


ITEM = Item(
    "fig08",
    "Fig. 8: whole images beside beads",
    "Cropped beads in place of 512x512 tiles of the image increased accuracy by a factor of 20; most "
    "errors of beads are below 10 um, and whole images are biased as dZ grows. (The article names the "
    "Nikon's training data, which cannot be; here it is the tested instrument's own.)",
    needs_tests,
    make,
)
