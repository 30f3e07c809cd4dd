"""``refp evaluate``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import (
    AsJson,
    Data,
    DataOptions,
    MaxBeads,
    Output,
    Overwrite,
    WorkerOptions,
)
from refp.core.outputs import check_output
from refp.core.parallel import Execution


def evaluate(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    data: Data,
    /,
    *,
    output: Output,
    options: DataOptions = DataOptions(),  # noqa: B008
    tolerance_um: Annotated[float, Parameter(help="Tolerance drawn into the figures, um.")] = 7.5,
    max_beads: MaxBeads = None,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Compare a model's estimates with labelled sweeps.

    The labelled dZ of a frame is its nominal Z less the plane of its own sweep, or its true dZ where the
    truth.json of a simulation is beside the images. Writes errors.csv, summary.json and report.html.

    Examples
    --------
    refp evaluate a2k.refp test1/ test2/ -o evaluation/

    Parameters
    ----------
    output
        Folder for the results.
    """
    from refp import pipeline
    from refp.cli.console import (
        print_left_out,
        print_message,
        print_properties,
        print_table,
        show_measuring,
    )
    from refp.cli.shown import shown_errors
    from refp.estimate.estimator import Estimator
    from refp.pipeline import results
    from refp.reports.evaluation_report import describe_training

    check_output(output, overwrite=overwrite)
    estimator = Estimator.load(model, max_beads)
    with work.start() as workers, show_measuring() as progress:
        evaluation = pipeline.evaluate_model(
            estimator, options.open(data), execution=Execution(workers, progress)
        )
    print_left_out(evaluation.planes.measurements)
    results.write_evaluation(evaluation, estimator.card, tolerance_um, output)
    if as_json:
        print_table(evaluation.errors, as_json=True)
    else:
        title = f"Errors of {estimator.card.name}"
        print_properties(shown_errors(evaluation.summary.as_dict()), title=title)
    if evaluation.n_training:
        print_message(describe_training(evaluation.n_training))
    print_message(f"wrote {output / 'errors.csv'}, summary.json, report.html")
