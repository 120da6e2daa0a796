"""A theme's CSS → style attributes; a theme of the user's is checked first, with lines to point at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

import css_inline
import tinycss2

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article import css as bounds
from wechat_campaigns.render.article import ornaments, palette
from wechat_campaigns.render.article.allow import style_fault
from wechat_campaigns.render.article.parts import ArticleSource, Findings
from wechat_campaigns.source.files import FileError

BUILTIN_THEMES = ("default", "elegant", "simple", "numbered", "cards", "magazine", "festive", "fresh")
_SHARED = "_shared"
FOLDER = "_themes"
_BUILTIN_FOLDER: Final = Path(__file__).parent / "themes"
"""`importlib.resources` would take 5 ms to load, in each child."""
ROOT_CLASS = "article"
MAX_CHARS = 64_000
"""Of a theme, as written and with its variables filled in. The shipped ones have 2,000."""
MAX_VALUE_CHARS = 1_000
"""Of one declaration with its variables filled in."""
MAX_VARIABLE_DEPTH = 100
"""Rounds of filling in; what doubles in each, or names itself, is above `MAX_VALUE_CHARS` long before."""
_VARIABLE_NAME = re.compile(r"(--[\w-]+)\s*:")
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)")


def load(source: ArticleSource, findings: Findings) -> str:
    """Return the CSS of an article's theme.

    Args:
        source: the article's; a file under `_themes/` comes before a shipped theme of its name.
        findings: the article's; a theme that is not there is its problem.

    Returns:
        CSS whose problems have been reported, the rules that all themes share before it; the default theme
        when there is none of that name.
    """
    return whole_css(_own_css(source, findings))


def _own_css(source: ArticleSource, findings: Findings) -> str:
    name = source.theme or source.options.theme
    path = f"{FOLDER}/{name.removesuffix('.css')}.css"
    try:
        css = source.files.text(PurePosixPath("_settings.yaml"), path)
    except FileError as error:
        if name in BUILTIN_THEMES:
            return builtin_css(name)
        what = _("theme `{name}` not found: {reason}").format(name=name, reason=error.message)
        hint = _("use one of {names}, or save your CSS in {folder} and write the name of that file").format(
            names=_(", ").join(BUILTIN_THEMES), folder=f"{source.root}/{FOLDER}"
        )
        findings.error("theme", what, hint)
        return builtin_css(BUILTIN_THEMES[0])
    theme_findings = Findings(file=f"{source.root}/{path}")
    usable = _checked(css, theme_findings)
    findings.include(theme_findings)
    return css if usable else builtin_css(BUILTIN_THEMES[0])


def _checked(css: str, findings: Findings) -> bool:
    """Check a theme; False when it is so large or deep that nothing more may be done with it."""
    if len(css) > MAX_CHARS or bounds.depth(css) > bounds.MAX_DEPTH:
        what = _(
            "the theme is too large: the maximum is {most:,} characters and {depth} levels of brackets"
        ).format(most=MAX_CHARS, depth=bounds.MAX_DEPTH)
        hint = _("make it smaller")
        findings.error("theme-too-large", what, hint, line=1)
        return False
    check(css, findings)
    return not any(finding.rule == "theme-too-large" for finding in findings)


@cache
def builtin_css(name: str) -> str:
    """Return the CSS of one of the themes that come with the tool: what only this one has, or all share."""
    return (_BUILTIN_FOLDER / f"{name}.css").read_text(encoding="utf-8")


def whole_css(own: str) -> str:
    """Put the rules that all themes share before those of one."""
    return builtin_css(_SHARED) + own


def check(css: str, findings: Findings) -> None:
    """Report what of a theme WeChat would drop, flag, or never see."""
    defined = {*palette.NAMES, *_VARIABLE_NAME.findall(builtin_css(_SHARED))}
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    bodies = [_body(rule, findings) for rule in rules]
    for declarations in bodies:
        defined.update(item.name for item in declarations if item.name.startswith("--"))
    for declarations in bodies:
        for declaration in declarations:
            _check_declaration(declaration, defined, findings)
    _check_filled([item for declarations in bodies for item in declarations], findings)


def _check_filled(declarations: Sequence[Any], findings: Findings) -> None:
    """Report variables in variables that grow beyond measure, or name themselves.

    A variable may be defined several times: its longest definition counts.
    """
    written = [(item, tinycss2.serialize(item.value)) for item in declarations]
    texts: dict[str, list[str]] = {}
    for item, value in written:
        if item.name.startswith("--"):
            texts.setdefault(item.name, []).append(value)
    lengths: dict[str, int] = {}
    for _round in range(MAX_VARIABLE_DEPTH):
        lengths |= {name: max(_filled(value, lengths) for value in values) for name, values in texts.items()}
    total = 0
    for item, value in written:
        length = _filled(value, lengths)
        total += length
        if length > MAX_VALUE_CHARS or total > MAX_CHARS:
            what = _("`{name}` has more than {most:,} characters once its variables are filled in").format(
                name=item.name[:40], most=MAX_VALUE_CHARS if length > MAX_VALUE_CHARS else MAX_CHARS
            )
            hint = _("use fewer variables inside variables")
            findings.error("theme-too-large", what, hint, line=item.source_line)
            return


def _filled(value: str, lengths: Mapping[str, int]) -> int:
    """Count the characters of a value with its variables filled in, no further than matters."""
    length = len(value) + sum(lengths.get(name, 0) for name in _VARIABLE.findall(value))
    return min(length, MAX_CHARS + 1)


def inline(html: str, css: str, *, brand_color: str) -> str:
    """Write a theme into the style attributes of an article.

    Args:
        css: without ornaments.
        brand_color: what `palette.variables` are made from, `#rrggbb` by the schema of the settings.

    Returns:
        The content inside a section of class `article`, styled; unknown variables are dropped.
    """
    colours = ";".join(f"{name}:{value}" for name, value in palette.variables(brand_color).items())
    brand = f".{ROOT_CLASS}{{{colours}}}"
    return str(inliner().inline_fragment(f'<section class="{ROOT_CLASS}">{html}</section>', brand + css))


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
    has_content = any(map(ornaments.is_ornament, ornaments.selectors_of(rule)))
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
        elif ornaments.read_content(item) is None:
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
    for selector in ornaments.selectors_of(rule):
        if ":" in selector and not ornaments.is_ornament(selector):
            what = _("the selector `{selector}` cannot be written into style attributes").format(
                selector=selector
            )
            hint = _("write `before` or `after` with two colons directly after a tag or a class")
            return "theme-pseudo", what, hint
    return None


def _invalid(item: Any) -> tuple[str, str, str]:
    return "theme-css", _("invalid CSS: {reason}").format(reason=item.message), _("correct it")


def _check_declaration(declaration: Any, defined: set[str], findings: Findings) -> None:
    name, line = declaration.lower_name, declaration.source_line
    value = tinycss2.serialize(declaration.value).strip()
    if not value:
        what = _("`{name}` has no value").format(name=name)
        hint = _("add a value, or remove the property")
        findings.error("theme-css", what, hint, line=line)
        return
    for variable in _VARIABLE.findall(value):
        if variable not in defined:
            what = _("the variable `{variable}` is not defined").format(variable=variable)
            hint = _("define it in the theme; `--brand` is the brand colour from the settings")
            findings.error("theme-variable", what, hint, line=line)
    if name.startswith("--"):
        return
    if fault := style_fault("*", name, value, important=declaration.important):
        findings.error(fault.rule, fault.message, fault.hint, line=line)
