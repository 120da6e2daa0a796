r"""Markdown, or the HTML of an editor → the HTML that WeChat keeps of an article, and what is wrong or lost.

    from wechat_article import to_wechat_html

    body = to_wechat_html("# 春茶上新\n\n明前龙井，**今日**到店。")
    body.html        # for `content` of draft/add
    body.findings    # what followers would not see as it was written, by line

Importing this package is cheap; the libraries of the extra `articles` load with the first article.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechat_article.files import ArticleFiles, Folder, PictureFile, UnusableError
from wechat_article.parts import ArticleBody, ArticleSource, Findings, Remark
from wechat_article.program import Program, _, run_in

if TYPE_CHECKING:
    from wechat_article.page_import import SavedPage

__all__ = [
    "ArticleBody",
    "ArticleFiles",
    "ArticleSource",
    "Folder",
    "PictureFile",
    "Program",
    "Remark",
    "UnusableError",
    "in_dark_mode",
    "read_page",
    "run_in",
    "to_wechat_html",
]


def to_wechat_html(source: ArticleSource | str) -> ArticleBody:
    """Make the body of one article.

    Args:
        source: the article; a text alone is Markdown that names no files.

    Returns:
        The HTML inside the allow-list, the images it shows, and all findings by line. The same input
        gives the same bytes on every machine.
    """
    from wechat_article.body import assemble

    source = ArticleSource(text=source) if isinstance(source, str) else source
    try:
        return assemble(source)
    except MemoryError:
        raise
    except Exception as error:  # whatever a library raises for a stranger's content
        findings = Findings(file=source.display_path)
        what = _("the article was not rendered: a library failed ({detail})")
        hint = _("simplify the article; look for marks that repeat very often or are nested very deeply")
        findings.error("article-failed", what.format(detail=type(error).__name__), hint)
        return ArticleBody(html="", findings=tuple(findings))


def read_page(text: str, *, with_own: bool = False) -> SavedPage:
    """Read the article of a page that was saved from an editor, with the addresses of its pictures.

    Args:
        text: the page, decoded.
        with_own: list the pictures that WeChat serves, too.

    Raises:
        UnusableError: the article is too long.
    """
    from wechat_article import page_import

    return page_import.read_page(text, with_own=with_own)


def in_dark_mode(html: str) -> str:
    """Return an article as phones in dark mode show it."""
    from wechat_article.colours import darken

    return darken(html)
