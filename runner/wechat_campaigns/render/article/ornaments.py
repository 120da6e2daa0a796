"""What a theme adds to an article: `::before` and `::after` as elements, chapters, a lead, dividers.

WeChat keeps style attributes only, so whatever CSS would generate is written into the article.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import tinycss2
from lxml.html import HtmlElement

from wechat_campaigns.render.article.dom import elements, make

CHAPTER, LEAD, DIVIDER = "chapter", "lead", "divider"
_SELECTOR = re.compile(r"(.*[^:\s])::?(before|after)")
_COMPOUND = re.compile(r"([a-z][a-z0-9]*)?(?:\.([\w-]+))?")
MAX_CHARS: Final = 40
"""Of one ornament: it stands at each element of its kind."""
_ARTICLE: Final = ("", "article")
"""The section around everything, which is written last."""
_VOID: Final = ("img", "hr", "br")
_ENDS: Final = frozenset(["follow", "earlier", "signature", "references"])
"""Boxes that close an article, not its last chapter."""
_DIGITS: Final = "零一二三四五六七八九"
_ROMAN: Final = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_COUNTERS: Final[dict[str, Callable[[int], str]]] = {
    "decimal": str,
    "decimal-leading-zero": lambda number: f"{number:02}",
    "simp-chinese-informal": lambda number: _chinese(number),
    "upper-roman": lambda number: _roman(number),
}


Content = tuple[tuple[str, str], ...]
"""Texts as `("", text)`, counters as `(style, "")`."""


_Path = tuple[tuple[str, str], ...]
"""Tags with classes, the outermost first; empty for any."""


@dataclass(frozen=True, slots=True)
class Ornament:
    """Text that stands at the edge of each element of a kind."""

    path: _Path
    place: str
    """`before` or `after`."""
    content: Content
    """Empty for none."""


@lru_cache(maxsize=32)
def split(css: str) -> tuple[str, tuple[Ornament, ...]]:
    """Split a theme into styles and ornaments.

    Args:
        css: a theme without faults.

    Returns:
        The CSS with `h2::before` written `h2>.before`, and what to add to the article.
    """
    rules: list[str] = []
    found: dict[str, Ornament] = {}
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        items = [
            item
            for item in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            if item.type == "declaration"
        ]
        kept = [item for item in items if item.lower_name != "content"]
        content = [read_content(item) for item in items if item.lower_name == "content"]
        selectors = []
        for selector in selectors_of(rule):
            path, place = _parts(selector)
            selectors.append(f"{selector.partition(':')[0]}>.{place}" if path else selector)
            if path and content and content[-1] is not None:
                found[selectors[-1]] = Ornament(path, place, content[-1])
        rules.append(f"{','.join(selectors)}{{{tinycss2.serialize(kept)}}}")
    return "\n".join(rules), tuple(one for one in found.values() if one.content)


def selectors_of(rule: Any) -> list[str]:
    """Return the selectors of a rule, one by one."""
    return [part.strip() for part in tinycss2.serialize(rule.prelude).split(",")]


def is_ornament(selector: str) -> bool:
    """Return whether a selector with a colon is one that can be written into an article."""
    return bool(_parts(selector)[0])


def read_content(declaration: Any) -> Content | None:
    """Read the value of `content`: texts and `counter(number)`; None for anything else.

    A text of nothing but blanks is refused: WeChat removes elements without text.
    """
    parts: list[tuple[str, str]] = []
    for token in declaration.value:
        if token.type == "string":
            parts.append(("", token.value))
        elif token.type == "function" and token.lower_name == "counter":
            words = [part.value for part in token.arguments if part.type == "ident"]
            style = words[1] if len(words) > 1 else "decimal"
            if not words or words[0] != "number" or len(words) > 2 or style not in _COUNTERS:
                return None
            parts.append((style, ""))
        elif token.type == "ident" and token.value == "none":
            return ()
        elif token.type not in ("whitespace", "comment"):
            return None
    length = sum(len(text) for _style, text in parts)
    shows = any(style or text.strip() for style, text in parts)
    return tuple(parts) if shows and length <= MAX_CHARS else None


def add(root: HtmlElement, css: str) -> str:
    """Add to an article, in place, what a theme asks for.

    Returns:
        The CSS that is left to be written into style attributes.
    """
    css, ornaments = split(css)
    if f".{CHAPTER}" in css:
        _chapters(root)
    if f".{LEAD}" in css and len(root) and root[0].tag == "p":
        root[0].set("class", LEAD)
    if any(one.path[-1][1] == DIVIDER for one in ornaments):
        for line in [element for element in elements(root) if element.tag == "hr"]:
            line.tag = "section"
            line.set("class", DIVIDER)
    for ornament in ornaments:
        _add(root, ornament)
    return css


def _add(root: HtmlElement, ornament: Ornament) -> None:
    number = 0
    for element in elements(root):
        if not _matches(element, ornament.path):
            continue
        number += 1
        text = "".join(_COUNTERS[style](number) if style else words for style, words in ornament.content)
        span = make("span", text, class_=ornament.place)
        if ornament.place == "after":
            element.append(span)
        else:
            span.tail, element.text = element.text, None
            element.insert(0, span)


def _parts(selector: str) -> tuple[_Path, str]:
    """Read `.card p::before`: what stands around one another, and the place; an empty path for others."""
    found = _SELECTOR.fullmatch(selector)
    if found is None:
        return (), ""
    compounds = [_COMPOUND.fullmatch(word) for word in found[1].split()]
    path = tuple((one[1] or "", one[2] or "") for one in compounds if one is not None)
    usable = len(path) == len(compounds) and path[-1][0] not in _VOID and path[-1] != _ARTICLE
    return (path[path[0] == _ARTICLE :] if usable else ()), found[2]


def _matches(element: HtmlElement, path: _Path) -> bool:
    *around, last = path
    if not _is(element, last):
        return False
    waiting = around
    for outer in element.iterancestors():
        if waiting and _is(outer, waiting[-1]):
            waiting = waiting[:-1]
    return not waiting


def _is(element: HtmlElement, kind: tuple[str, str]) -> bool:
    tag, name = kind
    return tag in ("", element.tag) and (not name or name in element.get("class", "").split())


def _chapters(root: HtmlElement) -> None:
    """Move each heading of the highest level, and what follows it, into a section of its own."""
    chapter: HtmlElement | None = None
    for element in list(root):
        if element.tag == "h2":
            chapter = make("section", class_=CHAPTER)
            chapter.set("data-line", element.get("data-line", "1"))
            element.addprevious(chapter)
        elif element.tag == "hr" or _ENDS & set(element.get("class", "").split()):
            chapter = None
        if chapter is not None:
            chapter.append(element)


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    if tens > 9:
        return str(number)
    head = "" if not tens else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return head + (_DIGITS[ones] if ones else "")


def _roman(number: int) -> str:
    written = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        written += sign * count
    return written
