"""``refp train``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    SEED,
    Data,
    DataOptions,
    Overwrite,
    PlaneOptions,
    RecipeName,
    TrustZ,
    WorkerOptions,
    recipe_with_family,
    trusting_z,
)
from refp.core.parallel import Execution


def train(
    data: Data,
    /,
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="Model file to write, *.refp.")
    ],
    options: DataOptions = DataOptions(),  # noqa: B008
    family: Annotated[
        str | None, Parameter(help="lookup, profile or resnet; default: the recipe's.")
    ] = None,
    located: PlaneOptions = PlaneOptions(),  # noqa: B008
    recipe: RecipeName = "default",
    seed: Annotated[
        int,
        SEED,
        Parameter(help="Seed; the same seed repeats a training bit for bit on one machine."),
    ] = 0,
    trust_z: TrustZ = False,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    overwrite: Overwrite = False,
) -> None:
    """Train a model that estimates dZ from one image.

    Defines the planes of the sweeps, labels every bead, trains the ensemble, calibrates its interval
    on held-out fields of view, and writes one model file. A page of the same name with '.html' shows the
    held-out errors, learning curves, the model's card, and the data of all figures. An interrupted
    training resumes, to the same result, when the command is given again: until the model is written,
    measured frames and checkpoints are in a folder beside it with '.checkpoints' appended to its name.

    Family lookup, the default, trains in seconds after the planes. Families profile and resnet are
    networks: they take minutes and hours, and need the libraries of extra 'train'.

    Examples
    --------
    refp train training/ -o a2k.refp

    refp train training/ -o a2k-profile.refp --family profile

    refp train above-the-plane/ -o tweezers.refp --refp-um 3.2

    refp train training/ -o a2k-resnet.refp --recipe paper
    """
    from refp import models
    from refp.cli.console import print_left_out, print_message, show_measuring
    from refp.cli.shown import describe_members
    from refp.models.describe import describe_coverage
    from refp.pipeline.runs import TrainingRun
    from refp.pipeline.training_report import train_and_write

    with TrainingRun(output, overwrite=overwrite) as run, work.start() as workers:
        settings = trusting_z(located.apply(recipe_with_family(recipe, family)), trust=trust_z)
        models.check_libraries(settings.train)
        with show_measuring() as progress:
            training, planes = train_and_write(
                run, options.open(data), settings, seed=seed, execution=Execution(workers, progress)
            )
    print_left_out(planes.measurements)
    print_message(
        f"trained {training.ensemble.card.name}: {describe_members(training.ensemble.card)}, on "
        f"{training.ensemble.card.conditions}"
    )
    calibration = training.ensemble.card.calibration
    print_message(
        f"held out by {calibration.held_out}: RMS {calibration.rms_um:.2f} um against the labels "
        f"on {calibration.n_images} images"
    )
    print_message(f"interval: {describe_coverage(training.ensemble.card)}")
    print_message(f"wrote {output} and {run.report}")
