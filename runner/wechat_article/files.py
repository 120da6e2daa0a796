"""Where an article's pictures and themes are read, and what a picture is by its bytes."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from wechat_article.program import _

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
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


class PictureFile(Protocol):
    """A file, known by its bytes."""

    @property
    def path(self) -> PurePosixPath:
        """Where it stands in the folder."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""

    @property
    def size_bytes(self) -> int:
        """How many they are."""

    @property
    def format(self) -> str:
        """What `picture_format` returns of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePicture:
    """A picture as it will be uploaded."""

    path: PurePosixPath
    """Of the file that it is, or is made from."""
    sha256: str
    size_bytes: int
    format: str
    converted: bool = False
    """True when it is made from the file: sha256, size and format are those of the result."""


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
        sha256 = hashlib.sha256(data).hexdigest()
        kind = picture_format(data) or "unknown"
        return ArticlePicture(path=located, sha256=sha256, size_bytes=len(data), format=kind)

    def data(self, path: PurePosixPath) -> bytes:
        """Read a file of at most 20 MiB."""
        try:
            file = None if self._root is None else (self._root / path).resolve()
            if file is None or not file.is_relative_to(self._root or file) or not file.is_file():
                what = _("file `{path}` does not exist").format(path=path)
                raise UnusableError(what, _("add the file, or correct the path"))
            with file.open("rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:  # no right to read it, or no name of a file
            what = _("`{name}` cannot be read: {reason}").format(name=path, reason=error)
            raise UnusableError(what, _("check the type of the file and its permissions")) from error
        if len(data) > MAX_FILE_BYTES:
            what = _("`{name}` is larger than the limit of {limit:,} KiB")
            raise UnusableError(what.format(name=path, limit=MAX_FILE_BYTES // 1024), _("make it smaller"))
        return data

    def text(self, base_file: PurePosixPath, path: str) -> str:
        """Read a UTF-8 text file, with plain line feeds."""
        data = self.data(base_file.parent / path)
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            raise UnusableError(_("the file is not UTF-8"), _("save the file as UTF-8")) from error


NO_FILES: Final = Folder()
"""Of an article that names none."""


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
