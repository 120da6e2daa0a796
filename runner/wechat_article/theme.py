"""A theme's CSS → style attributes and ornaments; a user's is checked first, with lines to point at."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

import css_inline
import tinycss2
from lxml.html import HtmlElement

from wechat_article import colours, dom, styles
from wechat_article import css as bounds
from wechat_article.dom import elements, make
from wechat_article.files import UnusableError
from wechat_article.parts import ArticleSource, Findings
from wechat_article.program import _
from wechat_article.rewrite import CLOSING

BUILTIN_THEMES = ("default", "elegant", "simple", "numbered", "cards", "magazine", "festive", "fresh")
_SHARED = "_shared"
FOLDER = "_themes"
_SHIPPED_FOLDER: Final = Path(__file__).parent / "themes"
"""`importlib.resources` would take 5 ms to load, in each child."""
ROOT_CLASS = "article"
MAX_CHARS = 64_000
"""Of a theme. The shipped ones have 2,000."""
_VARIABLE_NAME = re.compile(r"(--[\w-]+)\s*:")
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)")
_COMMA = re.compile(r",\s*")
_SIDES: Final = ("top", "right", "bottom", "left", "color", "style", "width")
"""How the names end that `border`, `margin` and `padding` set as well."""


def load(source: ArticleSource, findings: Findings) -> str:
    """Return the CSS of an article's theme.

    Args:
        source: the article's; a file under `_themes/` comes before a shipped theme of its name.
        findings: the article's; a theme that is not there is its problem.

    Returns:
        CSS with the rules that all themes share before it; the default theme when that one is
        missing or has problems, which have been reported.
    """
    name = source.theme
    path = f"{FOLDER}/{name.removesuffix('.css')}.css"
    try:
        css = source.files.text(PurePosixPath("_settings.yaml"), path)
    except UnusableError as error:
        if name in BUILTIN_THEMES:
            return whole_css(name)
        what = _("theme `{name}` not found: {reason}").format(name=name, reason=error.message)
        hint = _("use one of {names}, or save your CSS in {folder} and write the name of that file").format(
            names=_(", ").join(BUILTIN_THEMES), folder=source.shown(FOLDER)
        )
        findings.error("theme", what, hint)
        return whole_css(BUILTIN_THEMES[0])
    of_theme = Findings(file=source.shown(path), advice=findings.advice)
    check(css, of_theme)
    findings.include(of_theme)
    is_sound = all(finding.level == "advice" for finding in of_theme)
    return _shipped_css(_SHARED) + css if is_sound else whole_css(BUILTIN_THEMES[0])


@cache
def _shipped_css(name: str) -> str:
    return (_SHIPPED_FOLDER / f"{name}.css").read_text(encoding="utf-8")


def whole_css(name: str) -> str:
    """Return the CSS of a shipped theme, with the rules that all share before its own."""
    return _shipped_css(_SHARED) + _shipped_css(name)


def check(css: str, findings: Findings) -> None:
    """Report what of a theme WeChat would drop, or never see."""
    if not bounds.is_bounded(css, MAX_CHARS):
        what = _("the theme is too large: the maximum is {most:,} characters and {depth} levels of brackets")
        what = what.format(most=MAX_CHARS, depth=bounds.MAX_DEPTH)
        findings.error("theme-too-large", what, _("make it smaller"), line=1)
        return
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    declared = [(rule, item) for rule in rules for item in _body(rule, findings)]
    lengths = dict.fromkeys([*colours.NAMES, *_VARIABLE_NAME.findall(_shipped_css(_SHARED))], 30)
    # A variable uses those before it alone, so none can name itself; anything else may use them all.
    for rule, item in sorted(declared, key=lambda one: not one[1].name.startswith("--")):
        length = _check_declaration(rule, item, lengths, findings)
        if item.name.startswith("--"):
            lengths[item.name] = max(length, lengths.get(item.name, 0))


def _check_declaration(rule: Any, declaration: Any, lengths: dict[str, int], findings: Findings) -> int:
    """Check one declaration.

    Args:
        lengths: by variable, how long its value is once the variables in it are filled in.

    Returns:
        How long its value is once its variables are filled in.
    """
    name, line, value = declaration.lower_name, declaration.source_line, bounds.value_of(declaration)
    length = len(value)
    if not value:
        what = _("`{name}` is empty").format(name=name)
        findings.error("theme-css", what, _("add a value, or remove the property"), line=line)
    for variable in _VARIABLE.findall(value):
        length += lengths.get(variable, 0)
        if variable not in lengths:
            what = _("variable `{name}` is not defined{hint}")
            what = what.format(name=variable, hint=_suggestion(variable, lengths))
            hint = _("define it in the theme; `--brand` is the brand colour from the settings")
            findings.error("theme-variable", what, hint, line=line)
    if length > bounds.STYLE_CHARS:
        what = _("`{name}` has more than {most:,} characters once its variables are filled in")
        what = what.format(name=name[:40], most=bounds.STYLE_CHARS)
        findings.error("theme-too-large", what, _("use fewer variables inside variables"), line=line)
    elif declaration.important:
        what = _("`{name}` is marked !important").format(name=name)
        hint = _("remove !important: dark mode must be able to override the style")
        findings.error("important", what, hint, line=line)
    elif value and not _VARIABLE.search(value) and not name.startswith("--"):
        style = f"{name}:{value}"  # with variables, it is judged where they are filled in
        judged = styles.judge(style, has_text=True, inherited=styles.INHERITED)
        if not judged.kept:
            findings.error("style-value", *styles.said(name, value), line=line)
        tag = _selectors_of(rule)[-1].split()[-1]
        styles.advise(judged, line, findings, may_hold_line=tag in styles.SCROLLED)
    return length


def _suggestion(written: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known variable was meant, as the end of a sentence; empty when none is near."""
    import difflib  # only for who wrote something wrong

    found = difflib.get_close_matches(written, sorted(known), n=1)
    return _("; did you mean `{name}`?").format(name=found[0]) if found else ""


