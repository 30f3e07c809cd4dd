"""``refp demo``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import SEED, Overwrite
from refp.core.outputs import check_output

TITLE = "dZ of images not used for training, 95 % interval; true dZ as simulated"


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
    from refp.cli.console import print_message, print_rows, show_measuring
    from refp.cli.shown import shown_demo
    from refp.core.files import rows_of
    from refp.pipeline.demo import run_demo

    check_output(output, overwrite=overwrite)
    with show_measuring() as progress:
        shown = run_demo(output, seed=seed, progress=progress, overwrite=overwrite)
    print_rows(shown_demo(rows_of(shown)), as_json=False, title=TITLE)
    print_message(f"report: {output / 'report.html'}")
