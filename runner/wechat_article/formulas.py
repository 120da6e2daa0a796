"""`$…$` and `$$…$$` in Markdown → drawings in the colour of the text, which WeChat keeps.

The libraries of the extra `math` load with the first formula.
"""

import math
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from html import escape, unescape
from importlib import import_module
from typing import Final
from xml.etree.ElementTree import Element

from lxml.html import HtmlElement
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath.index import math_block_dollar

from wechat_article.parts import Formula, Remark
from wechat_article.program import _, is_installed, program
from wechat_article.text import is_cjk

EM: Final = 100
"""Units of a drawing for one em: on a phone six are a pixel, so that whole numbers are fine enough."""
EDGE: Final = 4
"""Around a drawing: the library lets a sum reach 4 units beyond the box it gives."""
MAX_CHARS: Final = 2_000
"""Of one formula, as written."""
MAX_EM: Final = 250
"""Of one formula, as drawn; one of 2,000 characters reaches 220."""
_INLINE = re.compile(r"(\$\$?)(?=[^\s$])((?:\\.|[^\\$\n])+)(?<=\S)\1(?![\w$])", re.ASCII)
_BEFORE = re.compile(r"[\w$\\]$", re.ASCII)
_STEP = re.compile(r"([A-Z])([^A-Z]*)")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_OTHER_MARKS: Final = re.compile(r"`[^`]*`|\\[(\[]((?:[^\\`]|\\[^()\[\]`])+)\\[)\]]")
"""Code, and what stands between the marks of LaTeX."""
LATEX, WORDS = "data-latex", "data-words"


class FormulaError(ValueError):
    """A formula that cannot be drawn, and why."""


