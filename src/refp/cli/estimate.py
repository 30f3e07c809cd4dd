"""``refp estimate``."""

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import AsJson, MaxBeads, Overwrite, check_output

EXIT_ALL_REFUSED = 3


def estimate(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    images: Annotated[list[Path], Parameter(help="Images or folders of images.", negative=())],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="CSV file to write, a row per image.")
    ] = None,
    overlay: Annotated[
        Path | None, Parameter(help="Folder for a picture of each image with its beads.")
    ] = None,
    instrument: Annotated[
        str | None, Parameter(help="Instrument of the images, to be checked against the model's.")
    ] = None,
    max_beads: MaxBeads = None,
    tolerance_um: Annotated[
        float | None,
        Parameter(
            name="--tolerance",
            help="Largest dZ that is tolerated, um, above and below; adds the column verdict.",
            validator=Number(gt=0, lt=math.inf),
        ),
    ] = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> int:
    """Estimate dZ of single images, or refuse and say why.

    dZ is the height of the image's focal plane above the reference plane, um; u_um is its standard
    uncertainty, lower_um to upper_um its 95 % interval. Exit code 3 when every image was refused.

    With --tolerance the verdict is pass where the whole interval lies within the tolerance, fail where
    all of it lies outside, refused where there is none, and inconclusive otherwise.

    Examples
    --------
    refp estimate a2k.refp image.tif

    refp estimate a2k.refp images/ -o estimates.csv --overlay pictures/

    refp estimate a2k.refp images/ --tolerance 7.5
    """
    from refp import checks, models, pipeline, results, tables
    from refp.cli.console import print_table, say, show_progress
    from refp.estimator import Estimator
    from refp.sweeps import list_images

    for path in filter(None, (output, overlay)):
        check_output(path, overwrite=overwrite)
    results.check_table_name(output)
    estimator = Estimator(models.load_model(model), max_beads)
    sources = list_images(images)
    checks.check_declared(estimator.card, instrument, images)
    with show_progress() as progress:
        table, estimates = pipeline.estimate_images(estimator, sources, progress=progress)
        if overlay:
            results.write_overlays(sources, estimates, estimator.card, overlay, progress)
    if tolerance_um is not None:
        table = tables.with_verdicts(table, [e.estimate for e in estimates], tolerance_um)
        say(results.describe_verdicts(table["verdict"], tolerance_um))
    print_table(table, as_json=as_json)
    if output:
        results.write_table(table, output)
        say(f"wrote {output}")
    return 0 if (table["status"] == "ok").any() else EXIT_ALL_REFUSED
