"""Fig. 8: whole images (pipeline 1) beside bead tiles."""

import pandas as pd

from refp.reports.study import draw_pipelines
from refp.study.article import LEARNT, TEST_3, WHOLE
from refp.study.descriptions import (
    describe_images,
    describe_model,
    explain_training,
    needs_tests,
    preferred,
    rms_of,
    rms_ratio,
)
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import label_of
from refp.study.predictions import image_errors
from refp.study.study import Study

PIPELINES = ("whole image", "beads")
ARTICLE_SIDE_PX = 512


def make(study: Study) -> Finding:
    """Make the item."""
    name = preferred(study.layout, TEST_3)
    label = label_of(name)
    models_of = (study.variant_of(label, WHOLE), study.spec_of(label, "resnet"))
    specs = dict(zip(PIPELINES, models_of, strict=True))
    tables = [
        image_errors(study.predictions(model, name)).assign(pipeline=pipeline)
        for pipeline, model in specs.items()
    ]
    errors = pd.concat(tables, ignore_index=True)
    trained_um = study.card(specs["beads"]).dz_range_um
    side_px = study.recipe(specs["whole image"]).tile.grid_side_px

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig08"]
        models = "; ".join(f"{p}: {describe_model(study, m)}" for p, m in specs.items())
        images = describe_images(shown[shown["pipeline"] == "beads"])
        caption = (
            f"{images}. Whole image: squares of {side_px} px, as many as fit, averaged. {models}. "
            "Nothing is refused. Hatched: outside the trained range."
        )
        figure = draw_pipelines(shown, trained_um, name)
        return [Picture("fig08", "Error against dZ of both pipelines.", caption, figure)]

    whole, beads = (errors.loc[errors["pipeline"] == p, "error_um"] for p in PIPELINES)
    summary = (
        f"RMS error {rms_of(whole).text('um')} of whole images, {rms_of(beads).text('um')} of beads: "
        f"ratio {rms_ratio(whole, beads).text('')}."
    )
    constant_um = rms_of(errors["delta_z_true_um"]).value
    if rms_of(whole).value >= LEARNT * constant_um:
        summary += (
            f" The network of whole images has not learnt: a constant 0 has {constant_um:.3g} um. The "
            "ratio is not that of trained pipelines."
        )
    whole_steps = study.recipe(specs["whole image"]).train.resnet.max_steps
    differs = (
        f"Whole image: squares of {side_px} px in place of 512, {whole_steps:,} steps; "
        f"{explain_training(study, label)}"
    )
    return Finding({"fig08": errors}, draw, summary, differs if side_px != ARTICLE_SIDE_PX else "")


ITEM = Item(
    "fig08",
    "Fig. 8: whole images beside beads",
    "Cropped beads in place of 512x512 tiles of the image increased accuracy by a factor of 20; most "
    "errors of beads are below 10 um, and whole images are biased as dZ grows. (The article names the "
    "Nikon's training data, which cannot be correct; this study uses those of the tested instrument.)",
    needs_tests,
    make,
)
