"""Results over time in a database: records that are appended and never changed, and control charts.

Hands on :class:`HistoryRecord`, :class:`Baseline` and :class:`ControlChart`; :class:`History` keeps
them. Names load when first used: only the database itself needs the libraries of extra ``history``.
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
