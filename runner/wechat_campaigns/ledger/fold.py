"""Events in, the state of every send out: a pure fold, the same in whatever order outcomes arrive.

An intent without an outcome leaves the send *unknown*. `accepted` wins over `rejected` for the same attempt,
because a late answer to a first call must not undo what a resend learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger import send_ids
from wechat_campaigns.ledger.records import (
    FINAL_BY_MSG_STATUS,
    DraftRecord,
    JobResult,
    MadeDraft,
    QuotaUsage,
    SendRecord,
    SendStatus,
    UploadRecord,
)
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import StreamState

Key = tuple[str, str, int]
"""AppID, id as `normalize_id` gives it of the ledger's, revision; `LedgerState.key` makes one."""
IsAuthentic = Callable[[Event], bool]
"""Whether an event's mac holds."""


@dataclass(slots=True)
class LedgerState:
    """Everything plan and apply need to know of the past; built only by `fold`.

    Ids come in and go out as users write them; `ledger_id` and `display_id` convert to those of the ledger
    and back.
    """

    namespace: str = ""
    """Of the settings: whose sends are shown without it."""
    initialized: bool = False
    initialized_for: set[str] = field(default_factory=set)
    """The streams with a beginning or, in a ledger from before each account had its own, with a send."""
    production_streams: set[str] = field(default_factory=set)
    """The streams that `ledger init` began: a rehearsal begins none."""
    sends: dict[Key, SendRecord] = field(default_factory=dict)
    uploads: dict[tuple[str, str], UploadRecord] = field(default_factory=dict)
    """By (appid, upload key)."""
    drafts: dict[Key, DraftRecord] = field(default_factory=dict)
    """The latest draft made for each send."""
    made_drafts: dict[tuple[str, str], MadeDraft] = field(default_factory=dict)
    """By (appid, media_id): every draft that was made, the latest of its send or not."""
    previews: set[tuple[str, str]] = field(default_factory=set)
    """(appid, digest) of what a tester has received."""
    preview_times: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every preview; the platform allows a hundred a day."""
    job_results: dict[tuple[str, int], JobResult] = field(default_factory=dict)
    """By (appid, msg_id): what the callback event said."""
    recalls: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every recall; the platform allows ten a day."""
    streams: dict[str, StreamState] = field(default_factory=dict)
    """By appid: what decides whether a call may begin, and how far the stream was read."""
    is_authentic: IsAuthentic | None = None
    """Whether an event's mac holds, for a run that may act on it; None believes everything."""
    guards: dict[str, list[Event]] = field(default_factory=dict)
    """By appid: the rules that applies went by, in order. Whether their mac holds is not known here."""
    campaigns_folders: dict[str, dict[str, Event]] = field(default_factory=dict)
    """By appid and namespace, as `normalize_id` gives it: which campaigns folder uses the ledger."""
    notified: set[str] = field(default_factory=set)
    """Keys of notices that were told, see `integrations.notices`."""

    _quota_usage: dict[tuple[str, datetime, datetime], Mapping[QuotaUsage, int]] = field(default_factory=dict)
    """What `quota_usage` was asked since the last event: a plan asks the same for each of its sends."""

    def stream(self, appid: str) -> StreamState:
        """Give an account's stream, empty when nothing was written yet."""
        if appid not in self.streams:
            self.streams[appid] = (
                StreamState(appid) if self.is_authentic is None else StreamState(appid, self.is_authentic)
            )
        return self.streams[appid]

    def hold_reasons(self, now: datetime) -> Mapping[str, str]:
        """By appid: why nothing may be sent from an account at a moment."""
        held = {appid: stream.holds_at(now) for appid, stream in self.streams.items()}
        return {appid: str(events[-1].data.get("reason", "")) for appid, events in held.items() if events}

    def is_initialized(self, appid: str) -> bool:
        """Return whether the ledger is initialized for this account too: others may share it."""
        return self.initialized and appid in self.initialized_for

    def send(self, appid: str, send_id: str, revision: int) -> SendRecord | None:
        """Look one send up, however its id is spelt."""
        return self.sends.get(self.key(appid, send_id, revision))

    def key(self, appid: str, send_id: str, revision: int) -> Key:
        """Make the key of a send."""
        return appid, self.normalized_ledger_id(send_id), revision

    def normalized_ledger_id(self, send_id: str) -> str:
        """Give the form in which ids are compared."""
        return normalize_id(self.ledger_id(send_id))

    def ledger_id(self, send_id: str) -> str:
        """Give an id as events have it."""
        return send_ids.ledger_id(self.namespace, send_id)

    def display_id(self, kept_id: str) -> str:
        """Give the id of an event as users write it."""
        return send_ids.display_id(self.namespace, kept_id)

    def is_in_namespace(self, kept_id: str) -> bool:
        """Tell whether the id of an event is of this namespace."""
        return normalize_id(send_ids.namespace_of(kept_id)) == normalize_id(self.namespace)

    def send_fields(self, send_id: str, revision: int) -> dict[str, Any]:
        """Name a send in the data of an event."""
        return {"send": self.ledger_id(send_id), "revision": revision}

    def sends_by_id(self, send_id: str) -> list[SendRecord]:
        """List all sends of this id, at any revision and by any account."""
        id_ = self.normalized_ledger_id(send_id)
        return [record for (_appid, name, _revision), record in self.sends.items() if name == id_]

    def sends_by_content(self, appid: str, digest: str) -> list[SendRecord]:
        """List the sends whose latest attempt carried this content to these recipients."""
        sends = self.stream(appid).of_content(digest)
        return [self.sends[appid, normalize_id(send.id), send.revision] for send in sends]

    def quota_usage(self, appid: str, begins: datetime, ends: datetime) -> Mapping[QuotaUsage, int]:
        """Count an account's sends that happened, or may have, from `begins` until before `ends`."""
        period = (appid, begins, ends)
        if period not in self._quota_usage:
            self._quota_usage[period] = Counter(
                QuotaUsage(
                    record.recipients, record.to_all, record.status is SendStatus.BASELINE, record.tag_id
                )
                for record in self.sends.values()
                if record.appid == appid and begins <= record.at < ends and record.may_have_reached
            )
        return self._quota_usage[period]

    def job_result(self, record: SendRecord) -> JobResult | None:
        """Give what the callback event said of a send, if it was received."""
        return self.job_results.get((record.appid, record.msg_id)) if record.msg_id is not None else None

    def unknown_sends(self, appid: str) -> list[SendRecord]:
        """List an account's unknown sends, oldest first."""
        unknown = [s for s in self.sends.values() if s.appid == appid and s.status is SendStatus.UNKNOWN]
        return sorted(unknown, key=lambda state: state.at)

    def add(self, event: Event) -> None:
        """Take one more event into account; event kinds it does not need pass by.

        Raises:
            TamperedLedgerError: it speaks of a send whose intent is missing.
        """
        self._quota_usage = {}
        try:
            self.stream(event.stream).add(event)
            believed = self.is_authentic is None or self.is_authentic(event)
            step = (_STEPS if believed else _UNAUTHENTIC_STEPS).get(event.kind)
            if step is not None:
                step(self, event)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) contradicts the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                hint=_(
                    "run `campaign ledger verify`; restore the ledger from a backup before you apply anything"
                ),
                location=event.stream,
            ) from error


