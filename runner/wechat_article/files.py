"""Where an article's pictures and themes are read, and what a picture is by its bytes."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from wechat_article.program import _

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


class UnusableError(Exception):
    """A file or a page cannot be used; `message` states why, `hint` what to do instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A file, known by its bytes."""

    path: PurePosixPath
    """Relative to the folder that it is read from."""
    sha256: str
    size_bytes: int
    format: str
    """What `picture_format` returns of it."""
    converted: bool = False
    """True when what is sent is made from the file: sha256, size and format are those of the result."""


class ArticleFiles(Protocol):
    """Reads the files that an article names.

    Every method raises `UnusableError` when a file is missing, or may not be read.
    """

    def info(self, base_file: PurePosixPath, path: str) -> PictureFile:
        """Describe a picture by its bytes; `path` is relative to the folder of `base_file`."""

    def data(self, path: PurePosixPath) -> bytes:
        """Read a file that `info` has described."""

    def text(self, base_file: PurePosixPath, path: str) -> str:
        """Read a text file; `path` is relative to the folder of `base_file`."""


class Folder:
    """The files below one folder; nothing outside it is read.

    Args:
        root: None for an article without files.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = None if root is None else root.resolve()

    def info(self, base_file: PurePosixPath, path: str) -> PictureFile:
        """Describe a picture by its bytes."""
        import hashlib  # loads OpenSSL, which an article without pictures does without

        located = base_file.parent / path
        data = self.data(located)
        sha256, kind = hashlib.sha256(data).hexdigest(), picture_format(data)
        return PictureFile(path=located, sha256=sha256, size_bytes=len(data), format=kind or "unknown")

    def data(self, path: PurePosixPath) -> bytes:
        """Read a file."""
        try:
            file = None if self._root is None else (self._root / path).resolve()
            if file is not None and file.is_relative_to(self._root or "") and file.is_file():
                return file.read_bytes()
        except (OSError, ValueError) as error:  # no right to read it, or no name of a file
            what = _("`{name}` cannot be read: {reason}").format(name=path, reason=error)
            raise UnusableError(what, _("check the type of the file and its permissions")) from error
        what = _("file `{path}` does not exist").format(path=path)
        raise UnusableError(what, _("add the file, or correct the path"))

    def text(self, base_file: PurePosixPath, path: str) -> str:
        """Read a UTF-8 text file, with plain line feeds."""
        try:
            text = self.data(base_file.parent / path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnusableError(_("the file is not UTF-8"), _("save the file as UTF-8")) from error
        return text.replace("\r\n", "\n").replace("\r", "\n")


def picture_format(data: bytes) -> str:
    """Return png, jpeg, gif, bmp, webp, svg, heic or avif by the first bytes; empty for all else."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _ftyp(data)
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return "bmp"
    return "svg" if _is_svg(data) else ""


def _ftyp(data: bytes) -> str:
    """Return avif or heic, which share a container with films, by the brands that the file names."""
    brands = {
        data[8:12],
        *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4], "big"), 64), 4)),
    }
    if brands & {b"avif", b"avis"}:
        return "avif"
    return "heic" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"} else ""


def _is_svg(data: bytes) -> bool:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(b"<svg") or (
        start.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in start
    )
