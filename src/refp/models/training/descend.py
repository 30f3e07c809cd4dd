"""Gradient descent in rounds that resumes after an interruption: the training loop of all networks.

A round is a pure function of a descent and of the snapshot from which it starts: weights, optimiser,
schedule, random generator, best weights and learning curve. Neither the process that does a round nor
the number of interruptions changes the result. Snapshots hold tensors and plain values and are read
without executing anything in them.
"""

import io
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from refp.core.files import write_whole
from refp.models.training.grouped import member_state

STEPS_AT_ONCE = 50
"""Batches drawn and augmented at once on a GPU; a single batch is too small to keep it busy."""

CURVE = ("step", "loss", "train_rms_um", "rms_um")

START, BATCHES = 0, 1
"""Purposes of random numbers."""

Batch = tuple[Tensor, ...]

_one_round = threading.RLock()


class TrainingProblem(Protocol):
    """A network, its training batches and its held-out data."""

    @property
    def net(self) -> nn.Module:
        """The network."""
        ...

    @property
    def members(self) -> int:
        """Number of members over which the loss is summed."""
        ...

    def draw(self, step: int, count: int, generator: torch.Generator, /) -> list[Batch]:
        """Draw the batches of ``count`` steps from ``step`` on."""
        ...

    def loss(self, batch: Batch, /) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and its mean squared error in um2."""
        ...

    def held_out_rms_um(self) -> list[float]:
        """Return the RMS errors of held-out data, one per learning curve; NaN where none is held out."""
        ...


@dataclass(frozen=True, slots=True)
class Descent:
    """Definition of a fit.

    Attributes
    ----------
    build
        Makes the problem on a device; picklable. Initial weights may come from torch's own generator.
    optimizer, schedule
        Make the optimiser of parameters, and its learning-rate schedule; picklable.
    steps
        Gradient steps, at most.
    round_steps
        Gradient steps of a round.
    validate_steps
        Gradient steps between validations, each a point of the learning curve; the last step is
        always followed by one.
    seed
        Of initial weights, batches and augmentation.
    patience
        Validations without a new best after which a member stops; the best weights of each member
        are kept. Only for networks of :func:`~refp.models.training.grouped.group_members`. ``None``:
        all steps are done and the last weights are kept.
    device
        ``cpu`` or ``cuda``.
    threads
        Threads of the steps on a CPU. Another number changes the result by rounding.
    deterministic
        Use deterministic algorithms of a GPU where available.
    """

    build: Callable[[torch.device], TrainingProblem]
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Callable[[Optimizer], LRScheduler]
    steps: int
    round_steps: int
    validate_steps: int
    seed: int
    patience: int | None = None
    device: str = "cpu"
    threads: int = 1
    deterministic: bool = False


@dataclass(slots=True)
class FitState:
    """Progress of a fit, in plain values.

    Attributes
    ----------
    step
        Gradient steps done.
    sums
        Loss and squared error, um2, summed over the steps since the last validation.
    best_um, waited
        Per member: smallest RMS error of held-out data, and the validations since; empty without
        patience.
    curve
        Learning curve: a value per validation; ``rms_um`` has a list per validation.
    """

    step: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    best_um: list[float] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)
    curve: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in CURVE})

    def steps_left(self, descent: Descent) -> int:
        """Return the maximum number of remaining steps."""
        if descent.patience is not None and self.waited and min(self.waited) >= descent.patience:
            return 0
        return descent.steps - self.step


@dataclass(slots=True)
class Snapshot:
    """State from which a fit resumes."""

    state: FitState = field(default_factory=FitState)
    net: dict[str, Any] = field(default_factory=dict)
    best: list[dict[str, Tensor]] = field(default_factory=list)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    generator: Tensor = field(default_factory=lambda: torch.empty(0))

    def save(self, file: Path | io.BytesIO) -> None:
        """Write the snapshot to a file."""
        table = {name: getattr(self, name) for name in self.__slots__}
        torch.save({**table, "state": asdict(self.state)}, file)

    def to_bytes(self) -> bytes:
        """Return the content of the snapshot's file."""
        buffer = io.BytesIO()
        self.save(buffer)
        return buffer.getvalue()


def read_snapshot(source: Path | bytes, *, mapped: bool = False) -> Snapshot:
    """Read a snapshot; return the initial one if it is absent or damaged.

    With ``mapped``, tensors of a file are read when they are used, and the file is open until then.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        table = torch.load(file, weights_only=True, map_location="cpu", mmap=mapped)
        return Snapshot(**{**table, "state": FitState(**table["state"])})
    except Exception:  # torch, zipfile and pickle raise many types for damaged bytes
        return Snapshot()


def read_state(file: Path) -> FitState:
    """Read the progress of a fit from its snapshot's file; return the initial one if absent."""
    return read_snapshot(file, mapped=True).state


