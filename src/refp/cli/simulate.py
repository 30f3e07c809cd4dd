"""``refp simulate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from refp.cli.options import SEED, Overwrite, WorkerOptions
from refp.core.errors import RecipeError
from refp.core.outputs import check_output
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from refp.synthetic import PlannedSet

InstrumentName = Annotated[
    str | None,
    Parameter(
        help="Name of an instrument recipe or path to one; default: a2k, and with "
        "--like table1 every instrument of the table."
    ),
]
Like = Annotated[
    Literal["demo", "table1"] | None,
    Parameter(
        help="demo: a training and a test sweep, the default; table1: the article's data sets."
    ),
]
OfTable1 = Annotated[
    Literal["quick", "full"] | None,
    Parameter(help="For table1: fewer exposures on smaller images, or everything; default: quick."),
]
SettingsFile = Annotated[
    Path | None,
    Parameter(
        help="TOML file with the contents of a field and the sweep, for a data set of your own; "
        "instead of --like."
    ),
]


def simulate(
    output: Annotated[Path, Parameter(help="Folder to write the data sets into.")],
    /,
    *,
    instrument: InstrumentName = None,
    like: Like = None,
    scale: OfTable1 = None,
    settings: SettingsFile = None,
    seed: Annotated[int, SEED, Parameter(help="Seed; the same seed gives the same bytes.")] = 0,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    overwrite: Overwrite = False,
) -> None:
    """Write sweeps with known truth, imaged by wave optics.

    Each data set is a folder of frames with sweep.toml and truth.json. Bead, medium, apertures, light,
    camera and stage are those of the instrument recipe. Images of its beads are computed once, in ten
    seconds to a minute, and cached.

    Examples
    --------
    refp simulate simulated/ --instrument nikon-ti2

    refp simulate table1/ --like table1 --scale quick

    refp simulate mine/ --instrument my-microscope.toml --like table1

    refp simulate mine/ --instrument a2k --settings crowded.toml
    """
    from refp.cli.console import print_message, show_progress
    from refp.synthetic import simulate_planned

    planned = _planned(instrument, like, scale, settings)
    check_output(output, overwrite=overwrite)
    with work.start() as workers, show_progress() as progress:
        for offset, one in enumerate(planned):
            execution = Execution(workers, progress)
            simulate_planned(one, output, seed + offset, execution, overwrite=overwrite)
            print_message(f"wrote {output / one.folder}")


def _planned(
    instrument: str | None,
    like: str | None,
    scale: Literal["quick", "full"] | None,
    settings: Path | None,
) -> "list[PlannedSet]":
    """Return the data sets of the options, all of them checked before the first is written."""
    from refp.synthetic import demo_sets, own_set, table1_sets

    if settings is not None and like is not None:
        raise RecipeError(f"--settings {settings} and --like {like}: give only one of them")
    if scale is not None and like != "table1":
        raise RecipeError(f"--scale {scale}: applies to --like table1 only")
    if settings is not None:
        return [own_set(instrument or "a2k", settings)]
    if like == "table1":
        return list(table1_sets([instrument] if instrument else None, scale or "quick"))
    return list(demo_sets(instrument or "a2k"))
