"""HTML of anybody is read once, whatever it is: a tag that never closes is read as text."""

import time
from collections.abc import Callable

import pytest

from wechat_article.text import HtmlReader
from wechat_campaigns.core.html import ArticleText
from wechat_campaigns.plan.stored_draft import read_html
from wechat_sandbox.inbox import sanitize

CHARS = 40_000
"""An article of the console is as long; looked at again from each mark, it takes up to a minute."""
SECONDS = 2
REPEATED = (
    "<img a=b ", "<a ", "<a", "<", "</", "</a ", "<!--", "<!-", "<!", "<![", "<![CDATA[", "<?", "<? ",
    "<a b='", "<a b='>", '<a b=">', "<a b=", "<a/", "<a / ", "<a\n", "&", "&#", "&a", "<style>",
    "<style><a ", "<script><!--", "<textarea><a ", "<title></", "<p><!--<a ", "<a b='c'", "<!a <b ",
    "<p>&<a ",
)  # fmt: skip
READERS = (read_html, ArticleText, lambda html: sanitize(html, lambda _url: ""))


class _Seen(HtmlReader):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@pytest.mark.parametrize("read", READERS, ids=["draft", "text", "sandbox"])
def test_what_never_closes_is_read_in_no_time(read: Callable[[str], object]) -> None:
    for repeated in REPEATED:
        begun = time.process_time()
        read((repeated * CHARS)[:CHARS])
        assert time.process_time() - begun < SECONDS, repeated


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("<p>茶<img a=b <i", "<p>|茶|<img a=b <i"),
        ("茶<!-- <b>", "茶|<!-- <b>"),
        ("茶 < 水 &amp", "茶 |<| 水 &"),
        ("茶<", "茶|<"),
    ],
)
def test_the_rest_is_text(html: str, seen: str) -> None:
    reader = _Seen()
    reader.read(html)
    assert "|".join(reader.seen) == seen
