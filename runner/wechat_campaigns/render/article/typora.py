"""What Typora and other editors add to Markdown → markup of articles, or a problem that names the way out.

`==mark==`, `H~2~O`, `x^2^`, `:smile:` and the few HTML tags that people type. Formulas, diagrams and tables
of contents cannot be shown; left alone, followers would read their source.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.html import HtmlReader
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.render.article import css

COLUMN_PX: Final = 677
"""How wide an article is on a computer: pixels of a picture become a part of it."""
DIAGRAMS: Final = frozenset({"mermaid", "flow", "sequence", "latex", "plantuml", "dot"})
"""Languages of fences that Typora draws."""
_MARKS: Final = (
    ("mark", re.compile(r"==(?=[^\s=])([^=\n]{1,200}?)(?<=\S)==(?!=)"), re.compile(r"(?<!=)$")),
    # Between numbers `~` means "to", in Chinese text most of all: only a letter has an index here.
    ("sub", re.compile(r"~([A-Za-z0-9+-]{1,12})~(?!~)"), re.compile(r"[A-Za-z)]$")),
    ("sup", re.compile(r"\^([A-Za-z0-9+-]{1,12})\^"), re.compile(r"[^\s^\[]$")),
)
_STYLES: Final = {
    "mark": "background-color:#fff3a3",
    "u": "text-decoration:underline",
    "center": "text-align:center",
}
_ELEMENTS: Final = {"mark": "span", "u": "span", "font": "span", "center": "section"}
_TYPED: Final = frozenset(
    ["u", "font", "center", "sub", "sup", "mark", "b", "i", "strong", "em", "s", "del", "br"]
)
_EMOJI = re.compile(r":[a-z0-9_+-]{2,40}:")
_TOC = re.compile(r"\[toc\]", re.IGNORECASE)
_ALERT = re.compile(r"\[!(?:note|tip|important|warning|caution)\]", re.IGNORECASE)
_FORMULA = re.compile(r"\$\$|(?<![\\$\w])\$(?=\S)[^$\n]*[\\^_{}][^$\n]*(?<=\S)\$(?!\d)|\\[(\[].*\\[)\]]")
_ZOOM = re.compile(r"(?:zoom|width)\s*:\s*([\d.]{1,8})(%|px)?", re.IGNORECASE)


def install(parser: MarkdownIt) -> None:
    """Teach a parser the marks; notes come first, because `^[note]` begins as `x^2^` goes on."""
    for name, pattern, before in _MARKS:
        parser.inline.ruler.push(name, _rule(name, pattern, before))


def opening(name: str) -> str:
    """Write the tag of a mark."""
    style = f' style="{_STYLES[name]}"' if name in _STYLES else ""
    return f"<{_ELEMENTS.get(name, name)}{style}>"


def emojis(text: str) -> str:
    """Replace the names of emoji by emoji; other words between colons stay."""
    if not _EMOJI.search(text):
        return text
    import emoji  # loads a large table, which most articles do without

    return emoji.emojize(text, language="alias")


def unsupported(token: Token) -> Iterator[Finding]:
    """Report what followers would read as source: of a text, or of a fence by its language."""
    if token.type == "fence" and token.info.split()[:1] and token.info.split()[0].lower() in DIAGRAMS:
        what = _("the {language} block cannot be drawn").format(language=token.info.split()[0][:20])
        yield Finding("unsupported-markdown", what, _("export it as a picture and use that"))
    if token.type != "text":
        return
    for pattern, what, hint in _UNSUPPORTED:
        if found := pattern.search(token.content):
            message = _("followers would read `{text}`: {what}").format(text=found[0][:40], what=_(what))
            yield Finding("unsupported-markdown", message, _(hint))
            return


def is_contents(children: Sequence[Token]) -> bool:
    """Return whether a paragraph is `[TOC]` and nothing else."""
    return len(children) == 1 and _TOC.fullmatch(children[0].content.strip()) is not None


def typed_html(html: str) -> str | None:
    """Write HTML that people type in Markdown as markup of articles.

    Returns:
        None when it holds anything but the known tags, or a value that cannot be used.
    """
    reader = _TypedHtml()
    reader.read(html)
    return None if reader.failed else "".join(reader.written)


_UNSUPPORTED: Final = (
    (
        _FORMULA,
        N_("it is not a complete formula"),
        N_("close it with as many dollar signs, or put a backslash before $"),
    ),
    (
        _ALERT,
        N_("WeChat has no such box"),
        N_("write three colons and `tip` on a line before the text, and three colons after it"),
    ),
)


def _rule(
    name: str, pattern: re.Pattern[str], before: re.Pattern[str]
) -> Callable[[StateInline, bool], bool]:
    def rule(state: StateInline, silent: bool) -> bool:
        found = pattern.match(state.src, state.pos, state.posMax)
        if found is None or not before.search(state.src[max(0, state.pos - 1) : state.pos]):
            return False
        if not silent:
            end = state.posMax
            state.push(f"{name}_open", name, 1)
            state.pos, state.posMax = found.start(1), found.end(1)
            state.md.inline.tokenize(state)
            state.push(f"{name}_close", _ELEMENTS.get(name, name), -1)
            state.posMax = end
        state.pos = found.end()
        return True

    return rule


class _TypedHtml(HtmlReader):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.failed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.written.append(_picture(given))
        elif tag == "font":
            self._font(given)
        elif tag in _TYPED:
            self.written.append(opening(tag))
        elif tag != "p":  # around others it adds nothing
            self.failed = True

    def handle_endtag(self, tag: str) -> None:
        if tag in _TYPED - {"br"}:
            self.written.append(f"</{_ELEMENTS.get(tag, tag)}>")
        elif tag not in ("p", "img", "br"):
            self.failed = True

    def handle_data(self, data: str) -> None:
        self.written.append(escape(data, quote=False))

    def handle_comment(self, _data: str) -> None:
        """Leave it out."""

    def handle_decl(self, _decl: str) -> None:
        self.failed = True

    def unknown_decl(self, _data: str) -> None:
        self.failed = True

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        self.failed = True
        return super().parse_marked_section(i, report)

    def handle_pi(self, _data: str) -> None:
        self.failed = True

    def _font(self, given: dict[str, str]) -> None:
        colour = given.get("color", "").strip()
        if colour and css.colour(colour) is None:
            self.failed = True
            return
        self.written.append(f'<span style="color:{escape(colour)}">' if colour else "<span>")


def _picture(given: dict[str, str]) -> str:
    """Write an image; a zoom, or a width in pixels, as a part of the column."""
    written = [f' {name}="{escape(given[name])}"' for name in ("src", "alt", "title") if name in given]
    found = _ZOOM.search(given.get("style", "")) or re.fullmatch(
        r"([\d.]{1,8})(%|px)?", given.get("width", "")
    )
    if found and found[1].replace(".", "", 1).isdigit():
        size = float(found[1])
        is_zoom = "zoom" in given.get("style", "").lower()
        percent = size if found[2] == "%" else size * 100 if is_zoom else size / COLUMN_PX * 100
        written.append(f' width="{max(1, min(100, round(percent)))}%"')
    return f"<img{''.join(written)}>"
