"""Remembers what campaign files were found to be: by their bytes and those of all they read.

A key covers everything a check depends on, so what is remembered can only be right or unused. A file whose
inode, size, and times of change to the nanosecond are those under which it was read is not read again: that
tells the digest of its bytes, as it does for git. Only checks use the memory: a plan and an apply look at
every file anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, TypeVar

from wechat_campaigns import __version__
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.i18n import LocalizedMessage, current_language, english_text
from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.core.state_folder import replace_file
from wechat_campaigns.source.files import MAX_MEDIA_BYTES, MAX_TEXT_BYTES, FileError, Files, read_regular
from wechat_campaigns.source.load import MAX_YAML_BYTES
from wechat_campaigns.source.schemas.store import schema_text

PACKAGE: Final = Path(__file__).parents[1]
LIBRARIES: Final = (
    "css-inline", "emoji", "jinja2", "jsonschema", "jsonschema-rs", "latex2mathml", "lxml", "markdown-it-py",
    "mdit-py-plugins", "nh3", "pillow", "pillow-heif", "pygments", "pyyaml", "tinycss2", "ziafont", "ziamath",
)  # fmt: skip
UNREADABLE_PREFIX: Final = "! "
"""Begins what stands for a digest when a file could not be read; the rule follows."""
MIN_FILE_AGE_NS: Final = 2_000_000_000
"""A file changed within this time may change once more without its times telling."""
T = TypeVar("T")
Stamp = list[int]
"""Inode, size in bytes, time of the last change of the content and of the inode, in nanoseconds."""
_ROOT: Final = PurePosixPath("_settings.yaml")


class CacheEntry(NamedTuple):
    """A campaign file without an error; a tuple, because workers hand over thousands."""

    stamp: Stamp | None
    digest: str
    """Of its bytes."""
    sends: int
    problems: tuple[Diagnostic, ...]
    """Warnings and advice."""
    read: Mapping[str, str]
    """The digests of other files, by `text:PATH`, `info:PATH` or `data:PATH`; of names, by `list:PATTERN`."""


def stamp_of(path: str, now_ns: int) -> Stamp | None:
    """Tell a regular file's stamp; None when it is none, or was changed a moment before `now_ns`."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    changed_ns = max(status.st_mtime_ns, status.st_ctime_ns)
    if not stat.S_ISREG(status.st_mode) or now_ns - changed_ns < MIN_FILE_AGE_NS:
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


