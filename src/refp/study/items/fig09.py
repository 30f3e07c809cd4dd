"""Fig. 9: the four normalisations."""

import pandas as pd

from refp.reports.study import draw_normalisations
from refp.study.article import NORMALISATIONS, PAPER, TEST_3
from refp.study.descriptions import (
    describe_images,
    describe_training,
    explain_training,
    needs_tests,
    preferred,
    rms_of,
)
from refp.study.item import Finding, Item, Picture, Tables
from refp.study.layout import label_of
from refp.study.predictions import image_errors
from refp.study.study import Study

MEMBERS_SHOWN = 1
"""The article shows one of its networks."""


def make(study: Study) -> Finding:
    """Make the item."""
    name = preferred(study.layout, TEST_3)
    specs = {how: study.variant_of(label_of(name), how) for how in NORMALISATIONS}
    errors = pd.concat(
        [
            image_errors(study.predictions(model, name), MEMBERS_SHOWN).assign(normalisation=how)
            for how, model in specs.items()
        ],
        ignore_index=True,
    )
    common = study.spec_of(label_of(name), "resnet")
    steps = ", ".join(
        f"{study.recipe(spec).train.resnet.max_steps:,} steps ({how})"
        for how, spec in specs.items()
    )

    def draw(tables: Tables) -> list[Picture]:
        shown = tables["fig09"]
        images = describe_images(shown[shown["normalisation"] == "none"])
        caption = (
            f"{images}; one member of each, of at most {steps}: tiles as they are, standardised, centred, "
            f"and divided by background. {describe_training(study, common)}. Left: all errors; right: a "
            "narrow scale. Nothing is refused."
        )
        alt = "Error against dZ for four normalisations of the tiles."
        return [Picture("fig09", alt, caption, draw_normalisations(shown, name))]

    found = {how: rms_of(errors.loc[errors["normalisation"] == how, "error_um"]) for how in specs}
    texts = (f"{how} {value.text('um')}" for how, value in found.items())
    summary = f"RMS error with its 95 % interval: {', '.join(texts)}."
    differs = (
        f"{steps}, so that the errors show how fast each input is learnt; inputs are standardised over the "
        f"training set as well. {explain_training(study, label_of(name))}"
    )
    return Finding(
        {"fig09": errors}, draw, summary, differs if study.scale.article != PAPER else ""
    )


ITEM = Item(
    "fig09",
    "Fig. 9: four normalisations of the tiles",
    "No normalisation and dividing by the background do equally well, Z-score about as well, centring "
    "alone is substantially worse; a drift of about 20 um over 250 um.",
    needs_tests,
    make,
)
