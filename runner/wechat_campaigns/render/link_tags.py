"""Add query parameters, such as `utm_source`, to the links of a message; what a link has already stays.

Only http and https links of allowed hosts, and pages of allowed mini programs, are changed: in texts, in
articles with their footnotes, and in 阅读原文. WeChat's own pages are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape, unescape
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from wechat_campaigns.core.model import Article, Articles, Content, Images, Newspic, Text

_WECHAT: Final = "mp.weixin.qq.com"
_URL: Final = re.compile(r"https?://[^\s\"'<>`，。、；：！？（）【】「」《》“”‘’]+", re.IGNORECASE)
_TAIL: Final = re.compile(r"[.,;:!?)\]}]+$")
"""Punctuation of the sentence around an address."""
_QUOTES: Final = ('"', "'")
_PROGRAM: Final = re.compile(
    r"<(?:a|mp-(?:common-)?miniprogram)\b[^>]*\bdata-miniprogram-appid[^>]*>", re.IGNORECASE
)
_APPID: Final = re.compile(r"data-miniprogram-appid\s*=\s*[\"']?\s*(wx[0-9a-f]{16})", re.IGNORECASE)
_PATH: Final = re.compile(r"(data-miniprogram-path\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_FETCHED: Final = re.compile(
    r"\b(?:src|data-src|srcset|poster|background|style)\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE
)
"""Attributes that fetch something: nobody is led there."""


@dataclass(slots=True)
class LinkTagger:
    """Adds parameters to the links of one message, and notes which it changed."""

    parameters: Mapping[str, str]
    allowed: Iterable[str]
    """Hosts, each with what lies below it, and AppIDs of mini programs."""
    tagged: list[str] = field(default_factory=list)
    """The links as followers get them, each once, in the order of the message."""

    def content(self, content: Content) -> Content:
        """Tag every link of a content."""
        if not self.parameters:
            return content
        match content:
            case Text():
                return replace(content, content=self._markup(content.content, str, str))
            case Articles():
                return replace(content, articles=tuple(map(self._article, content.articles)))
            case Newspic():
                return replace(content, text=self._markup(content.text, str, str))
            case Images() if content.recommend is not None:
                return replace(content, recommend=self._markup(content.recommend, str, str))
            case _:
                return content

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
            return _PATH.sub(path, match[0]) if appid and self._is_allowed(appid[1].lower()) else match[0]

        def path(match: re.Match[str]) -> str:
            mark, value = ('"', match[2]) if match[2] is not None else ("'", match[3])
            return f"{match[1]}{mark}{write(self._added(read(value)))}{mark}" if value else match[0]

        def address(match: re.Match[str]) -> str:
            is_attribute = match.string[match.start() - 1 : match.start()] in _QUOTES
            if not match[0].isascii() and not is_attribute:
                return match[0]  # nobody can tell where it ends: at the Chinese behind it, or after that
            tail = _TAIL.search(match[0])
            whole = match[0][: tail.start()] if tail and not match[0].endswith(";") else match[0]
            tagged = self._address(read(whole))
            return match[0] if tagged == read(whole) else f"{write(tagged)}{match[0][len(whole) :]}"

        text = _PROGRAM.sub(program, text)
        parts, at = [], 0
        for fetched in _FETCHED.finditer(text):
            parts += [_URL.sub(address, text[at : fetched.start()]), fetched[0]]
            at = fetched.end()
        return "".join([*parts, _URL.sub(address, text[at:])])

    def _address(self, url: str) -> str:
        """Tag one address, where its host is allowed."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
        except ValueError:
            return url
        is_web = parts.scheme.lower() in ("http", "https") and parts.username is None
        return self._added(url) if is_web and host != _WECHAT and self._is_allowed(host) else url

    def _is_allowed(self, host: str) -> bool:
        names = [name.lower() for name in self.allowed]
        return any(host == name or host.endswith(f".{name}") for name in names if host)

    def _added(self, url: str) -> str:
        """Put the parameters that are missing behind the others, before an anchor."""
        address, anchor, place = url.partition("#")
        query = address.partition("?")[2]
        present = {name for name, _value in parse_qsl(query, keep_blank_values=True)}
        pairs = [
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in self.parameters.items()
            if value and name not in present
        ]
        if pairs:
            joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
            url = f"{address}{joint}{'&'.join(pairs)}{anchor}{place}"
            if url not in self.tagged:
                self.tagged.append(url)
        return url