def start(descent: Descent) -> TrainingProblem:
    """Build the problem with the initial weights of its seed."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(descent.seed, START))
        return descent.build(torch.device(descent.device))


def descend(descent: Descent, content: bytes) -> bytes:
    """Do one round of steps from a snapshot in memory.

    Parameters
    ----------
    descent
        The fit.
    content
        Snapshot after the previous round; empty for the first.

    Returns
    -------
    bytes
        Snapshot after this round.
    """
    return _do_round(descent, read_snapshot(content)).to_bytes()


def descend_in_file(descent: Descent, file: Path) -> FitState:
    """Do one round of steps from a snapshot in a file, which is too large to be sent.

    Parameters
    ----------
    descent
        The fit.
    file
        Snapshot after the previous round; replaced by that after this round.

    Returns
    -------
    FitState
        Progress of the fit after the round.
    """
    snapshot = read_snapshot(file)
    if snapshot.state.steps_left(descent):
        snapshot = _do_round(descent, snapshot)
        write_whole(file, snapshot.save)
    return snapshot.state


def choose_device(requested: str = "") -> str:
    """Return the requested device, or by default a GPU where there is one."""
    return requested or ("cuda" if torch.cuda.is_available() else "cpu")


def derive_seed(seed: int, *key: int) -> int:
    """Return a seed derived from a seed and a key; no other pair gives the same random numbers.

    With the sum of seed and member number, ensembles with seeds 0 and 1 would share nine of ten initial
    weights.
    """
    (derived,) = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return int(derived)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Limit torch to ``count`` threads, and this process to one round at a time.

    The number of threads and torch's own generator, which draws the initial weights, are global to the
    process, and a worker of a cluster may work on several rounds.
    """
    with _one_round:
        threads = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Use deterministic algorithms where available, without warnings where not."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns_only)


def _do_round(descent: Descent, snapshot: Snapshot) -> Snapshot:
    with (
        torch_threads(descent.threads),
        _deterministic() if descent.deterministic else nullcontext(),
    ):
        run = _Round(descent, snapshot)
        rounds = snapshot.state.step // descent.round_steps + 1
        return run.to(min(rounds * descent.round_steps, descent.steps))


class _Round:
    """Weights, optimiser, schedule and generator during a round."""

    def __init__(self, descent: Descent, snapshot: Snapshot) -> None:
        self._descent, self._state, self._best = descent, snapshot.state, snapshot.best
        self._problem = start(descent)
        self._device = torch.device(descent.device)
        seed = derive_seed(descent.seed, BATCHES)
        self._generator = torch.Generator(self._device).manual_seed(seed)
        self._optimizer = descent.optimizer(self._problem.net.parameters())
        self._schedule = descent.schedule(self._optimizer)
        if snapshot.state.step:
            self._problem.net.load_state_dict(snapshot.net)
            self._optimizer.load_state_dict(snapshot.optimizer)
            self._schedule.load_state_dict(snapshot.schedule)
            self._generator.set_state(snapshot.generator)

    def to(self, stop: int) -> Snapshot:
        """Train until step ``stop``, or until no member has patience left."""
        state = self._state
        sums = torch.tensor(state.sums, device=self._device)
        for batch in self._batches(stop):
            sums += self._take_step(batch)
            state.step += 1
            if state.step % self._descent.validate_steps == 0 or (
                state.step == self._descent.steps
            ):
                self._validate(sums)
                sums.zero_()
                if not state.steps_left(self._descent):
                    break
        state.sums = sums.tolist()
        return self._snapshot()

    def _batches(self, stop: int) -> Iterator[Batch]:
        at_once = 1 if self._device.type == "cpu" else STEPS_AT_ONCE
        for step in range(self._state.step, stop, at_once):
            yield from self._problem.draw(step, min(at_once, stop - step), self._generator)

    def _take_step(self, batch: Batch) -> Tensor:
        loss, square_um2 = self._problem.loss(batch)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        return torch.stack([loss, square_um2]).detach()

    def _validate(self, sums: Tensor) -> None:
        """Add a point to the learning curve, and keep the best weights."""
        curve, step = self._state.curve, self._state.step
        loss, square_um2 = (sums / (step - (curve["step"] or [0])[-1])).tolist()
        net = self._problem.net.eval()
        with torch.no_grad():
            rms_um = self._problem.held_out_rms_um()
        values = (step, loss / self._problem.members, math.sqrt(square_um2), rms_um)
        for name, value in zip(CURVE, values, strict=True):
            curve[name].append(value)
        if self._descent.patience is not None:
            self._keep_best(rms_um, self._descent.patience)
        net.train()

    def _keep_best(self, rms_um: list[float], patience: int) -> None:
        state, members = self._state, len(rms_um)
        if not self._best:
            state.best_um, state.waited = [math.inf] * members, [0] * members
            self._best = [{} for _ in rms_um]
        for i, error_um in enumerate(rms_um):
            if state.waited[i] >= patience:
                continue
            better = error_um < state.best_um[i]
            state.waited[i] = 0 if better else state.waited[i] + 1
            if better:
                state.best_um[i] = error_um
            if better or not self._best[i]:
                weights = member_state(self._problem.net.state_dict(), i, members)
                self._best[i] = {name: tensor.cpu() for name, tensor in weights.items()}

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            self._state,
            self._problem.net.state_dict(),
            self._best,
            self._optimizer.state_dict(),
            self._schedule.state_dict(),
            self._generator.get_state(),
        )
