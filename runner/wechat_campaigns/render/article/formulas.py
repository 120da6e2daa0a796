"""`$…$` and `$$…$$` in Markdown → drawings in the colour of the text, which WeChat keeps.

The libraries of the extra `math` load with the first formula.
"""

from __future__ import annotations

import math
import re
import warnings
from functools import lru_cache
from html import escape, unescape
from importlib import import_module
from typing import Any, Final
from xml.etree.ElementTree import Element

from lxml.html import HtmlElement
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.errors import extra_hint
from wechat_campaigns.core.extras import is_extra_installed
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Formula
from wechat_campaigns.render.article.cjk import is_cjk

EM: Final = 100
"""Units of a drawing for one em: on a phone six are a pixel, so that whole numbers are fine enough."""
EDGE: Final = 4
"""Around a drawing: the library lets a sum reach 4 units beyond the box it gives."""
MAX_CHARS: Final = 2_000
"""Of one formula, as written."""
MAX_EM: Final = 300
"""Of one formula, as drawn; one of 2,000 characters reaches 220."""
_INLINE = re.compile(r"(\$\$?)(?=[^\s$])((?:\\.|[^\\$\n])+)(?<=\S)\1(?![\w$])", re.ASCII)
_BEFORE = re.compile(r"[\w$\\]$", re.ASCII)
_WORD = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")
_POINTS: Final = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}
_COMMAND = re.compile(r"\\[A-Za-z]+")
LATEX: Final = "data-latex"
WORDS: Final = "data-words"
Point = tuple[int, int]


class FormulaError(ValueError):
    """A formula that cannot be drawn."""


