"""Results over time in a database: records that are appended and never changed, and control charts.

Hands on :class:`HistoryRecord`, :class:`Baseline` and :class:`ControlChart`; :class:`History` keeps
them. Names load when first used: only the database itself needs the libraries of extra ``history``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
