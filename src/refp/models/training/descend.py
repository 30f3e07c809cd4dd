"""Gradient descent in rounds, which goes on after a kill as if nothing had happened.

A round is a pure function of the fit and of the snapshot it starts from: weights, optimiser, schedule,
random generator and learning curve. Who does it, and how often the training was killed in between,
cannot be told from the result. Snapshots hold tensors and plain values and are read without running
anything that lies in them.
"""

import io
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from refp.models.family import LearningCurve

ROUND_STEPS = 200
"""About a second of a core: as much is lost by a kill, and so often a curve gets a point."""
STEPS_AT_ONCE = 50
"""Batches that a GPU draws and augments in one go, which are too small to keep it busy."""

CURVE = ("step", "loss", "train_rms_um", "rms_um")

Batch = tuple[Tensor, ...]

_alone = threading.RLock()


class Problem(Protocol):
    """What is fitted."""

    @property
    def net(self) -> nn.Module:
        """The weights."""
        ...

    @property
    def members(self) -> int:
        """Over how many the loss is summed."""
        ...

    def draw(self, count: int, generator: torch.Generator) -> list[Batch]:
        """Draw the batches of ``count`` steps."""
        ...

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and its mean squared error in um2."""
        ...

    def held_out_rms_um(self) -> float:
        """Judge what is held out; NaN where nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class Descent:
    """A fit, before it is done.

    Attributes
    ----------
    build
        Makes the problem on a device; picklable. Its start is drawn from torch's own generator.
    steps
        Gradient steps of AdamW.
    learning_rate
        Peak of the one-cycle schedule.
    weight_decay
        AdamW's.
    seed
        Of start, batches and augmentation.
    device
        ``cpu`` or ``cuda``.
    """

    build: Callable[[torch.device], Problem]
    steps: int
    learning_rate: float
    weight_decay: float
    seed: int
    device: str = "cpu"


@dataclass(slots=True)
class Snapshot:
    """Where a fit is: everything that the rest of it depends on."""

    step: int = 0
    curve: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVE})
    net: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    generator: Tensor = field(default_factory=lambda: torch.empty(0))

    def to_bytes(self) -> bytes:
        """Return it as a file's content."""
        buffer = io.BytesIO()
        torch.save({name: getattr(self, name) for name in self.__slots__}, buffer)
        return buffer.getvalue()

    def learning_curve(self, fit: str, split: int) -> LearningCurve:
        """Return the curve so far."""
        step, *rest = (np.array(self.curve[name]) for name in CURVE)
        return LearningCurve(fit, split, step.astype(np.int64), *rest)


def read_snapshot(content: bytes) -> Snapshot:
    """Read a snapshot; of no bytes, or bytes that are none, one that stands at the start."""
    if not content:
        return Snapshot()
    try:
        return Snapshot(**torch.load(io.BytesIO(content), weights_only=True, map_location="cpu"))
    except Exception:  # torch, zipfile and pickle raise whatever the bytes make them
        return Snapshot()


def start(descent: Descent) -> Problem:
    """Build the problem with the weights that its seed draws."""
    with torch.random.fork_rng():
        torch.manual_seed(descent.seed)
        return descent.build(torch.device(descent.device))


def descend(descent: Descent, content: bytes) -> bytes:
    """Do one round of steps.

    Parameters
    ----------
    descent
        The fit.
    content
        Snapshot after the round before; empty for the first.

    Returns
    -------
    bytes
        Snapshot after this one.
    """
    with one_thread():
        walk = _Walk(descent, read_snapshot(content))
        stop = min(walk.step + ROUND_STEPS, descent.steps)
        return walk.to(stop).to_bytes()


def choose_device(wish: str = "") -> str:
    """Return the device that is wished for, or a GPU where there is one."""
    return wish or ("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread, and this process to one round at a time.

    The products are too small to share: two threads gain a tenth on an idle machine and wait for each
    other on a busy one, where training was seen to take fifteen times as long. The number of threads and
    torch's own generator, which draws the start, belong to the process, and a worker of a cluster may
    work on several rounds.
    """
    with _alone:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


class _Walk:
    """Weights, optimiser, schedule and generator on their way down."""

    def __init__(self, descent: Descent, at: Snapshot) -> None:
        self.step = at.step
        self._problem = start(descent)
        self._curve = at.curve
        self._device = torch.device(descent.device)
        self._generator = torch.Generator(self._device).manual_seed(descent.seed)
        self._optimizer = torch.optim.AdamW(
            self._problem.net.parameters(),
            lr=descent.learning_rate,
            weight_decay=descent.weight_decay,
            fused=True,  # a step takes a fifth less
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, descent.learning_rate, total_steps=descent.steps
        )
        if at.step:
            self._problem.net.load_state_dict(at.net)
            self._optimizer.load_state_dict(at.optimizer)
            self._schedule.load_state_dict(at.schedule)
            self._generator.set_state(at.generator)

    def to(self, stop: int) -> Snapshot:
        """Go on to step ``stop``."""
        sums = torch.zeros(2, device=self._device)
        # On a GPU, whatever the problem draws or makes is made there.
        with self._device if self._device.type != "cpu" else nullcontext():
            for batch in self._batches(stop - self.step):
                sums += self._take_step(batch)
        loss, square_um2 = (sums / (stop - self.step)).tolist()
        rms_um = self._problem.held_out_rms_um()
        values = (stop, loss / self._problem.members, math.sqrt(square_um2), rms_um)
        for name, value in zip(CURVE, values, strict=True):
            self._curve[name].append(value)
        self.step = stop
        return self._snapshot()

    def _batches(self, count: int) -> Iterator[Batch]:
        at_once = 1 if self._device.type == "cpu" else STEPS_AT_ONCE
        for done in range(0, count, at_once):
            yield from self._problem.draw(min(at_once, count - done), self._generator)

    def _take_step(self, batch: Batch) -> Tensor:
        loss, square_um2 = self._problem.loss(batch)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        return torch.stack([loss, square_um2]).detach()

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            self.step,
            self._curve,
            self._problem.net.state_dict(),
            self._optimizer.state_dict(),
            self._schedule.state_dict(),
            self._generator.get_state(),
        )
