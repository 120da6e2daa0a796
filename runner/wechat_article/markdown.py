"""Markdown → plain HTML without style, each block marked with the source line it came from.

CommonMark, tables, strikethrough, footnotes, task lists, boxes, `{width=50%}` after an image. Raw HTML is
a problem, never output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import cache, lru_cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from wechat_article import dialect, formulas
from wechat_article.dialect import CjkInline, join_lines
from wechat_article.parts import CONTENT_CHARS, Findings, reveal
from wechat_article.program import _

if TYPE_CHECKING:  # loaded by the first article with code
    from pygments.lexer import Lexer

MAX_NESTING = 40
_TASKS = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
_TOC = re.compile(r"\[toc\]", re.IGNORECASE)
_WIDTH = re.compile(r'\{width="?([^}"]*)"?\}')
Env = MutableMapping[str, Any]


def to_html(source: str, findings: Findings, *, colours: bool, keep_lines: bool = False) -> str:
    """Render Markdown.

    Args:
        source: the text, variables already replaced by marks.
        keep_lines: show the line breaks inside a paragraph.
        findings: collects raw HTML, front matter, unknown languages, lost text.

    Returns:
        HTML whose blocks, links and images carry `data-line`. Footnote references are
        `<sup data-note="N">`, notes `<section data-note="N">` in a `<section data-notes>` at the end.
    """
    env: Env = {"findings": findings, "colours": colours, "keep_lines": keep_lines}
    parser = _parser()
    tokens = parser.parse(source, env)
    _check(tokens, findings)
    _check_notes(env, source, findings)
    return str(parser.renderer.render(tokens, parser.options, env))


class _Parser(MarkdownIt):
    """The parser with addresses left as written: `rewrite` judges them, with a line to point at."""

    def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return reveal(url)

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return reveal(link)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = _Parser()
    parser.inline = CjkInline()
    # `html` is on so that raw HTML is recognised and reported; the renderer never lets it through.
    parser.configure("commonmark", {"html": True, "xhtmlOut": False, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin).use(dialect.install).use(formulas.install)
    parser.core.ruler.push("source", _source)
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


# --- after parsing -----------------------------------------------------------------------------


def _source(state: StateCore) -> None:
    """Write lines on the tokens, reveal variables, mark tasks, join Chinese lines."""
    opened = None
    _drop_contents(state.tokens)
    for previous, token in zip([None, *state.tokens], state.tokens, strict=False):
        if token.map and token.nesting >= 0 and token.type != "inline":
            token.attrSet("data-line", str(token.map[0] + 1))
        token.content, token.info = reveal(token.content), reveal(token.info)
        if token.type == "inline" and token.children:
            line = token.map[0] + 1 if token.map else 1
            _inline(token.children, line)
            if not state.env["keep_lines"]:
                join_lines(token.children)
            if opened and opened.type == "list_item_open" and previous and previous.type == "paragraph_open":
                _task(opened, token.children)
        if token.type != "paragraph_open":
            opened = token


def _drop_contents(tokens: list[Token]) -> None:
    for start, token, end in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.type == "inline" and _TOC.fullmatch(token.content.strip()):
            token.meta["contents"], token.children = True, []
            start.hidden = end.hidden = True


def _inline(children: list[Token], line: int) -> None:
    for child in children:
        child.meta["line"] = line
        if child.type in ("image", "link_open"):
            child.attrSet("data-line", str(line))
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        if title := child.attrGet("title"):
            child.attrSet("title", reveal(str(title)))
        child.content = reveal(dialect.emojis(child.content) if child.type == "text" else child.content)
        _inline(child.children or [], line)
    for image, after in pairwise(children):
        found = _WIDTH.match(after.content) if (image.type, after.type) == ("image", "text") else None
        if found:
            image.attrSet("width", found[1])
            after.content = after.content[found.end() :]


def _task(item: Token, children: list[Token]) -> None:
    first = children[0]
    if mark := _TASKS.get(first.content[:4]) if first.type == "text" else None:
        first.content = mark + first.content[4:]
        item.attrSet("class", "task")


def _check(tokens: Sequence[Token], findings: Findings) -> None:
    for line, token in _every(tokens):
        found = [*dialect.problems(token), *formulas.problems(token)]
        for problem in found:
            findings.error(problem.rule, problem.message, problem.hint, line=line)
        if found or formulas.is_formula(token):
            continue
        if token.type == "inline" and formulas.has_other_marks(token.content):
            what = _(r"`\(…\)` and `\[…\]` are not read as formulas")
            hint = _("write `$…$` in a line, `$$…$$` on lines of their own")
            findings.warning("formula-marks", what, hint, line=line)
        if "contents" in token.meta:
            what = _("[TOC] is left out: WeChat removes all anchors")
            hint = _("remove it, or write a list of the headings")
            findings.warning("contents", what, hint, line=line)
        if token.type in ("html_block", "html_inline") and not _comment(token) and _typed(token) is None:
            what = _("the Markdown contains raw HTML: {html}").format(html=token.content.strip()[:60])
            hint = _(
                "use Markdown instead, put a backslash before `<` if it is meant as text, or use a .html body"
            )
            findings.error("raw-html", what, hint, line=line)
        elif token.type == "front_matter":
            what = _("the front matter of the Markdown file is ignored")
            hint = _("write title, author and digest in the campaign file, and remove the front matter")
            findings.warning("front-matter", what, hint, line=1)
        elif token.type == "fence" and (language := _language(token)) and _lexer(language) is None:
            what = _("the language `{language}` cannot be highlighted").format(language=language)
            hint = _("use a name that Pygments supports (python, json, bash…), or remove the name")
            findings.warning("code-language", what, hint, line=line)
        elif token.level >= MAX_NESTING - 1:
            what = _("text is nested more than {most} levels deep and would be lost").format(most=MAX_NESTING)
            hint = _("use fewer levels of quotes and lists")
            findings.error("too-deep", what, hint, line=line)


def _check_notes(env: Env, source: str, findings: Findings) -> None:
    """Report notes that nothing refers to: the parser drops them without a word."""
    for label, number in env.get("footnotes", {}).get("refs", {}).items():
        if number == -1:
            name = str(label).removeprefix(":")
            offset = source.find(f"[^{name}]:")
            what = _(
                "the article does not refer to the footnote [^{name}], so readers will not see it"
            ).format(name=name)
            hint = _("write [^{name}] where it belongs, or remove the footnote").format(name=name)
            findings.warning("unused-footnote", what, hint, line=source.count("\n", 0, max(offset, 0)) + 1)


def _every(tokens: Sequence[Token], line: int = 1) -> Iterator[tuple[int, Token]]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else int(token.meta.get("line", line))
        yield line, token
        yield from _every(token.children or (), line)


def _comment(token: Token) -> bool:
    text = token.content.strip()
    return text.startswith("<!--") and text.endswith("-->") and text.count("<!--") == 1


def _typed(token: Token) -> str | None:
    """Return the markup that typed HTML stands for; None when it may not stand there."""
    html = dialect.typed_html(token.content)
    return None if html is None or (token.type == "html_inline" and "<section" in html) else html


def _language(token: Token) -> str:
    return token.info.split()[0] if token.info.strip() else ""


# --- rendering ---------------------------------------------------------------------------------


def _text(token: Token) -> str:
    # A newline inside a text token can only come from a variable or a character reference.
    return escapeHtml(token.content).replace("\n", "<br>")


def _softbreak(_: RendererHTML, __: Sequence[Token], ___: int, ____: OptionsDict, env: Env) -> str:
    return "<br>" if env["keep_lines"] else "\n"


def _raw(token: Token) -> str:
    if _comment(token):
        return ""
    html = _typed(token)
    if html is None:
        html = escapeHtml(token.content)
    elif token.type == "html_block" and "<section" in html:
        return html.replace("<section", f'<section data-line="{token.attrGet("data-line")}"').strip() + "\n"
    return (
        html if token.type == "html_inline" else f'<p data-line="{token.attrGet("data-line")}">{html}</p>\n'
    )


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, __: OptionsDict, env: Env) -> str:
    token = tokens[index]
    if formulas.is_formula(token):
        return formulas.html(token)
    html = _code_block(token.content, _language(token), colours=env["colours"])
    return html.replace("<pre ", f'<pre data-line="{token.attrGet("data-line")}" ', 1)


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env) -> str:
    token = tokens[index]
    token.attrSet("alt", self.renderInlineAsText(token.children, options, env).replace("\n", " "))
    return self.renderToken(tokens, index, options, env)


def _table_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env
) -> str:
    return '<section class="table">' + self.renderToken(tokens, index, options, env)


def _by_token(write: Callable[[Token], str]) -> Callable[..., str]:
    """Make a rule that needs its token alone."""
    return lambda _renderer, tokens, index, _options, _env: write(tokens[index])


def _fixed(html: str) -> Callable[..., str]:
    """Make a rule that writes the same HTML for every token."""
    return lambda *_arguments: html


_RULES: dict[str, Callable[..., str]] = {
    "text": _by_token(_text),
    "hardbreak": _fixed("<br>"),
    "softbreak": _softbreak,
    **{f"{name}_open": _fixed(dialect.opening(name)) for name in ("mark", "sub", "sup")},
    "dollar_open": _fixed(""),
    "dollar_close": _fixed(""),
    "html_block": _by_token(_raw),
    "html_inline": _by_token(_raw),
    "fence": _code,
    "code_block": _code,
    "code_inline": _by_token(lambda token: f'<code class="inline-code">{escapeHtml(token.content)}</code>'),
    "image": _image,
    "table_open": _table_open,
    "table_close": _fixed("</table></section>\n"),
    "box_open": _by_token(dialect.box_opening),
    "box_close": _by_token(dialect.box_closing),
    "formula": _by_token(formulas.html),
    "math_block": _by_token(formulas.html),
    "front_matter": _fixed(""),
    "footnote_ref": _by_token(lambda token: f'<sup data-note="{token.meta["id"]}"></sup>'),
    "footnote_block_open": _fixed("<section data-notes>"),
    "footnote_block_close": _fixed("</section>\n"),
    "footnote_open": _by_token(lambda token: f'<section data-note="{token.meta["id"]}">'),
    "footnote_close": _fixed("</section>\n"),
    "footnote_anchor": _fixed(""),
}


# --- code blocks --------------------------------------------------------------------------------
# Spans in three colours that survive WeChat: no newline, no lost blank.

TAB_COLUMNS = 4
_KEPT_BLANKS = re.compile(r"^ +| {2,}| +$", re.MULTILINE)


def _code_block(text: str, language: str, *, colours: bool) -> str:
    """Write a code block as HTML.

    Args:
        language: the word after the fence, or empty.
        colours: whether to highlight; colours cost about as many characters as the code.

    Returns:
        `<pre class="code"><code>…</code></pre>`: `<br>` for newlines, tabs expanded, U+00A0 where a
        blank would collapse; spans of class `cm` (comment), `st` (value), `kw` (word).
    """
    # Longer code is too long for an article anyway, and some lexers take minutes for it.
    lexer = _lexer(language) if colours and language and len(text) < CONTENT_CHARS else None
    text = text.rstrip("\n").expandtabs(TAB_COLUMNS)
    text = _KEPT_BLANKS.sub(lambda blanks: "\u00a0" * len(blanks[0]), text)
    body = ""
    # Neighbours of one colour are joined: each span costs thirty characters.
    for name, group in groupby(_tokens(lexer, text) if lexer else [("", text)], key=itemgetter(0)):
        html = escapeHtml("".join(value for _name, value in group)).replace("\n", "<br>")
        body += f'<span class="{name}">{html}</span>' if name and html else html
    return f'<pre class="code"><code>{body}</code></pre>'


def _tokens(lexer: Lexer, text: str) -> Iterator[tuple[str, str]]:
    # Lexers know blanks, not U+00A0; both are one character, so the positions agree.
    position, name = 0, ""
    for kind, value in lexer.get_tokens(text.replace("\u00a0", " ")):
        if not value.isspace():  # blanks join what stands before them: one span instead of two
            name = _colour_of(kind)
        yield name, text[position : position + len(value)]
        position += len(value)
    yield "", text[position:]  # lexers drop a leading byte order mark


def _colour_of(kind: Any) -> str:
    for name, kinds in _colours():
        if any(kind in parent for parent in kinds):
            return name
    return ""


@cache
def _colours() -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return which tokens have which colour: the first match wins, all else keeps the colour of the block."""
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String

    words = (Keyword, Operator.Word, Name.Tag, Name.Builtin, Name.Decorator, Name.Function, Name.Class)
    return (("cm", (Comment,)), ("st", (String, Number, Literal)), ("kw", words))


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
