"""Add query parameters, such as `utm_source`, to the links of a message; what a link has already stays.

Only http and https links of allowed hosts, and pages of allowed mini programs, are changed: in texts, in
articles with their footnotes, and in 阅读原文. WeChat's own pages are left as they are.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Final
from urllib.parse import parse_qsl, quote

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.links import ADDRESS, SENTENCE_END, Host, host_of
from wechat_campaigns.messages import Article, Articles, Mpvideo

_WECHAT: Final = "mp.weixin.qq.com"
_WEB: Final = re.compile("https?://", re.IGNORECASE)
_PROGRAM: Final = re.compile(
    r"<(?:a|mp-(?:common-)?miniprogram)\b[^>]*\bdata-miniprogram-appid[^>]*>", re.IGNORECASE
)
_APPID: Final = re.compile(r"data-miniprogram-appid\s*=\s*[\"']?\s*(wx[0-9a-f]{16})", re.IGNORECASE)
_PATH: Final = re.compile(r"(data-miniprogram-path\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_FETCHED: Final = re.compile(
    r"\b(?:src|data-src|srcset|poster|background|style)\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE
)
"""Attributes that fetch something and lead nowhere."""


@dataclass(frozen=True, slots=True)
class LinkTagger:
    """Adds parameters to the links of messages."""

    parameters: Mapping[str, str]
    allowed: Iterable[str]
    """Hosts, each with what lies below it, and AppIDs of mini programs."""

    def content(self, content: Content) -> Content:
        """Tag every link of a content."""
        if not self.parameters:
            return content
        if isinstance(content, Articles):
            return replace(content, articles=tuple(map(self._article, content.articles)))
        if isinstance(content, Mpvideo):
            return content  # phones make no links of a description
        text = getattr(content, content.linked) if content.linked else None
        return replace(content, **{content.linked: self._markup(text, str, str)}) if text else content

    def _article(self, article: Article) -> Article:
        return replace(
            article,
            html=self._markup(article.html, unescape, escape),
            content_source_url=self._address(article.content_source_url),
        )

    def _markup(self, text: str, read: Callable[[str], str], write: Callable[[str], str]) -> str:
        """Tag the links of a text with tags in it.

        Args:
            read: makes an address of how it is written there; `write` is the way back.
        """

        def program(match: re.Match[str]) -> str:
            appid = _APPID.search(match[0])
            is_allowed = appid is not None and Host(appid[1].lower(), is_plain=True).is_among(self.allowed)
            return _PATH.sub(path, match[0]) if is_allowed else match[0]

        def path(match: re.Match[str]) -> str:
            mark, value = ('"', match[2]) if match[2] is not None else ("'", match[3])
            return f"{match[1]}{mark}{write(self._added(read(value)))}{mark}" if value else match[0]

        def address(match: re.Match[str]) -> str:
            if match.string[match.end() : match.end() + 1].isalnum():
                return match[0]  # Chinese behind it: its end is not certain
            whole = match[0] if match[0].endswith(";") else SENTENCE_END.sub("", match[0])
            tagged = self._address(read(whole))
            return match[0] if tagged == read(whole) else f"{write(tagged)}{match[0][len(whole) :]}"

        text = _PROGRAM.sub(program, text)
        parts, at = [], 0
        for fetched in _FETCHED.finditer(text):
            parts += [ADDRESS.sub(address, text[at : fetched.start()]), fetched[0]]
            at = fetched.end()
        return "".join([*parts, ADDRESS.sub(address, text[at:])])

    def _address(self, url: str) -> str:
        """Tag one address, where its host is allowed."""
        host = host_of(url) if _WEB.match(url) else None
        is_tagged = host is not None and host.name != _WECHAT and host.is_among(self.allowed)
        return self._added(url) if is_tagged else url

    def _added(self, url: str) -> str:
        """Add the parameters that are missing behind the others, before an anchor."""
        address, anchor, place = url.partition("#")
        query = address.partition("?")[2]
        present = {name for name, _value in parse_qsl(query, keep_blank_values=True)}
        pairs = [
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in self.parameters.items()
            if value and name not in present
        ]
        if not pairs:
            return url
        joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
        return f"{address}{joint}{'&'.join(pairs)}{anchor}{place}"
