"""``refp train``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    SEED,
    Data,
    DataOptions,
    Overwrite,
    RecipeName,
    WorkerOptions,
    check_output,
    recipe_with_family,
)


def train(
    data: Data,
    /,
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="Model file to write, *.refp.")
    ],
    options: DataOptions = DataOptions(),  # noqa: B008
    family: Annotated[
        str | None, Parameter(help="profile, resnet or lookup; default: the recipe's.")
    ] = None,
    recipe: RecipeName = "default",
    seed: Annotated[int, SEED, Parameter(help="Repeats training bit for bit on one machine.")] = 0,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    overwrite: Overwrite = False,
) -> None:
    """Train a model that tells dZ from one image.

    Defines the planes of the sweeps, labels every bead, trains the ensemble, calibrates its interval
    on held-out fields of view and writes one model file. Interrupted training of the resnet family
    resumes from its checkpoints beside the model file when the command is given again.

    Examples
    --------
    refp train training/ -o a2k.refp

    refp train training/ -o a2k-lookup.refp --family lookup

    refp train training/ -o a2k-resnet.refp --recipe paper
    """
    import shutil

    from refp import models, pipeline
    from refp.cli.console import say, say_left_out, show_progress

    check_output(output, overwrite=overwrite)
    settings = recipe_with_family(recipe, family)
    models.make_family(settings.train)  # a missing library is told before the measuring
    checkpoints = output.with_name(output.name + ".checkpoints")
    with show_progress() as progress:
        with work.start() as workers:
            planes = pipeline.define_planes(
                options.open(data), settings, workers=workers, progress=progress
            )
        ensemble = pipeline.train_model(
            planes, settings, seed=seed, checkpoints=checkpoints, progress=progress
        )
    say_left_out(planes.measurements)
    models.save_model(ensemble, output)
    shutil.rmtree(checkpoints, ignore_errors=True)
    card = ensemble.card
    say(f"trained {card.name}: {card.members} members, {card.conditions}")
    calibration = card.calibration
    say(
        f"held out by {calibration.held_out}: RMS {calibration.rms_um:.2f} um against the labels "
        f"on {calibration.n_images} images"
    )
    say(f"wrote {output}")
