"""Articles of campaigns, made by `wechat_article`: its remarks as problems, its pictures as uploads.

Importing this module is cheap; the libraries of the extra `articles` load with the first article.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wechat_article import (
    ArticleBody,
    ArticleSource,
    Program,
    Remark,
    UnusableError,
    read_page,
    run_in,
    to_wechat_html,
)
from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.errors import StalePlanError, UsageError, extra_hint, require_extra
from wechat_campaigns.core.fence import OverBoundError, extend, run_fenced
from wechat_campaigns.core.i18n import _, current_language, ngettext
from wechat_campaigns.messages import BodyImage
from wechat_campaigns.source.files import FileError, Files, read_regular
from wechat_campaigns.source.text import encoding_of

if TYPE_CHECKING:
    from wechat_article.page_import import SavedPage

run_in(Program(_, ngettext, language=current_language, extend=extend, advise_install=extra_hint))
MAX_PAGE_BYTES: Final = 20_000_000
"""Of a saved page; one with its pictures inside has some millions."""
_PAGES: Final = frozenset({".html", ".htm", ".xhtml"})
_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,20})", re.IGNORECASE)


def preload() -> None:
    """Load the libraries of templates and articles here: a program that forks often loads them once."""
    from wechat_campaigns.render.templates import engine  # noqa: F401

    with suppress(ImportError):  # the extra `articles` is not installed
        from wechat_article import body, images, markdown, rewrite, theme  # noqa: F401

        theme.inliner()


@lru_cache(maxsize=64)
def build(source: ArticleSource) -> ArticleBody:
    """Make the body of one article, or give it again: many campaigns may send the same.

    `files` is a part of what is remembered: it belongs to one run, in which it reads each file once.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("the article {file}").format(file=source.display_path))
    return to_wechat_html(source)


def uploads(body: ArticleBody) -> tuple[BodyImage, ...]:
    """Return the pictures of an article as what is uploaded."""
    files = body.images.items()
    return tuple(BodyImage(placeholder=written, file=FileInfo(**vars(file))) for written, file in files)


def diagnostic(remark: Remark, path: KeyPath, *, file: str = "") -> Diagnostic:
    """Return a remark as a problem of the value that names the article.

    Args:
        file: where it is, if not where the remark says.
    """
    finding = Finding(remark.rule, remark.message, remark.hint, path, remark.level)
    return finding.at(Location(file=file or remark.file, line=remark.line))


def read_saved_page(page: Path) -> SavedPage:
    """Read a page that was saved from an editor.

    Raises:
        UsageError: it is missing, too large, or no page.
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("importing {file}").format(file=page))
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
    text = decode_page(data)
    return _fenced(lambda: read_page(text), hint, str(page))


def decode_page(data: bytes) -> str:
    """Decode a page as browsers do: by its mark, by what it says, as UTF-8, or as Chinese Windows has it."""
    said = _CHARSET.search(data[:4096])
    named = [said[1].decode().lower()] if said else []
    named = ["gb18030" if name.startswith(("gb", "cp936")) else name for name in named]
    return data.decode(encoding_of(data, *named) or "gb18030", "replace")


def read_draft_article(html: str) -> SavedPage:
    """Read the HTML of an article of a draft, with the pictures that WeChat serves.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("reading a draft"))
    hint = _("simplify the article in the WeChat console")
    return _fenced(lambda: read_page(html, with_own=True), hint)


def read_pasted_page(html: str) -> SavedPage:
    """Read what was copied in another editor.

    Raises:
        UsageError: it is too large, or no page.
        MissingExtraError: when the extra `articles` is not installed.
    """
    require_extra("articles", needed_for=_("reading a pasted article"))
    hint = _("copy the article alone, without the page around it")
    return _fenced(lambda: read_page(html), hint)


def _fenced(read: Callable[[], SavedPage], hint: str, location: str = "") -> SavedPage:
    try:
        return run_fenced(read)
    except UnusableError as error:
        raise UsageError(error.message, hint=error.hint) from error
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
    from wechat_article.images import converted_bytes

    try:
        converted = run_fenced(lambda: converted_bytes(data, file.sha256))
    except OverBoundError as error:
        what = _("the image `{name}` was not converted: {reason}")
        what = what.format(name=file.path.name, reason=error.bound.words)
        hint = _("export it again as a smaller PNG or JPEG file")
        raise FileError("resource-limit", what, hint) from error
    if converted is None:
        what = _("the file differs from the one in the plan")
        raise StalePlanError(what, location=str(file.path), hint=_("run `campaign plan` again"))
    return converted


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
    from wechat_article.images import MATERIAL, prepare

    made = prepare(file, files, MATERIAL, convert=True)
    return FileInfo(**vars(made.file)), made.note
