"""``refp refocus``."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.history_options import Note, Operator, operator_name
from refp.cli.options import (
    DIRECTIONS,
    EXIT_ALL_REFUSED,
    SEED,
    AsJson,
    HistoryOptions,
    MaxBeads,
    Overwrite,
    Serial,
    StageDirection,
)
from refp.core.errors import RecipeError
from refp.core.outputs import check_output

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from refp.estimate.estimator import Estimator
    from refp.scope.recorded import RecordedRefocuser
    from refp.scope.session import Session
    from refp.settings import Instrument

POSITIVE = Number(gt=0, lt=math.inf)
FIGURE = "refocus.svg"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class ScopeOptions:
    """The microscope: that of a Micro-Manager configuration, or a simulated one."""

    config: Path | None = None
    "Configuration file of Micro-Manager (extra scope)."
    simulated: Annotated[bool, Parameter(negative=())] = False
    "Use a simulated microscope of the model's instrument in place of hardware."
    exposure_ms: Annotated[float | None, Parameter(validator=POSITIVE)] = None
    "Exposure, ms; default: as the camera is set."
    start_um: float | None = None
    "dZ at the start of the simulated microscope, um; default: 0."
    seed: Annotated[int | None, SEED] = None
    "Seed of the simulated microscope; default: 0."
    fault: str | None = None
    "Fault of the simulated microscope, such as stuck-stage, reversed-stage or light-off."

    def check(self) -> None:
        """Refuse none or both microscopes, and options of the other one.

        Raises
        ------
        RecipeError
            The message names the options.
        """
        if (self.config is None) != self.simulated:
            raise RecipeError(
                "give one microscope: --config FILE.cfg of Micro-Manager, or --simulated"
            )
        for name in ("start_um", "seed", "fault"):
            if not self.simulated and getattr(self, name) is not None:
                option = name.replace("_", "-")
                raise RecipeError(f"--{option}: is of a simulated microscope; add --simulated")

    def open(self, instrument: "Instrument", guards: dict[str, Any]) -> "Session":
        """Open the microscope."""
        from refp.scope.session import open_hardware, open_simulated

        if self.config is not None:
            session = open_hardware(self.config, instrument, guards)
        else:
            session = open_simulated(
                *(instrument, guards),
                start_um=self.start_um or 0.0,
                seed=self.seed or 0,
                fault=self.fault or "none",
            )
        if self.exposure_ms is not None:
            session.microscope.camera.exposure_ms = self.exposure_ms
        return session


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class GuardOptions:
    """Limits of the stage, which have no default with hardware."""

    limits_um: tuple[float, float] | None = None
    "Lowest and highest Z that the stage may be sent to, um."
    largest_step_um: Annotated[float | None, Parameter(validator=POSITIVE)] = None
    "Largest move between two images, um."
    tolerance_um: Annotated[float | None, Parameter(validator=POSITIVE)] = None
    "Tolerance of |dZ| + U, um; default: 7.5."
    stage_direction: StageDirection = None
    guards: Path | None = None
    "TOML file of these and all other guards; options have precedence."

    def table(self) -> dict[str, Any]:
        """Return the stated settings.

        Raises
        ------
        RecipeError
            If the file does not exist or is not TOML.
        """
        from refp.settings import load_toml

        if self.guards is not None and not self.guards.is_file():
            raise RecipeError(f"{self.guards}: no such file of guards")
        lower_um, upper_um = self.limits_um or (None, None)
        given = {
            "lower_um": lower_um,
            "upper_um": upper_um,
            "largest_step_um": self.largest_step_um,
            "tolerance_um": self.tolerance_um,
            "direction": DIRECTIONS[self.stage_direction] or None,
        }
        table = {} if self.guards is None else load_toml(self.guards)
        return table | {key: value for key, value in given.items() if value is not None}


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class RecordOptions:
    """Records of the run."""

    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None
    "Folder for the log and a figure of the run."
    serial: Serial = ""
    operator: Operator = None
    note: Note = ""

    def open(
        self, estimator: "Estimator", session: "Session", place: HistoryOptions
    ) -> "AbstractContextManager[RecordedRefocuser]":
        """Open log and history, and return the refocus loop that records its steps in them."""
        from refp.scope import Records, open_recorded
        from refp.scope.record import LOG_FILE

        chosen = bool(place.home or place.database)
        with_history = chosen or not session.simulated
        log = place.folder / LOG_FILE if with_history else None
        if self.output is not None:
            log = self.output / LOG_FILE
            log.unlink(missing_ok=True)  # of the run that --overwrite replaces
        records = Records(
            place.address if with_history else None,
            log,
            self.serial,
            operator_name(self.operator),
            self.note,
        )
        given = session.microscope, estimator, session.settings, records
        return open_recorded(*given, qualified=not session.simulated)


def refocus(
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    /,
    *,
    scope: ScopeOptions = ScopeOptions(),
    guard: GuardOptions = GuardOptions(),
    record: RecordOptions = RecordOptions(),
    place: HistoryOptions = HistoryOptions(),  # noqa: B008
    max_beads: MaxBeads = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> int:
    """Return a microscope to the reference plane: image, dZ, guarded move, verifying image.

    The stage moves by -dZ until |dZ| + U of an image is within the tolerance. A refused image moves
    nothing. A first small move shows the direction of the stage, every move ends from the same side, and no
    position outside the limits or beyond the largest step is commanded. If a guard stops the run, the stage
    is moved back to where it began. Exit code 3 when the run stopped, with the reason.

    With --serial the history keeps the direction that moves or 'refp verify' have proved; the next run then
    needs no small move. A run that contradicts it drops it.

    With hardware every step is recorded in the history, and in refocus.jsonl in the output folder or beside
    the history. A simulated run is recorded only where an output folder, --home or --database is given.

    Examples
    --------
    refp refocus a2k.refp --simulated --start-um 120 --seed 3

    refp refocus a2k.refp --simulated --start-um 120 --fault reversed-stage -o run

    refp refocus a2k.refp --config scope.cfg --limits-um 1200 1800 --largest-step-um 100
    """
    from refp.cli.console import print_message, print_rows, show_measuring
    from refp.estimate.estimator import Estimator
    from refp.scope.record import printed_columns, step_rows, write_refocus_figure

    scope.check()
    guards = guard.table()
    if record.output is not None:
        check_output(record.output, overwrite=overwrite)
    with show_measuring():
        estimator = Estimator.load(model, max_beads)
        session = scope.open(estimator.card.instrument, guards)
        with record.open(estimator, session, place) as refocuser:
            result = refocuser.run()
    rows = step_rows(result, simulated=session.simulated)
    print_rows(rows, as_json=as_json, columns=printed_columns(rows))
    if record.output is not None:
        figure = record.output / FIGURE
        write_refocus_figure(rows, session.settings.tolerance_um, estimator.card.name, figure)
        print_message(f"wrote {figure}")
    print_message(result.describe())
    if refocuser.new_stage is not None:
        print_message(refocuser.new_stage.describe())
    return 0 if result.reached else EXIT_ALL_REFUSED