class TrackedFiles(Files):
    """The files of a campaigns folder; `read` tells what the campaign in hand read, or missed.

    Args:
        memory: stamps and digests of the last run.
    """

    def __init__(self, files: Files, root: Path, memory: ValidationCache) -> None:
        self._files = files
        self._now_ns = memory.now_ns
        self._root = os.path.realpath(root)
        self._stamped = memory.files
        self._digests: dict[str, str] = {}
        """Of what was read in this run."""
        self._trusted_digests: dict[str, str] = {}
        """Of what was not, as stamps tell them."""
        self._inside: dict[str, bool] = {}
        self.stamps: dict[str, tuple[Stamp, str]] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what the campaign before has read."""
        self.read: dict[str, str] = {}

    def text(self, base_file: PurePosixPath, path: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
        """See `Files.text`."""
        located = self.locate(base_file, path)
        return self._noted(
            "text", located, lambda: self._files.text(base_file, path, limit_bytes), str.encode
        )

    def info(self, base_file: PurePosixPath, path: str) -> FileInfo:
        """See `Files.info`."""
        located = self.locate(base_file, path)
        return self._noted(
            "info", located, lambda: self._files.info(base_file, path), lambda info: info.sha256.encode()
        )

    def data(self, path: PurePosixPath) -> bytes:
        """See `Files.data`."""
        return self._noted("data", path, lambda: self._files.data(path), bytes)

    def matching(self, base_file: PurePosixPath, pattern: str) -> tuple[str, ...]:
        """See `Files.matching`."""
        path = base_file.parent / pattern
        # Without its `..`, so that it can be asked again from the root.
        located = self.locate(base_file, str(PurePosixPath(pattern).parent / "x")).parent / path.name
        name = f"list:{located}"
        self._digests.pop(name, None)
        return self._noted(
            "list",
            located,
            lambda: self._files.matching(base_file, pattern),
            lambda names: "\0".join(PurePosixPath(one).name for one in names).encode(),
        )

    def unchanged(self, read: Mapping[str, str]) -> bool:
        """Tell whether everything that was read then reads the same now."""
        return all(self._digest(name) == digest for name, digest in read.items())

    def _digest(self, name: str) -> str:
        if name in self._digests:
            return self._digests[name]
        if name in self._trusted_digests or self._is_stamped(name):
            return self._trusted_digests[name]
        kind, _, path = name.partition(":")
        with suppress(FileError):
            if kind == "data":
                self.data(PurePosixPath(path))
            elif kind == "list":
                self.matching(_ROOT, path)
            elif kind == "text":
                self.text(_ROOT, path, MAX_MEDIA_BYTES)
            else:
                self.info(_ROOT, path)
        return self._digests.get(name, "")

    def _is_stamped(self, name: str) -> bool:
        stamp, digest = self._stamped.get(name, (None, ""))
        if stamp is None or self._stamp(name.partition(":")[2]) != stamp:
            return False
        self._trusted_digests[name], self.stamps[name] = digest, (stamp, digest)
        return True

    def _stamp(self, path: str) -> Stamp | None:
        """Stamp a file, unless there is a link among its folders."""
        folder = os.path.dirname(path)  # noqa: PTH120 (asked for every file of every campaign)
        if folder not in self._inside:
            real = os.path.realpath(os.path.join(self._root, folder))  # noqa: PTH118
            self._inside[folder] = real == os.path.join(self._root, folder).rstrip("/")  # noqa: PTH118
        return stamp_of(f"{self._root}/{path}", self._now_ns) if self._inside[folder] else None

    def _noted(
        self, kind: str, path: PurePosixPath, read: Callable[[], T], content: Callable[[T], bytes]
    ) -> T:
        name = f"{kind}:{path}"
        stamp = self._stamp(str(path)) if name not in self._digests else None
        try:
            value = read()
        except FileError as error:
            self.read[name] = self._digests[name] = f"{UNREADABLE_PREFIX}{error.rule}"
            raise
        # Texts and descriptions are kept by who reads them, data is read anew each time.
        if kind == "data" or self._digests.get(name, UNREADABLE_PREFIX).startswith(UNREADABLE_PREFIX):
            self._digests[name] = digest_of(content(value))
            if stamp is not None:
                self.stamps[name] = (stamp, self._digests[name])
        self.read[name] = self._digests[name]
        return value


@dataclass(kw_only=True)
class ValidationCache:
    """What the last run found, under one fingerprint of tool and settings."""

    file: Path
    fingerprint: bytes
    now_ns: int
    """When this run began, in nanoseconds since 1970."""
    campaigns: Mapping[str, Any] = field(default_factory=dict)
    """By path: the fields of `CacheEntry`."""
    files: Mapping[str, Any] = field(default_factory=dict)
    """By name as in `CacheEntry.read`: stamp and digest of what campaigns read."""

    def lookup(self, path: str, watched: TrackedFiles) -> CacheEntry | None:
        """Give what is known of a campaign file whose bytes, and all that it read, are the same as then."""
        row = self.campaigns.get(path)
        if row is None:
            return None
        stamp, digest, sends, problems, read = row
        now = stamp_of(path, self.now_ns)
        if (now is None or now != stamp) and digest_of(bytes_of(path) or b"") != digest:
            return None
        if not watched.unchanged(read):
            return None
        return CacheEntry(now, digest, sends, tuple(map(_problem, problems)), read)

    def write(self, campaigns: Mapping[str, CacheEntry], files: Mapping[str, tuple[Stamp, str]]) -> None:
        """Keep these for the next run; a disk that cannot be written is no fault of the campaigns."""
        rows = {path: _row(one) for path, one in campaigns.items()}
        stamps = {name: list(one) for name, one in files.items()}
        if (rows, stamps) == (self.campaigns, self.files):
            return
        body = json.dumps([rows, stamps], separators=(",", ":")).encode()
        with suppress(OSError):
            signed = digest_of(self.fingerprint + body).encode() + b"\n" + body
            replace_file(self.file, signed, private=True)


def _row(one: CacheEntry) -> list[Any]:
    return [one.stamp, one.digest, one.sends, [_fields(problem) for problem in one.problems], dict(one.read)]


def _fields(problem: Diagnostic) -> list[Any]:
    at, english = problem.location, english_text(problem.message)
    where = [at.file, at.line, at.column, problem.path]
    return [*where, problem.rule, problem.message, english, problem.hint, problem.level]


def _problem(fields: list[Any]) -> Diagnostic:
    file, line, column, path, rule, what, english, hint, level = fields
    place = Location(file=file, line=line, column=column)
    what = what if what == english else LocalizedMessage(what, english)
    return Diagnostic(location=place, path=path, rule=rule, message=what, hint=hint, level=level)


def load_cache(
    folder: Path, *, root: Path, settings: Settings, variables: Mapping[str, str], now_ns: int | None = None
) -> ValidationCache:
    """Read what the last run found: nothing, unless it is whole and made under the same fingerprint.

    Args:
        folder: where it is kept; need not exist.
    """
    file = folder / f"clean-{digest_of(settings.environment.name.encode())[:8]}.json"
    began_ns = time.time_ns() if now_ns is None else now_ns
    memory = ValidationCache(file=file, fingerprint=_fingerprint(root, settings, variables), now_ns=began_ns)
    with suppress(OSError, ValueError, RecursionError):
        digest, _, body = file.read_bytes().partition(b"\n")
        if digest.decode() == digest_of(memory.fingerprint + body):
            memory.campaigns, memory.files = json.loads(body)
    return memory


def _fingerprint(root: Path, settings: Settings, variables: Mapping[str, str]) -> bytes:
    """Digest all that a check depends on beside the campaign's own files."""
    parts = [
        __version__,
        sys.version,
        root.as_posix(),
        repr(settings),
        repr(sorted(variables.items())),
        schema_text("campaign"),
        current_language(),  # warnings are kept as they were said
        # What one user may read, another may not.
        repr([getattr(os, name, int)() for name in ("geteuid", "getegid", "getgroups")]),
    ]
    parts += [f"{name} {_version(name)}" for name in LIBRARIES]
    # Whoever works on this program changes it without a new version.
    parts += [repr((str(path), path.stat().st_size, path.stat().st_mtime_ns)) for path in _sources()]
    return digest_of("\0".join(parts).encode()).encode()


def _sources() -> list[Path]:
    return sorted(
        path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".css", ".json", ".mo", ".yaml")
    )


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def bytes_of(path: str) -> bytes | None:
    """Read a campaign file; None when it cannot be read."""
    try:
        return read_regular(path, MAX_YAML_BYTES)
    except (FileError, OSError):
        return None


def digest_of(content: bytes) -> str:
    """Fingerprint bytes."""
    return hashlib.blake2b(content, digest_size=20).hexdigest()
