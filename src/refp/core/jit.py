"""Compilation of kernels.

A kernel is a compiled function that Python calls. It is compiled for one signature, together with all
functions that it calls; the caller converts the arguments to these types. ``compile_kernels`` compiles
the kernels of all imported modules before they are needed.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit, typeof
from numba.core.caching import FunctionCache
from numba.core.sigutils import normalize_signature

from refp.core.parallel import Progress, ignore_progress

F = TypeVar("F", bound=Callable[..., object])

# Division follows IEEE 754 as in numpy instead of raising, which would cost one check per pixel.
OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: F, *, fused: bool = True) -> F:
    """Compile a function of a kernel to machine code that releases the interpreter's lock.

    Products and sums may be ``fused``, which is faster. In a sum of two products the compiler may fuse
    either one, and chooses anew in every process; such results may differ in the last bit.
    """
    result: F = njit(**OPTIONS, fastmath={"contract"} if fused else False)(function)
    return result


def inlined(function: F) -> F:
    """Inline a function into each compiled function that calls it."""
    result: F = njit(**OPTIONS, inline="always")(function)
    return result


def compiled_once(function: F, *, fused: bool = True) -> F:
    """Compile a function with all functions that it calls, and cache the machine code on disk.

    The compiler's cache checks only the function's own file for changes; here the name of the cached
    code contains the digest of all files of its folder.
    """
    function.__qualname__ += f"_{digest(Path(function.__code__.co_filename).parent)}"
    options = {**OPTIONS, "fastmath": {"contract"} if fused else False}
    result: Any = njit(**options)(function)
    with suppress(
        RuntimeError
    ):  # no folder for machine code can be written: compiled in each process
        result._cache = CheckedCache(function)  # noqa: SLF001 - as ``cache=True`` sets it
    return cast("F", result)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel and the only types of arguments that it is compiled for."""

    dispatcher: Any
    types: tuple[Any, ...]

    @property
    def is_compiled(self) -> bool:
        """Whether its machine code is in memory or on disk."""
        if self.types in self.dispatcher.overloads:
            return True
        cache, context = self.dispatcher._cache, self.dispatcher.targetctx  # noqa: SLF001
        return cache.load_overload(self.types, context) is not None


KERNELS: list[Kernel] = []
"""The kernels of all imported modules."""


def kernel(*example: object, fused: bool = True) -> Callable[[F], F]:
    """Declare a kernel: a function that is compiled once, for the types of the example's arguments."""

    def declare(function: F) -> F:
        dispatcher = compiled_once(function, fused=fused)
        KERNELS.append(Kernel(dispatcher, tuple(typeof(argument) for argument in example)))
        return dispatcher

    return declare


def kernels_are_compiled() -> bool:
    """Return whether every kernel of the imported modules is compiled, without compiling any."""
    return all(kernel.is_compiled for kernel in KERNELS)


def compile_kernels(progress: Progress = ignore_progress) -> None:
    """Compile the kernels of the imported modules, or load them from disk.

    Parameters
    ----------
    progress
        Called after every kernel.
    """
    for done, declared in enumerate(KERNELS, start=1):
        declared.dispatcher.compile(declared.types)
        progress("Compiling kernels", done, len(KERNELS))


class CheckedCache(FunctionCache):  # type: ignore[misc]
    """Machine code on disk that is loaded only if it was compiled for the requested types.

    Two processes that compile at once may give their code for different types the same file name. The
    compiler's own cache would then run code for the wrong types and return wrong numbers.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for argument types; ``None`` if there is none for exactly these types."""
        found = super().load_overload(sig, target_context)
        if found is None or tuple(found.signature.args) != tuple(normalize_signature(sig)[0]):
            return None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save machine code; without it, where the disk is full or read-only, it is compiled again."""
        with suppress(OSError):
            super().save_overload(sig, data)


def digest(folder: Path) -> str:
    """Return eight hexadecimal digits that change with this file and any other in a folder."""
    sources = [Path(__file__), *sorted(folder.glob("*.py"))]
    return sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:8]
