"""``refp inspect``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from refp.measure.dataset import Measurement
    from refp.pipeline.survey import Unopened
    from refp.settings import Recipe


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

    Every file that is left out is listed with the reason. Of a folder that does not open as sweeps, the
    images are listed by size and type, the beads of three of them, and the pattern that fits the names;
    of a folder of data sets, the data sets.

    With --write-sweep-toml that pattern and the options given are written into a sweep.toml first, if
    the data set then opens.

    Examples
    --------
    refp inspect training/

    refp inspect images/ --instrument a2k --overlay pictures/ --beads beads.csv

    refp inspect images/ --instrument a2k --write-sweep-toml
    """
    from refp.cli.console import print_message, print_rows, show_measuring
    from refp.core.files import check_table_name, write_table
    from refp.measure import dataset as measure
    from refp.pipeline.overlays import write_sweep_overlays
    from refp.pipeline.survey import Unopened, open_or_survey
    from refp.pipeline.tables import bead_table
    from refp.settings import load_recipe

    for path in filter(None, (beads, overlay)):
        check_output(path, overwrite=overwrite)
    check_table_name(beads)
    settings = load_recipe(recipe)
    if write_sweep_toml:
        for path in data:
            print_message(f"wrote {_write_sweep_file(path, options, overwrite=overwrite)}")
    with work.start() as workers, show_measuring() as progress:
        opened = [open_or_survey(path, options.as_dict, settings, progress) for path in data]
        measurements = [
            measure.measure_dataset(d, settings, execution=Execution(workers, progress))
            for d in opened
            if not isinstance(d, Unopened)
        ]
        if overlay:
            write_sweep_overlays(measurements, overlay, progress)
    unopened = [one for one in opened if isinstance(one, Unopened)]
    if as_json:
        print_rows(_all_rows(unopened, measurements, settings), as_json=True)
    _print_surveys(unopened, tables=not as_json)
    _print_sweeps(measurements, settings, tables=not as_json)
    if beads:
        write_table(bead_table(s for m in measurements for s in m.sweeps), beads)
        print_message(f"wrote {beads}")


def _write_sweep_file(path: Path, options: DataOptions, *, overwrite: bool) -> Path:
    """Write the pattern that fits the names of a folder, and the options, into its ``sweep.toml``."""
    from refp.sweeps import as_options, write_proposed_sweep_file

    return write_proposed_sweep_file(path, as_options(**options.as_dict), overwrite=overwrite)


def _all_rows(
    unopened: "Sequence[Unopened]", measurements: "Sequence[Measurement]", settings: "Recipe"
) -> "list[dict[str, Any]]":
    """Return the rows of folders that do not open, and of all sweeps."""
    from refp.core.files import rows_of
    from refp.pipeline.inspection import inspection_table
    from refp.pipeline.survey import survey_rows

    found = [row for one in unopened for row in survey_rows(one)]
    return found + rows_of(inspection_table(measurements, settings))


def _print_surveys(unopened: "Sequence[Unopened]", *, tables: bool) -> None:
    """Print the contents of folders that do not open as data sets."""
    from refp.cli.console import print_message, print_rows
    from refp.cli.shown import BELOW, shown_survey
    from refp.pipeline.survey import describe_survey, survey_rows

    for one in unopened:
        rows = survey_rows(one)
        if tables:  # images of the folder itself, and the folders below
            for kind in ([r for r in rows if r["suffix"]], [r for r in rows if not r["suffix"]]):
                if kind:
                    title = f"{'Images in' if kind[0]['suffix'] else 'Folders below'} {one.path}"
                    print_rows(shown_survey(kind), as_json=False, title=title, below=[BELOW])
        for line in describe_survey(one):
            print_message(line)


def _print_sweeps(
    measurements: "Sequence[Measurement]", settings: "Recipe", *, tables: bool
) -> None:
    """Print the sweeps of data sets, and messages on their instruments and files."""
    from refp.cli.console import print_left_out, print_message, print_rows
    from refp.cli.shown import BELOW, shown_sweeps, title_of_sweeps
    from refp.core.files import rows_of
    from refp.pipeline.inspection import (
        describe_instrument,
        inspection_table,
        white_level_note,
    )

    for measurement in measurements:
        print_message(describe_instrument(measurement))
        note = white_level_note(measurement)
        if note:
            print_message(f"note: {measurement.dataset.name}: {note}")
    print_left_out(measurements)
    if tables and measurements:
        rows = rows_of(inspection_table(measurements, settings))
        title = title_of_sweeps("Sweeps", rows)
        print_rows(shown_sweeps(rows), as_json=False, title=title, below=[BELOW])
