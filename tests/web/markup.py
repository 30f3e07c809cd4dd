"""Pages are well formed, labelled, and run nothing from elsewhere."""

import re
from html.parser import HTMLParser


class Checked(HTMLParser):
    """Tags of a page, those left open, and what would run or be fetched from elsewhere."""

    VOID = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag not in self.VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)
        if "style" in given or any(name.startswith("on") for name in given) or tag == "style":
            self.wrong.append(self.get_starttag_text() or "")
        is_data = given.get("type") == "application/json"  # which is not run
        if tag == "script" and not (is_data or (given.get("src") or "").startswith("/static/")):
            self.wrong.append(self.get_starttag_text() or "")
        for name in ("src", "href", "action"):
            if "//" in (given.get(name) or ""):
                self.wrong.append(self.get_starttag_text() or "")
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag == "input" and given.get("type") != "hidden" and "label" not in self.open:
            self.inputs.add(str(given.get("id")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
NEGATIVE = re.compile(r"<td[^>]*>\s*-\d|[\s(]-\d+\.\d+(?= (?:µm|to|±))")
"""A negative number of a table or a sentence with a hyphen in place of a minus sign."""


def check(page: str) -> None:
    checked = Checked(page)
    assert NEGATIVE.findall(SCRIPT.sub("", page)) == []
    assert checked.wrong == []
    assert checked.open == []
    assert checked.inputs <= checked.labelled
