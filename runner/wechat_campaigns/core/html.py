"""Read HTML of strangers in time that grows with its length alone: the words that followers see, and links.

Needs no library, and never fails, whatever is written. `banned_words`, the comment and the comparison of two
commits all read an article here, so that all of them see the same words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import prod
from typing import Final, NamedTuple

from wechat_article.parts import Formula
from wechat_article.text import HtmlReader
from wechat_campaigns.core.i18n import _

_BREAKS: Final = frozenset({
    "address", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
})  # fmt: skip
_VOID: Final = ("br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr")
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

_CELLS: Final = ("td", "th")
_SAID: Final = re.compile(r"([a-z-]+)\s*:\s*([^;]*)")
_BESIDE: Final = re.compile(r"inline|contents|table-cell")
_ROW: Final = re.compile(r"flex|grid|-box")
_BEGIN, _END, _AFLOAT = "\x01", "\x02", "\x02\x03"
"""Where blocks that stand beside each other begin and end; the next one stands beside what floats."""
_EDGE: Final = re.compile("\x01\n*|\x03\n*|(?<!\n)\n*\x02")
_SCALE: Final = re.compile(r"scale\w*\(\s*([\d.]+)")
_TURN: Final = re.compile(r"(rotate|skew|matrix)\w*\((?![^)]*\b0(deg)?\))")
_ALPHA: Final = re.compile(r"(?:rgba|hsla)\(.*[,/]\s*(\d*\.?\d+)\s*\)|#\w{6}(\w\w)|#\w{3}(\w)|(transparent)")
_SIZE: Final = re.compile(r"(\d*\.?\d+)(px|pt|em|rem|%)")
LEAST_READ_PX, LEAST_READ = 10.0, 0.5
"""Of a font, and of opacity: below, a text is there and not easy to see."""


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


class _Box(NamedTuple):
    """An open element, as far as it decides what is seen beside what, and how well."""

    tag: str = ""
    is_beside: bool = False
    """Whether its neighbours stand in the same line."""
    is_afloat: bool = False
    is_row: bool = False
    """Whether the elements in it stand beside each other."""
    font_px: float = 16.0
    scale: float = 1.0
    opacity: float = 1.0
    alpha: float = 1.0
    is_hidden: bool = False
    is_above: bool = False
    """Whether it stands above other words."""

    def inside(self, tag: str, style: str) -> "_Box":
        """Return the box of an element in this one."""
        said: dict[str, str] = dict(_SAID.findall(style.lower()))
        display, turned = said.get("display", ""), said.get("transform", said.get("-webkit-transform", ""))
        is_afloat = said.get("float", "none").strip() != "none"
        scales = [_number(one) for one in (*_SCALE.findall(turned), said.get("zoom", "1"))]
        colour = said.get("-webkit-text-fill-color", said.get("color", ""))
        return _Box(
            tag,
            is_beside=self.is_row
            or (tag in _CELLS and display in ("", "table-cell"))
            or _BESIDE.search(display) is not None
            or is_afloat,
            is_afloat=is_afloat,
            is_row=_ROW.search(display) is not None
            and "column" not in said.get("flex-direction", said.get("flex-flow", "")),
            font_px=_font_px(said.get("font-size", ""), self.font_px),
            scale=self.scale * prod(scales),
            opacity=self.opacity * _number(said.get("opacity", "1")),
            alpha=_alpha(colour) if colour else self.alpha,
            is_hidden=self.is_hidden
            or display == "none"
            or said.get("visibility", "visible").strip() != "visible"
            or _TURN.search(turned) is not None,
            is_above=self.is_above or tag in ("rt", "rp"),
        )

    @property
    def is_read(self) -> bool:
        """Return whether a text in it is easy to see."""
        is_large = self.font_px * self.scale >= LEAST_READ_PX
        return is_large and min(self.opacity, self.alpha) >= LEAST_READ and not self.is_hidden


def _number(text: str) -> float:
    found = re.match(r"\s*(\d*\.?\d+)(%?)", text)
    return float(found[1]) / (100 if found[2] else 1) if found else 1.0


def _alpha(colour: str) -> float:
    found = _ALPHA.search(colour)
    if found is None:
        return 1.0
    number, two, one, _none = found.groups()
    return float(number or 0) if not (two or one) else int(two or one, 16) / (255 if two else 15)


def _font_px(size: str, around_px: float) -> float:
    found = _SIZE.match(size.strip())
    if found is None:
        return 16.0 if size.strip() in ("medium", "large", "x-large", "xx-large") else around_px
    part = {"px": 1.0, "pt": 4 / 3, "em": around_px, "rem": 16.0, "%": around_px / 100}[found[2]]
    return float(found[1]) * part


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
        self._shown: list[tuple[str, bool]] = []
        """The same with the edges of blocks that stand beside each other; whether it is easy to see."""
        self._above: list[str] = []
        """What ruby has above other words."""
        self._boxes = [_Box()]
        self._open = Counter[str]()
        """How often each tag is among them."""
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

    @property
    def joined(self) -> tuple[str, ...]:
        """The text as the eye joins it: blocks side by side are one line, what stands above words another."""
        return self._joined(text for text, _is_read in self._shown)

    @property
    def legible(self) -> tuple[str, ...]:
        """The same without what is hard to see."""
        return self._joined(text for text, is_read in self._shown if is_read)

    def _joined(self, parts: Iterable[str]) -> tuple[str, ...]:
        lines = _EDGE.sub("", "".join(parts)).split("\n")
        return (*filter(None, (*lines, "".join(self._above))), *self._beside)

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
        self._begin(tag, first.get("style", ""))
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
        box = _Box()
        while self._open[tag] and box.tag != tag:
            box = self._boxes.pop()
            self._open[box.tag] -= 1
        if tag in _BREAKS:
            self._break(tag, _AFLOAT if box.is_afloat else _END if box.is_beside else "\n")
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
        if self._boxes[-1].is_above:
            self._above.append(text)
        else:
            self._shown.append((text, self._boxes[-1].is_read))

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

    def _begin(self, tag: str, style: str) -> None:
        box = self._boxes[-1].inside(tag, style)
        if tag not in _VOID:
            self._boxes.append(box)
            self._open[tag] += 1
        if tag in _BREAKS:
            self._break(tag, _BEGIN if box.is_beside else "\n")

    def _break(self, tag: str, edge: str) -> None:
        self._shown.append((" " if tag == "br" else edge, True))
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
