"""Results kept for result pages."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus

from refp.web.http.problems import Problem
from refp.web.messages import ModelInfo, PageEstimate, Row, Task


@dataclass(slots=True)
class Result:
    """The estimates of one form; ``tasks`` holds the task of each."""

    model: ModelInfo
    tolerance_um: float | None
    estimates: list[PageEstimate] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """The rows of all images."""
        return [estimate.row for estimate in self.estimates]


class Results:
    """Store of the newest results.

    Parameters
    ----------
    max_estimates
        Estimates of all results; the newest result is kept whatever its size.
    """

    def __init__(self, max_estimates: int) -> None:
        self._max_estimates = max_estimates
        self._results: OrderedDict[str, Result] = OrderedDict()

    @property
    def n_estimates(self) -> int:
        """Number of kept estimates."""
        return sum(len(result.estimates) for result in self._results.values())

    def keep(self, result: Result) -> str:
        """Store a result and remove the oldest; return its name."""
        name = secrets.token_urlsafe(12)
        self._results[name] = result
        while len(self._results) > 1 and self.n_estimates > self._max_estimates:
            self._results.popitem(last=False)
        return name

    def find(self, name: str) -> Result:
        """Return a kept result.

        Raises
        ------
        Problem
            If it is not kept any more.
        """
        if name not in self._results:
            detail = "this result is no longer kept; estimate the image again"
            raise Problem(HTTPStatus.NOT_FOUND, "no_result", detail)
        self._results.move_to_end(name)
        return self._results[name]
