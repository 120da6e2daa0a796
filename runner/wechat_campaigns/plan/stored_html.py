"""Reads an article's HTML as far as readers see it, whoever wrote the markup.

Needs no library, so that picture posts can be compared without the extra `articles`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from urllib.parse import urlsplit

from wechat_campaigns.core.html import HtmlReader

_UNSEEN = re.compile(r"[\s\u200b\ufeff]+")
_SIZE = re.compile(r"/(0|640)$")
_OWN_FRAGMENT = re.compile(r"^(//mp\.weixin\.qq\.com/[^#]*)#(?:rd|wechat_redirect)$")
"""What WeChat adds to the links of its own articles."""
_PICTURE_DATA = re.compile(r"data-(?!src$|miniprogram)")
"""What WeChat notes beside a picture: its size, its number, where it was cropped."""
_VOID = ("br", "hr", "img", "input", "source", "wbr")
_ADDRESSES = ("src", "href")
_SILENT = ("script", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleContent:
    """An article's HTML as it matters: nothing of how it happens to be written."""

    words: str
    """Without blanks."""
    code: tuple[str, ...]
    """The text of each `<pre>`, blanks kept."""
    pictures: tuple[str, ...]
    links: tuple[str, ...]
    marks: Counter[tuple[str, str]]
    """`<p>` or `<p style>`; the value of the attribute, which is empty for the tag itself."""
    tokens: tuple[str, ...]


def read_html(content: str) -> ArticleContent:
    """Read a piece of HTML; whatever is written, it never fails."""
    reader = _Reader()
    reader.read(content)
    reader.tokens += [reader.rawdata] if reader.rawdata else []  # what it took for an open style
    tags = reader.tags
    return ArticleContent(
        words=without_blanks("".join(reader.texts)),
        code=tuple(text.replace("\u00a0", " ").strip() for text in reader.code),
        pictures=tuple(attributes.get("src", "") for tag, attributes in tags if tag == "img"),
        links=tuple(attributes["href"] for tag, attributes in tags if tag == "a" and "href" in attributes),
        marks=Counter(mark for tag, attributes in tags for mark in _marks(tag, attributes)),
        tokens=tuple(reader.tokens),
    )


def _marks(tag: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield f"<{tag}>", ""
    yield from ((f"<{tag} {name}>", value) for name, value in attributes.items() if name not in _ADDRESSES)


class _Reader(HtmlReader):
    """Collects the tags, texts and addresses of a piece of HTML; whatever is written, it never fails."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.code: list[str] = []
        self.tokens: list[str] = []
        self._open: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag with its attributes in one order and form."""
        self.tags.append((tag, _normal(dict(reversed(attrs)))))  # of two equal names phones take the first
        self.tokens.append(f"<{tag} {_stored_attributes(tag, attrs)}>")
        self._open[tag] += 1
        if tag == "pre":
            self.code.append("")
        if tag == "br":
            self._add_text("\n")

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._open[tag] -= 1
        if tag not in _VOID:
            self.tokens.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep a text; of a style or a script only for the fingerprint."""
        if without_blanks(data):
            self.tokens.append(with_single_blanks(data))
        if not any(self._open[tag] > 0 for tag in _SILENT):
            self._add_text(data)

    def handle_comment(self, data: str) -> None:
        """Keep a comment for the fingerprint: browsers may end it earlier, and show the rest."""
        self.tokens.append(f"<!--{with_single_blanks(data)}-->")

    def _add_text(self, text: str) -> None:
        self.texts.append(text)
        if self._open["pre"] > 0:
            self.code[-1] += text


def _normal(attributes: Mapping[str, str | None]) -> dict[str, str]:
    given = {name: value or "" for name, value in attributes.items()}
    if "src" not in given and "data-src" in given:
        given["src"] = given["data-src"]
    return {
        name: _NORMAL.get(name, with_single_blanks)(given[name])
        for name in sorted(given)
        if not name.startswith("data-") and given[name]
    }


def _stored_attributes(tag: str, attrs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Keep every attribute, in one order, but for what WeChat is known to rewrite by itself.

    What a phone shows, and where a reader ends up, may depend on any: `hidden`, the second of two equal
    names, `data-miniprogram-path`.
    """
    is_picture, has_source = tag == "img", any(name == "src" for name, _value in attrs)
    kept: list[tuple[str, str]] = []
    for name, value in attrs:
        if is_picture and _PICTURE_DATA.match(name):
            continue
        written = with_single_blanks(value or "")
        if name in ("src", "data-src"):
            written = _picture(written) if is_picture else _link(written)
            name = name if has_source else "src"
        elif name == "href":
            written = _link(written)
        kept.append((name, written))
    return sorted(kept, key=itemgetter(0))


def _picture(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return address
    return f"{parts.netloc}{_SIZE.sub('', parts.path)}" if parts.netloc else address


def _link(address: str) -> str:
    return _OWN_FRAGMENT.sub(r"\1", re.sub(r"^https?:", "", address.strip()))


def _style(style: str) -> str:
    declarations = (part.partition(":") for part in style.split(";") if part.strip())
    return ";".join(
        sorted(
            f"{without_blanks(name)}:{without_blanks(value)}".lower() for name, _colon, value in declarations
        )
    )


_NORMAL = {"src": _picture, "href": _link, "style": _style}


def without_blanks(text: str) -> str:
    """Leave out what separates words and what nobody sees."""
    return _UNSEEN.sub("", text)


def with_single_blanks(text: str) -> str:
    """Write every run of blanks as one."""
    return " ".join(text.split())
