"""`::: name title` … `:::` in Markdown → a section that themes style."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from lxml.html import HtmlElement
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article.dom import elements, line_of, make
from wechat_campaigns.render.article.parts import Findings

BOXES: Final = ("card", "tip", "warning", "quote", "columns", "follow", "earlier", "signature")
_TITLES: Final = {"tip": "小贴士", "warning": "注意", "earlier": "往期推荐"}
"""Of boxes without a title of their own."""
_WIDTHS: Final = {2: ("48%", "3%"), 3: ("32%", "1.5%")}
"""Of a column, and between two, by the number of columns."""
_OPEN = re.compile(r":{3,}[ \t]*([^\s:]\S*)[ \t]*(.*)")
_CLOSE = re.compile(r":{3,}[ \t]*")
_FENCE = re.compile(r"```|~~~")


def install(parser: MarkdownIt) -> None:
    """Teach a parser the boxes."""
    parser.block.ruler.before(
        "fence", "box", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def problems(token: Token) -> Iterator[Finding]:
    """Report a box that is not known, not closed, or has a title it cannot show."""
    if token.type != "box_open":
        return
    name = token.meta["box"]
    if name not in BOXES:
        what = _("the box `{name}` does not exist").format(name=name[:40])
        yield Finding("box", what, _("use one of: {names}").format(names=_(", ").join(BOXES)))
    elif not token.meta["closed"]:
        what = _("the box `{name}` is not closed").format(name=name)
        yield Finding("box", what, _("write three colons on a line of their own where it ends"))
    elif name == "columns" and token.info:
        what = _("the box `columns` cannot show a title")
        yield Finding("box", what, _("write the title in a paragraph before the box"))


def opening(token: Token) -> str:
    """Write the tag of a box, and its title; the one of a quotation names its source, at the end."""
    name = token.meta["box"]
    title = "" if name == "quote" else token.info or _TITLES.get(name, "")
    tag = f'<section class="{escape(name)}" data-line="{token.attrGet("data-line")}">'
    return tag + (f'<p class="box-title">{escape(title)}</p>' if title else "")


def closing(token: Token) -> str:
    """Write the end of a box."""
    source = token.info if token.meta["box"] == "quote" else ""
    return (f'<p class="source">{escape(source)}</p>' if source else "") + "</section>\n"


def arrange_columns(root: HtmlElement, findings: Findings) -> None:
    """Arrange the parts of `columns` side by side, in place."""
    for box in [element for element in elements(root) if element.get("class") == "columns"]:
        blocks = list(box)
        if len(blocks) not in _WIDTHS:
            what = _(
                "the number of parts in the box `columns` is {count}, but 2 or 3 fit side by side"
            ).format(count=len(blocks))
            hint = _("write two or three pictures, paragraphs or boxes, with an empty line between them")
            findings.error("box", what, hint, line=line_of(box))
            continue
        width, gap = _WIDTHS[len(blocks)]
        for number, block in enumerate(blocks):
            column = make("section", class_="column", style=f"width:{width}")
            if number:
                column.set("style", f"width:{width};margin-left:{gap}")
            block.addprevious(column)
            column.append(block)


def _rule(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    found = None if state.is_code_block(start_line) else _OPEN.fullmatch(_text(state, start_line))
    if found is None:
        return False
    if silent:
        return True
    end = _end(state, start_line, end_line)
    parent, last = state.parentType, state.lineMax
    state.parentType, state.lineMax = "container", end
    opened = state.push("box_open", "section", 1)
    opened.map = [start_line, end]
    opened.info = found[2].strip()
    closed = end < end_line and _CLOSE.fullmatch(_text(state, end)) is not None
    opened.meta = {"box": found[1], "closed": closed}
    state.md.block.tokenize(state, start_line + 1, end)
    close = state.push("box_close", "section", -1)
    close.info, close.meta = opened.info, opened.meta
    state.parentType, state.lineMax = parent, last
    state.line = end + closed
    return True


def _end(state: StateBlock, start_line: int, end_line: int) -> int:
    """Find the line that closes a box: boxes inside it have their own."""
    inside, is_code = 0, False
    for line in range(start_line + 1, end_line):
        text = _text(state, line)
        if text and state.sCount[line] < state.blkIndent:
            return line
        is_code ^= _FENCE.match(text) is not None
        if is_code:
            continue
        if _OPEN.fullmatch(text):
            inside += 1
        elif _CLOSE.fullmatch(text):
            if not inside:
                return line
            inside -= 1
    return end_line


def _text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