def fold(events: Iterable[Event], authentic: IsAuthentic | None = None, namespace: str = "") -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        authentic: tells whether a mac holds; None believes all.
    """
    state = LedgerState(is_authentic=authentic, namespace=namespace)
    for event in events:
        state.add(event)
    return state


def _key(event: Event) -> Key:
    return event.stream, normalize_id(event.data["send"]), event.data["revision"]


def _init(state: LedgerState, event: Event) -> None:
    state.initialized = True
    state.initialized_for.add(event.stream)
    state.production_streams.add(event.stream)


def _guard(state: LedgerState, event: Event) -> None:
    state.guards.setdefault(event.stream, []).append(event)


def _home(state: LedgerState, event: Event) -> None:
    homes = state.campaigns_folders.setdefault(event.stream, {})
    name = normalize_id(event.data["namespace"])
    homes.pop(name, None)  # the newest comes last
    homes[name] = event


def _upload(state: LedgerState, event: Event) -> None:
    key, result = (event.stream, event.data["upload"]), event.data["result"]
    if result is None:
        state.uploads.pop(key, None)
    else:
        state.uploads[key] = UploadRecord(result=result, at=event.at)


def _notified(state: LedgerState, event: Event) -> None:
    state.notified.update(event.data["notices"])


def _draft(state: LedgerState, event: Event) -> None:
    data = event.data
    state.drafts[_key(event)] = DraftRecord(
        sha256=data["sha256"],
        media_id=data["media_id"],
        at=event.at,
        stored_digest=data.get("stored"),
        stored_changes=tuple(data.get("changed", ())),
    )
    state.made_drafts[event.stream, data["media_id"]] = MadeDraft(
        send=data["send"], revision=data["revision"], stored_digest=data.get("stored")
    )


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
    state.initialized_for.add(event.stream)
    before = state.sends.get(key)
    if before is not None and before.was_accepted:
        # A slower runner began another call; what the platform took before stays taken.
        return
    fields = _meaning(state, event, None)
    state.sends[key] = SendRecord(
        appid=key[0],
        send=state.display_id(event.data["send"]),
        revision=key[2],
        at=_posted_at(event),
        account=event.data.get("account", ""),
        content_digest=event.data["content_digest"],
        recipients=event.data.get("recipients", ""),
        audience=event.data.get("audience", {}).get("count"),
        intent=event if event.kind == EventKind.INTENT else None,
        **(fields | {"status": SendStatus.BASELINE} if event.kind == EventKind.BASELINE else fields),
    )


def _posted_at(event: Event) -> datetime:
    """Return the moment under the mac; the date of the event itself is under none."""
    return datetime.fromisoformat(event.data["at"]) if "at" in event.data else event.at


def _outcome(state: LedgerState, event: Event) -> None:
    key = _key(event)
    record = state.sends[key]
    state.sends[key] = replace(record, **_meaning(state, event, record))


def _meaning(state: LedgerState, event: Event, record: SendRecord | None) -> dict[str, Any]:
    """Take over what the protocol makes of an event; what became of an accepted job stays ours to tell.

    Every event of a long past comes by here: a record is made once, not copied field by field.
    """
    decided = state.streams[event.stream].find(event.data["send"], event.data["revision"])
    if decided is None:
        raise KeyError(event.data["send"])
    taken = decided.status is protocol.Status.ACCEPTED
    happened = record is not None and record.was_accepted
    errcode = event.data.get("errcode") if decided.status is protocol.Status.REJECTED else None
    status = _FROM[decided.status]
    if status is SendStatus.REJECTED and errcode is None:
        status = SendStatus.NOT_SENT
    fields: dict[str, Any] = {
        "status": record.status if taken and record is not None and happened else status,
        "disputed": decided.status is protocol.Status.DISPUTED,
        "reason": event.data.get("reason", ""),
        "errcode": errcode,
    }
    # The platform's own number wins over that of a person who settled in the meantime.
    if taken and (record is None or not happened or record.has_no_msg_id or event.kind == EventKind.ACCEPTED):
        fields |= {"msg_id": event.data.get("msg_id"), "msg_data_id": event.data.get("msg_data_id")}
        fields["accepted_at"] = event.at
    return fields


def _unauthentic(state: LedgerState, event: Event) -> None:
    """Take in of an event that nobody with the AppSecret wrote what it does: it leaves a send to a person."""
    key, data = _key(event), event.data
    decided = state.streams[event.stream].find(data["send"], data["revision"])
    if decided is None:
        raise KeyError(data["send"])
    if key not in state.sends:
        state.sends[key] = SendRecord(
            appid=key[0],
            send=state.display_id(data["send"]),
            revision=key[2],
            status=SendStatus.UNKNOWN,
            at=event.at,
        )
    if decided.status is not protocol.Status.ACCEPTED:
        disputed = decided.status is protocol.Status.DISPUTED
        state.sends[key] = replace(state.sends[key], status=_FROM[decided.status], disputed=disputed)


def _resend(state: LedgerState, event: Event) -> None:
    _outcome(state, event)
    key = _key(event)
    state.sends[key] = replace(state.sends[key], resend_plan_digest=event.data.get("plan_digest", ""))


def _status(state: LedgerState, event: Event) -> None:
    status = FINAL_BY_MSG_STATUS.get(event.data["msg_status"])
    record = state.sends[_key(event)]
    if status is not None and record.was_accepted:
        state.sends[_key(event)] = replace(record, status=status)


_FROM = {
    protocol.Status.UNKNOWN: SendStatus.UNKNOWN,
    protocol.Status.DISPUTED: SendStatus.UNKNOWN,
    protocol.Status.REJECTED: SendStatus.REJECTED,
    protocol.Status.ACCEPTED: SendStatus.ACCEPTED,
}
_OUTCOMES = (EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.REJECTED, EventKind.SETTLED)
_STEPS: dict[str, Callable[[LedgerState, Event], None]] = {
    EventKind.INIT: _init,
    EventKind.UPLOAD: _upload,
    EventKind.DRAFT: _draft,
    EventKind.PREVIEW: _preview,
    EventKind.CALLBACK: _callback,
    EventKind.RECALL: _recall,
    EventKind.NOTIFIED: _notified,
    EventKind.GUARD: _guard,
    EventKind.CAMPAIGNS_FOLDER: _home,
    EventKind.BASELINE: _begin,
    EventKind.INTENT: _begin,
    EventKind.RESEND: _resend,
    EventKind.STATUS: _status,
    **dict.fromkeys(_OUTCOMES, _outcome),
}
_UNAUTHENTIC_STEPS: dict[str, Callable[[LedgerState, Event], None]] = {
    # Keeps a rehearsal off, and begins nothing.
    EventKind.INIT: lambda state, event: state.production_streams.add(event.stream),
    EventKind.GUARD: _guard,
    EventKind.CALLBACK: _callback,
    **dict.fromkeys((EventKind.BASELINE, EventKind.INTENT, EventKind.RESEND, *_OUTCOMES), _unauthentic),
}
"""Of what has no mac that holds, only what stops, or what has a proof of its own, is taken in."""
