"""Remembers which campaign files were found clean: by their bytes and those of all they read, never by time.

A key covers everything a check depends on, so what is remembered can only be right or unused. Only checks
use it: a plan and an apply look at every file anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from runner import __version__
from runner.model import FileInfo, Settings
from runner.reading.files import FileError
from runner.rendering.scope import Files
from runner.schemas.store import schema_text

PACKAGE: Final = Path(__file__).parent
LIBRARIES: Final = (
    "css-inline", "jinja2", "jsonschema", "jsonschema-rs", "lxml", "markdown-it-py", "mdit-py-plugins",
    "nh3", "pillow", "pygments", "pyyaml", "tinycss2",
)  # fmt: skip
FAILED: Final = "! "
"""Begins what stands for a digest when a file could not be read; the rule follows."""
T = TypeVar("T")
_ROOT: Final = PurePosixPath("_settings.yaml")


@dataclass(frozen=True, slots=True)
class Clean:
    """A file without a problem: how many sends it makes, and the digests of what else was read for it."""

    sends: int
    read: Mapping[str, str]
    """By `text:PATH`, `info:PATH` or `data:PATH`."""


class Watched:
    """The files of a campaigns folder; `read` tells what the campaign in hand read, or missed."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._digests: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what the campaign before has read."""
        self.read: dict[str, str] = {}

    def locate(self, base_file: PurePosixPath, path: str) -> PurePosixPath:
        """See `scope.Files.locate`."""
        return self._files.locate(base_file, path)

    def text(self, base_file: PurePosixPath, path: str) -> str:
        """See `scope.Files.text`."""
        located = self.locate(base_file, path)
        return self._noted("text", located, lambda: self._files.text(base_file, path), str.encode)

    def info(self, base_file: PurePosixPath, path: str) -> FileInfo:
        """See `scope.Files.info`."""
        located = self.locate(base_file, path)
        return self._noted("info", located, lambda: self._files.info(base_file, path), _of_info)

    def data(self, path: PurePosixPath) -> bytes:
        """See `scope.Files.data`."""
        return self._noted("data", path, lambda: self._files.data(path), bytes)

    def unchanged(self, read: Mapping[str, str]) -> bool:
        """Tell whether everything that was read then reads the same now."""
        return all(self._digest(name) == digest for name, digest in read.items())

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            kind, _, path = name.partition(":")
            with suppress(FileError):
                if kind == "data":
                    self.data(PurePosixPath(path))
                else:
                    (self.text if kind == "text" else self.info)(_ROOT, path)
        return self._digests.get(name, "")

    def _noted(
        self, kind: str, path: PurePosixPath, read: Callable[[], T], content: Callable[[T], bytes]
    ) -> T:
        name = f"{kind}:{path}"
        try:
            value = read()
        except FileError as error:
            self.read[name] = self._digests[name] = f"{FAILED}{error.rule}"
            raise
        if self._digests.get(name, FAILED).startswith(FAILED):
            self._digests[name] = _hex(content(value))
        self.read[name] = self._digests[name]
        return value


def _of_info(info: FileInfo) -> bytes:
    return info.sha256.encode()


@dataclass(kw_only=True)
class Memory:
    """The clean files of earlier runs under one fingerprint of tool and settings."""

    file: Path
    fingerprint: bytes
    entries: dict[str, Any] = field(default_factory=dict)

    def key(self, file: PurePosixPath, data: bytes) -> str:
        """Name a campaign file by its path and its bytes."""
        return _hex(b"\0".join((self.fingerprint, os.fsencode(file), data)))

    def get(self, key: str) -> Clean | None:
        """Look a file up; what has not the shape of an entry is none."""
        match self.entries.get(key):
            case [int(sends), dict(read)]:
                return Clean(sends, read)
        return None

    def write(self, clean: Mapping[str, Clean]) -> None:
        """Keep these for the next run; a disk that cannot be written is no fault of the campaigns."""
        entries = {key: [one.sends, dict(one.read)] for key, one in clean.items()}
        if entries == self.entries:
            return
        body = json.dumps(entries, separators=(",", ":")).encode()
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            (self.file.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            # Another run may write at the same moment: whichever replaces last is whole.
            written = self.file.with_suffix(f".{os.getpid()}")
            written.write_bytes(_hex(body).encode() + b"\n" + body)
            written.replace(self.file)


def remembered(folder: Path, *, settings: Settings, variables: Mapping[str, str]) -> Memory:
    """Read what earlier runs found clean.

    Args:
        folder: where it is kept; need not exist.
        settings: with the environment chosen.
        variables: from `--var`.

    Returns:
        The memory; empty when there is none, or it is not whole.
    """
    file = folder / f"clean-{_hex(settings.environment.name.encode())[:8]}.json"
    memory = Memory(file=file, fingerprint=_fingerprint(settings, variables))
    with suppress(OSError, ValueError, RecursionError):
        digest, _, body = file.read_bytes().partition(b"\n")
        entries = json.loads(body) if digest.decode() == _hex(body) else {}
        memory.entries = entries if isinstance(entries, dict) else {}
    return memory


def _fingerprint(settings: Settings, variables: Mapping[str, str]) -> bytes:
    """Digest all that a check depends on beside the campaign's own files."""
    parts = [
        __version__,
        sys.version,
        repr(settings),
        repr(sorted(variables.items())),
        schema_text("campaign"),
    ]
    parts += [f"{name} {_version(name)}" for name in LIBRARIES]
    # Whoever works on this program changes it without a new version.
    parts += [repr((str(path), path.stat().st_size, path.stat().st_mtime_ns)) for path in _sources()]
    return _hex("\0".join(parts).encode()).encode()


def _sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".css", ".json", ".yaml"))


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _hex(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=20).hexdigest()
