"""Select and join data classes whose arrays share a leading axis ``n``.

A field with one value for all rows (a radius grid, a knot spacing) is declared with :func:`shared`.
"""

from collections.abc import Sequence
from dataclasses import field, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from refp.core.arrays import BoolArray, IntArray


class Rows(Protocol):
    """A data class of arrays."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=Rows)


def shared() -> Any:
    """Declare a data class field that has one value for all rows."""
    return field(metadata={"shared": True})


def take(rows: D, index: IntArray | BoolArray | slice) -> D:
    """Return the rows at ``index``, an index array, a mask or a slice."""
    return replace(rows, **{name: getattr(rows, name)[index] for name in _row_fields(rows)})


def join(parts: Sequence[D]) -> D:
    """Concatenate rows; shared fields are those of the first part.

    Raises
    ------
    ValueError
        If there is no part.
    """
    if not parts:
        raise ValueError("nothing to join")
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _row_fields(parts[0])
    }
    return replace(parts[0], **columns)


def _row_fields(rows: Rows) -> list[str]:
    return [f.name for f in fields(rows) if not f.metadata.get("shared")]