def inline(html: str, css: str, *, brand_color: str) -> HtmlElement:
    """Write a theme into the style attributes of an article.

    Args:
        css: without ornaments.
        brand_color: what `colours.variables` are made from, `#rrggbb` by the schema of the settings.

    Returns:
        The content inside a section of class `article`, styled, each style with one declaration for a
        property; unknown variables are dropped.
    """
    variables = ";".join(f"{name}:{value}" for name, value in colours.variables(brand_color).items())
    brand = f".{ROOT_CLASS}{{{variables}}}"
    styled = inliner().inline_fragment(f'<section class="{ROOT_CLASS}">{html}</section>', brand + css)
    tree = dom.parse(styled)
    for element in elements(tree):
        if style := element.get("style"):
            element.set("style", _without_overridden(style))
    return tree


@lru_cache(maxsize=1024)  # articles repeat few styles often
def _without_overridden(style: str) -> str:
    """Keep the last declaration of each property: what a theme overrides would count as characters."""
    kept: dict[str, str] = {}
    for item in bounds.declarations(style):
        name = item.lower_name
        kept = {earlier: value for earlier, value in kept.items() if not _overrides(name, earlier)}
        kept[name] = _COMMA.sub(", ", bounds.value_of(item))
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def _overrides(name: str, earlier: str) -> bool:
    sides = name in ("margin", "padding", "border") and earlier.startswith(f"{name}-")
    return name == earlier or (sides and earlier.rpartition("-")[2] in _SIDES)


@lru_cache(maxsize=1)
def inliner() -> Any:
    """Make what writes a theme into style attributes."""
    return css_inline.CSSInliner(
        load_remote_stylesheets=False, resolve_css_variables=True, minify_css=True, keep_style_tags=False
    )


