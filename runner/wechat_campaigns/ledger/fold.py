"""Events in, the state of every send out: a pure fold, the same in whatever order outcomes arrive.

An intent without an outcome leaves the send *unknown*. `accepted` wins over `rejected` for the same attempt,
because a late answer to a first call must not undo what a resend learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import (
    FINAL_BY_MSG_STATUS,
    DraftRecord,
    JobResult,
    QuotaUsage,
    QuotaUses,
    SendRecord,
    SendStatus,
    UploadRecord,
)
from wechat_campaigns.protocol.events import Event, EventKind, moment
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import SendState, Status, StreamState

Key = tuple[str, str, int]
"""AppID, id as `normalize_id` returns it, revision; `LedgerState.key` makes one."""
IsAuthentic = Callable[[Event], bool]
"""Whether an event's mac verifies."""


@dataclass(slots=True)
class LedgerState:
    """Everything plan and apply need to know of the past; built only by `fold`."""

    initialized: bool = False
    initialized_for: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, with a mac that holds."""
    production_streams: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, also by an event without a valid mac: a rehearsal begins none."""
    sends: dict[Key, SendRecord] = field(default_factory=dict)
    uploads: dict[tuple[str, str], UploadRecord] = field(default_factory=dict)
    """By (appid, upload key)."""
    drafts: dict[Key, DraftRecord] = field(default_factory=dict)
    """The latest draft made for each send."""
    made_drafts: dict[tuple[str, str], DraftRecord] = field(default_factory=dict)
    """By (appid, media_id): every draft that was made, the latest of its send or not."""
    previews: set[tuple[str, str]] = field(default_factory=set)
    """(appid, digest) of what a tester has received."""
    preview_times: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every preview; WeChat allows a hundred a day."""
    job_results: dict[tuple[str, int], JobResult] = field(default_factory=dict)
    """By (appid, msg_id): what the callback event said."""
    recalls: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every recall; WeChat allows ten a day."""
    streams: dict[str, StreamState] = field(default_factory=dict)
    """By appid: what decides whether a call may begin, and how far the stream was read."""
    is_authentic: IsAuthentic | None = None
    """Whether an event's mac verifies; None counts every event as authentic, for runs that send nothing."""
    _is_ours: dict[str, bool] = field(default_factory=dict)
    """By stream: whether any of its events with a mac is authentic."""
    campaigns_folders: dict[str, dict[str, Event]] = field(default_factory=dict)
    """By appid and namespace, as `normalize_id` gives it: which campaigns folder uses the ledger."""
    notified: set[str] = field(default_factory=set)
    """Keys of notices that were told, see `notify.notices`."""

    _quota_uses: dict[tuple[str, datetime, datetime], QuotaUses] = field(default_factory=dict)
    """What `quota_uses` was asked since the last event: a plan asks the same for each of its sends."""

    def stream(self, appid: str) -> StreamState:
        """Return an account's stream, empty when nothing was written yet."""
        if appid not in self.streams:
            self.streams[appid] = StreamState(appid)
        return self.streams[appid]

    def hold_reasons(self, now: datetime) -> Mapping[str, str]:
        """By appid: why nothing may be sent from an account at a moment."""
        held = {appid: stream.holds_at(now) for appid, stream in self.streams.items()}
        return {appid: str(events[-1].data.get("reason", "")) for appid, events in held.items() if events}

    def last_holds(self) -> Mapping[str, str]:
        """By appid: the newest hold or release, see `StreamState`."""
        return {appid: stream.last_hold for appid, stream in self.streams.items()}

    def is_initialized(self, appid: str) -> bool:
        """Return whether the ledger is initialized for this account too: others may share it."""
        return self.initialized and appid in self.initialized_for

    def has_wrong_secret(self, appid: str) -> bool:
        """Return whether the AppSecret at hand signed no event of an account that has signed ones."""
        return not self._is_ours.get(appid, True)

    def send(self, appid: str, send_id: str, revision: int) -> SendRecord | None:
        """Return a send, by its id in any spelling."""
        return self.sends.get(self.key(appid, send_id, revision))

    def key(self, appid: str, send_id: str, revision: int) -> Key:
        """Make the key of a send."""
        return appid, normalize_id(send_id), revision

    def sends_by_id(self, send_id: str) -> list[SendRecord]:
        """List all sends of this id, at any revision and by any account."""
        id_ = normalize_id(send_id)
        return [record for (_appid, name, _revision), record in self.sends.items() if name == id_]

    def sends_by_content(self, appid: str, digest: str) -> list[SendRecord]:
        """List the sends whose latest attempt carried this content to these recipients."""
        sends = (one for one in self.stream(appid).of_content(digest) if one.content_digest == digest)
        return [self.sends[appid, normalize_id(send.id), send.revision] for send in sends]

    def quota_uses(self, appid: str, begins: datetime, ends: datetime) -> QuotaUses:
        """Count an account's sends that happened, or may have, from `begins` until before `ends`."""
        period = (appid, begins, ends)
        if period not in self._quota_uses:
            uses = self._quota_uses[period] = QuotaUses()
            for record in self.sends.values():
                if record.appid == appid and begins <= record.at < ends and record.may_have_reached:
                    is_baseline = record.status is SendStatus.BASELINE
                    uses.add(QuotaUsage(record.recipients, record.to_all, is_baseline, record.tag_id))
        return self._quota_uses[period]

    def job_result(self, record: SendRecord) -> JobResult | None:
        """Return what the callback event said of a send, if it was received."""
        return self.job_results.get((record.appid, record.msg_id)) if record.msg_id is not None else None

    def unknown_sends(self, appid: str) -> list[SendRecord]:
        """List an account's unknown sends, oldest first."""
        unknown = [s for s in self.sends.values() if s.appid == appid and s.status is SendStatus.UNKNOWN]
        return sorted(unknown, key=lambda state: state.at)

    def add(self, event: Event) -> None:
        """Add one more event; kinds that change nothing here are passed over.

        Raises:
            TamperedLedgerError: it is about a send whose intent is missing.
        """
        self._quota_uses = {}
        try:
            is_authentic = self.is_authentic is None or self.is_authentic(event)
            if "mac" in event.data:
                self._is_ours[event.stream] = is_authentic or self._is_ours.get(event.stream, False)
            self.stream(event.stream).add(event, is_authentic=is_authentic)
            if is_authentic:
                self._add(event)
            else:
                self._add_unauthentic(event)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) contradicts the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                location=event.stream,
            ) from error

    def _add(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case EventKind.INTENT | EventKind.BASELINE:
                self._begin(event)
            case EventKind.RESEND:
                self._end(event, resend_plan_digest=data.get("plan_digest", ""))
            case kind if kind in _ENDS:
                self._end(event)
            case LedgerKind.STATUS:
                record = self.sends[_key(event)]
                status = FINAL_BY_MSG_STATUS.get(data["msg_status"])
                if status is not None and record.was_accepted:
                    self.sends[_key(event)] = replace(record, status=status, ended_at=event.at)
            case LedgerKind.RECALL:
                self._recall(event)
            case _:
                self._add_beside_sends(event)

    def _add_beside_sends(self, event: Event) -> None:
        stream, data = event.stream, event.data
        match event.kind:
            case LedgerKind.CALLBACK:
                self._callback(event)
            case LedgerKind.UPLOAD if data["result"] is None:
                self.uploads.pop((stream, data["upload"]), None)
            case LedgerKind.UPLOAD:
                self.uploads[stream, data["upload"]] = UploadRecord(result=data["result"], at=event.at)
            case LedgerKind.DRAFT:
                self._draft(event)
            case LedgerKind.PREVIEW:
                self.previews.add((stream, data["content_digest"]))
                self.preview_times.append((stream, event.at))
            case LedgerKind.NOTIFIED:
                self.notified.update(data["notices"])
            case LedgerKind.CAMPAIGNS_FOLDER:
                folders = self.campaigns_folders.setdefault(stream, {})
                name = normalize_id(data["namespace"])
                folders.pop(name, None)  # the newest comes last
                folders[name] = event
            case LedgerKind.INIT:
                self.initialized = True
                self.initialized_for.add(stream)
                self.production_streams.add(stream)

    def _add_unauthentic(self, event: Event) -> None:
        """Add an event without a valid mac: only what stops a send, or carries a proof of its own, counts."""
        kind = event.kind
        if kind == LedgerKind.INIT:  # keeps a rehearsal off, and initializes nothing
            self.production_streams.add(event.stream)
        elif kind == LedgerKind.CALLBACK:
            self._callback(event)
        elif kind in _ENDS or kind in (EventKind.BASELINE, EventKind.INTENT, EventKind.RESEND):
            self._leave_to_a_person(event)

    def _leave_to_a_person(self, event: Event) -> None:
        key, decided = _key(event), self._decided(event).status
        if key not in self.sends:
            self.sends[key] = SendRecord(
                appid=key[0],
                send=event.data["send"],
                revision=key[2],
                status=SendStatus.UNKNOWN,
                at=event.at,
            )
        if decided is not Status.ACCEPTED:
            self.sends[key] = replace(self.sends[key], status=_FROM[decided])

    def _decided(self, event: Event) -> SendState:
        """Return what the protocol makes of the send of an event."""
        return self.streams[event.stream].find(event.data["send"], event.data["revision"])

    def _begin(self, event: Event) -> None:
        key = _key(event)
        before = self.sends.get(key)
        if before is not None and before.was_accepted:
            # A slower runner began another call; what WeChat took before stays taken.
            return
        if event.data.get("not_after") is not None:
            moment(event.data["not_after"])  # a resend is held to it
        fields = self._outcome(event, None)
        if event.kind == EventKind.BASELINE:
            fields["status"] = SendStatus.BASELINE
        self.sends[key] = SendRecord(
            appid=key[0], send=event.data["send"], revision=key[2], **_content(event), **fields
        )

    def _end(self, event: Event, **fields: Any) -> None:
        key = _key(event)
        record, intent = self.sends[key], self._decided(event).intent
        if event.kind == EventKind.ACCEPTED and intent is not None and intent is not record.intent:
            fields |= _content(intent)  # another call than the latest was accepted
        self.sends[key] = replace(record, **fields, **self._outcome(event, record))

    def _outcome(self, event: Event, record: SendRecord | None) -> dict[str, Any]:
        """Return what an event makes of a send by the protocol; that of a job stays as it was."""
        decided, data = self._decided(event).status, event.data
        is_accepted = decided is Status.ACCEPTED
        was_accepted = record is not None and record.was_accepted
        errcode = data.get("errcode") if decided is Status.REJECTED else None
        status = _FROM[decided]
        if status is SendStatus.REJECTED and errcode is None:
            status = SendStatus.NOT_SENT
        if is_accepted and record is not None and was_accepted:
            status = record.status
        fields: dict[str, Any] = {"status": status, "reason": data.get("reason", ""), "errcode": errcode}
        if event.kind in (EventKind.DUPLICATE, EventKind.IN_USE):
            fields["answer"] = event
        # WeChat's own number wins over that of a person, whose later one wins over their first.
        is_settled = event.kind == EventKind.SETTLED
        is_named = event.kind == EventKind.ACCEPTED or (
            is_settled and record is not None and record.is_settled
        )
        if is_accepted and (record is None or not was_accepted or record.has_no_msg_id or is_named):
            fields |= {"msg_id": data.get("msg_id"), "msg_data_id": data.get("msg_data_id")}
            fields |= {"is_settled": is_settled, "accepted_at": event.at}
        return fields

    def _recall(self, event: Event) -> None:
        key, article = _key(event), event.data.get("article_idx") or 0
        self.recalls.append((event.stream, event.at))
        record = self.sends[key]
        status = SendStatus.RECALLED if record.was_accepted and not article else record.status
        recalled = (*record.recalled_articles, article)
        self.sends[key] = replace(record, status=status, recalled_articles=recalled)

    def _draft(self, event: Event) -> None:
        data, made = event.data, self.made_drafts
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
        self.drafts[_key(event)] = made[event.stream, draft.media_id] = draft

    def _callback(self, event: Event) -> None:
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
        self.job_results.setdefault((event.stream, result.msg_id), result)


_ENDS: Final = frozenset(
    {EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED, EventKind.SETTLED}
)
_FROM: Final = {
    Status.UNKNOWN: SendStatus.UNKNOWN,
    Status.DISPUTED: SendStatus.UNKNOWN,
    Status.REJECTED: SendStatus.REJECTED,
    Status.ACCEPTED: SendStatus.ACCEPTED,
}


def _key(event: Event) -> Key:
    return event.stream, normalize_id(event.data["send"]), event.data["revision"]


def _content(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        # Of the moments of an intent, the one under its mac.
        "at": moment(data["at"]) if "at" in data else event.at,
        "account": data.get("account", ""),
        "content_digest": data["content_digest"],
        "recipients": data.get("recipients", ""),
        "audience": data.get("audience", {}).get("count"),
        "intent": event if event.kind == EventKind.INTENT else None,
    }


def fold(events: Iterable[Event], authentic: IsAuthentic | None = None) -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        authentic: whether the mac of an event verifies; None counts all as authentic.
    """
    state = LedgerState(is_authentic=authentic)
    for event in events:
        state.add(event)
    return state
