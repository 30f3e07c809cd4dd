"""``refp watch``."""

import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.history_options import DEFAULT_HISTORY, Note, Operator, operator_name
from refp.cli.options import (
    DIRECTIONS,
    GivenSerial,
    HistoryOptions,
    MaxBeads,
    StageDirection,
    Tolerance,
    WorkerOptions,
)
from refp.core.errors import DataError
from refp.core.parallel import Execution

if TYPE_CHECKING:
    from collections import Counter

    from refp.estimate.rows import Row
    from refp.pipeline.watching.answering import Answer
    from refp.pipeline.watching.changes import Changes
    from refp.settings.watching import WatchSettings
    from refp.sweeps.pages import Choice

COLOURS = {"pass": "green", "fail": "bold red", "refused": "magenta", "ok": "green"}
"""Of outcomes on a terminal, beside the word; others are yellow."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class WatchedOptions:
    """The images that are answered."""

    channel: str | None = None
    "Name of the channel, or its number from 0; of colour images red, green, blue or mean."
    t: Annotated[int | None, Parameter(validator=Number(gte=0))] = None
    "Number of the time point, from 0; default: all, a row each."
    pixel_size_um: float | None = None
    "Side of a pixel, um, in place of the one that the files state."
    skip_existing: Annotated[bool, Parameter(negative=())] = False
    "Leave out the images that are in the folder when it is watched for the first time."

    @property
    def choice(self) -> "Choice":
        """Channel, time point and pixel size."""
        from refp.sweeps.pages import Choice

        return Choice(self.channel or "", self.t, self.pixel_size_um)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class FindingOptions:
    """How images are found, and alerts."""

    settings: Path | None = None
    "TOML file of times and alerts."
    poll_s: Annotated[
        float | None, Parameter(name="--poll-s", validator=Number(gt=0, lt=math.inf))
    ] = None
    "List the folder at this interval, s, without notifications; for network folders that send none."
    command: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None
    "Program and arguments to run for images that fail, are refused, or that a control rule rejects."
    webhook: str = ""
    "Address to which such images are posted as JSON."

    def load(self) -> "WatchSettings":
        """Return the settings of the file with these options."""
        from refp.settings.watching import load_watch_settings

        given: dict[str, Any] = {
            "poll_s": self.poll_s,
            "alert.command": tuple(self.command or ()),
            "alert.webhook": self.webhook,
        }
        given = {key: value for key, value in given.items() if value}
        return load_watch_settings(self.settings).replace(given, source="refp watch")


def watch(
    folder: Annotated[Path, Parameter(help="Folder in which images appear, at any depth.")],
    /,
    *,
    model: Annotated[Path, Parameter(help="Model file from 'refp train'.")],
    images: WatchedOptions = WatchedOptions(),
    tolerance_um: Tolerance = None,
    max_beads: MaxBeads = None,
    serial: GivenSerial = "",
    stage_direction: StageDirection = None,
    operator: Operator = None,
    note: Note = "",
    finding: FindingOptions = FindingOptions(),
    place: HistoryOptions = DEFAULT_HISTORY,
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: Annotated[
        bool,
        Parameter(name="--json", negative=(), help="Print one JSON object per image, a line each."),
    ] = False,
) -> None:
    """Estimate every image that appears in a folder, and record it in the history.

    An image is read once its file is whole: size and time have not changed for a while, and it opens. A
    file that still cannot be read after some seconds is refused. Each image is recorded once, by path
    and content, also over restarts; a file that is written again with other content is a new image. Ctrl-C
    ends the watch. The page Live of 'refp serve' shows the newest results.

    With --command or --webhook, images that fail, are refused, or that a control rule rejects are reported;
    limits come from 'refp history baseline'. The command gets the causes and the path as two more
    arguments, and a JSON object as standard input; the webhook gets the same object.

    Examples
    --------
    refp watch images/ --model a2k.refp --tolerance-um 7.5

    refp watch images/ --model a2k.refp --json --skip-existing

    refp watch //server/images --model a2k.refp --poll-s 1 --tolerance-um 7.5 --command notify-focus
    """
    from refp.cli.console import print_message, show_measuring
    from refp.estimate.batch import warm_up
    from refp.estimate.estimator import Estimator
    from refp.pipeline.recording import Origin
    from refp.pipeline.watching.alerts import Alerts, senders
    from refp.pipeline.watching.answering import Answerer
    from refp.pipeline.watching.folder import Surroundings, WatchedFolder
    from refp.pipeline.watching.seen import Seen, seen_file
    from refp.pipeline.watching.watch import Watch

    settings, root = finding.load(), _check_folder(folder)
    alerts = Alerts(senders(settings.alert), print_message)
    surroundings = Surroundings(lambda: _connect(root, settings), print_message)
    with place.open(create=True) as history, work.start() as workers, _ending_cleanly():
        estimator = Estimator.load(model, max_beads)
        with show_measuring():
            warm_up(estimator)
        origin = Origin(operator_name(operator), note, serial=serial, tolerance_um=tolerance_um)
        given = estimator, history, place.address, origin, tolerance_um
        answerer = Answerer(*given, direction=DIRECTIONS[stage_direction])
        file = seen_file(place.folder, root, history.place)
        seen = Seen(file, root, lambda record_id: bool(answerer.recorded([record_id])))
        watched = WatchedFolder(root, seen, settings, surroundings)

        def alert(answer: "Answer") -> None:
            if answer.causes:
                alerts.add(answer.causes, answer.path, answer.row)

        reports = [_print_json if as_json else _print_line, alert]
        running = Watch(watched, answerer, reports, images.choice, Execution(workers))
        n_waiting = watched.start(skip_existing=images.skip_existing)
        print_message(f"watching {root}, {_count(n_waiting)} to estimate; Ctrl-C ends it")
        try:
            running.run()
        finally:
            watched.close()
            alerts.close(settings.alert.timeout_s)
            print_message(_describe_end(running.outcomes, alerts.n_failed, history.place))


def _check_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; check the path")
    return folder.resolve()


def _connect(folder: Path, settings: "WatchSettings") -> "Changes":
    """Return the source of changes of a folder."""
    from refp.cli.console import print_message
    from refp.pipeline.watching.changes import NoNotifications, Notifications

    return NoNotifications() if settings.poll_s else Notifications(folder, print_message)


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """End the block at Ctrl-C, at the signal of a service manager, or when the reader has ended."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # Python flushes it at its end
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_json(answer: "Answer") -> None:
    from refp.core.files import to_json

    print(to_json(answer.row), flush=True)  # noqa: T201