def _body(rule: Any, findings: Findings) -> Sequence[Any]:
    """Return the declarations of a rule; report a rule that cannot be written into style attributes."""
    if fault := _rule_fault(rule):
        findings.error(*fault, line=rule.source_line)
        return ()
    has_content = any(map(_is_ornament, _selectors_of(rule)))
    kept = []
    for item in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
        if item.type == "error":
            findings.error(*_invalid(item), line=item.source_line)
        elif item.type != "declaration":
            what = _("WeChat does not keep rules inside rules")
            hint = _("write the rules one after another")
            findings.error("theme-css", what, hint, line=item.source_line)
        elif not has_content or item.lower_name != "content":
            kept.append(item)
        elif _read_content(item) is None:
            what = _("`content: {value}` cannot be written into an article")
            what = what.format(value=bounds.value_of(item)[:60])
            hint = _("use text in quotes, `counter(number)`, or `none`")
            findings.error("theme-css", what, hint, line=item.source_line)
    return kept


def _rule_fault(rule: Any) -> tuple[str, str, str] | None:
    if rule.type == "error":
        return _invalid(rule)
    if rule.type == "at-rule":
        what = _("`@{rule}` has no effect in an article").format(rule=rule.at_keyword)
        return "theme-at-rule", what, _("remove it: WeChat keeps only style attributes")
    for selector in _selectors_of(rule):
        if ":" in selector and not _is_ornament(selector):
            what = _("the selector `{selector}` cannot be written into style attributes").format(
                selector=selector
            )
            hint = _("write `before` or `after` with two colons directly after a tag or a class")
            return "theme-pseudo", what, hint
    return None


def _invalid(item: Any) -> tuple[str, str, str]:
    return "theme-css", _("invalid CSS: {reason}").format(reason=item.message), _("correct it")


# --- ornaments ----------------------------------------------------------------------------------
# What a theme adds to an article: `::before` and `::after` as elements, chapters, a lead, dividers. WeChat
# keeps style attributes only, so whatever CSS would generate is written into the article.

CHAPTER, LEAD, DIVIDER = "chapter", "lead", "divider"
_SELECTOR = re.compile(r"(.*[^:\s])::?(before|after)")
_COMPOUND = re.compile(r"([a-z][a-z0-9]*)?(?:\.([\w-]+))?")
MAX_ORNAMENT_CHARS: Final = 40
"""Of one ornament: it stands at each element of its kind."""
_ARTICLE: Final = ("", "article")
"""The section around everything, which is written last."""
_NUMERAL: Final = "[零一二三四五六七八九十百]{1,4}"
_OWN_NUMBER: Final = re.compile(
    rf"\s*(第(?:{_NUMERAL}|\d{{1,3}})(?:部分|[章节篇步讲课])|[（(](?:{_NUMERAL}|\d{{1,3}})[）)]"
    rf"|{_NUMERAL}(?=[、.．])|\d{{1,3}}(?=[、.．）)：:])|0\d(?=\s)|[图表]\s*[\d一二三四五六七八九十])"
)
"""How a heading or a caption begins that has a number without the theme's."""
_NUMBER_END: Final = re.compile(r"(?:[、.．）)：:](?!\d)|(?![、.．）)：:]))\s*")
"""Between a heading's own number and its words; 3.8 and 10:30 are not numbers of headings."""
_HEADINGS: Final = ("h1", "h2", "h3", "h4")
_VOID: Final = ("img", "hr", "br")
_ENDS: Final = CLOSING | {"references"}
"""Boxes that close an article, not its last chapter."""
_COUNTERS: Final = {"decimal": "{}", "decimal-leading-zero": "{:02}"}


_Content = tuple[tuple[str, str], ...]
"""Texts as `("", text)`, counters as `(style, "")`."""


@dataclass(frozen=True, slots=True)
class Ornament:
    """Text that stands at the edge of each element of a kind."""

    path: str
    """The XPath of those elements."""
    place: str
    """`before` or `after`."""
    content: _Content
    """Empty for none."""


