"""``refp estimate``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from refp.cli.options import (
    DIRECTIONS,
    EXIT_ALL_REFUSED,
    AsJson,
    GivenSerial,
    HistoryOptions,
    ImageOptions,
    MaxBeads,
    Overwrite,
    StageDirection,
    Tolerance,
    WorkerOptions,
)
from refp.core.outputs import check_output
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from refp.estimate import FocusEstimate
    from refp.estimate.batch import Each
    from refp.estimate.rows import Row
    from refp.models import ModelCard
    from refp.sweeps import SingleImage


ImagesInstrument = Annotated[
    str | None, Parameter(help="Instrument of the images, which is checked against the model's.")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class WrittenOptions:
    """Files to write."""

    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None
    "CSV file to write, a row per image."
    overlay: Path | None = None
    "Folder for a picture of each image with its beads."

    @property
    def figure(self) -> Path | None:
        """Figure over time, beside the table."""
        return None if self.output is None else self.output.with_suffix(".svg")

    def check(self, *, overwrite: bool, with_figure: bool = False) -> None:
        """Refuse existing files, and a name that is not one of a table."""
        from refp.core.files import check_table_name

        figure = self.figure if with_figure else None
        for path in filter(None, (self.output, self.overlay, figure)):
            check_output(path, overwrite=overwrite)
        check_table_name(self.output)


def estimate(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    images: Annotated[list[Path], Parameter(help="Images or folders of images.", negative=())],
    /,
    *,
    written: WrittenOptions = WrittenOptions(),
    chosen: ImageOptions = ImageOptions(),  # noqa: B008
    instrument: ImagesInstrument = None,
    serial: GivenSerial = "",
    stage_direction: StageDirection = None,
    place: HistoryOptions = HistoryOptions(),  # noqa: B008
    max_beads: MaxBeads = None,
    tolerance_um: Tolerance = None,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> int:
    """Estimate dZ of single images, or refuse with a reason.

    dZ is the height of the image's focal plane above the reference plane, um; u_um is its standard
    uncertainty, lower_um to upper_um its 95 % interval. Exit code 3 when every image was refused.

    An image that states the serial number of another instrument than the model and a valid 'refp verify'
    do is unverified: its interval is widened, and it gets no verdict.

    Where the direction of the stage is known, stage_move_um is the change of its Z that leads to the
    reference plane, um.

    With --t all and -o, a figure of dZ over the time points is written beside the table.

    With --tolerance-um the verdict is pass if the whole interval is within the tolerance, fail if all of it
    is outside, refused or unverified if the image is, and inconclusive otherwise.

    Examples
    --------
    refp estimate a2k.refp image.tif

    refp estimate a2k.refp images/ -o estimates.csv --overlay pictures/

    refp estimate a2k.refp images/ --tolerance-um 7.5

    refp estimate a2k.refp lapse.ome.tif --t all -o lapse.csv
    """
    from refp.cli.console import show_measuring
    from refp.estimate.batch import estimate_each
    from refp.estimate.estimator import Estimator
    from refp.estimate.rows import estimate_rows, with_verdicts
    from refp.pipeline.qualification import make_qualifier
    from refp.settings import Identity

    written.check(overwrite=overwrite, with_figure=chosen.t == "all")
    estimator = Estimator.load(model, max_beads)
    sources = chosen.open(estimator.card, images, instrument)
    is_over_time = chosen.t == "all" and written.output is not None
    if is_over_time:
        from refp.pipeline.over_time import check_over_time  # takes a second to load

        check_over_time(sources)
    direction = DIRECTIONS[stage_direction]
    qualify = make_qualifier(estimator, place.address, Identity(serial=serial), direction=direction)
    draw = _drawing(sources, estimator.card, written.overlay, tolerance_um)
    with work.start() as workers, show_measuring() as progress:
        estimates = estimate_each(
            estimator,
            sources,
            execution=Execution(workers, progress),
            qualify=qualify,
            each=draw,
        )
    rows = estimate_rows((source.label for source in sources), estimates, estimator.card.name)
    if tolerance_um is not None:
        rows = with_verdicts(rows, estimates, tolerance_um)
    _show(rows, estimates, tolerance_um, as_json=as_json)
    if written.output:
        _write(rows, written.output)
        if is_over_time:
            _draw_over_time(sources, rows, tolerance_um, written.figure)
    return 0 if any(e.status != "refused" for e in estimates) else EXIT_ALL_REFUSED


def _show(
    rows: "Sequence[Row]",
    estimates: "Sequence[FocusEstimate]",
    tolerance_um: float | None,
    *,
    as_json: bool,
) -> None:
    """Print the table, and in messages the verdicts, verification and the parts of a single one."""
    from refp.cli.console import print_message, print_rows
    from refp.cli.shown import BELOW, shown_estimates, title_of_estimates
    from refp.estimate.rows import describe_parts, describe_verdicts, describe_verification

    if tolerance_um is not None:
        print_message(describe_verdicts(rows, tolerance_um))
    print_rows(
        rows if as_json else shown_estimates(rows),
        as_json=as_json,
        title=title_of_estimates(rows),
        below=[BELOW],
    )
    print_message(describe_verification(estimates))
    if len(estimates) == 1 and estimates[0].status != "refused":
        print_message(describe_parts(estimates[0]))


def _drawing(
    sources: "Sequence[SingleImage]",
    card: "ModelCard",
    folder: Path | None,
    tolerance_um: float | None,
) -> "Each | None":
    """Return a function that draws each image, if a folder is given; it takes a second to load."""
    if folder is None:
        return None
    from refp.pipeline.overlays import overlay_writer

    return overlay_writer(sources, card, folder, tolerance_um)


def _write(rows: "Sequence[Row]", output: Path) -> None:
    import pandas as pd  # takes longer to load than an image to estimate

    from refp.cli.console import print_message
    from refp.core.files import write_table

    write_table(pd.DataFrame(rows), output)
    print_message(f"wrote {output}")


def _draw_over_time(
    sources: "Sequence[SingleImage]",
    rows: "Sequence[Row]",
    tolerance_um: float | None,
    figure: Path | None,
) -> None:
    """Draw dZ over the time points."""
    from refp.cli.console import print_message
    from refp.pipeline.over_time import over_time_table, save_over_time

    assert figure is not None
    table = over_time_table(sources, rows)
    save_over_time(table, tolerance_um, figure, figure.stem)
    print_message(f"wrote {figure}")