def install(parser: MarkdownIt) -> None:
    """Teach a parser formulas; money (`$5`) and names of variables (`$HOME`) stay text."""
    parser.inline.ruler.push("formula", _inline)
    block = math_block_dollar(allow_labels=False, allow_blank_lines=True)
    parser.block.ruler.before(
        "fence", "math_block", block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def is_formula(token: Token) -> bool:
    """Return whether a token is a formula; a fence with the language `math` is one, too."""
    return token.type in ("formula", "math_block") or (token.type == "fence" and token.info.strip() == "math")


def has_other_marks(text: str) -> bool:
    r"""Return whether a text has what may be a formula in the marks of LaTeX: `\(…\)` or `\[…\]`."""
    return any(sign in found[1] for found in _OTHER_MARKS.finditer(text) if found[1] for sign in "\\^_=")


def problems(token: Token) -> Iterator[Remark]:
    """Report a formula that cannot be drawn."""
    try:
        if is_formula(token):
            draw(token.content, is_display=token.type != "formula")
    except FormulaError as error:
        what = _("the formula `{formula}` cannot be drawn: {reason}")
        what = what.format(formula=" ".join(token.content.split())[:40], reason=error)
        yield Remark("formula", what, _("correct it, or put a backslash before the mark to show it"))


def html(token: Token) -> str:
    """Write a formula; nothing for one that `problems` reports."""
    try:
        shown, drawing = draw(token.content, is_display=token.type != "formula")
    except FormulaError:
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
    """
    if not is_installed("ziamath", "latex2mathml"):
        install = program().advise_install("math")
        raise FormulaError(_("it needs the extra `math`; {install}").format(install=install))
    if len(latex) > MAX_CHARS:
        raise FormulaError(_("it has more than {most:,} characters").format(most=MAX_CHARS))
    if any(map(is_cjk, latex)):
        raise FormulaError(_("it contains Chinese, which has to stand outside the formula"))
    words, (x, y, across, down), path = _drawn(latex.strip(), is_display)
    if not path:
        raise FormulaError(_("nothing of it can be seen"))
    if not all(abs(side) <= MAX_EM * EM for side in (x, y, across, down)):
        raise FormulaError(_("it is larger than {most} em").format(most=MAX_EM))
    left, top = math.floor(x) - EDGE, math.floor(y) - EDGE
    right, bottom = math.ceil(x + across) + EDGE, math.ceil(y + down) + EDGE
    width, height = right - left, bottom - top
    size = f"width:{width / EM:g}em;height:{height / EM:g}em;vertical-align:{-bottom / EM:g}em"
    box = f"{left} {top} {width} {height}"
    drawing = f'<svg viewBox="{box}" style="{size}"><path fill="currentColor" d="{path}"></path></svg>'
    return Formula(" ".join(latex.split()), words), drawing


def take(root: HtmlElement) -> tuple[Formula, ...]:
    """Remove from a tree what its drawings show, and return it in their order: followers get the lines."""
    return tuple(Formula(svg.attrib.pop(LATEX, ""), svg.attrib.pop(WORDS, "")) for svg in root.iter("svg"))


def _drawn(latex: str, is_display: bool) -> tuple[str, list[float], str]:
    """Return the characters of a formula, the box of its drawing, and its lines as one path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it opens its fonts in a way that newer Pythons dislike
        ziamath, latex2mathml = import_module("ziamath"), import_module("latex2mathml.converter")
    ziamath.config.svg2 = False
    try:
        mathml = latex2mathml.convert(latex, display="block" if is_display else "inline")
        if unknown := _COMMAND.search(re.sub(r"<[^>]*>", " ", mathml)):
            raise FormulaError(_("the command `{command}` is not supported").format(command=unknown[0][:40]))
        root = ziamath.Math(mathml, size=EM).svgxml()
        box = [float(side) for side in root.get("viewBox", "0 0 0 0").split()]
        return unescape(re.sub(r"<[^>]*>", "", mathml)), box, "".join(map(_lines, root))
    except (MemoryError, FormulaError):
        raise
    except Exception as error:  # each of the two libraries raises whatever it stumbled over
        raise FormulaError(_("it is not valid LaTeX")) from error


def _lines(element: Element) -> str:
    """Write a path or a bar as steps of one path."""
    tag = element.tag.rpartition("}")[2]
    if tag == "rect" and element.get("stroke") is None:
        x, y, width, height = (round(float(element.get(name, "0"))) for name in ("x", "y", "width", "height"))
        return f"M{x} {y}h{width}v{max(height, 1)}h{-width}z"
    if tag == "path" and element.get("stroke") is None:
        return _relative(element.get("d", ""))
    raise FormulaError(_("it has a box, a stroke or a colour of its own"))


def _relative(path: str) -> str:
    """Write a path with whole numbers, each point from the one before: a third of the characters."""
    written: list[str] = []
    here = start = [0, 0]
    for letter, numbers in _STEP.findall(path):
        sides = [round(float(one)) for one in numbers.split()]
        if letter == "Z":
            written.append("z")
            here = start
        elif letter == "M":
            written.append(f"M{sides[0]} {sides[1]}")
            here = start = sides
        elif sides != here:
            step = [side - here[number % 2] for number, side in enumerate(sides)]
            written.append(_step(letter.lower(), step))
            here = sides[-2:]
    return "".join(written)


def _step(letter: str, numbers: list[int]) -> str:
    """Write a step as short as can be: a minus sign separates as well as a blank."""
    if letter == "l" and 0 in numbers:
        return f"v{numbers[1]}" if numbers[0] == 0 else f"h{numbers[0]}"
    return letter + " ".join(map(str, numbers)).replace(" -", "-")


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$" or _BEFORE.search(state.src[max(0, state.pos - 1) : state.pos]):
        return False
    found = _INLINE.match(state.src, state.pos, state.posMax)
    # Between two dollar signs may stand a text, such as between two prices.
    if found is None or ("\\" not in found[2] and any(map(is_cjk, found[2]))):
        return False
    if not silent:
        state.push("formula", "", 0).content = found[2]
    state.pos = found.end()
    return True
