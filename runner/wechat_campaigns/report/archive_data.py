"""Hold what the archive of a send is made from, and give what follows from the ledger alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Final

from wechat_campaigns.core.model import FileInfo, Send
from wechat_campaigns.ledger.fold import Key, LedgerState
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.figures import ArticleRow

PLAN, APPROVALS, OUTCOME = "plan.json", "approvals.json", "outcome.json"
_PLAN_KEYS: Final = (
    "plan_digest", "content_digest", "body_sha256", "clientmsgid", "endpoint", "filter", "audience",
    "not_after",
)  # fmt: skip


class Origin(StrEnum):
    """Where the message in an archive was found; it has the content digest of the ledger in each case."""

    COMMIT = "commit"
    """Rendered from the campaigns folder as it was at the commit that was sent."""
    FOLDER = "folder"
    """Rendered from the campaigns folder as it is now."""
    LEDGER = "ledger"
    """The body that was posted, as the ledger keeps it."""
    MISSING = "missing"
    """None of them gives the message that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """What a send carried."""

    origin: Origin
    send: Send | None = None
    data: Callable[[FileInfo], bytes] = field(default=lambda _file: b"", repr=False)
    sources: Mapping[PurePosixPath, bytes] = field(default_factory=dict)
    """The campaign file and what it uses, by path below the campaigns folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveInput:
    """One send with all that its archive is made from."""

    environment: str
    record: SendRecord
    state: LedgerState
    events: Sequence[Event]
    """Of this send, in order."""
    message: SentMessage
    articles: Sequence[ArticleRow] = ()


def events_by_send(events: Iterable[Event], state: LedgerState) -> Mapping[Key, list[Event]]:
    """Sort events by the send that they are about, those that WeChat pushed among them."""
    jobs = {(key[0], record.msg_id): key for key, record in state.sends.items()}
    found: dict[Key, list[Event]] = {}
    for event in events:
        key = _send_key(event, jobs)
        if key is not None:
            found.setdefault(key, []).append(event)
    return found


def _send_key(event: Event, jobs: Mapping[tuple[str, int | None], Key]) -> Key | None:
    data = event.data
    if event.kind == LedgerKind.CALLBACK:
        return jobs.get((event.stream, data.get("msg_id")))
    if isinstance(data.get("send"), str) and isinstance(data.get("revision"), int):
        return event.stream, normalize_id(data["send"]), data["revision"]
    return None


def found_figures(rows: Iterable[ArticleRow]) -> list[ArticleRow]:
    """Keep the articles that WeChat has figures of: what is still missing depends on the day."""
    return [row for row in rows if row.article is not None]


def ledger_data(record: SendRecord, state: LedgerState, events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Give what follows from the ledger alone, by file: the plan, who agreed, the outcome."""
    intent = record.intent.data if record.intent is not None else {}
    actor = intent.get("actor", {})
    plan = {
        "send": record.send,
        "revision": record.revision,
        "account": record.account,
        "appid": record.appid,
        "posted_at": intent.get("at"),
        **{name: intent.get(name) for name in _PLAN_KEYS},
        "commit": actor.get("commit"),
    }
    approvals = {
        "approved": actor.get("approved"),
        "actor": {name: actor[name] for name in ("user", "run") if name in actor},
        "overrides": intent.get("overrides", {}),
        "previews": [_when(event) for event in events if event.kind == LedgerKind.PREVIEW],
        "settled": [
            {**_when(event), **{name: event.data.get(name) for name in ("sent", "reason", "actor")}}
            for event in events
            if event.kind == EventKind.SETTLED
        ],
    }
    return {PLAN: plan, APPROVALS: approvals, OUTCOME: _outcome(record, state)}


def _when(event: Event) -> dict[str, Any]:
    return {"at": event.at.isoformat(timespec="seconds"), "content_digest": event.data.get("content_digest")}


def _outcome(record: SendRecord, state: LedgerState) -> dict[str, Any]:
    job = state.job_result(record)
    return {
        "status": record.status.value,
        "msg_id": record.msg_id,
        "msg_data_id": record.msg_data_id,
        "accepted_at": record.accepted_at.isoformat(timespec="seconds") if record.accepted_at else None,
        "errcode": record.errcode,
        "reason": record.reason,
        "recalled_articles": list(record.recalled_articles),
        "event": None
        if job is None
        else {
            **{name: getattr(job, name) for name in ("status", "addressed", "sent", "left_out", "failed")},
            "links": list(job.links),
            "originals": [{"article_idx": number, "url": url} for number, url in job.originals],
        },
    }
