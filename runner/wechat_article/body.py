"""One article's source → its `ArticleBody`: every step in order, then the findings on the whole."""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain

from lxml.html import HtmlElement

from wechat_article import dom, embed, keep
from wechat_article.dom import line_of, text_of
from wechat_article.files import PictureFile
from wechat_article.parts import (
    AI_STATEMENT,
    CONTENT_CHARS,
    MAX_SOURCE_CHARS,
    WARNING_CHARS,
    ArticleBody,
    ArticleSource,
    Findings,
    markup_chars,
)
from wechat_article.program import N_, _
from wechat_article.text import is_blank, is_cjk

MAX_ELEMENTS = 5_000
"""With four characters each they reach WeChat's limit."""
MAX_DEPTH = 100
"""Of elements in elements; Markdown has its own bound, which is lower."""


def assemble(source: ArticleSource) -> ArticleBody:
    """Make an article's body; see `to_wechat_html`."""
    findings = Findings(file=source.display_path, advice=source.advice)
    if len(source.text) > MAX_SOURCE_CHARS:
        _check_size(len(source.text), findings)
        return _with(ArticleBody(html=""), findings)
    if source.kind == "html":
        return _from_html(source, findings)
    return _from_markdown(source, findings)


def _from_markdown(source: ArticleSource, findings: Findings) -> ArticleBody:
    # Loading these takes longer than many articles of HTML.
    from wechat_article import formulas, markdown, rewrite, theme

    css = theme.load(source, findings)
    for colours in (True, False):
        attempt = Findings(file=findings.file, advice=findings.advice)
        html = markdown.to_html(source.text, attempt, colours=colours, keep_lines=source.line_breaks)
        tree = dom.parse(html)
        found = embed.resolve(tree, source, attempt)
        rewrite.rewrite(tree, title=source.title, findings=attempt)
        _state_ai(tree, source)
        if _oversized(tree, attempt):
            if colours and '<span class="' in html:
                continue
            return _with(ArticleBody(html=""), findings, attempt)
        rules = theme.add_ornaments(tree, css)
        styled = theme.inline(dom.inner(tree), rules, brand_color=source.brand_color)
        shown = formulas.take(styled)
        keep.keep(styled, attempt)
        body = replace(_finish(styled, found, attempt, markdown=True), formulas=shown)
        if body.markup_chars < WARNING_CHARS or '<span class="' not in html:
            break
    if not colours:
        what = _(
            "code blocks are shown without syntax colours: with them the article would exceed "
            "{most:,} characters"
        ).format(most=WARNING_CHARS)
        hint = _("shorten or split the article to get the colours back")
        findings.warning("code-plain", what, hint)
    return _with(body, findings, attempt)


def _from_html(source: ArticleSource, findings: Findings) -> ArticleBody:
    tree = dom.parse(source.text, keep_lines=True)
    if _oversized(tree, findings):
        return _with(ArticleBody(html=""), findings)
    found = embed.resolve(tree, source, findings)
    keep.keep(tree, findings)
    _state_ai(tree, source)
    body = _finish(tree, found, findings, markdown=False)
    keep.compare(tree, body.html, findings)
    return _with(body, findings)


def _state_ai(tree: HtmlElement, source: ArticleSource) -> None:
    """End an article with the label of AI content: draft/add has no field for it."""
    if source.ai_generated:
        tree.append(dom.make("p", AI_STATEMENT))


def _oversized(tree: HtmlElement, findings: Findings) -> bool:
    """Report more elements than an article can have, or deeper ones, before work is spent on them."""
    depths = {tree: 0}
    for count, element in enumerate(tree.iterdescendants()):
        depths[element] = depths[element.getparent()] + 1
        if count >= MAX_ELEMENTS:
            what = _("the article has more than {most:,} elements").format(most=MAX_ELEMENTS)
            hint = _("split the article, use the theme `simple`, or shorten its code blocks")
            findings.error("article-too-long", what, hint)
            return True
        if depths[element] > MAX_DEPTH:
            what = _("text is nested more than {most} levels deep and would be lost").format(most=MAX_DEPTH)
            hint = _("use fewer levels of quotes and lists")
            findings.error("too-deep", what, hint, line=dom.line_of(element))
            return True
    return False


def _finish(
    tree: HtmlElement, found: Mapping[str, PictureFile], findings: Findings, *, markdown: bool
) -> ArticleBody:
    _check(tree, findings, markdown=markdown)
    html = keep.clean_with_nh3(dom.inner(tree))
    used = {placeholder: file for placeholder, file in found.items() if placeholder in html}
    chars = markup_chars(html, used)
    _check_size(chars, findings)
    return ArticleBody(html=html, images=used, markup_chars=chars)


