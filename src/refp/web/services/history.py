"""The history of a server, read and written in workers."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar, TypeVarTuple

from refp.web.http.problems import Problem
from refp.web.messages import ChartQuery, DailyCheck, HistoryView, Row
from refp.web.schemas.history import AnnotateRequest, CorrectRequest, FreezeRequest
from refp.web.settings import WebSettings
from refp.web.workers import calls
from refp.web.workers.pools import WorkerPools

NO_HISTORY = "this server keeps no history; its administrator can start it with one"
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class HistoryService:
    """Service of the history."""

    def __init__(self, settings: WebSettings, pools: WorkerPools) -> None:
        self._settings, self._pools = settings, pools

    @property
    def database(self) -> str:
        """The database.

        Raises
        ------
        Problem
            If no history is kept.
        """
        if not self._settings.history:
            raise Problem(HTTPStatus.NOT_FOUND, "no_history", NO_HISTORY)
        return self._settings.history

    async def run(
        self, function: Callable[[str, *Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Run a function of :mod:`refp.web.workers.calls` on the history in a worker.

        Raises
        ------
        Problem
            If no history is kept.
        WorkError
            As of :meth:`WorkerPools.run`.
        """
        return await self._pools.run(function, self.database, *arguments)

    async def read_page(self, query: ChartQuery) -> HistoryView:
        """Return the content of the page; errors as of :meth:`run`."""
        return await self.run(calls.history.read_page, query, self._settings.tolerance_um)

    async def read_chart(self, query: ChartQuery) -> Row:
        """Return a control chart; errors as of :meth:`run`."""
        return await self.run(calls.history.read_chart, query, self._settings.tolerance_um)

    async def draw_chart(self, query: ChartQuery) -> bytes:
        """Return a control chart as SVG; errors as of :meth:`run`."""
        return await self.run(calls.history.draw_history, query, self._settings.tolerance_um)

    async def read_check(self, record_id: str) -> DailyCheck:
        """Return the result of a recorded daily check; errors as of :meth:`run`."""
        return await self.run(calls.history.read_check, record_id, self._settings.tolerance_um)

    async def freeze(self, sent: FreezeRequest) -> Row:
        """Freeze limits; errors as of :meth:`run`."""
        query = ChartQuery(
            sent.instrument, sent.quantity, sent.name, sent.since, sent.until, sent.series
        )
        return await self.run(calls.history.freeze, query, sent.operator)

    async def annotate(self, sent: AnnotateRequest) -> Row:
        """Append a note about an instrument; errors as of :meth:`run`."""
        return await self.run(
            calls.history.annotate, sent.instrument, sent.text, sent.at, sent.operator
        )

    async def correct(self, sent: CorrectRequest) -> list[Row]:
        """Append corrections of records; errors as of :meth:`run`."""
        names = ("note", "instrument", "delta_z_um", "u_um")
        given = {**{name: getattr(sent, name) for name in names}, "operator": sent.measured_by}
        return await self.run(calls.history.correct, sent.ids, given, sent.withdraw, sent.operator)
