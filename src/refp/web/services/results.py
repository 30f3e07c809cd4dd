"""Results that are kept for their page."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus

from refp.web.http.problems import Problem
from refp.web.messages import Answer, ModelInfo, Row, Task


@dataclass(slots=True)
class Result:
    """The answers to one form, while they are kept; ``tasks`` has the origin of each."""

    model: ModelInfo
    tolerance_um: float | None
    answers: list[Answer] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """The rows of all images."""
        return [answer.row for answer in self.answers]


class Results:
    """The newest results.

    Parameters
    ----------
    most
        Answers of all results; the newest result is kept however many it has.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._results: OrderedDict[str, Result] = OrderedDict()

    @property
    def n_answers(self) -> int:
        """Number of answers that are kept."""
        return sum(len(result.answers) for result in self._results.values())

    def keep(self, result: Result) -> str:
        """Keep a result for its page, and remove the oldest; return its name."""
        name = secrets.token_urlsafe(12)
        self._results[name] = result
        while len(self._results) > 1 and self.n_answers > self._most:
            self._results.popitem(last=False)
        return name

    def find(self, name: str) -> Result:
        """Return a result that is still kept.

        Raises
        ------
        Problem
            If it is not.
        """
        if name not in self._results:
            detail = "this result is no longer kept; estimate the image again"
            raise Problem(HTTPStatus.NOT_FOUND, "no_result", detail)
        self._results.move_to_end(name)
        return self._results[name]
