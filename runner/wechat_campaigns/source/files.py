"""Reads the files that campaigns name, and never anything outside the campaigns folder."""

import fnmatch
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from wechat_article.files import UnusableError
from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.errors import system_reason
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.sniff import duration_s, sniff
from wechat_campaigns.source.text import decode, shorten

MAX_MEDIA_BYTES: Final = 20 * 1024 * 1024
MAX_TEXT_BYTES: Final = 2 * 1024 * 1024

_DATA: Final = (".yaml", ".yml", ".csv", ".tsv", ".xls", ".xlsx")
"""How files end that hold settings, campaigns or recipients."""
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Not followed: a link at the last step. Not waited for: a pipe, which is refused then.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class FileError(UnusableError):
    """A file cannot be used; `to_diagnostic` makes it a problem of the place that names it.

    Args:
        inside: where in the named file the fault is, when it is there.
    """

    def __init__(self, rule: str, message: str, hint: str, *, inside: Location | None = None) -> None:
        super().__init__(message, hint)
        self.rule = rule
        self.inside = inside

    def to_diagnostic(self, place: Location, path: KeyPath = ()) -> Diagnostic:
        """Return the problem, at the faulty line of the named file or at the place that names it."""
        return Finding(self.rule, self.message, self.hint, path).at(self.inside or place)


