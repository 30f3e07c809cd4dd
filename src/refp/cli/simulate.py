"""``refp simulate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from refp.cli.options import SEED, Overwrite, WorkerOptions, check_output, clear_simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from refp.synthetic import PlannedSet


def simulate(
    output: Annotated[Path, Parameter(help="Folder to write the data sets into.")],
    /,
    *,
    instrument: Annotated[
        str | None,
        Parameter(
            help="Name of an instrument recipe or path to one; default: a2k, and with "
            "--like table1 every instrument of the table."
        ),
    ] = None,
    like: Annotated[
        Literal["demo", "table1"],
        Parameter(help="demo: a training and a test sweep; table1: the article's data sets."),
    ] = "demo",
    scale: Annotated[
        Literal["quick", "full"],
        Parameter(help="Of table1: fewer exposures on smaller images, or everything."),
    ] = "quick",
    settings: Annotated[
        Path | None,
        Parameter(
            help="TOML file of what lies in a field and how it is swept, for a data set of your own; "
            "instead of --like."
        ),
    ] = None,
    seed: Annotated[int, SEED, Parameter(help="Repeats the same bytes.")] = 0,
    workers: WorkerOptions = WorkerOptions(),  # noqa: B008
    overwrite: Overwrite = False,
) -> None:
    """Write sweeps with known truth, imaged by wave optics.

    Each data set is a folder of frames with sweep.toml and truth.json. Bead, medium, apertures, light,
    camera and stage are those of the instrument recipe. How its beads look is computed once, in half a
    minute to two, and kept.

    Examples
    --------
    refp simulate simulated/ --instrument nikon-ti2

    refp simulate table1/ --like table1 --scale quick

    refp simulate mine/ --instrument my-microscope.toml --like table1

    refp simulate mine/ --instrument a2k --settings crowded.toml
    """
    from refp.cli.console import say, show_progress
    from refp.synthetic import demo_sets, own_set, simulate_dataset, table1_sets

    check_output(output, overwrite=overwrite)
    planned: Iterator[PlannedSet]
    if settings is not None:
        planned = iter([own_set(instrument or "a2k", settings)])
    elif like == "demo":
        planned = demo_sets(instrument or "a2k")
    else:
        planned = table1_sets([instrument] if instrument else None, scale)
    with workers.start() as crew, show_progress() as progress:
        for offset, one in enumerate(planned):
            folder = output / one.folder
            if overwrite:
                clear_simulated(folder)
            simulate_dataset(
                folder,
                one.instrument,
                one.settings,
                dataset=one.dataset,
                seed=seed + offset,
                workers=crew,
                progress=progress,
            )
            say(f"wrote {folder}")
