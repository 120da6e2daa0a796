"""Read HTML of strangers in time that grows with its length alone: the words that followers see, and links.

Needs no library, and never fails, whatever is written. `banned_words`, the comment and the comparison of two
commits all read an article here, so that all of them see the same words.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from wechat_article.parts import Formula
from wechat_article.text import HtmlReader
from wechat_campaigns.core.i18n import _

_BREAKS: Final = frozenset({
    "address", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
})  # fmt: skip
_SILENT: Final = ("style", "script", "title")
_LEADING: Final = ("href", "xlink:href", "action", "formaction")
_FETCHING: Final = ("src", "data-src", "poster", "background", "cite")
_PICTURE_TAGS: Final = ("image", "use")
"""What they name by `href` is shown, not followed."""
_PROGRAM: Final = "data-miniprogram-"
_CARDS: Final = ("mp-common-miniprogram", "mp-miniprogram")
_PROFILE: Final = "mp-common-profile"
_CSS_URL: Final = re.compile(r"url\(\s*[\"']?([^\"')]*)|@import\s*[\"']([^\"']*)", re.IGNORECASE)
_CSS_ESCAPE: Final = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE)


@cache
def design_css() -> str:
    """Return tokens and shared parts: plan page, report, calendar, article preview, inbox, studio."""
    from importlib import resources  # what draws no page does without

    return resources.files(__package__).joinpath("design.css").read_text(encoding="utf-8")


class Link(NamedTuple):
    """One link of a message."""

    text: str
    """The words that lead there; a bare address is its own."""
    address: str
    """As it is written, without what HTML needs; of a mini program the path."""
    appid: str = ""
    """Of the mini program that it opens."""
    name: str = ""
    """Of that mini program, where the message has it."""

    @property
    def target(self) -> str:
        """Where it leads, for a person who reviews it."""
        return " ".join(filter(None, (self.name, self.appid, self.address)))

    @property
    def line(self) -> str:
        """The words and where they lead."""
        return self.target if self.text == self.address else f"{self.text} → {self.target}"


class ArticleText(HtmlReader):
    """What followers see of a piece of HTML.

    Args:
        html: the piece.
        formulas: what its drawings show, in their order.
    """

    def __init__(self, html: str, formulas: Sequence[Formula] = ()) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.fetched: list[str] = []
        """Addresses of pictures and the like."""
        self._formulas = iter(formulas)
        self._words: list[str] = []
        self._lines: list[str] = []
        self._beside: list[str] = []
        self._anchors: list[tuple[int, list[tuple[str, str, str]]]] = []
        """Open links: where their words begin, and what each leads to: address, AppID and name."""
        self._silent = 0
        self.read(html)
        while self._anchors:
            self.handle_endtag("a")

    @property
    def words(self) -> tuple[str, ...]:
        """The text of each block, then each title, alternative text and formula by itself."""
        return (*filter(None, "".join(self._words).split("\n")), *self._beside)

    def lines(self) -> list[str]:
        """Return the text as a person reads it: a line for each block, with pictures, cards and targets."""
        lines = (" ".join(line.split()) for line in "".join(self._lines).split("\n"))
        return [line for line in lines if line]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a new line for a block; note what a tag shows, leads to and fetches."""
        given = [(name, value or "") for name, value in attrs]
        first = dict(reversed(given))  # of two equal names phones take the first
        if tag in _SILENT:
            self._silent += 1
        if tag in _BREAKS:
            self._break(tag)
        if tag == "img":
            alt = first.get("alt", "")
            self._mark(_("[picture: {alt}]").format(alt=alt) if alt else _("[picture]"), alt)
        elif tag == "svg" and (formula := next(self._formulas, None)) is not None:
            self._mark(_("[formula: {formula}]").format(formula=formula.latex), formula.words)
        elif tag == _PROFILE:
            names = [first.get(f"data-{name}", "") for name in ("nickname", "alias", "signature")]
            self._mark(_("[account: {name}]").format(name=" ".join(filter(None, names))), *names)
        self._follow(tag, given, first)
        for name, value in given:
            if name in _FETCHING or (name in _LEADING and tag in _PICTURE_TAGS):
                self.fetched.append(value)
            elif name == "srcset":
                self.fetched += [one.split()[0] for one in value.split(",") if one.strip()]
            elif name == "style":
                self.fetched += css_addresses(value)

    def handle_endtag(self, tag: str) -> None:
        """End the line of a block, a link or what nobody sees."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BREAKS:
            self._break(tag)
        if tag == "a" and self._anchors:
            begin, targets = self._anchors.pop()
            text = " ".join("".join(self._lines[begin:]).split())
            self._lead(text, targets)

    def handle_data(self, data: str) -> None:
        """Keep text; line breaks in it are blanks, as in a browser."""
        if self._silent:
            self.fetched += css_addresses(data)
            return
        text = data.replace("\n", " ")
        self._words.append(text)
        self._lines.append(text)

    def _follow(self, tag: str, given: list[tuple[str, str]], first: dict[str, str]) -> None:
        """Add what a tag leads to: a link now if it has no end of its own, else where its words end."""
        nickname = first.get(f"{_PROGRAM}nickname", "")
        targets = [(value, "", "") for name, value in given if name in _LEADING and tag not in _PICTURE_TAGS]
        appids = [value for name, value in given if name == f"{_PROGRAM}appid"]
        paths = [
            value for name, value in given if name.startswith(_PROGRAM) and name.endswith(("path", "type"))
        ]
        targets = [one for one in targets if one[0]]
        targets += [
            (path, appid, nickname)
            for appid in appids
            for path in (paths if tag == "a" else paths[:1]) or [""]
        ]
        if tag in _CARDS:
            title = first.get(f"{_PROGRAM}title", "")
            self._mark(_("[card: {title}]").format(title=title), title, nickname)
            self._lead(title, targets)
            self.fetched.append(first.get(f"{_PROGRAM}imageurl", ""))
        elif tag == "a":
            self._anchors.append((len(self._lines), targets))
        else:
            self._lead("", targets)

    def _lead(self, text: str, targets: list[tuple[str, str, str]]) -> None:
        for target in targets:
            link = Link(text, *target)
            self.links.append(link)
            self._lines.append(f" [→ {link.target}] ")

    def _mark(self, shown: str, *words: str) -> None:
        self._lines.append(shown)
        self._beside += filter(None, words)

    def _break(self, tag: str) -> None:
        self._words.append(" " if tag == "br" else "\n")  # a word may go on in the next line
        self._lines.append("\n")


def css_addresses(css: str) -> Iterator[str]:
    """Yield the addresses that a style fetches."""
    plain = _CSS_ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2], css)
    for url, imported in _CSS_URL.findall(plain):
        yield url or imported


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
