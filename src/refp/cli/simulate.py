"""``refp simulate``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import SEED, Overwrite, check_output, clear_simulated


def simulate(
    output: Annotated[Path, Parameter(help="Folder to write the data sets into.")],
    /,
    *,
    instrument: Annotated[
        str, Parameter(help="Name of an instrument recipe or path to one.")
    ] = "a2k",
    seed: Annotated[int, SEED, Parameter(help="Repeats the same bytes.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Write a training and a test sweep with known truth.

    Each is a folder of frames with sweep.toml and truth.json. The image model is a simple one: a dark
    bead with a centre that is brightest at its plane, different above and below.

    Examples
    --------
    refp simulate simulated/ --instrument nikon-ti2
    """
    from refp.cli.console import say, show_progress
    from refp.synthetic import demo_settings, simulate_dataset
    from refp.synthetic.presets import KINDS

    check_output(output, overwrite=overwrite)
    with show_progress() as progress:
        for offset, kind in enumerate(KINDS):
            folder = output / kind
            if overwrite:
                clear_simulated(folder)
            settings = demo_settings(kind, instrument)
            simulate_dataset(
                folder, instrument, settings, dataset=kind, seed=seed + offset, progress=progress
            )
            say(f"wrote {folder}")
