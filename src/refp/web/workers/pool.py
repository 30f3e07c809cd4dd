"""Worker processes with limits of time and memory; a worker beyond them is replaced.

``concurrent.futures`` can neither stop a running task nor continue after the loss of a worker, and an
uploaded image may cause both.
"""

import gc
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from refp.web.errors import LOST, OUT_OF_MEMORY, TOO_LONG, WorkError, code_of

PAGE_STATUS = Path("/proc/self/statm")
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Worker:
    """One process, started when it is needed and not running."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: multiprocessing.process.BaseProcess | None = None
        self._end: Connection | None = None
        self._closed = False
        self._is_busy = False
        self._changing = threading.Lock()  # one thread runs tasks, another may end the pool

    def run(
        self,
        function: Callable[[*Arguments], Result],
        arguments: tuple[*Arguments],
        limit_s: float,
    ) -> Result:
        """Run a function, which the process imports by name.

        Raises
        ------
        WorkError
            If the function raises, takes too long, or the process is lost.
        """
        end = None
        with self._changing:
            self._is_busy = True
        try:
            end = self._connect()
            end.send((function, arguments))
            if not end.poll(limit_s):
                self.stop()
                raise WorkError(TOO_LONG, f"it took more than {limit_s:g} s and was stopped")
            done, value = end.recv()
        except (EOFError, OSError) as error:
            self.stop()
            message = "the worker was stopped, possibly for lack of memory"
            raise WorkError(LOST, message) from error
        finally:
            with self._changing:
                self._is_busy = False
                if end is not None and end is not self._end:  # stopped meanwhile
                    end.close()
        if done:
            result: Result = value
            return result
        if value[0] == OUT_OF_MEMORY:
            self.stop()  # frees the memory that it still holds
        raise WorkError(*value)

    def close(self) -> None:
        """End the process; later calls raise :class:`WorkError`."""
        with self._changing:
            self._closed = True
        self.stop()

    def stop(self) -> None:
        """End the process, which ends a waiting call.

        That call closes the pipe: if another thread did, a new pipe could get the number of its file
        while the call still reads or writes.
        """
        with self._changing:
            process, end = self._process, self._end
            self._process = self._end = None
            is_busy = self._is_busy
        if process is not None:
            process.kill()
            process.join()
        if end is not None and not is_busy:
            end.close()

    def _connect(self) -> Connection:
        process = self._process
        if process is not None and not process.is_alive():
            self.stop()  # the system may have killed an idle process for its memory
        with self._changing:
            if self._closed:
                raise OSError("closed")
            if self._end is None:
                # "spawn" behaves alike everywhere and never inherits a lock held by a thread.
                context = multiprocessing.get_context("spawn")
                ours, theirs = context.Pipe()
                arguments = theirs, self._memory_bytes
                process = context.Process(target=_serve, args=arguments, daemon=True)
                process.start()
                theirs.close()
                self._process, self._end = process, ours
            return self._end


class Pool:
    """Workers, and a thread for each that waits for its result."""

    def __init__(self, size: int, memory_bytes: int) -> None:
        self.threads = ThreadPoolExecutor(size, thread_name_prefix="refp-web")
        self._workers = [Worker(memory_bytes) for _ in range(size)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def run(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments, limit_s: float
    ) -> Result:
        """Run a function in the next idle worker; errors as of :meth:`Worker.run`."""
        worker = self._idle.get()
        try:
            return worker.run(function, arguments, limit_s)
        finally:
            self._idle.put(worker)

    def stop(self) -> None:
        """End the workers; waiting calls raise :class:`WorkError`."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()


def _serve(end: Connection, memory_bytes: int) -> None:
    """Run functions from the pipe until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    from refp.web.workers import estimates  # noqa: F401  before the limit of memory is set

    n_modules = _freeze()
    limit_memory(memory_bytes)
    while True:
        try:
            function, arguments = end.recv()
        except (EOFError, OSError):
            return
        try:
            reply = True, function(*arguments)
        except MemoryError:
            reply = False, (OUT_OF_MEMORY, "it needs more memory than the limit for an image")
        except Exception as error:
            reply = False, (code_of(error), str(error) or type(error).__name__)
        with suppress(OSError):
            end.send(reply)
        del function, arguments, reply
        if len(sys.modules) > n_modules:
            n_modules = _freeze()


def _freeze() -> int:
    """Exclude imported objects from garbage collection; return the number of modules.

    Their collection takes as long as reading half of a history of 100,000 records.
    """
    gc.collect()
    gc.freeze()
    return len(sys.modules)


def limit_memory(memory_bytes: int) -> None:
    """Limit the memory of the process to its current size plus ``memory_bytes`` (Linux only)."""
    if not PAGE_STATUS.exists():
        return
    import resource

    has = int(PAGE_STATUS.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = has + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
