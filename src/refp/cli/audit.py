"""``refp audit``."""

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import (
    EXIT_ALL_REFUSED,
    AsJson,
    GivenSerial,
    HistoryOptions,
    ImageOptions,
    MaxBeads,
    Output,
    Overwrite,
    WorkerOptions,
)
from refp.core.parallel import Execution


def audit(
    archive: Annotated[Path, Parameter(help="Folder of images, with folders below it.")],
    /,
    *,
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    output: Output,
    tolerance_um: Annotated[
        float,
        Parameter(
            help="Largest tolerated dZ, um, above and below.",
            validator=Number(gt=0, lt=math.inf),
        ),
    ] = 7.5,
    chosen: ImageOptions = ImageOptions(),  # noqa: B008
    serial: GivenSerial = "",
    place: HistoryOptions = HistoryOptions(),  # noqa: B008
    max_beads: MaxBeads = None,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> int:
    """Estimate dZ of all images of an archive, and report focus over time and instrument.

    Writes audit.csv, a row per image; instruments.csv with the fraction outside the tolerance; changes.csv
    with steps and drifts; report.html. Results are kept in audit.db: the same command resumes an
    interrupted audit, and estimates images that are new or whose content changed. Exit code 3 when every
    image was refused.

    Dates are those of the metadata, else of names such as 2024-03-17 or 20240317_143005. Instruments are
    separated by the serial numbers that images or their sweep.toml state.

    Examples
    --------
    refp audit archive/ --model a2k.refp -o audit/

    refp audit archive/ --model a2k.refp -o audit/ --tolerance-um 5 --jobs 8

    Parameters
    ----------
    output
        Folder for the results.
    """
    from refp.cli.console import print_message, print_rows, show_measuring
    from refp.cli.shown import BELOW, shown_audit
    from refp.core.files import rows_of
    from refp.estimate.estimator import Estimator
    from refp.pipeline.audit_store import AuditStore
    from refp.pipeline.audit_summary import write_audit
    from refp.pipeline.auditing import audit_archive, audit_inputs
    from refp.pipeline.qualification import make_qualifier
    from refp.settings import Identity

    estimator = Estimator.load(model, max_beads)
    qualifier = make_qualifier(estimator, place.address, Identity(serial=serial))
    choice = chosen.choice
    inputs = audit_inputs(estimator, archive, choice, qualifier, max_beads)
    with AuditStore(output, inputs, overwrite=overwrite) as store:
        with work.start() as workers, show_measuring() as progress:
            done = audit_archive(
                estimator,
                archive,
                store,
                qualifier,
                choice=choice,
                execution=Execution(workers, progress),
            )
        tables = write_audit(store, tolerance_um, estimator.card, archive.resolve().name)
    print_message(done.describe())
    rows = rows_of(tables.instruments)
    shown = rows if as_json else shown_audit(rows, tolerance_um)
    print_rows(shown, as_json=as_json, title=f"Audit of {archive}", below=[BELOW])
    print_message(f"wrote {output / 'audit.csv'}, instruments.csv, changes.csv, report.html")
    return 0 if tables.instruments["n_ok"].sum() else EXIT_ALL_REFUSED
