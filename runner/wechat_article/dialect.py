"""What our Markdown has beyond CommonMark: the marks of editors, emphasis as Chinese needs it, boxes.

Typora and other editors add `==mark==`, `H~2~O`, `x^2^`, `:smile:` and the few HTML tags that people type.
Diagrams and tables of contents cannot be shown; left alone, followers would read their source.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

from wechat_article import css
from wechat_article.parts import Remark
from wechat_article.program import N_, _
from wechat_article.text import HtmlReader, is_cjk

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
_ALERT = re.compile(r"\[!(?:note|tip|important|warning|caution)\]", re.IGNORECASE)
_FORMULA = re.compile(r"\$\$|(?<![\\$\w])\$(?=\S)[^$\n]*[\\^_{}][^$\n]*(?<=\S)\$(?!\d)")
_ZOOM = re.compile(r"(?:zoom|width)\s*:\s*([\d.]{1,8})(%|px)?", re.IGNORECASE)


def install(parser: MarkdownIt) -> None:
    """Teach a parser marks and boxes; notes come first, because `^[note]` begins as `x^2^` goes on."""
    for name, pattern, before in _MARKS:
        parser.inline.ruler.push(name, _rule(name, pattern, before))
    # Its tokens keep a dollar sign behind a backslash from joining the next text, where it seems a formula.
    parser.inline.ruler.before("escape", "dollar", _rule("dollar", re.compile(r"\\(\$)"), re.compile("")))
    parser.block.ruler.before("fence", "box", _box, {"alt": ["paragraph", "reference", "blockquote", "list"]})


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


def problems(token: Token) -> Iterator[Remark]:
    """Report what followers would read as source, and boxes that are not written right."""
    yield from _box_problems(token)
    if token.type == "fence" and token.info.split()[:1] and token.info.split()[0].lower() in DIAGRAMS:
        what = _("the {language} block cannot be drawn").format(language=token.info.split()[0][:20])
        yield Remark("unsupported-markdown", what, _("export it as a picture and use that"))
    if token.type != "text":
        return
    for pattern, what, hint in _UNSUPPORTED:
        if found := pattern.search(token.content):
            message = _("followers would read `{text}`: {what}").format(text=found[0][:40], what=_(what))
            yield Remark("unsupported-markdown", message, _(hint))
            return


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
        elif tag == "font" and (colour := given.get("color", "").strip()):
            self.written.append(f'<span style="color:{escape(colour)}">')
            self.failed |= css.colour(colour) is None
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

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        self.failed = True
        return super().parse_marked_section(i, report)

    def handle_decl(self, _decl: str) -> None:
        self.failed = True

    def unknown_decl(self, _data: str) -> None:
        self.failed = True

    def handle_pi(self, _data: str) -> None:
        self.failed = True


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


# --- emphasis and line breaks of Chinese --------------------------------------------------------
# `**「重点」**很` is bold here: CommonMark alone takes the closing mark for an opening one, because
# full-width punctuation counts as punctuation and the next character is a letter.

# Quotation marks, dashes and the ellipsis live outside the CJK blocks and are used in Chinese as well.
_SHARED_PUNCTUATION = frozenset("“”‘’—…·")


def join_lines(children: Sequence[Token]) -> None:
    """Drop the line breaks of the source between two Chinese characters: they would show as a space."""
    for before, middle, after in zip(children, children[1:], children[2:], strict=False):
        if middle.type == "softbreak" and _cjk_edge(before.content[-1:]) and _cjk_edge(after.content[:1]):
            middle.type, middle.tag, middle.content = "text", "", ""


class CjkInline(ParserInline):
    """The inline parser with the delimiter rules of `_CjkState`."""

    def parse(self, src: str, md: object, env: object, tokens: list[Token]) -> list[Token]:
        """Parse as the base class does, with the other state."""
        state = _CjkState(src, md, env, tokens)  # type: ignore[arg-type]
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _CjkState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Return whether the run of marks at `start` can open or close.

        The rules of CommonMark §6.2, with two changes: full-width punctuation is not punctuation for
        the character inside, and a Chinese character outside is as good as a space.
        """
        marker = self.src[start]
        end = start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        left = not _space(after) and (not _hard_punctuation(after) or _outer(before))
        right = not _space(before) and (not _hard_punctuation(before) or _outer(after))
        if canSplitWord:
            return Scanned(left, right, end - start)
        return Scanned(
            left and (not right or _punctuation(before)),
            right and (not left or _punctuation(after)),
            end - start,
        )


