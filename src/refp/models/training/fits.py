"""Fits that are done in rounds by whoever is free, and kept in the checkpoint folder."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from refp.core.files import write_bytes
from refp.core.parallel import SERIAL, Workers, run_chains
from refp.models.training.descend import ROUND_STEPS, Descent, Snapshot, descend, read_snapshot


class Fit:
    """A descent and its file; a :class:`refp.core.parallel.Chain`.

    Parameters
    ----------
    descent
        What is fitted.
    file
        Where its newest snapshot lies; it goes on from there where there is one.
    told
        Called when a round is done and written.
    """

    def __init__(self, descent: Descent, file: Path, told: Callable[[], None]) -> None:
        self.descent = descent
        self._file = file
        self._told = told
        self._content = b""
        with suppress(OSError):
            self._content = file.read_bytes()
        self.snapshot = read_snapshot(self._content)

    @property
    def curve(self) -> dict[str, list[float]]:
        """The learning curve so far."""
        return self.snapshot.curve

    @property
    def score_um(self) -> float:
        """How right the held-out beads come out: the last, since the schedule ends there."""
        return self.curve["rms_um"][-1]

    @property
    def rounds_left(self) -> int:
        """How many rounds there are still to do."""
        return -(-(self.descent.steps - self.snapshot.step) // ROUND_STEPS)

    def next_round(self) -> Callable[[], bytes]:
        """Return the next round."""
        return partial(descend, self.descent, self._content)

    def take(self, result: bytes) -> None:
        """Keep a round's snapshot."""
        write_bytes(result, self._file)
        self._content, self.snapshot = result, read_snapshot(result)
        self._told()


def run_fits(
    descents: Sequence[Descent],
    files: Sequence[Path],
    told: Callable[[int, int], None],
    watch: Callable[[int, Snapshot], None],
    workers: Workers,
) -> list[Snapshot]:
    """Do descents to their ends.

    Parameters
    ----------
    descents, files
        What is fitted, and where the snapshot of each is kept.
    told
        Called with the steps of all fits that are done, and those in all, after every round.
    watch
        Called then with the number of the fit and where it is.
    workers
        Who does it. A GPU of this process is not shared with others.

    Returns
    -------
    list of Snapshot
        The last of each.
    """
    total = sum(descent.steps for descent in descents)
    fits: list[Fit] = []

    def tell(number: int) -> None:
        told(sum(fit.snapshot.step for fit in fits), total)
        watch(number, fits[number].snapshot)

    pairs = enumerate(zip(descents, files, strict=True))
    fits += [Fit(descent, file, partial(tell, number)) for number, (descent, file) in pairs]
    on_cpu = all(descent.device == "cpu" for descent in descents)
    run_chains(fits, workers if on_cpu else SERIAL.workers)
    return [fit.snapshot for fit in fits]