def _print_line(answer: "Answer") -> None:
    """Print time, outcome, dZ with half its interval, beads, and the image; of a refusal its reason."""
    from rich.console import Console
    from rich.text import Text

    from refp.history.actions import describe_rejection

    row = answer.row
    line = Text(f"{answer.at:%H:%M:%S}  ")
    line.append(f"{answer.outcome:<12}  ", style=COLOURS.get(answer.outcome, "yellow"))
    line.append(f"{_describe_value(row):<24}  {row['image']}")
    rules = [cause for cause in answer.causes if cause != answer.outcome]
    if rules:
        line.append(f"  {describe_rejection(rules)}", style="bold red")
    if row["reason"]:
        line.append(f"  {row['reason']}")
    Console().print(line, soft_wrap=True, highlight=False)


def _describe_value(row: "Row") -> str:
    if row["status"] == "refused":
        return ""
    dz_um, low_um, high_um = (
        float(str(row[name])) for name in ("delta_z_um", "lower_um", "upper_um")
    )
    half_um = (high_um - low_um) / 2
    move_um = float(str(row["stage_move_um"]))
    move = f"move Z {move_um:+.1f} um, " if math.isfinite(move_um) else ""
    return f"dZ {dz_um:+.1f} \N{PLUS-MINUS SIGN}{half_um:.1f} um, {move}{row['n_beads_used']} beads"


def _describe_end(outcomes: "Counter[str]", failed: "Counter[str]", place: str) -> str:
    parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    counts = f"{_count(outcomes.total())}{f' ({parts})' if parts else ''}"
    alerts = "".join(f"; alert: {name}: {k} failed" for name, k in failed.items())
    return f"ended: {counts} recorded in {place}{alerts}"


def _count(n_images: int) -> str:
    return f"{n_images} image{'' if n_images == 1 else 's'}"
