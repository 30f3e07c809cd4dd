"""``refp adapt``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from refp.cli.options import AsJson, Data, DataOptions, Overwrite, WorkerOptions
from refp.core.outputs import check_output
from refp.core.parallel import Execution


def adapt(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    data: Data,
    /,
    *,
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="Model file to write, *.refp.")
    ],
    refp_um: Annotated[
        float | None,
        Parameter(
            name="--refp-um",
            help="Nominal Z of the reference plane, um; default: found by the features of the frames.",
        ),
    ] = None,
    options: DataOptions = DataOptions(),  # noqa: B008
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Adapt a model to another instrument of the same kind, from one short sweep.

    Nine frames over the range in use are enough, or a few images at known Z with --refp-um. The bias is
    the model's estimate where steepest slope and centre intensity of the frames have their extremes, the
    slope that of the estimates against Z; both are corrected, and the residual enters the interval. The
    new model is bound to the data's instrument.

    Examples
    --------
    refp adapt a2k.refp second-lab/ -o a2k-lab2.refp

    refp adapt a2k.refp second-lab/ -o a2k-lab2.refp --refp-um 1512.5
    """
    from refp import models
    from refp.cli.console import print_message, print_rows, show_measuring
    from refp.cli.layout import PLUS_MINUS
    from refp.cli.shown import shown_adapted
    from refp.core.files import rows_of
    from refp.pipeline.adaptation import adapt_model

    check_output(output, overwrite=overwrite)
    ensemble = models.load_model(model)
    with show_measuring() as progress, work.start() as workers:
        adapted = adapt_model(
            ensemble, options.open(data), refp_um=refp_um, execution=Execution(workers, progress)
        )
    models.save_model(adapted.ensemble, output)
    rows = rows_of(adapted.images)
    print_rows(rows if as_json else shown_adapted(rows), as_json=as_json)
    card = adapted.ensemble.card
    found = card.adaptation
    assert found is not None
    print_message(
        f"bias {found.line.bias_um:.2f} {PLUS_MINUS} {card.bias_u_um:.2f} um, slope "
        f"{found.line.slope:.4f} {PLUS_MINUS} {found.slope_u:.4f}, residual {found.residual_um:.2f} um, "
        f"on {found.n_images} images (standard uncertainties)"
    )
    print_message(f"wrote {output}")
