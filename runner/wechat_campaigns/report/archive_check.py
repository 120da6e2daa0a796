"""Verify the archive of a send: its files against its manifest, and what it says against the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.report.archive import (
    CONTENT,
    EVENTS,
    MANIFEST,
    MEDIA,
    VERSION,
    ArchiveFiles,
)
from wechat_campaigns.report.archive_data import Origin, events_by_send, ledger_data
from wechat_campaigns.report.sanitize import json_text

_ABOUT = ("environment", "account", "appid", "send", "revision")


class FaultKind(StrEnum):
    """What is wrong with a file of an archive."""

    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"
    UNREADABLE = "unreadable"
    LEDGER = "ledger"
    """It does not say what the ledger says."""
    CONTENT = "content"
    """It is not the message whose digest the ledger has."""
    ZIP = "zip"
    """The ZIP does not hold the files of the folder."""


WORDS: Mapping[FaultKind, str] = {
    FaultKind.MISSING: N_("{file} is missing"),
    FaultKind.CHANGED: N_("{file} was changed after the archive was written"),
    FaultKind.EXTRA: N_("{file} does not belong to the archive"),
    FaultKind.UNREADABLE: N_("{file} is not readable in this version"),
    FaultKind.LEDGER: N_("{file} differs from the ledger"),
    FaultKind.CONTENT: N_("{file} is not what was sent, by the content digest in the ledger"),
    FaultKind.ZIP: N_("{file} does not hold the same files as the folder"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an archive."""

    file: str
    kind: FaultKind

    @property
    def text(self) -> str:
        """The fault in words."""
        return _(WORDS[self.kind]).format(file=self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What verifying one archive found."""

    faults: tuple[Fault, ...] = ()
    newer_events: int = 0
    """Events of the send that the ledger got after the archive was written."""


def check_archive(
    files: ArchiveFiles, ledger: Sequence[Event], *, environment: str, namespace: str
) -> Checked:
    """Verify an archive.

    Args:
        files: all that its folder or its ZIP holds.
        ledger: every event of the ledger, its chain verified.
        environment: whose ledger it is.
    """
    try:
        manifest = json.loads(files[MANIFEST])
        listed = {str(name): str(entry["sha256"]) for name, entry in manifest["files"].items()}
        noted = [(int(event["seq"]), str(event["hash"])) for event in manifest["events"]]
        about = tuple(manifest[name] for name in (*_ABOUT, "origin", "archive_version"))
    except KeyError as error:
        kind = FaultKind.MISSING if error.args == (MANIFEST,) else FaultKind.UNREADABLE
        return Checked(faults=(Fault(MANIFEST, kind),))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Checked(faults=(Fault(MANIFEST, FaultKind.UNREADABLE),))
    if about[-1] != VERSION:
        return Checked(faults=(Fault(MANIFEST, FaultKind.UNREADABLE),))
    faults = [*_file_faults(files, listed)]
    found = _ledger_send(ledger, noted, appid=str(manifest["appid"]), namespace=namespace)
    if found is None or about[:5] != _about(found.record, environment):
        return Checked(faults=(*faults, Fault(MANIFEST, FaultKind.LEDGER)))
    faults += _ledger_faults(files, found)
    faults += _content_faults(files, str(manifest["origin"]), found.record.content_digest)
    return Checked(faults=tuple(dict.fromkeys(faults)), newer_events=found.newer)


def _file_faults(files: ArchiveFiles, listed: Mapping[str, str]) -> Iterator[Fault]:
    for name in sorted({*files, *listed} - {MANIFEST}):
        if name not in files:
            yield Fault(name, FaultKind.MISSING)
        elif name not in listed:
            yield Fault(name, FaultKind.EXTRA)
        elif hashlib.sha256(files[name]).hexdigest() != listed[name]:
            yield Fault(name, FaultKind.CHANGED)


@dataclass(frozen=True, slots=True)
class _LedgerSend:
    """A send as the ledger had it when an archive of it was written."""

    record: SendRecord
    state: LedgerState
    events: Sequence[Event]
    newer: int


def _ledger_send(
    ledger: Sequence[Event], noted: Sequence[tuple[int, str]], *, appid: str, namespace: str
) -> _LedgerSend | None:
    """Find the send whose events a manifest lists; None when the ledger does not have exactly these."""
    if not noted:
        return None
    last = noted[-1][0]
    stream = [event for event in ledger if event.stream == appid]
    state = fold((event for event in stream if event.seq <= last), namespace=namespace)
    whole = fold(stream, namespace=namespace)
    for key, events in events_by_send(stream, whole).items():
        then = [event for event in events if event.seq <= last]
        if [(event.seq, event.hash) for event in then] == list(noted) and key in state.sends:
            return _LedgerSend(state.sends[key], state, then, len(events) - len(then))
    return None


def _about(record: SendRecord, environment: str) -> tuple[object, ...]:
    return environment, record.account, record.appid, record.send, record.revision


def _ledger_faults(files: ArchiveFiles, found: _LedgerSend) -> Iterator[Fault]:
    for name, data in ledger_data(found.record, found.state, found.events).items():
        if name in files and not _holds(files[name], data):
            yield Fault(name, FaultKind.LEDGER)
    try:
        kept = [json.loads(line) for line in files.get(EVENTS, b"").splitlines()]
    except (ValueError, RecursionError):
        kept = []
    if EVENTS in files and kept != [json.loads(json_text(event.as_dict())) for event in found.events]:
        yield Fault(EVENTS, FaultKind.LEDGER)


def _holds(written: bytes, data: Any) -> bool:
    try:
        return bool(json.loads(written) == json.loads(json_text(data)))
    except (ValueError, RecursionError):
        return False


def _content_faults(files: ArchiveFiles, origin: str, content_digest: str) -> Iterator[Fault]:
    if origin == Origin.MISSING or CONTENT not in files:
        if CONTENT in files or origin != Origin.MISSING:
            yield Fault(CONTENT, FaultKind.CONTENT)
        return
    try:
        content = json.loads(files[CONTENT])
        is_sent = sha256(content) == content_digest
    except (ValueError, TypeError, RecursionError):
        is_sent = False
    if not is_sent:
        yield Fault(CONTENT, FaultKind.CONTENT)
        return
    media = {PurePosixPath(name).stem: name for name in files if name.startswith(f"{MEDIA}/")}
    for digest in sorted(_file_digests(content)):
        if digest not in media:
            yield Fault(f"{MEDIA}/{digest}", FaultKind.MISSING)
    for digest, name in sorted(media.items()):
        if hashlib.sha256(files[name]).hexdigest() != digest:
            yield Fault(name, FaultKind.CONTENT)


def _file_digests(data: Any) -> set[str]:
    """Collect the digests of the files that a content names."""
    if isinstance(data, dict):
        own = {data["file"]} if isinstance(data.get("file"), str) else set()
        return own.union(*map(_file_digests, data.values()))
    return set().union(*map(_file_digests, data)) if isinstance(data, list) else set()


def fault_lines(name: str, faults: Iterable[Fault]) -> list[str]:
    """Write the faults of an archive, one a line."""
    return [_("{name}: {fault}").format(name=name, fault=fault.text) for fault in faults]
