"""``refp model show`` and ``refp model export``."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from refp.cli.options import AsJson, Overwrite
from refp.core.errors import OutputError
from refp.core.outputs import check_output

MODEL = Annotated[Path, Parameter(help="Model file from 'refp train'.")]

app = App(
    name="model",
    help="Show the card of a model file, or export its networks.\n\n"
    "Only the network of a model file is run; every part is checked against its SHA-256.",
    help_epilogue="Examples:\n\nrefp model show a2k.refp\n\n"
    "refp model export a2k.refp --bioimageio -o a2k.zip",
)


@app.command
def show(model: MODEL, /, *, as_json: AsJson = False) -> None:
    """Show a model's card: instrument, range, held-out errors, versions.

    With --json the whole card is printed, one row with the file's name, size and SHA-256.

    Examples
    --------
    refp model show a2k.refp
    """
    from refp import models
    from refp.cli.console import print_properties, print_rows
    from refp.models.describe import describe_card, describe_file

    card, file = models.load_model(model).card, describe_file(model)
    if as_json:
        print_rows([{**file, **card.model_dump(mode="json")}], as_json=True)
        return
    print_properties([*describe_card(card), *file.items()], title=card.name)


@app.command
def export(
    model: MODEL,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Zip file to write.")],
    bioimageio: Annotated[
        bool, Parameter(negative=(), help="As a package of the bioimage.io model zoo.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Export a model's networks as a bioimage.io package, tested by bioimage.io's own validator.

    The package holds the ONNX graph, a test input with its output, their description, and the card.
    Authors and licence are those of the recipe ([publication]). Bead finding, calibration and
    refusal are not part of it. Needs the extra zoo.

    Examples
    --------
    refp model export a2k.refp --bioimageio -o a2k.zip
    """
    from refp import models
    from refp.cli.console import print_message
    from refp.estimate.estimator import recipe_of
    from refp.models.bioimage import export_package

    if not bioimageio:
        raise OutputError(f"{output}: name the format of the package: --bioimageio")
    if output.suffix.lower() != ".zip":
        raise OutputError(f"{output}: bioimage.io packages are zip files; name it *.zip")
    check_output(output, overwrite=overwrite)
    ensemble = models.load_model(model)
    recipe = recipe_of(ensemble.card)
    terms = recipe.publication
    export_package(ensemble, recipe.train, terms, output)
    print_message(
        f"wrote {output}: authors {', '.join(terms.authors) or 'not stated'}, {terms.license}"
    )
