"""Markdown or HTML → the HTML that WeChat keeps, its images listed, its faults found.

Importing this package is cheap; the libraries of the extra `articles` load with the first article.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.errors import UsageError, require_extra
from wechat_campaigns.core.fence import OverBoundError, run_fenced
from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article.parts import ArticleBody, ArticleSource, Findings, escape_for
from wechat_campaigns.source.files import FileError, Files, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable

    from wechat_campaigns.render.article.page_import import SavedPage

__all__ = [
    "ArticleBody",
    "ArticleSource",
    "build",
    "convert",
    "escape_for",
    "image_bytes",
    "preload",
    "read_draft_article",
    "read_saved_page",
]

_PAGES: Final = frozenset({".html", ".htm", ".xhtml"})


def preload() -> None:
    """Load the libraries of templates and articles here: a program that forks often loads them once."""
    from wechat_campaigns.render.templates import engine  # noqa: F401

    with suppress(ImportError):  # the extra `articles` is not installed
        from wechat_campaigns.render.article import body, images, markdown, rewrite, theme  # noqa: F401

        theme.inliner()


@lru_cache(maxsize=64)
def build(source: ArticleSource) -> ArticleBody:
    """Make the body of one article, or give it again: many campaigns may send the same.

    `files` is a part of what is remembered: it belongs to one run, in which it reads each file once.

    Returns:
        The HTML inside the allow-list, the images it shows, and all findings by line. The same input
        gives the same bytes on every machine.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("the article {file}").format(file=source.display_path))
    from wechat_campaigns.render.article.body import assemble

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


def read_saved_page(page: Path) -> SavedPage:
    """Read a page that was saved from an editor.

    Raises:
        UsageError: it is missing, too large, or no page.
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("importing {file}").format(file=page))
    from wechat_campaigns.render.article.page_import import MAX_PAGE_BYTES, decode_page, read_page, with_body

    hint = _("save the page in the browser as HTML (complete, not a single file), and pass that file")
    if page.suffix.lower() in (".md", ".markdown"):
        hint = _(
            "Markdown needs no import: run `campaign new ID --tag NAME --msgtype mpnews`, and write the file "
            "as `body`"
        )
    if page.suffix.lower() not in _PAGES:
        raise UsageError(_("the file is not an HTML page"), hint=hint, location=str(page))
    try:
        data = read_regular(page, MAX_PAGE_BYTES)
    except FileError as error:
        raise UsageError(error.message, hint=error.hint, location=str(page)) from error
    except OSError as error:
        raise UsageError(
            _("file `{path}` does not exist").format(path=page), hint=_("check the path")
        ) from error
    hint = _("save the article alone, without the page around it; an editor's copy of it is short")
    return _fenced(lambda: with_body(read_page(decode_page(data))), hint, str(page))


def read_draft_article(html: str) -> SavedPage:
    """Read the HTML of an article of a draft, with the pictures that WeChat serves.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("reading a draft"))
    from wechat_campaigns.render.article.page_import import read_page

    hint = _("simplify the article in the WeChat console")
    return _fenced(lambda: read_page(html, with_own=True), hint)


def _fenced(read: Callable[[], SavedPage], hint: str, location: str = "") -> SavedPage:
    try:
        return run_fenced(read)
    except OverBoundError as error:
        what = _("the article was not read: {reason}").format(reason=error.bound.words)
        raise UsageError(what, hint=hint, location=location) from error


def image_bytes(file: FileInfo, files: Files) -> bytes:
    """Return the bytes to upload for a file: its own, or the image mended as it was planned.

    Args:
        file: what a `BodyImage` or a `Media` says of the file; its sha256 decides.

    Raises:
        StalePlanError: when neither has the sha256 that was planned.
        MissingExtraError: when an image must be mended and the extra `articles` is not installed.
    """
    import hashlib

    data = files.data(file.path)
    if hashlib.sha256(data).hexdigest() == file.sha256:
        return data
    require_extra("articles", needed_for=_("converting the image {file}").format(file=file.path))
    from wechat_campaigns.render.article.images import converted_bytes

    try:
        return run_fenced(lambda: converted_bytes(data, file))
    except OverBoundError as error:
        what = _("the image `{name}` was not converted: {reason}")
        what = what.format(name=file.path.name, reason=error.bound.words)
        hint = _("export it again as a smaller PNG or JPEG file")
        raise FileError("resource-limit", what, hint) from error


def convert(file: FileInfo, files: Files) -> tuple[FileInfo, str]:
    """Mend a picture that becomes material: a cover, or one of a picture post.

    Returns:
        The file as it will be uploaded and a note for people; as it was and no note when there is nothing
        to mend, or something that cannot be mended.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("converting the image {file}").format(file=file.path))
    if file.format == "heic":
        require_extra("heic", needed_for=_("converting the image {file}").format(file=file.path))
    from wechat_campaigns.render.article.images import MATERIAL, prepare

    made = prepare(file, files, MATERIAL, convert=True)
    return made.file, made.note
