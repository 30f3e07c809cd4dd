"""The way back of a report: links to its folder, or to the page of the server that shows it."""

import re
from html import escape
from typing import Final

BACK: Final = "back"
"""Class of the element with the links."""
_ELEMENT = re.compile(rf'<nav class="{BACK}".*?</nav>', re.DOTALL)


def with_way_back(page: str, href: str, text: str) -> str:
    """Return a report whose way back is one link, in place of those to the files beside it.

    Parameters
    ----------
    page
        HTML of the report; one without a way back is returned as it is.
    href, text
        Address and text of the link.
    """
    link = (
        f'<nav class="{BACK}" aria-label="Back"><a href="{escape(href)}">{escape(text)}</a></nav>'
    )
    return _ELEMENT.sub(lambda _: link, page, count=1)
