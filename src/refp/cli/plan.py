"""``refp plan``."""

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import AsJson, Overwrite, WorkerOptions
from refp.core.outputs import check_output
from refp.core.parallel import Execution

Tolerance = Annotated[
    float,
    Parameter(
        name="--tolerance-um",
        help="Largest half width of the 95 % interval, um.",
        validator=Number(gt=0, lt=math.inf),
    ),
]
HeightSd = Annotated[
    float | None,
    Parameter(
        name="--height-sd-um",
        help="Standard deviation of the beads' own planes about the REFP, um, as in "
        "bead_planes.csv of 'refp plane'; default: as simulated.",
        validator=Number(gte=0, lt=math.inf),
    ),
]
Range = Annotated[
    float | None,
    Parameter(
        name="--range-um",
        help="Largest distance of images from the REFP, um; default: five depths of field.",
        validator=Number(gt=0, lt=math.inf),
    ),
]
Efficiency = Annotated[
    float | None,
    Parameter(
        help="Standard deviation of the method over the Cramer-Rao bound; 1: the limit of any method; "
        "default: 3, as measured for the look-up.",
        validator=Number(gte=1, lt=math.inf),
    ),
]
PlanFolder = Annotated[
    Path | None, Parameter(name=["--output", "-o"], help="Folder for plan.csv and plan.svg.")
]


def plan(
    *,
    tolerance_um: Tolerance,
    instrument: Annotated[
        str, Parameter(help="Name of an instrument recipe or path to one.")
    ] = "a2k",
    height_sd_um: HeightSd = None,
    range_um: Range = None,
    efficiency: Efficiency = None,
    output: PlanFolder = None,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Compute how many beads, frames, exposures and fields a tolerance needs.

    The uncertainty of one bead follows from the instrument's optics and camera (Cramer-Rao bound), that
    of several beads from the spread of their heights, and that of a sweep from its stage.

    Examples
    --------
    refp plan --tolerance-um 2.5

    refp plan --tolerance-um 0.5 --instrument nikon-ti2 --height-sd-um 0.3 -o plan/
    """
    from refp.cli.console import print_message, print_rows, show_progress
    from refp.cli.shown import shown_plan
    from refp.pipeline.planning import EFFICIENCY, find_limits, make_plan, plan_rows, write_plan
    from refp.synthetic import as_instrument

    if output is not None:
        check_output(output, overwrite=overwrite)
    chosen = as_instrument(instrument)
    with work.start() as workers, show_progress() as progress:
        limits = find_limits(
            chosen,
            tolerance_um,
            height_sd_um=height_sd_um,
            range_um=range_um,
            efficiency=EFFICIENCY if efficiency is None else efficiency,
            execution=Execution(workers, progress),
        )
    rows = make_plan(limits)
    planned = plan_rows(rows, tolerance_um)
    print_rows(
        planned if as_json else shown_plan(planned),
        as_json=as_json,
        title=f"Plan for {chosen.name}",
    )
    print_message(
        f"images within {limits.dz_um[-1]:.3g} um of the REFP; bead heights {limits.height_sd_um:.2f} "
        f"um, stage {limits.stage_um:.2f} um (standard deviations)"
    )
    if output is not None:
        write_plan(limits, rows, chosen.name, output)
        print_message(f"wrote {output}")
