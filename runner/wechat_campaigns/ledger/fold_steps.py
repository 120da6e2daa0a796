"""A state and one more event of a ledger in, the state changed: what each kind of event does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.ledger.records import (
    FINAL_BY_MSG_STATUS,
    DraftRecord,
    JobResult,
    SendRecord,
    SendStatus,
    UploadRecord,
)
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.events import Event, EventKind, moment
from wechat_campaigns.protocol.keys import normalize_id

if TYPE_CHECKING:
    from wechat_campaigns.ledger.fold import Key, LedgerState


def _key(event: Event) -> Key:
    return event.stream, normalize_id(event.data["send"]), event.data["revision"]


def _init(state: LedgerState, event: Event) -> None:
    state.initialized = True
    state.initialized_for.add(event.stream)
    state.production_streams.add(event.stream)


def _campaigns_folder(state: LedgerState, event: Event) -> None:
    folders = state.campaigns_folders.setdefault(event.stream, {})
    name = normalize_id(event.data["namespace"])
    folders.pop(name, None)  # the newest comes last
    folders[name] = event


def _upload(state: LedgerState, event: Event) -> None:
    key, result = (event.stream, event.data["upload"]), event.data["result"]
    if result is None:
        state.uploads.pop(key, None)
    else:
        state.uploads[key] = UploadRecord(result=result, at=event.at)


def _notified(state: LedgerState, event: Event) -> None:
    state.notified.update(event.data["notices"])


def _draft(state: LedgerState, event: Event) -> None:
    data, made = event.data, state.made_drafts
    draft = DraftRecord(
        send=data["send"],
        revision=data["revision"],
        sha256=data["sha256"],
        media_id=data["media_id"],
        stored_digest=data.get("stored"),
        stored_changes=tuple(data.get("changed", ())),
    )
    before = made.get((event.stream, draft.media_id))
    if before is not None and before.stored_digest is not None:
        draft = before  # a copy of an event from before WeChat's version was known does not forget it
    state.drafts[_key(event)] = made[event.stream, draft.media_id] = draft


def _preview(state: LedgerState, event: Event) -> None:
    state.previews.add((event.stream, event.data["content_digest"]))
    state.preview_times.append((event.stream, event.at))


def _callback(state: LedgerState, event: Event) -> None:
    data = event.data
    result = JobResult(
        msg_id=data["msg_id"],
        status=data["status"],
        addressed=data["addressed"],
        sent=data["sent"],
        left_out=data["left_out"],
        failed=data["failed"],
        links=tuple(data.get("links", ())),
        originals=tuple((item["article_idx"], item["url"]) for item in data.get("originals", ())),
    )
    state.job_results.setdefault((event.stream, result.msg_id), result)


def _recall(state: LedgerState, event: Event) -> None:
    state.recalls.append((event.stream, event.at))
    key, article = _key(event), event.data.get("article_idx") or 0
    record = state.sends[key]
    status = SendStatus.RECALLED if record.was_accepted and not article else record.status
    state.sends[key] = replace(record, status=status, recalled_articles=(*record.recalled_articles, article))


def _begin(state: LedgerState, event: Event) -> None:
    key = _key(event)
    before = state.sends.get(key)
    if before is not None and before.was_accepted:
        # A slower runner began another call; what WeChat took before stays taken.
        return
    if event.data.get("not_after") is not None:
        moment(event.data["not_after"])  # a resend is held to it
    fields = _meaning(state, event, None)
    state.sends[key] = SendRecord(
        appid=key[0],
        send=event.data["send"],
        revision=key[2],
        **_content(event),
        **(fields | {"status": SendStatus.BASELINE} if event.kind == EventKind.BASELINE else fields),
    )


def _content(event: Event) -> dict[str, Any]:
    return {
        "at": _posted_at(event),
        "account": event.data.get("account", ""),
        "content_digest": event.data["content_digest"],
        "recipients": event.data.get("recipients", ""),
        "audience": event.data.get("audience", {}).get("count"),
        "intent": event if event.kind == EventKind.INTENT else None,
    }


def _posted_at(event: Event) -> datetime:
    """Return the moment under the mac; the date of the event itself is under none."""
    return moment(event.data["at"]) if "at" in event.data else event.at


def _outcome(state: LedgerState, event: Event) -> None:
    key = _key(event)
    record = state.sends[key]
    fields = dict[str, Any]()
    intent = state.streams[event.stream].find(event.data["send"], event.data["revision"]).intent
    if event.kind == EventKind.ACCEPTED and intent is not None and intent is not record.intent:
        fields = _content(intent)  # another call than the latest was accepted
    state.sends[key] = replace(record, **fields, **_meaning(state, event, record))


def _meaning(state: LedgerState, event: Event, record: SendRecord | None) -> dict[str, Any]:
    """Take over what the protocol makes of an event; what became of an accepted job stays ours to tell.

    Every event of a long past comes by here: a record is made once, not copied field by field.
    """
    decided = state.streams[event.stream].find(event.data["send"], event.data["revision"]).status
    taken = decided is protocol.Status.ACCEPTED
    happened = record is not None and record.was_accepted
    errcode = event.data.get("errcode") if decided is protocol.Status.REJECTED else None
    status = _FROM[decided]
    if status is SendStatus.REJECTED and errcode is None:
        status = SendStatus.NOT_SENT
    fields: dict[str, Any] = {
        "status": record.status if taken and record is not None and happened else status,
        "reason": event.data.get("reason", ""),
        "errcode": errcode,
    }
    if event.kind in (EventKind.DUPLICATE, EventKind.IN_USE):
        fields["answer"] = event
    # WeChat's own number wins over that of a person, whose later one wins over their first.
    is_settled = event.kind == EventKind.SETTLED
    is_named = event.kind == EventKind.ACCEPTED or (is_settled and record is not None and record.is_settled)
    if taken and (record is None or not happened or record.has_no_msg_id or is_named):
        fields |= {"msg_id": event.data.get("msg_id"), "msg_data_id": event.data.get("msg_data_id")}
        fields["is_settled"] = is_settled
        fields["accepted_at"] = event.at
    return fields


def _unauthentic(state: LedgerState, event: Event) -> None:
    """Take in of an event that nobody with the AppSecret wrote what it does: it leaves a send to a person."""
    key, data = _key(event), event.data
    decided = state.streams[event.stream].find(data["send"], data["revision"]).status
    if key not in state.sends:
        state.sends[key] = SendRecord(
            appid=key[0],
            send=data["send"],
            revision=key[2],
            status=SendStatus.UNKNOWN,
            at=event.at,
        )
    if decided is not protocol.Status.ACCEPTED:
        state.sends[key] = replace(state.sends[key], status=_FROM[decided])


def _resend(state: LedgerState, event: Event) -> None:
    _outcome(state, event)
    key = _key(event)
    state.sends[key] = replace(state.sends[key], resend_plan_digest=event.data.get("plan_digest", ""))


def _status(state: LedgerState, event: Event) -> None:
    status = FINAL_BY_MSG_STATUS.get(event.data["msg_status"])
    record = state.sends[_key(event)]
    if status is not None and record.was_accepted:
        state.sends[_key(event)] = replace(record, status=status, ended_at=event.at)


_FROM = {
    protocol.Status.UNKNOWN: SendStatus.UNKNOWN,
    protocol.Status.DISPUTED: SendStatus.UNKNOWN,
    protocol.Status.REJECTED: SendStatus.REJECTED,
    protocol.Status.ACCEPTED: SendStatus.ACCEPTED,
}
_OUTCOMES = (
    EventKind.ACCEPTED,
    EventKind.DUPLICATE,
    EventKind.IN_USE,
    EventKind.REJECTED,
    EventKind.SETTLED,
)
STEPS: Mapping[str, Callable[[LedgerState, Event], None]] = {
    LedgerKind.INIT: _init,
    LedgerKind.UPLOAD: _upload,
    LedgerKind.DRAFT: _draft,
    LedgerKind.PREVIEW: _preview,
    LedgerKind.CALLBACK: _callback,
    LedgerKind.RECALL: _recall,
    LedgerKind.NOTIFIED: _notified,
    LedgerKind.CAMPAIGNS_FOLDER: _campaigns_folder,
    EventKind.BASELINE: _begin,
    EventKind.INTENT: _begin,
    EventKind.RESEND: _resend,
    LedgerKind.STATUS: _status,
    **dict.fromkeys(_OUTCOMES, _outcome),
}
"""What an event changes, by its kind."""
UNAUTHENTIC_STEPS: Mapping[str, Callable[[LedgerState, Event], None]] = {
    # Keeps a rehearsal off, and begins nothing.
    LedgerKind.INIT: lambda state, event: state.production_streams.add(event.stream),
    LedgerKind.CALLBACK: _callback,
    **dict.fromkeys((EventKind.BASELINE, EventKind.INTENT, EventKind.RESEND, *_OUTCOMES), _unauthentic),
}
"""Of what has no mac that holds, only what stops, or what has a proof of its own, is taken in."""
