"""Everything that refp raises on purpose.

::

    RefpError                   base; carries the one line a user reads
    ├── InputError              what was given cannot be used (exit code 2)
    │   ├── DataError           an image file or a data set
    │   ├── RecipeError         a settings file or a setting
    │   ├── ModelError          a model file
    │   ├── HistoryError        a database of results, or what is asked of it
    │   │   ├── HistoryAccessError    the database is out of reach
    │   │   └── HistoryConflictError  it holds something else already
    │   └── OutputError         an output that exists, or cannot be written
    ├── WorkersError            worker processes or a cluster are out of reach (exit code 2)
    └── MissingExtraError       an optional library is not installed (exit code 2)

Messages name the file or parameter, its value, and the remedy.
"""


class RefpError(Exception):
    """Base of every error that refp raises on purpose."""


class InputError(RefpError):
    """What was given cannot be used; the message says what to change."""


class DataError(InputError):
    """An image file or a data set cannot be read or understood."""


class RecipeError(InputError):
    """A settings file, an instrument name or a single setting is wrong."""


class ModelError(InputError):
    """A model file is cut, edited, from a newer version or for another instrument."""


class HistoryError(InputError):
    """A database of results is out of reach, from a newer version, or asked what it cannot hold."""


class HistoryAccessError(HistoryError):
    """The database does not answer, or cannot be read or written."""


class HistoryConflictError(HistoryError):
    """The database holds something else under the same id or name already."""


class OutputError(InputError):
    """An output exists already or cannot be written."""


class WorkersError(RefpError):
    """Worker processes were stopped, or a cluster does not answer."""


class MissingExtraError(RefpError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed: python -m pip install 'refp[{extra}]'"
        )