def _with(body: ArticleBody, *findings: Findings) -> ArticleBody:
    problems = sorted(chain.from_iterable(findings), key=lambda problem: (problem.file, problem.line or 0))
    return replace(body, findings=tuple(problems))


# --- what no single element shows ---------------------------------------------------------------


_SHOWN = ("img", "svg", embed.CARD, keep.PROFILE)
_PROSE_CHARS = 30
_IMAGE_WITH_BLANKS = re.compile(
    r"!\[([^\]\n]{0,300})\]"
    r"\(([^()<>\n]{0,300}[ \u3000][^()<>\n]{0,300}\.(?:png|jpe?g|gif|webp|bmp|heic|heif|avif))\)",
    re.IGNORECASE,
)
# Bounded: a text may be nothing but opening brackets, and each looks for its end.
_LEFTOVERS = (
    (re.compile(r"\*\*|(?<!\w)__(?=\w)|~~"), N_("emphasis marks")),
    (re.compile(r"\[\^[^\]\s]{1,300}\]"), N_("a footnote that is not defined")),
    (re.compile(r"!?\[[^\]]{0,300}\]\([^)\s]*\)?"), N_("a link or image")),
    (re.compile(r"^\s*#{1,6}[^#\s]"), N_("a heading without a space after #")),
    (re.compile(r"^\s*(```|~~~)"), N_("a code fence")),
    (re.compile(r"^\s*:{3,}"), N_("the edge of a box")),
    (re.compile(r"^\s*\|.*\|\s*$|^\s*\|?:?-{3,}:?\|"), N_("a table row")),
)


def _check(root: HtmlElement, findings: Findings, *, markdown: bool) -> None:
    """Check a styled tree.

    Args:
        root: the tree; lines are read from `data-line`.
        markdown: whether leftover Markdown is a fault.

    Source: wechatjs/verify-article-structure-spec, rules 1.8, 2.1 and 4, read 2026-11.
    """
    _check_prose(root, findings)
    if markdown:
        _check_leftovers(root, findings)
    # What an error removed is not missing text besides.
    faulty = any(finding.level == "error" for finding in findings)
    shows_more = any(element.tag in _SHOWN for element in root.iterdescendants())
    if not faulty and not shows_more and is_blank(root.text_content()):
        findings.error(
            "article-empty", _("the article has no text and no image"), _("write some content"), line=1
        )


def _check_size(chars: int, findings: Findings) -> None:
    """Compare an article's markup with WeChat's limit; so few characters never reach its other one, 1 MB.

    Source: draft_add, read 2026-11.
    """
    if chars < WARNING_CHARS:
        return
    what = _("the article has {count:,} characters, markup included; WeChat accepts fewer than {most:,}")
    what = what.format(count=chars, most=CONTENT_CHARS)
    hint = _("split the article, use the theme `simple`, or shorten its code blocks")
    if chars >= CONTENT_CHARS:
        findings.error("article-too-long", what, hint)
    else:
        findings.warning("article-long", what, hint)


def _check_prose(root: HtmlElement, findings: Findings) -> None:
    for element in root.iter("pre"):
        if any(_is_prose(line) for line in text_of(element).split("\n")):
            what = _("a code block contains ordinary text, which does not wrap on a phone")
            hint = _("remove the indentation or the code fence around the text")
            findings.warning("pre-prose", what, hint, line=line_of(element))


def _is_prose(line: str) -> bool:
    chinese = sum(map(is_cjk, line))
    return chinese >= _PROSE_CHARS and chinese > len(line.strip()) * 0.8


def _check_leftovers(root: HtmlElement, findings: Findings) -> None:
    for text in root.xpath(".//text()[not(ancestor::code or ancestor::pre)]"):
        element = text.getparent()
        if blank := _IMAGE_WITH_BLANKS.search(text):
            what = _("the name of the image `{path}` contains a space").format(path=blank[2][:120])
            hint = _("write `![{words}](<{path}>)`").format(words=blank[1][:40], path=blank[2][:120])
            findings.error("image-blank", what, hint, line=line_of(element))
            continue
        for pattern, name in _LEFTOVERS:
            if found := pattern.search(text):
                what = _("readers will see `{text}`, which looks like {mark}").format(
                    text=found[0].strip()[:40], mark=_(name)
                )
                hint = _("correct it, or put a backslash before the mark to show it")
                findings.warning("leftover-markdown", what, hint, line=line_of(element))
                break