@lru_cache(maxsize=32)
def split_ornaments(css: str) -> tuple[str, tuple[Ornament, ...]]:
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
        content = [_read_content(item) for item in items if item.lower_name == "content"]
        selectors = []
        for selector in _selectors_of(rule):
            path, place = _parts(selector)
            selectors.append(f"{selector.partition(':')[0]}>.{place}" if path else selector)
            if path and content and content[-1] is not None:
                found[selectors[-1]] = Ornament(path, place, content[-1])
        rules.append(f"{','.join(selectors)}{{{tinycss2.serialize(kept)}}}")
    return "\n".join(rules), tuple(one for one in found.values() if one.content)


def _selectors_of(rule: Any) -> list[str]:
    """Return the selectors of a rule, one by one."""
    return [part.strip() for part in tinycss2.serialize(rule.prelude).split(",")]


def _is_ornament(selector: str) -> bool:
    """Return whether a selector with a colon is one that can be written into an article."""
    return bool(_parts(selector)[0])


def _read_content(declaration: Any) -> _Content | None:
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
    return tuple(parts) if shows and length <= MAX_ORNAMENT_CHARS else None


def add_ornaments(root: HtmlElement, css: str) -> str:
    """Add to an article, in place, what a theme asks for.

    Returns:
        The CSS that is left to be written into style attributes.
    """
    css, ornaments = split_ornaments(css)
    if f".{CHAPTER}" in css:
        _chapters(root)
    if f".{LEAD}" in css and len(root) and root[0].tag == "p":
        root[0].set("class", LEAD)
    if any(one.path.endswith(_step("", DIVIDER)) for one in ornaments):
        for line in [element for element in elements(root) if element.tag == "hr"]:
            line.tag = "section"
            line.set("class", DIVIDER)
    for ornament in ornaments:
        _add_ornament(root, ornament)
    return css


def _add_ornament(root: HtmlElement, ornament: Ornament) -> None:
    counts = any(style for style, _words in ornament.content)
    for number, element in enumerate(root.xpath(f".{ornament.path}"), 1):
        own = ""
        if counts and _OWN_NUMBER.match(dom.text_of(element)):  # its author counts
            own = _take_number(element)
            if not own:
                continue
        if own.isdecimal():
            number, own = int(own), ""
        text = own or "".join(
            _COUNTERS[style].format(number) if style else words for style, words in ornament.content
        )
        span = make("span", text, class_=ornament.place)
        if ornament.place == "after":
            element.append(span)
        else:
            span.tail, element.text = element.text, None
            element.insert(0, span)


def _take_number(element: HtmlElement) -> str:
    """Remove a heading's own number and return it: it stands where the theme's would."""
    text = element.text or ""
    own = _OWN_NUMBER.match(text)
    end = own and _NUMBER_END.match(text, own.end())
    if not own or not end or element.tag not in _HEADINGS or not dom.text_of(element)[end.end() :].strip():
        return ""
    element.text = text[end.end() :]
    return own[1]


def _parts(selector: str) -> tuple[str, str]:
    """Read `.card p::before`: the XPath of the elements, and the place; an empty XPath for others."""
    found = _SELECTOR.fullmatch(selector)
    if found is None:
        return "", ""
    compounds = [_COMPOUND.fullmatch(word) for word in found[1].split()]
    kinds = [(one[1] or "", one[2] or "") for one in compounds if one is not None]
    if len(kinds) < len(compounds) or kinds[-1][0] in _VOID or kinds[-1] == _ARTICLE:
        return "", found[2]
    return "".join(_step(*kind) for kind in kinds[kinds[0] == _ARTICLE :]), found[2]


def _step(tag: str, name: str) -> str:
    """Write the step of an XPath to a tag, a class, or both."""
    return f"//{tag or '*'}" + (f"[contains(concat(' ', @class, ' '), ' {name} ')]" if name else "")


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
