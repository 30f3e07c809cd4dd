"""``refp verify``."""

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.history_options import (
    DEFAULT_HISTORY,
    At,
    Note,
    Operator,
    moment,
    operator_name,
)
from refp.cli.options import (
    EXIT_ALL_REFUSED,
    AsJson,
    DataOptions,
    HistoryOptions,
    WorkerOptions,
)
from refp.core.parallel import Execution
from refp.history.verification import Verification


def verify(
    model: Annotated[Path, Parameter(help="Model file from 'refp train' or 'refp adapt'.")],
    sweep: Annotated[Path, Parameter(help="Folder, stack or sweep.toml of a short sweep.")],
    /,
    *,
    options: DataOptions = DataOptions(),  # noqa: B008
    tolerance_um: Annotated[
        float,
        Parameter(
            name="--tolerance-um",
            help="Tolerance, um; half of it is the limit of the bias, and of the slope's error at the "
            "ends of the sweep.",
            validator=Number(gt=0, lt=math.inf),
        ),
    ] = 7.5,
    valid_days: Annotated[
        int, Parameter(help="Validity of the verification, days.", validator=Number(gte=1))
    ] = 30,
    operator: Operator = None,
    note: Note = "",
    at: At = "",
    place: HistoryOptions = DEFAULT_HISTORY,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
) -> int:
    """Verify a model on one instrument, with five to nine frames across its reference plane.

    Bias and slope of the model's estimates, and the fit of the frames within 15 um of the plane, are
    compared with limits. The outcome is pass if each is within its limit with its expanded uncertainty,
    fail if one is beyond it, else inconclusive. The record is kept in the history under the serial number
    of the instrument, and 'refp estimate' looks it up. Exit code 3 unless the outcome is pass.

    Examples
    --------
    refp verify a2k.refp short-sweep/ --serial A2K-0417

    refp verify a2k.refp short-sweep/ --serial A2K-0417 --tolerance-um 5 --valid-days 7 --operator Ada
    """
    from refp.cli.console import print_message, show_measuring
    from refp.estimate.estimator import Estimator
    from refp.history import VerificationLog
    from refp.pipeline.recording import Origin
    from refp.pipeline.verification import verify_model

    origin = Origin(operator_name(operator), note, moment(at))
    with VerificationLog.open(place.address) as log:
        estimator = Estimator.load(model)
        with show_measuring() as progress, work.start() as workers:
            record = verify_model(
                estimator,
                options.open([sweep]),
                origin,
                tolerance_um=tolerance_um,
                valid_days=valid_days,
                execution=Execution(workers, progress),
            )
        log.append(record)
        _print(record, as_json=as_json)
        print_message(_describe(record))
        print_message(f"recorded in {log.place}")
    return 0 if record.outcome == "pass" else EXIT_ALL_REFUSED


def _print(record: Verification, *, as_json: bool) -> None:
    """Print the criteria as a table, or the record as JSON."""
    from dataclasses import asdict

    from refp.cli.console import print_rows
    from refp.cli.shown import shown_criteria

    if as_json:
        print_rows([record.as_row()], as_json=True)
    else:
        rows = [asdict(criterion) for criterion in record.criteria]
        print_rows(shown_criteria(rows), as_json=False)


def _describe(record: Verification) -> str:
    from refp.estimate.verification import enough_images

    rises = {1: "rises", -1: "falls"}.get(record.direction)
    about = f"{record.instrument_name}: {record.outcome}, {record.n_images} images"
    if rises:
        about += f"; the focal plane {rises} with the Z of its stage"
    if record.outcome == "inconclusive":
        enough = enough_images(record.criteria, record.n_images)
        more = f"about {enough} frames over this range" if enough else "more frames"
        about += f"; take {more}, of this or further fields of view, and verify all together"
    if record.outcome != "pass":
        return f"{about}; estimates of this instrument by this model are unverified"
    return f"{about}; verified until {record.valid_until:%Y-%m-%d}"