class Files:
    """The files below one campaigns folder.

    Paths that users write are relative to the folder of the file that names them. Every method raises
    `FileError` when the path leaves the folder, or the file is missing, too large or unreadable.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real_root = Path(os.path.realpath(root))
        self._texts: dict[PurePosixPath, str] = {}
        self._infos: dict[PurePosixPath, FileInfo] = {}
        self._folders: dict[PurePosixPath, str] = {}

    def locate(self, base_file: PurePosixPath, path: str) -> PurePosixPath:
        """Resolve a written path.

        Args:
            base_file: the file that names it, relative to the campaigns folder.
            path: what is written there.

        Returns:
            The path relative to the campaigns folder, without `..`; the file may not exist.
        """
        _refuse_foreign(path)
        steps: list[str] = []
        for step in (*base_file.parent.parts, *PurePosixPath(path).parts):
            if step != "..":
                steps.append(step)
            elif steps:
                steps.pop()
            else:
                raise _outside_folder_error(path)
        if not steps:
            raise _not_a_file_error(path)
        return PurePosixPath(*steps)

    def text(self, base_file: PurePosixPath, path: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
        """Read a UTF-8 text file, with plain line feeds: the same after any checkout."""
        located = self.locate(base_file, path)
        if located not in self._texts:
            decoded = decode(self._read(located, limit_bytes))
            if isinstance(decoded, Finding):
                place = Location(
                    file=(self.root / located).as_posix(), line=decoded.line, column=decoded.column
                )
                raise FileError(decoded.rule, decoded.message, decoded.hint, inside=place)
            self._texts[located] = decoded.replace("\r\n", "\n").replace("\r", "\n")
        return self._texts[located]

    def data(self, path: PurePosixPath) -> bytes:
        """Read a file of at most 20 MiB; nothing is cached.

        Args:
            path: relative to the campaigns folder, as `FileInfo.path` has it.
        """
        return self._read(self.locate(PurePosixPath("_"), str(path)), MAX_MEDIA_BYTES)

    def info(self, base_file: PurePosixPath, path: str) -> FileInfo:
        """Describe a media file by its bytes: digest, size, format; `duration_s` for mp3, amr and wav."""
        import hashlib  # loads OpenSSL, which most campaigns do without

        located = self.locate(base_file, path)
        if located not in self._infos:
            data = self._read(located, MAX_MEDIA_BYTES)
            kind = sniff(data)
            self._infos[located] = FileInfo(
                path=located,
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                format=kind,
                duration_s=duration_s(data, kind),
            )
        return self._infos[located]

    def matching(self, base_file: PurePosixPath, pattern: str) -> tuple[str, ...]:
        """List the files that a pattern names, such as `pictures/*.jpg`, by name: `2.jpg` before `10.jpg`.

        `*` and `?` stand in the last step only; hidden files and links are left out.

        Returns:
            Paths as they could be written in its place.
        """
        folder, slash, names = pattern.rpartition("/")
        if re.search(r"[*?\[]", folder):
            what = _("`{path}` has `*` or `?` in a folder's name").format(path=shorten(pattern))
            hint = _("write them in the name of the file only, as in `pictures/*.jpg`")
            raise FileError("file-pattern", what, hint)
        located = self.locate(base_file, f"{folder}{slash}x").parent
        real = self._folder(located)
        accepts = re.compile(fnmatch.translate(names.replace("[", "[[]")))
        try:
            entries = [one.name for one in os.scandir(real) if one.is_file(follow_symlinks=False)]
        except OSError:
            entries = []
        found = [name for name in entries if accepts.match(name) and not name.startswith(".")]
        if not found:
            what = _("no file matches `{path}`").format(path=shorten(pattern))
            hint = _("add the files, or correct the pattern")
            raise FileError("file-missing", what, hint)
        return tuple(f"{folder}{slash}{name}" for name in sorted(found, key=_natural))

    def _read(self, located: PurePosixPath, limit_bytes: int) -> bytes:
        path = f"{self._folder(located.parent)}/{located.name}"
        self._refuse_link(path, located)
        try:
            return read_regular(path, limit_bytes)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._missing_error(located) from error

    def _folder(self, located: PurePosixPath) -> str:
        """Return where a folder is on this machine, once no link was found on the way."""
        if located not in self._folders:
            for step in (*reversed(located.parents[:-1]), located):
                self._refuse_link(self._real_root / step, step)
            real = os.path.realpath(self._real_root / located)
            if not Path(real).is_relative_to(self._real_root):
                raise _outside_folder_error(str(located))
            self._folders[located] = real
        return self._folders[located]

    def _refuse_link(self, path: str | Path, located: PurePosixPath) -> None:
        if os.path.islink(path):  # noqa: PTH114 (a name too long is answered by the reading)
            what = _("`{path}` is a link, which can point anywhere on this machine").format(
                path=shorten(f"{self.root.name}/{located}")
            )
            raise FileError("file-link", what, _("put the file or folder itself here"))

    def _missing_error(self, located: PurePosixPath) -> FileError:
        folder = self._real_root / located.parent
        siblings = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        hint = did_you_mean(located.name, siblings, otherwise=_("add the file, or correct the path"))
        what = _("file `{path}` does not exist").format(path=f"{self.root.name}/{located}")
        return FileError("file-missing", what, hint)


def _natural(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Order names as people do: numbers in them by their value."""
    parts = re.findall(r"\d{1,18}|\D+", name.lower())
    return [(False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts], name


def read_regular(path: str | Path, limit_bytes: int) -> bytes:
    """Read a regular file, following no link at its last step.

    Raises:
        FileError: it is not a regular file, is too large or unreadable.
        FileNotFoundError, NotADirectoryError: it does not exist.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _not_a_file_error(Path(path).name)
            data = _read_all(descriptor, min(status.st_size, limit_bytes) + 1, limit_bytes + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        what = _("`{name}` cannot be read: {reason}").format(
            name=shorten(Path(path).name), reason=system_reason(error)
        )
        hint = _("check the type of the file and its permissions")
        raise FileError("file-unreadable", what, hint) from error
    if len(data) > limit_bytes:
        what = _("`{name}` is larger than the limit of {limit:,} KiB").format(
            name=Path(path).name, limit=limit_bytes // 1024
        )
        hint = _("make it smaller")
        raise FileError("file-too-large", what, hint)
    return data


def refuse_data(path: str) -> None:
    """Keep settings, campaigns and tables of recipients out of what is sent.

    Args:
        path: of a text to send, as it is written.

    Raises:
        FileError: it names one of them.
    """
    if PurePosixPath(path).name.lower().rstrip(". ").endswith(_DATA):
        what = _("`{path}` contains settings or a table, not text to send").format(path=shorten(path))
        hint = _("use a text file, such as one that ends in .txt, .md or .html")
        raise FileError("file-data", what, hint)


def _read_all(descriptor: int, expected: int, most: int) -> bytes:
    """Read to the end, or to `most` bytes; `expected` is one more than the file seems to hold."""
    data = os.read(descriptor, expected)
    while expected - 1 != len(data) < most and (more := os.read(descriptor, most - len(data))):
        data += more
    return data


def _not_a_file_error(name: str) -> FileError:
    return FileError(
        "file-not-a-file", _("`{name}` is not a file").format(name=shorten(name)), _("use a regular file")
    )


def _refuse_foreign(path: str) -> None:
    """Refuse all but relative paths with `/`, which are the same on every system."""
    if not path.strip() or _CONTROL.search(path):
        what, hint = _("a path is empty or contains invisible characters"), _("write the path of the file")
    elif "\\" in path:
        what, hint = _("`{path}` contains backslashes"), _("separate folders with `/`")
    elif path.startswith("/") or _DRIVE.match(path):
        what = _("`{path}` is an absolute path")
        hint = _("write it relative to the folder of the file that refers to it")
    else:
        return
    raise FileError("file-path", what.format(path=shorten(path)), hint)


def _outside_folder_error(path: str) -> FileError:
    what = _("`{name}` is outside the campaigns folder").format(name=shorten(path))
    hint = _("move the file into the campaigns folder")
    return FileError("file-outside", what, hint)
