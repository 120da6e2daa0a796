"""Markdown or HTML → the HTML that WeChat keeps, its images listed, its faults found.

Importing this package is cheap; the libraries of the extra `articles` load with the first article.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from wechat_campaigns.core import limited_process
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.extras import require_extra
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.render.article.escape import escape_for
from wechat_campaigns.render.article.parts import ArticleBody, ArticleSource, Findings
from wechat_campaigns.source.files import MAX_TEXT_BYTES, FileError, Files, read_regular

if TYPE_CHECKING:
    from wechat_campaigns.render.article.page_import import SavedPage

__all__ = [
    "ArticleBody",
    "ArticleSource",
    "build",
    "convert",
    "escape_for",
    "image_bytes",
    "read_draft_article",
    "read_saved_page",
]

_PAGES: Final = frozenset({".html", ".htm", ".xhtml"})
ARTICLE_SECONDS: Final = 5
"""Of a processor, for one article; each picture adds to it. Honest ones take less than one."""
PAGE_SECONDS: Final = 15
"""For reading the page of an import, or a draft: the pictures inside make a page large, and few elements."""
PICTURE_SECONDS: Final = 20
"""For converting one cover."""


def build(source: ArticleSource) -> ArticleBody:
    """Make the body of one article, or give it again: many campaigns may send the same.

    Returns:
        The HTML inside the allow-list, the images it shows, and all findings by line. The same input
        gives the same bytes on every machine.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    body, reads = _build(source)
    # Whoever watches `files` sees what an article is made of, for each campaign that sends it.
    for method, base_file, path in reads:
        with suppress(FileError):
            getattr(source.files, method)(base_file, path)
    return body


@lru_cache(maxsize=64)
def _build(source: ArticleSource) -> tuple[ArticleBody, set[_Read]]:
    """Make a body; `files` is a part of the key: it belongs to one run, in which it reads each file once."""
    require_extra("articles", needed_for=_("the article {file}").format(file=source.display_path))
    from wechat_campaigns.render.article import prepared
    from wechat_campaigns.render.article.body import assemble, warm

    files, known = _RecordingFiles(source.files), prepared.known()
    warm(source)

    def work() -> tuple[ArticleBody, set[_Read], dict[prepared.Key, prepared.PreparedPicture]]:
        return assemble(replace(source, files=files)), files.reads, prepared.learned(known)

    try:
        body, reads, pictures = limited_process.run(work, cpu_s=ARTICLE_SECONDS)
    except limited_process.OverBudgetError as error:
        return _over_budget_body(source, error), set()
    prepared.remember(pictures)
    return body, reads


def read_saved_page(page: Path) -> SavedPage:
    """Read a page that was saved from an editor.

    Raises:
        UsageError: it is missing, too large, or no page.
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("importing {file}").format(file=page))
    from wechat_campaigns.render.article.page_import import MAX_PAGE_BYTES, decode_page, read_page

    hint = _("save the page in the browser as HTML (complete, not a single file), and pass that file")
    if page.suffix.lower() not in _PAGES:
        raise UsageError(_("the file is not an HTML page"), hint=hint, location=str(page))
    try:
        data = read_regular(page, MAX_PAGE_BYTES)
    except FileError as error:
        raise UsageError(error.message, hint=error.hint, location=str(page)) from error
    except OSError as error:
        raise UsageError(_("the file does not exist"), hint=hint, location=str(page)) from error
    try:
        return limited_process.run(lambda: read_page(decode_page(data)), cpu_s=PAGE_SECONDS)
    except limited_process.OverBudgetError as error:
        what = _("the page was not read: {reason}").format(reason=_reason(error, PAGE_SECONDS))
        hint = _("save the article alone, without the page around it; an editor's copy of it is short")
        raise UsageError(what, hint=hint, location=str(page)) from error


def read_draft_article(html: str) -> SavedPage:
    """Read the HTML of an article of a draft, with the pictures that WeChat serves.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("reading a draft"))
    from wechat_campaigns.render.article.page_import import read_page

    try:
        return limited_process.run(lambda: read_page(html, with_own=True), cpu_s=PAGE_SECONDS)
    except limited_process.OverBudgetError as error:
        what = _("an article of the draft was not read: {reason}").format(reason=_reason(error, PAGE_SECONDS))
        raise UsageError(what, hint=_("simplify the article in the WeChat console")) from error


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

    return converted_bytes(data, file)


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
    from wechat_campaigns.render.article import images

    data = files.data(file.path)

    def work() -> tuple[FileInfo, str]:
        if not images.inspect_image(data, file.format, images.MATERIAL).is_convertible:
            return file, ""
        info, _data, note = images.convert_file(file, data, images.MATERIAL)
        return info, note

    try:
        return limited_process.run(work, cpu_s=PICTURE_SECONDS)
    except limited_process.OverBudgetError as error:
        what = _("the image `{name}` was not converted: {reason}").format(
            name=file.path.name, reason=_reason(error, PICTURE_SECONDS)
        )
        hint = _("export it again as a smaller PNG or JPEG file")
        raise FileError("image-budget", what, hint) from error


_Read = tuple[str, PurePosixPath, str]
"""A method of `Files` with its arguments."""


class _RecordingFiles(Files):
    """Reads files and remembers which: what a forked process reads, nobody else would know of."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.reads: set[_Read] = set()

    def text(self, base_file: PurePosixPath, path: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
        self.reads.add(("text", base_file, path))
        return self.files.text(base_file, path, limit_bytes)

    def info(self, base_file: PurePosixPath, path: str) -> FileInfo:
        self.reads.add(("info", base_file, path))
        return self.files.info(base_file, path)

    def data(self, path: PurePosixPath) -> bytes:
        return self.files.data(path)


def _over_budget_body(source: ArticleSource, error: limited_process.OverBudgetError) -> ArticleBody:
    findings = Findings(file=source.display_path)
    what = _("the article was not rendered: {reason}").format(reason=_reason(error, ARTICLE_SECONDS))
    hint = _("simplify or split the article; look for marks that repeat very often or are nested very deeply")
    findings.error("article-budget", what, hint)
    return ArticleBody(html="", findings=tuple(findings))


def _reason(error: limited_process.OverBudgetError, seconds: int) -> str:
    if error.cause == "time":
        return _("rendering takes more than {seconds} s of computing time").format(seconds=seconds)
    if error.cause == "memory":
        return _("rendering takes more than {count} MB of memory").format(
            count=limited_process.MEMORY_BYTES // 1024**2
        )
    return _("a library failed while rendering ({detail})").format(detail=error.detail or "?")
