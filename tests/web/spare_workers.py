"""Worker processes that later apps reuse: loading the libraries takes a second for each."""

import threading
from collections import defaultdict
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import ClassVar

from refp.web.workers.pool import Worker


class SpareWorker(Worker):
    """A worker that reuses the idle process of a stopped app, and leaves its own to the next app."""

    _spare: ClassVar[dict[int, list[tuple[BaseProcess, Connection]]]] = defaultdict(list)
    _taking: ClassVar[threading.Lock] = threading.Lock()

    def close(self) -> None:
        with self._changing, self._taking:
            self._closed = True
            if self._process is not None and self._end is not None and not self._is_busy:
                self._spare[self._memory_bytes].append((self._process, self._end))
                self._process = self._end = None
        self.stop()

    def _connect(self) -> Connection:
        with self._changing, self._taking:
            spare = self._spare[self._memory_bytes]
            if self._end is None and not self._closed and spare:
                self._process, self._end = spare.pop()
        return super()._connect()

    @classmethod
    def end_all(cls) -> None:
        """End the processes that no app reused."""
        for process, end in (one for spare in cls._spare.values() for one in spare):
            process.kill()
            process.join()
            end.close()
        cls._spare.clear()
