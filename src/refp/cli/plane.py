"""``refp plane``."""

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    AsJson,
    Data,
    DataOptions,
    Output,
    Overwrite,
    RecipeName,
    WorkerOptions,
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
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Define the reference plane (REFP) of bead Z sweeps.

    Finds and measures the beads of every frame, pools the feature curves of all sweeps, and locates
    the plane of each experiment, exposure and field of view with its standard uncertainty. Writes
    planes.csv, beads.parquet, curves.parquet, pooled.npz and report.html.

    An interrupted run goes on where it stopped when the command is given again; given once more, it
    finds that nothing is left to do. A result of other data or settings is not replaced without
    --overwrite; frames that did not change are not measured again.

    Examples
    --------
    refp plane training/ -o planes/

    refp plane training/ -o planes/ --jobs 8

    refp plane /shared/training/ -o planes/ --scheduler tcp://head:8786

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
    from refp.runs import Run, digest_inputs
    from refp.tables import read_plane_table

    with Run(output, overwrite=overwrite) as run, work.start() as workers:
        settings = load_recipe(recipe)
        pooled = results.read_pooled(pool) if pool else None
        datasets = options.open(data)
        with show_progress() as progress:
            inputs = partial(digest_inputs, datasets, settings, pool, run.contents, progress)
            done = run.is_done(inputs)
            if not done:
                planes = pipeline.define_planes(
                    datasets,
                    settings,
                    pooled=pooled,
                    workers=workers,
                    store=run.store,
                    progress=progress,
                )
                with run.replacing(inputs):
                    results.write_planes(planes, settings, output)
    if done:
        say(f"nothing to do: {output} holds this result already")
    else:
        say_left_out(planes.measurements)
    print_table(read_plane_table(output / "planes.csv"), as_json=as_json, title="Reference planes")
    if not done:
        if run.store.n_recalled:
            say(f"{run.store.n_recalled} frames were measured by an earlier run")
        say(
            f"wrote {output / 'planes.csv'}, beads.parquet, curves.parquet, pooled.npz, report.html"
        )
