"""Exceptions that refp raises.

::

    RefpError                   base; holds the one-line message for the user
    ├── InputError              an input cannot be used (exit code 2)
    │   ├── DataError           an image file or a data set
    │   ├── RecipeError         a settings file or a setting
    │   │   └── UnknownInstrumentError  neither options nor files name the instrument
    │   ├── ModelError          a model file
    │   ├── HistoryError        a database of results, or a request to it
    │   │   ├── HistoryAccessError    the database cannot be reached
    │   │   └── HistoryConflictError  it holds another record under the same id or name
    │   └── OutputError         an output that exists, or cannot be written
    ├── WorkersError            worker processes or a cluster cannot be reached (exit code 2)
    └── MissingExtraError       an optional library is not installed (exit code 2)

Messages name the file or parameter, its value, and the remedy.
"""

from typing import ClassVar, Literal

UnreadCode = Literal["unreadable", "missing_library"]
"""Code of the refusal of an image that cannot be read."""


class RefpError(Exception):
    """Base class of all exceptions of refp.

    Attributes
    ----------
    unread_code
        Code of the refusal of an image that cannot be read because of this error.
    """

    unread_code: ClassVar[UnreadCode] = "unreadable"


class InputError(RefpError):
    """An input cannot be used; the message states the remedy."""


class DataError(InputError):
    """An image file or a data set cannot be read or understood."""


class RecipeError(InputError):
    """A settings file, an instrument name or a single setting is wrong."""


class UnknownInstrumentError(RecipeError):
    """Neither options, ``sweep.toml`` nor files state bead diameter and pixel size."""


class ModelError(InputError):
    """A model file is truncated, edited, from a newer version or for another instrument."""


class HistoryError(InputError):
    """A database of results cannot be reached, is from a newer version, or cannot serve a request."""


class HistoryAccessError(HistoryError):
    """The database cannot be reached, read or written."""


class HistoryConflictError(HistoryError):
    """The database already holds another record under the same id or name."""


class OutputError(InputError):
    """An output exists already or cannot be written."""


class WorkersError(RefpError):
    """Worker processes were stopped, or a cluster cannot be reached."""


class MissingExtraError(RefpError):
    """An optional library is needed and not installed."""

    unread_code = "missing_library"

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed: python -m pip install 'refp[{extra}]'"
        )
