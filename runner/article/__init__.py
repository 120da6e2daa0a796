"""Markdown or HTML → the HTML that WeChat keeps, its images listed, its faults found.

Importing this package is cheap; the libraries of the extra `articles` load with the first article.
"""

from __future__ import annotations

from runner.article.escape import escape_for
from runner.article.parts import ArticleBody, ArticleFiles, ArticleSource
from runner.errors import MissingExtraError
from runner.model import FileInfo
from runner.words import _

__all__ = ["ArticleBody", "ArticleSource", "build", "escape_for", "image_bytes", "mend"]

LIBRARIES = ("markdown_it", "mdit_py_plugins", "pygments", "lxml", "css_inline", "nh3", "tinycss2", "PIL")


def build(source: ArticleSource) -> ArticleBody:
    """Make the body of one article.

    Returns:
        The HTML inside the allow-list, the images it shows, and all findings by line. The same input
        gives the same bytes on every machine.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    try:
        from runner.article.body import assemble
    except ImportError as error:
        raise _missing(error, _("an article ({file})").format(file=source.shown)) from error
    return assemble(source)


def image_bytes(file: FileInfo, files: ArticleFiles) -> bytes:
    """Return the bytes to upload for a file: its own, or the image mended as it was planned.

    Args:
        file: what a `BodyImage` or a `Media` says of the file; its sha256 decides.
        files: where it is read.

    Raises:
        StalePlanError: when neither has the sha256 that was planned.
        MissingExtraError: when an image must be mended and the extra `articles` is not installed.
    """
    import hashlib

    data = files.data(file.path)
    if hashlib.sha256(data).hexdigest() == file.sha256:
        return data
    try:
        from runner.article.images import mended_bytes
    except ImportError as error:
        raise _missing(error, _("a changed image ({file})").format(file=file.path)) from error
    return mended_bytes(data, file)


def mend(file: FileInfo, files: ArticleFiles) -> tuple[FileInfo, str]:
    """Mend a picture that becomes material: a cover, or one of a picture post.

    Args:
        file: what is known of it.
        files: where it is read.

    Returns:
        The file as it will be uploaded and a note for people; as it was and no note when there is nothing
        to mend, or something that cannot be mended.

    Raises:
        MissingExtraError: when the extra `articles` is not installed.
    """
    try:
        from runner.article import images
    except ImportError as error:
        raise _missing(error, _("mending an image ({file})").format(file=file.path)) from error
    data = files.data(file.path)
    if not images.mendable(images.look(data, file.format, images.MATERIAL)):
        return file, ""
    info, _data, note = images.mended(file, data, images.MATERIAL)
    return info, note


def _missing(error: ImportError, needed_for: str) -> Exception:
    """Tell a library that is not installed from a fault of our own."""
    library = (error.name or "").partition(".")[0]
    return MissingExtraError("articles", needed_for=needed_for) if library in LIBRARIES else error
