"""``refp demo``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import SEED, Overwrite
from refp.core.outputs import check_output

SHOWN = ("z_um", "true_dz_um", "delta_z_um", "error_um", "lower_um", "upper_um", "status")
"""Printed columns, which 80 characters hold."""
TITLE = "dZ of images that were not used for training; true dZ as simulated"


def demo(
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="Folder for all files and the report.")
    ] = Path("refp-demo"),
    seed: Annotated[
        int, SEED, Parameter(help="Seed of the simulated beads and of the training.")
    ] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a sweep, define its plane, train, estimate unseen images, write a report.

    A first example: no data are needed.

    Examples
    --------
    refp demo -o refp-demo
    """
    from refp.cli.console import print_message, print_table, show_measuring
    from refp.pipeline.demo import run_demo

    check_output(output, overwrite=overwrite)
    with show_measuring() as progress:
        shown = run_demo(output, seed=seed, progress=progress, overwrite=overwrite)
    print_table(shown[list(SHOWN)].round(2), as_json=False, title=TITLE)
    print_message(f"report: {output / 'report.html'}")
