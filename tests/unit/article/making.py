"""Words the tests of articles share: the type of the `make` fixture, and findings as short lines."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

from wechat_article import ArticleBody
from wechat_article.keep import ATTRIBUTES, TAGS

Make = Callable[..., ArticleBody]


def rules(body: ArticleBody) -> list[str]:
    """What was found, as `e rule line` for an error and `w rule line` for a warning, `a …` for advice."""
    return [f"{finding.level[0]} {finding.rule} {finding.line}" for finding in body.findings]


_ALIVE = re.compile(r"script\s*:|expression\s*\(|@import|behavior|-moz-binding", re.IGNORECASE)
_FOREIGN = re.compile(r"url\(\s*['\"]?(?!wximg:|https://mm(biz|ecoa)\.qpic\.cn/|#)", re.IGNORECASE)


def assert_nothing_alive(html: str) -> None:
    """Read an article's HTML with another parser: no tag, attribute or address outside the allow-list."""
    reader = _Reader()
    reader.feed(html)
    reader.close()


class _Reader(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tags = {name.lower(): name for name in TAGS}
        assert tag in tags
        allowed = {name.lower() for name in ATTRIBUTES["*"] | ATTRIBUTES.get(tags[tag], set())}
        for name, value in attrs:
            assert name in allowed
            assert not name.startswith("on")
            if name == "alt":
                continue
            assert not _ALIVE.search(value or ""), value
            assert not _FOREIGN.search(value or ""), value
            if name in ("href", "xlink:href", "src"):
                own = (
                    "https://mp.weixin.qq.com/"
                    if tag == "a"
                    else ("wximg:", "https://mmbiz.qpic.cn/", "https://mmecoa.qpic.cn/")
                )
                assert (value or "").startswith(own)
            if name == "attributename":
                assert value not in ("href", "xlink:href", "style", "onclick")
            if name == "style":
                assert not re.search(r"position\s*:\s*(fixed|sticky)", value or "")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)
