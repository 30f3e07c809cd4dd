"""``refp plane``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    AsJson,
    Data,
    DataOptions,
    Jobs,
    Output,
    Overwrite,
    RecipeName,
    check_output,
    jobs_or_default,
)


def plane(
    data: Data,
    /,
    *,
    output: Output,
    options: DataOptions = DataOptions(),  # noqa: B008
    pool: Annotated[
        Path | None, Parameter(help="pooled.npz of earlier data to locate with.")
    ] = None,
    recipe: RecipeName = "default",
    jobs: Jobs = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Define the reference plane (REFP) of bead Z sweeps.

    Finds and measures the beads of every frame, pools the feature curves of all sweeps, and locates
    the plane of each experiment, exposure and field of view with its standard uncertainty. Writes
    planes.csv, beads.parquet, curves.parquet, pooled.npz and report.html.

    Examples
    --------
    refp plane training/ -o planes/

    refp plane stack.ome.tif --bead-diameter-um 28 -o planes/

    refp plane images/ --instrument a2k --pattern 'z{z_um}_t{exposure_ms}.tif' -o planes/

    Parameters
    ----------
    output
        Folder for the results.
    """
    from refp import pipeline, results
    from refp.cli.console import print_table, say, say_left_out, show_progress
    from refp.recipe import load_recipe

    check_output(output, overwrite=overwrite)
    settings = load_recipe(recipe)
    known = results.read_pooled(pool) if pool else None
    datasets = options.open(data)
    with show_progress() as progress:
        planes = pipeline.define_planes(
            datasets, settings, pool=known, jobs=jobs_or_default(jobs), progress=progress
        )
    say_left_out(planes.measurements)
    table = results.write_planes(planes, settings, output)
    print_table(table, as_json=as_json, title="Reference planes")
    say(f"wrote {output / 'planes.csv'}, beads.parquet, curves.parquet, pooled.npz, report.html")
