"""``refp inspect``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    AsJson,
    Data,
    DataOptions,
    Overwrite,
    RecipeName,
    WorkerOptions,
)
from refp.core.outputs import check_output
from refp.core.parallel import Execution


def inspect(
    data: Data,
    /,
    *,
    options: DataOptions = DataOptions(),  # noqa: B008
    beads: Annotated[
        Path | None, Parameter(help="File for one row per bead per frame, .parquet or .csv.")
    ] = None,
    overlay: Annotated[
        Path | None, Parameter(help="Folder for a picture of each frame with its beads.")
    ] = None,
    write_sweep_toml: Annotated[
        bool, Parameter(negative=(), help="Write the proposed pattern into a sweep.toml first.")
    ] = False,
    recipe: RecipeName = "default",
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """List sweeps, Z ranges, exposures, beads found, saturation and problems of data.

    Every file that is left out is listed with the reason.

    Examples
    --------
    refp inspect training/

    refp inspect images/ --instrument a2k --overlay pictures/ --beads beads.csv

    refp inspect images/ --instrument a2k --write-sweep-toml
    """
    from refp.cli.console import print_left_out, print_message, print_rows, show_measuring
    from refp.cli.shown import BELOW, shown_sweeps, title_of_sweeps
    from refp.core.files import check_table_name, rows_of, write_table
    from refp.measure import dataset as measure
    from refp.pipeline.inspection import (
        describe_instrument,
        inspection_table,
        white_level_note,
    )
    from refp.pipeline.overlays import write_sweep_overlays
    from refp.pipeline.tables import bead_table
    from refp.settings import load_recipe

    for path in filter(None, (beads, overlay)):
        check_output(path, overwrite=overwrite)
    check_table_name(beads)
    if write_sweep_toml:
        for path in data:
            print_message(f"wrote {options.write_proposal(path, overwrite=overwrite)}")
    settings = load_recipe(recipe)
    with work.start() as workers, show_measuring() as progress:
        measurements = [
            measure.measure_dataset(d, settings, execution=Execution(workers, progress))
            for d in options.open(data)
        ]
        if overlay:
            write_sweep_overlays(measurements, overlay, progress)
    for measurement in measurements:
        print_message(describe_instrument(measurement))
        note = white_level_note(measurement)
        if note:
            print_message(f"note: {measurement.dataset.name}: {note}")
    print_left_out(measurements)
    rows = rows_of(inspection_table(measurements, settings))
    print_rows(
        rows if as_json else shown_sweeps(rows),
        as_json=as_json,
        title=title_of_sweeps("Sweeps", rows),
        below=[BELOW],
    )
    if beads:
        write_table(bead_table(s for m in measurements for s in m.sweeps), beads)
        print_message(f"wrote {beads}")
