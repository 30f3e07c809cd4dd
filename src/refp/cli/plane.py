"""``refp plane``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from refp.cli.options import (
    AsJson,
    Data,
    DataOptions,
    Output,
    Overwrite,
    PlaneOptions,
    RecipeName,
    TrustZ,
    WorkerOptions,
    trusting_z,
)
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from refp.core.parallel import Workers
    from refp.pipeline.runs import PlaneRun
    from refp.settings import Recipe
    from refp.sweeps import DataSet


def plane(
    data: Data,
    /,
    *,
    output: Output,
    options: DataOptions = DataOptions(),  # noqa: B008
    pool: Annotated[
        Path | None, Parameter(help="pooled.npz of earlier data to locate with.")
    ] = None,
    located: PlaneOptions = PlaneOptions(),  # noqa: B008
    recipe: RecipeName = "default",
    trust_z: TrustZ = False,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Define the reference plane (REFP) of bead Z sweeps.

    Finds and measures the beads of every frame, places the frames by their radial profiles, and
    locates the plane of each experiment, exposure and field of view with its uncertainty budget; each
    bead's own plane and the slide's tilt; and the differences between experiments, exposures and
    instruments. Writes planes.csv, planes.json, bead_planes.csv, comparison.csv, beads.parquet,
    curves.parquet, pooled.npz and report.html.

    An interrupted run resumes when the command is given again; a finished one is not repeated. A result
    of other data or settings is replaced only with --overwrite; frames that did not change are not
    measured again.

    Examples
    --------
    refp plane training/ -o planes/

    refp plane monday/ tuesday/ other-instrument/ -o planes/ --jobs 8

    refp plane short-sweep/ -o planes/ --pool training-planes/pooled.npz

    refp plane /shared/training/ -o planes/ --scheduler tcp://head:8786

    refp plane stack.ome.tif --bead-diameter-um 28 -o planes/

    refp plane above-the-plane/ -o planes/ --refp-um 3.2 --refp-u-um 0.2

    refp plane images/ --instrument a2k --pattern 'z{z_um}_t{exposure_ms}.tif' -o planes/

    Parameters
    ----------
    output
        Folder for the results.
    """
    from refp.pipeline.runs import PlaneRun

    with PlaneRun(output, overwrite=overwrite) as run, work.start() as workers:
        datasets = options.open(data)
        if run.has_work:
            workers.wake(sum(dataset.n_frames for dataset in datasets), "refp.measure.dataset")
        # Late imports, so that the workers import at the same time.
        from refp.cli.console import print_message, print_rows
        from refp.cli.layout import PLUS_MINUS
        from refp.cli.shown import BELOW, shown_planes, title_of_sweeps
        from refp.core.files import rows_of
        from refp.pipeline.tables import read_plane_table
        from refp.settings import load_recipe

        settings = trusting_z(located.apply(load_recipe(recipe)), trust=trust_z)
        message = _define(datasets, settings, pool, run, workers)
    rows = rows_of(read_plane_table(output / "planes.csv"))
    meaning = f"u: standard uncertainty, 95 % interval about {PLUS_MINUS}2 u"
    print_rows(
        rows if as_json else shown_planes(rows),
        as_json=as_json,
        title=f"{title_of_sweeps('Reference planes', rows)}; {meaning}",
        below=[BELOW],
    )
    print_message(message)


def _define(
    datasets: "list[DataSet]",
    settings: "Recipe",
    pool: Path | None,
    run: "PlaneRun",
    workers: "Workers",
) -> str:
    """Define and write the planes, unless the folder holds them; return a message."""
    from refp.cli.console import print_left_out, print_message, show_measuring
    from refp.pipeline.plane_files import define_and_write

    with show_measuring() as progress:
        done = define_and_write(
            run, datasets, settings, pool=pool, execution=Execution(workers, progress)
        )
    if not done.files:
        return f"nothing to do: {run.folder} holds this result already"
    print_left_out(done.measurements)
    for note in done.notes:
        print_message(f"note: {note}")
    wrote = f"wrote to {run.folder}: {', '.join(done.files)}"
    n = done.n_recalled
    return f"{wrote}; {n} frames were measured by an earlier run" if n else wrote