def install(parser: MarkdownIt) -> None:
    """Teach a parser formulas; money (`$5`) and names of variables (`$HOME`) stay text."""
    parser.inline.ruler.push("formula", _inline)
    parser.block.ruler.before(
        "fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def is_formula(token: Token) -> bool:
    """Return whether a token is a formula; a fence with the language `math` is one, too."""
    return token.type in ("formula", "formula_block") or (
        token.type == "fence" and token.info.strip() == "math"
    )


def problem(token: Token) -> Finding | None:
    """Report a formula that cannot be drawn."""
    if not is_extra_installed("math"):
        what = _("drawing the formula `{formula}` needs the extra `math`").format(formula=_short(token))
        hint = _("{install}; or put a backslash before $ if it is meant as text").format(
            install=extra_hint("math")
        )
        return Finding("formula", what, hint)
    try:
        draw(token.content, is_display=token.type != "formula")
    except FormulaError as error:
        what = _("the formula `{formula}` cannot be drawn: {reason}")
        what = what.format(formula=_short(token), reason=error)
        hint = _("correct it, or put a backslash before $ if it is meant as text")
        return Finding("formula", what, hint)
    return None


def html(token: Token) -> str:
    """Write a formula; a problem with it has been reported, so it may be left out."""
    try:
        shown, drawing = draw(token.content, is_display=token.type != "formula")
    except (FormulaError, ImportError):
        return ""
    marks = f'{LATEX}="{escape(shown.latex)}" {WORDS}="{escape(shown.words)}"'
    drawing = drawing.replace("<svg ", f"<svg {marks} ", 1)
    if token.type == "formula":
        return drawing
    return f'<section class="formula" data-line="{token.attrGet("data-line")}">{drawing}</section>\n'


@lru_cache(maxsize=256)
def draw(latex: str, *, is_display: bool) -> tuple[Formula, str]:
    """Draw a formula.

    Args:
        latex: without the dollar signs.
        is_display: large, as on a line of its own.

    Returns:
        What it shows, and an `svg` of one path in the colour of the text, its size in em.

    Raises:
        FormulaError: with the reason.
        ImportError: the extra `math` is not installed.
    """
    if len(latex) > MAX_CHARS:
        raise FormulaError(_("it has more than {most:,} characters").format(most=MAX_CHARS))
    if any(map(is_cjk, latex)):
        raise FormulaError(_("it contains Chinese, which has to stand outside the formula"))
    words, root = _drawn(latex.strip(), is_display)
    (x, y, across, down), lines = _read(root)
    if not lines:
        raise FormulaError(_("nothing of it can be seen"))
    if not all(abs(side) <= MAX_EM * EM for side in (x, y, across, down)):
        raise FormulaError(_("it is larger than {most} em").format(most=MAX_EM))
    left, top = math.floor(x) - EDGE, math.floor(y) - EDGE
    right, bottom = math.ceil(x + across) + EDGE, math.ceil(y + down) + EDGE
    width, height = right - left, bottom - top
    size = f"width:{width / EM:g}em;height:{height / EM:g}em;vertical-align:{-bottom / EM:g}em"
    box = f"{left} {top} {width} {height}"
    drawing = f'<svg viewBox="{box}" style="{size}"><path fill="currentColor" d="{lines}"></path></svg>'
    return Formula(" ".join(latex.split()), words), drawing


def take(root: HtmlElement) -> tuple[Formula, ...]:
    """Take what its drawings show out of a tree, in their order: followers get the lines alone."""
    return tuple(Formula(svg.attrib.pop(LATEX, ""), svg.attrib.pop(WORDS, "")) for svg in root.iter("svg"))


def _library() -> Any:
    """Load ziamath: it reads fonts, and is an extra."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it opens its fonts in a way that newer Pythons dislike
        library = import_module("ziamath")
    library.config.svg2 = False
    return library


def _drawn(latex: str, is_display: bool) -> tuple[str, Element]:
    """Return the characters of a formula and its drawing."""
    library = _library()
    from latex2mathml.converter import convert  # comes with it

    try:
        mathml = convert(latex, display="block" if is_display else "inline")
        words = unescape(re.sub(r"<[^>]*>", "", mathml))
        unknown = _COMMAND.search(re.sub(r"<[^>]*>", " ", mathml))
        if unknown is None:
            root: Element = library.Math(mathml, size=EM).svgxml()
            return words, root
    except MemoryError:
        raise
    except Exception as error:  # each of the two libraries raises whatever it stumbled over
        raise FormulaError(_("it is not valid LaTeX")) from error
    raise FormulaError(_("the command `{command}` is not supported").format(command=unknown[0][:40]))


def _read(root: Element) -> tuple[list[float], str]:
    """Read the box of a drawing (left, top, width, height) and its lines as steps of one path."""
    try:
        box = [float(side) for side in root.get("viewBox", "0 0 0 0").split()]
        return box, "".join(map(_element, root))
    except FormulaError:
        raise
    except (ValueError, OverflowError, RuntimeError) as error:  # a number that is too large for a path
        raise FormulaError(_("it is not valid LaTeX")) from error


def _element(element: Element) -> str:
    """Write a path or a bar as steps of one path."""
    tag = element.tag.rpartition("}")[2]
    if tag == "rect" and element.get("stroke") is None:
        x, y, width, height = (round(float(element.get(name, "0"))) for name in ("x", "y", "width", "height"))
        return f"M{x} {y}h{width}v{max(height, 1)}h{-width}z"
    if tag == "path" and element.get("stroke") is None:
        return _path(element.get("d", ""))
    raise FormulaError(_("it has a box, a stroke or a colour of its own"))


def _path(written_path: str) -> str:
    """Write a path with whole numbers, each point from the one before: a third of the characters."""
    written: list[str] = []
    words = iter(_WORD.findall(written_path))
    here: Point = (0, 0)
    start = here
    for letter in words:
        if letter not in _POINTS:
            raise FormulaError(_("it has a box, a stroke or a colour of its own"))
        points = [(round(float(next(words))), round(float(next(words)))) for _one in range(_POINTS[letter])]
        if letter == "Z":
            written.append("z")
            here = start
        elif letter == "M":
            written.append(f"M{points[0][0]} {points[0][1]}")
            here = start = points[0]
        elif points[-1] != here or len(points) > 1:
            steps_to = [side for x, y in points for side in (x - here[0], y - here[1])]
            written.append(_step(letter.lower(), steps_to))
            here = points[-1]
    return "".join(written)


def _step(letter: str, numbers: list[int]) -> str:
    """Write a step as short as can be: a minus sign separates as well as a blank."""
    if letter == "l" and 0 in numbers:
        return f"v{numbers[1]}" if numbers[0] == 0 else f"h{numbers[0]}"
    return letter + " ".join(map(str, numbers)).replace(" -", "-")


def _short(token: Token) -> str:
    return " ".join(token.content.split())[:40]


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$" or _BEFORE.search(state.src[max(0, state.pos - 1) : state.pos]):
        return False
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if found is None or not _is_meant(found[2]):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = found[2]
    state.pos = found.end()
    return True


def _is_meant(text: str) -> bool:
    """Return a formula from text between two dollar signs, such as two prices."""
    return "\\" in text or not (any(map(is_cjk, text)) or re.search(r"[，。；：！？、]", text))


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    first = _text(state, start_line)
    if state.is_code_block(start_line) or not first.startswith("$$"):
        return False
    lines, line = [first[2:].strip()], start_line
    while not lines[-1].endswith("$$"):
        line += 1
        if line >= end_line or (_text(state, line) and state.sCount[line] < state.blkIndent):
            return False
        lines.append(_text(state, line).rstrip())
    content = "\n".join(lines)[:-2].strip()
    if not content or "$$" in content:
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.map, token.content, token.block = [start_line, line + 1], content, True
        state.line = line + 1
    return True


def _text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
