"""Read HTML of strangers in time that grows with its length alone, and the style sheet of our own pages."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from typing import Final

_COMMENT_END: Final = re.compile("-->|(?<!<!)--!>")


class HtmlReader(HTMLParser):
    """A parser whose subclasses are handed everything by one call of `read`."""

    def read(self, html: str) -> None:
        """Read a piece of HTML to its end.

        A tag or a comment that never closes is one text, with all that follows it. `close` would look for its
        end again from each `<` in it: a minute for 40,000 characters of `<a `.
        """
        self.feed(html)
        if self.rawdata.startswith("<"):
            rest, self.rawdata = self.rawdata, ""
            self.handle_data(rest)
        self.close()

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Read `<![` as a comment, as browsers do; some versions of the parser stumble over it."""
        return self.parse_bogus_comment(i, bool(report))

    def parse_comment(self, i: int, report: int = 1) -> int:
        """End a comment where browsers end it: `<!-->` is a whole one, and `--!>` ends one, too."""
        end = _COMMENT_END.search(self.rawdata, i + 2)
        if end is None:
            return -1
        if report:
            self.handle_comment(self.rawdata[i + 4 : end.start()])
        return end.end()


@cache
def design_css() -> str:
    """Return tokens and shared parts: plan page, report, calendar, article preview, inbox, studio."""
    return resources.files(__package__).joinpath("design.css").read_text(encoding="utf-8")
