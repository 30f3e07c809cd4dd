"""Results over time in a database, with control charts.

The main types are :class:`HistoryRecord`, :class:`Baseline` and :class:`ControlChart`; :class:`History`
stores records, which are appended and never changed. Names load on first use: only the database needs
the libraries of extra ``history``.
"""

import lazy_loader

from refp.core.errors import MissingExtraError

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if error.name not in ("alembic", "sqlalchemy"):
            raise
        raise MissingExtraError(error.name, "history", "a history") from error
