"""A machine for watches: a clock that waits turn, and changes that tests announce."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from refp.pipeline.watching.folder import Surroundings


@dataclass
class Machine:
    """Time passes only while a watch waits, or by ``now_s``."""

    now_s: float = 100.0
    changed: set[Path] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    n_connected: int = 0
    n_closed: int = 0

    def clock(self) -> float:
        return self.now_s

    def wait(self, timeout_s: float) -> set[Path]:
        found, self.changed = self.changed, set()
        self.now_s += 0.0 if found else max(timeout_s, 1e-3)
        return found

    def sleep(self, seconds: float) -> None:
        self.now_s += max(seconds, 1e-3)

    def close(self) -> None:
        self.n_closed += 1

    def connect(self) -> "Machine":
        self.n_connected += 1
        return self

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(self.connect, self.messages.append, self.clock, self.sleep)

    def run(self, step: Callable[[], object], seconds: float) -> None:
        """Repeat a step until some time has passed."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            before_s = self.now_s
            step()
            self.now_s += 0.0 if self.now_s > before_s else 1e-3
