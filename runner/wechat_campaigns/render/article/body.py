"""One article's source → its `ArticleBody`: every step of this package, in order."""

from dataclasses import replace

from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.messages import BodyImage
from wechat_campaigns.render.article import (
    dom,
    embed,
    formulas,
    keep,
    lint,
    markdown,
    ornaments,
    rewrite,
    theme,
)
from wechat_campaigns.render.article.parts import (
    AI_STATEMENT,
    MAX_SOURCE_CHARS,
    WARNING_CHARS,
    ArticleBody,
    ArticleSource,
    Findings,
    markup_chars,
)

MAX_ELEMENTS = 5_000
"""With four characters each they reach WeChat's limit."""
MAX_DEPTH = 100
"""Of elements in elements; Markdown has its own bound, which is lower."""


def assemble(source: ArticleSource) -> ArticleBody:
    """Make an article's body; see `wechat_campaigns.render.article.build`."""
    findings = Findings(file=source.display_path, advice=source.options.advice)
    if len(source.text) > MAX_SOURCE_CHARS:
        lint.check_source(source.text, findings)
        return _with(ArticleBody(html=""), findings)
    if source.kind == "html":
        return _from_html(source, findings)
    return _from_markdown(source, findings)


def _from_markdown(source: ArticleSource, findings: Findings) -> ArticleBody:
    css = theme.load(source, findings)
    for colours in (True, False):
        attempt = Findings(file=findings.file, advice=findings.advice)
        html = markdown.to_html(source.text, attempt, colours=colours, keep_lines=source.options.line_breaks)
        tree = dom.parse(html)
        found = embed.resolve(tree, source, attempt)
        rewrite.rewrite(tree, title=source.title, findings=attempt)
        _state_ai(tree, source)
        if _oversized(tree, attempt):
            if colours and '<span class="' in html:
                continue
            return _with(ArticleBody(html=""), findings, attempt)
        rules = ornaments.add(tree, css)
        styled = theme.inline(dom.inner(tree), rules, brand_color=source.options.brand_color)
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
            hint = _("split the article")
            findings.error("article-too-long", what, hint)
            return True
        if depths[element] > MAX_DEPTH:
            what = _("text is nested more than {most} levels deep and would be lost").format(most=MAX_DEPTH)
            hint = _("use fewer levels of quotes and lists")
            findings.error("too-deep", what, hint, line=dom.line_of(element))
            return True
    return False


def _finish(
    tree: HtmlElement, found: tuple[BodyImage, ...], findings: Findings, *, markdown: bool
) -> ArticleBody:
    lint.check(tree, findings, markdown=markdown)
    html = keep.clean_with_nh3(dom.inner(tree))
    used = tuple(image for image in found if image.placeholder in html)
    chars = markup_chars(html, used)
    lint.check_size(html, chars, findings)
    return ArticleBody(html=html, images=used, markup_chars=chars)


def _with(body: ArticleBody, *findings: Findings) -> ArticleBody:
    problems = sorted(
        (problem for part in findings for problem in part),
        key=lambda problem: (problem.location.file, problem.location.line or 0),
    )
    return replace(body, findings=tuple(problems))