def _space(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _hard_punctuation(character: str) -> bool:
    return _punctuation(character) and not is_cjk(character) and character not in _SHARED_PUNCTUATION


def _outer(character: str) -> bool:
    return _space(character) or _punctuation(character) or is_cjk(character)


def _cjk_edge(character: str) -> bool:
    if not character:
        return False
    return is_cjk(character) or (character in _SHARED_PUNCTUATION and unicodedata.category(character) != "Pd")


# --- boxes --------------------------------------------------------------------------------------
# `::: name title` … `:::` becomes a section that themes style.

BOXES: Final = ("card", "tip", "warning", "quote", "columns", "follow", "earlier", "signature")
_BOX_TITLES: Final = {"tip": "小贴士", "warning": "注意", "earlier": "往期推荐"}
"""Of boxes without a title of their own."""
_BOX_OPEN = re.compile(r":{3,}[ \t]*([^\s:]\S*)[ \t]*(.*)")
_BOX_CLOSE = re.compile(r":{3,}[ \t]*")
_FENCE = re.compile(r"```|~~~")


def _box_problems(token: Token) -> Iterator[Remark]:
    """Report a box that is not known, not closed, or has a title it cannot show."""
    if token.type != "box_open":
        return
    name = token.meta["box"]
    if name not in BOXES:
        what = _("the box `{name}` does not exist").format(name=name[:40])
        yield Remark("box", what, _("use one of: {names}").format(names=_(", ").join(BOXES)))
    elif not token.meta["closed"]:
        what = _("the box `{name}` is not closed").format(name=name)
        yield Remark("box", what, _("write three colons on a line of their own where it ends"))
    elif name == "columns" and token.info:
        what = _("the box `columns` cannot show a title")
        yield Remark("box", what, _("write the title in a paragraph before the box"))


def box_opening(token: Token) -> str:
    """Write the tag of a box, and its title; the one of a quotation names its source, at the end."""
    name = token.meta["box"]
    title = "" if name == "quote" else token.info or _BOX_TITLES.get(name, "")
    tag = f'<section class="{escape(name)}" data-line="{token.attrGet("data-line")}">'
    return tag + (f'<p class="box-title">{escape(title)}</p>' if title else "")


def box_closing(token: Token) -> str:
    """Write the end of a box."""
    source = token.info if token.meta["box"] == "quote" else ""
    return (f'<p class="source">{escape(source)}</p>' if source else "") + "</section>\n"


def _box(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    found = None if state.is_code_block(start_line) else _BOX_OPEN.fullmatch(_line(state, start_line))
    if found is None:
        return False
    if silent:
        return True
    end = _box_end(state, start_line, end_line)
    parent, last = state.parentType, state.lineMax
    state.parentType, state.lineMax = "container", end
    opened = state.push("box_open", "section", 1)
    opened.map = [start_line, end]
    opened.info = found[2].strip()
    closed = end < end_line and _BOX_CLOSE.fullmatch(_line(state, end)) is not None
    opened.meta = {"box": found[1], "closed": closed}
    state.md.block.tokenize(state, start_line + 1, end)
    close = state.push("box_close", "section", -1)
    close.info, close.meta = opened.info, opened.meta
    state.parentType, state.lineMax = parent, last
    state.line = end + closed
    return True


def _box_end(state: StateBlock, start_line: int, end_line: int) -> int:
    """Find the line that closes a box: boxes inside it have their own."""
    inside, is_code = 0, False
    for line in range(start_line + 1, end_line):
        text = _line(state, line)
        if text and state.sCount[line] < state.blkIndent:
            return line
        is_code ^= _FENCE.match(text) is not None
        if is_code:
            continue
        if _BOX_OPEN.fullmatch(text):
            inside += 1
        elif _BOX_CLOSE.fullmatch(text):
            if not inside:
                return line
            inside -= 1
    return end_line


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
