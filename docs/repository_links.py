"""Links of pages to files of the repository that are no pages of the site."""

import re
from typing import Any

REPOSITORY = "https://github.com/refp/refp/blob/main"
_OUTSIDE = re.compile(
    r"\]\((?:\.\./)+((?:benchmarks|src|tests|examples|CONTRIBUTING|CHANGELOG|README|LICENSE)[^)]*)\)"
)
_STUDY = re.compile(r"\]\((?:\.\./)*(study/[^)]*)\)")


def link_to_repository(text: str) -> str:
    """Return Markdown whose links to files outside the site lead to the repository.

    The same pages are read on the repository's own site, where relative links work.
    """
    text = _OUTSIDE.sub(rf"]({REPOSITORY}/\1)", text)
    return _STUDY.sub(rf"]({REPOSITORY}/docs/\1)", text)


def setup(app: Any) -> dict[str, bool]:
    """Rewrite the links of every page as it is read."""

    def rewrite(_: Any, __: str, source: list[str]) -> None:
        source[0] = link_to_repository(source[0])

    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
