"""Write archives as folders and ZIP files, and read them back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from wechat_campaigns.cli.output import file_errors
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.archive import MANIFEST, zip_bytes
from wechat_campaigns.report.archive_check import Fault, FaultKind

MAX_BYTES = 1024 * 1024 * 1024
"""Of one archive: a message holds at most eight articles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFolder:
    """One archive as it lies on the disk."""

    name: str
    files: Mapping[str, bytes]
    faults: tuple[Fault, ...] = ()
    """What is wrong with the ZIP beside the folder, and each link or device in the folder."""

    @property
    def is_archive(self) -> bool:
        """False for a file beside the archives."""
        return self.name != "."

    @property
    def manifest_sha256(self) -> str:
        """The digest that vouches for all of it, for who keeps it elsewhere."""
        return hashlib.sha256(self.files.get(MANIFEST, b"")).hexdigest()


def write_archive(out: Path, name: str, files: Mapping[str, bytes]) -> str:
    """Write the folder of an archive and its ZIP; what an earlier one had and this has not is removed.

    Returns:
        The digest of the manifest.

    Raises:
        UsageError: it cannot be written.
    """
    folder = out / name
    for path in _listed(folder) - files.keys():
        if (stale := _below(folder, path)) is not None:
            with file_errors(stale, f"--out {out}"):
                stale.unlink(missing_ok=True)
    for path, data in files.items():
        target = folder / path
        with file_errors(target, f"--out {out}"):
            target.write_bytes(data)
    packed = out / f"{name}.zip"
    with file_errors(packed, f"--out {out}"):
        packed.write_bytes(zip_bytes(name, files))
    return hashlib.sha256(files[MANIFEST]).hexdigest()


def _listed(folder: Path) -> set[str]:
    """List what the manifest of an earlier archive names; nothing where it is missing or damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set(map(str, json.loads((folder / MANIFEST).read_bytes())["files"].keys()))
    return set()


def _below(folder: Path, path: str) -> Path | None:
    """Give a file of a folder; None for a path that leads out of it, or through a link."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        return None
    target = folder.joinpath(*parts)
    steps = [target, *target.parents]
    below = steps[: steps.index(folder) + 1]
    return None if any(step.is_symlink() for step in below) else target


def read_archives(out: Path) -> list[ArchiveFolder]:
    """Read every archive in a folder, or the one that the folder is, with the faults of their ZIP files.

    Raises:
        UsageError: something cannot be read.
    """
    try:
        if (out / MANIFEST).is_file():
            return [_read(out, out.parent / f"{out.name}.zip", out.name)]
        entries = sorted(out.iterdir())
        folders = {one.name for one in entries if one.is_dir()}
        zips = {one.stem for one in entries if one.suffix == ".zip" and not one.is_dir()}
        others = [one.name for one in entries if one.suffix != ".zip" and not one.is_dir()]
        found = [_read(out / name, out / f"{name}.zip", name) for name in sorted(folders | zips)]
        extra = [ArchiveFolder(name=".", files={}, faults=(Fault(name, FaultKind.EXTRA),)) for name in others]
        return [*found, *extra] if found else []
    except OSError as error:
        raise UsageError(
            _("cannot read the archive: {reason}").format(reason=error.strerror),
            hint=_("name the folder that `campaign archive` wrote to"),
            location="--verify",
        ) from error


def _read(folder: Path, packed: Path, name: str) -> ArchiveFolder:
    data = packed.read_bytes() if packed.is_file() and packed.stat().st_size <= MAX_BYTES else None
    if not folder.is_dir():
        files = _unpacked(data or b"", name)
        fault = () if data == zip_bytes(name, files) else (Fault(packed.name, FaultKind.ZIP),)
        return ArchiveFolder(name=name, files=files, faults=fault)
    files, faults = {}, []
    for entry in sorted(folder.rglob("*")):
        path = entry.relative_to(folder).as_posix()
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            faults.append(Fault(path, FaultKind.EXTRA))
        elif entry.is_file():
            files[path] = entry.read_bytes()
    if data is not None and data != zip_bytes(name, files):
        faults.append(Fault(packed.name, FaultKind.ZIP))
    return ArchiveFolder(name=name, files=files, faults=tuple(faults))


def _unpacked(data: bytes, name: str) -> dict[str, bytes]:
    """Read the files of a ZIP that is not compressed; empty for any other."""
    with suppress(BadZipFile, ValueError, NotImplementedError, EOFError), ZipFile(BytesIO(data)) as packed:
        entries = packed.infolist()
        if all(one.compress_type == ZIP_STORED and one.filename.startswith(f"{name}/") for one in entries):
            return {one.filename.removeprefix(f"{name}/"): packed.read(one) for one in entries}
    return {}
