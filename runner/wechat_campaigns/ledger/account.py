"""Events of one account in, its past out: the protocol folds the sends, this what is beside them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from wechat_campaigns.ledger.events import LedgerKind, event_from
from wechat_campaigns.ledger.records import (
    FATE_BY_MSG_STATUS,
    UNRECEIVED,
    CampaignsFolder,
    DraftRecord,
    JobResult,
    QuotaUse,
    SeenByHand,
    UploadRecord,
    posted_tag_id,
    recipients_of,
    sent_at,
)
from wechat_campaigns.ledger.shapes import INFORMING, check_shape, fits
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate, SendState, Status, StreamState, draft_of

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
NEVER: Final = datetime.max.replace(tzinfo=UTC)
Judged = tuple[bool, Event]
"""Whether an event is authentic, and the event."""


@dataclass(slots=True)
class AccountState(StreamState):
    """Everything that plan and apply need to know of an account's past; built only by `add`."""

    is_initialized: bool = False
    """True after an authentic `ledger init`."""
    is_production: bool = False
    """True after any `ledger init`, also by an event without a valid mac: a rehearsal begins no account."""
    has_wrong_secret: bool = False
    """True if it has events with a mac, and the AppSecret at hand signed none of them."""
    uploads: dict[str, UploadRecord] = field(default_factory=dict)
    """By upload key."""
    drafts: dict[tuple[str, int], DraftRecord] = field(default_factory=dict)
    """By id, as `normalize_id` returns it, and revision: the latest draft made for each send."""
    made_drafts: dict[str, DraftRecord] = field(default_factory=dict)
    """By media_id: every draft that was made, the latest of its send or not."""
    seen_by_hand: dict[str, SeenByHand] = field(default_factory=dict)
    """By the hash of the event that handed it over."""
    previews: set[str] = field(default_factory=set)
    """Digests of what a tester has received."""
    job_results: dict[int, JobResult] = field(default_factory=dict)
    """By msg_id: what the callback event said."""
    recall_times: list[datetime] = field(default_factory=list)
    """Of every recall; WeChat allows ten a day."""
    campaigns_folders: dict[str, CampaignsFolder] = field(default_factory=dict)
    """By namespace, as `normalize_id` returns it: which campaigns folder uses the ledger."""
    notified: set[str] = field(default_factory=set)
    """Keys of notices that were told, see `notify.notices`."""
    approvals: dict[str, Event] = field(default_factory=dict)
    """By hash, each approval that stands after the event that it names; see `ledger.approvals`."""
    approved: dict[tuple[str, int], list[tuple[Event, Sequence[Any]]]] = field(default_factory=dict)
    """By id, as `normalize_id` returns it, and revision: what those approvals say of a send."""
    last_stop: Event | None = None
    """The newest hold or release, authentic or not."""
    withdrawals: dict[str, Event] = field(default_factory=dict)
    """By id, as `normalize_id` returns it, the newest withdrawal of its approvals; of all, by no id."""
    rule_changes: dict[str, list[Event]] = field(default_factory=dict)
    """By environment, every authentic guard."""
    last_own: Event | None = None
    """The newest event with a mac that verifies."""
    past: dict[str, bytes] = field(default_factory=dict)
    """By id, what a checkpoint has of sends that ended long ago, until one of them is asked for."""
    past_until: datetime = LONG_AGO
    """No send of `past` was decided on later."""
    of_sends: dict[str, list[Judged]] = field(default_factory=dict)
    """By id, the events that its sends are folded from, but for those in `past`."""
    beside: list[Judged] = field(default_factory=list)
    """The events that are about no send, but for holds."""
    _quota_uses: dict[tuple[datetime, datetime], Counter[QuotaUse]] = field(default_factory=dict)
    """What `quota_uses` was asked since the last event: a plan asks the same for each of its sends."""

    def hold_reason(self, now: datetime) -> str | None:
        """Return why nothing may be sent at a moment; None while no hold is in force."""
        holds = self.holds_at(now)
        return str(holds[-1].data.get("reason", "")) if holds else None

    @property
    def ids(self) -> Set[str]:
        """The id of every send, as `normalize_id` returns it."""
        return self.sends.keys() | self.past.keys()

    @property
    def contents(self) -> Set[str]:
        """Every digest that a send has had, with its recipients or without."""
        return self._by_content.keys()

    def all_sends(self, since: datetime = LONG_AGO) -> Iterator[SendState]:
        """Yield every send, at every revision; of those decided on before `since` perhaps not all."""
        if since <= self.past_until:
            for name in list(self.past):
                self._unpack(name)
        for revisions in self.sends.values():
            yield from revisions.values()

    def seen(self, send: SendState) -> SeenByHand:
        """Return what the console shows of a send by hand; nothing of any other."""
        if send.origin is None:
            return SeenByHand()
        seen = self.seen_by_hand.get(send.origin.hash, SeenByHand())
        used = (one.send for one in self.of_draft(draft_of(send.data)) if one.status is Status.ACCEPTED)
        by = next((name for name in used if normalize_id(name) != normalize_id(send.send)), "")
        return seen._replace(is_gone=False, missing_since="", used_by=by) if by else seen

    def unknown_sends(self) -> list[SendState]:
        """List the unknown sends, oldest first."""
        unknown = (send for send in self.all_sends(NEVER) if send.fate is Fate.UNKNOWN)
        return sorted(unknown, key=lambda send: send.at)

    def quota_uses(self, begins: datetime, ends: datetime) -> Counter[QuotaUse]:
        """Count the sends that happened, or may have, from `begins` until before `ends`."""
        period = (begins, ends)
        if period not in self._quota_uses:
            self._quota_uses[period] = Counter(
                QuotaUse(recipients_of(send), posted_tag_id(send), fate is Fate.BASELINE)
                for send in self.all_sends(begins)
                if begins <= sent_at(send) < ends
                and (fate := send.fate) not in {*UNRECEIVED, Fate.HANDED_OVER}
            )
        return self._quota_uses[period]

    def add(self, event: Event, *, is_authentic: bool) -> None:
        """See `StreamState.add`.

        Raises:
            TamperedLedgerError: it decides, and its data has another shape than that of its kind.
        """
        self._quota_uses = {}
        if event.kind not in INFORMING:
            check_shape(event)
        elif not fits(event):
            StreamState.add(self, event, is_authentic=False)
            return
        if "mac" in event.data:
            self.last_own = event if is_authentic else self.last_own
            self.has_wrong_secret = self.last_own is None
        if is_authentic and event.kind in _OF_A_SEND:
            _send(self, event)
        StreamState.add(self, event, is_authentic=is_authentic)
        if is_authentic:
            self._add_to_job(event)
            self._add_beside_sends(event)
        elif event.kind == LedgerKind.CALLBACK:  # WeChat signed it
            self._callback(event)
        elif event.kind == LedgerKind.INIT:  # keeps a rehearsal off, and initializes nothing
            self.is_production = True
        self._add_to_approvals(event, is_authentic=is_authentic)
        if event.kind in _OF_SENDS or (is_authentic and event.kind in _OF_A_SEND):
            self.of_sends.setdefault(normalize_id(event.data["send"]), []).append((is_authentic, event))
        elif event.kind != EventKind.HOLD:
            self.beside.append((is_authentic, event))

    def find(self, send_id: str, revision: int, first_at: datetime = NEVER) -> SendState:
        """See `StreamState.find`."""
        self._unpack(normalize_id(send_id))
        return StreamState.find(self, send_id, revision, first_at)

    def keep(self, send: SendState) -> None:
        """See `StreamState.keep`."""
        self._unpack(normalize_id(send.send))
        StreamState.keep(self, send)

    def known(self, name: str) -> Mapping[int, SendState]:
        """Return the sends of an id by revision. Raises KeyError: no event is about it."""
        self._unpack(name)
        return self.sends[name]

    def revisions(self, names: Iterable[str]) -> list[SendState]:
        """See `StreamState.revisions`."""
        chosen = list(names)
        for name in chosen:
            self._unpack(name)
        return StreamState.revisions(self, chosen)

    def _unpack(self, name: str) -> None:
        """Fold the sends of an id from what a checkpoint has of it."""
        if text := self.past.pop(name, b""):
            alone = AccountState(self.stream)
            for is_authentic, data in json.loads(text):
                alone.add(event_from(data), is_authentic=is_authentic)
            self.sends[name], self.of_sends[name] = alone.sends[name], alone.of_sends[name]

    def _add_to_job(self, event: Event) -> None:
        """Add what became of an accepted send; its calls and their ends are in the stream already."""
        data = event.data
        if event.kind == LedgerKind.STATUS:
            send, fate = _send(self, event), FATE_BY_MSG_STATUS.get(data["msg_status"])
            if fate is not None and send.status is Status.ACCEPTED:
                self.keep(replace(send, job=fate, ended_at=event.at))
        elif event.kind == LedgerKind.RECALL:
            send, article = _send(self, event), data.get("article_idx") or 0
            self.recall_times.append(event.at)
            job = Fate.RECALLED if send.status is Status.ACCEPTED and not article else send.job
            self.keep(replace(send, job=job, recalls=(*send.recalls, event)))

    def _add_to_approvals(self, event: Event, *, is_authentic: bool) -> None:
        """Add an approval, or what ends one."""
        data = event.data
        if event.kind == LedgerKind.APPROVED and _is_in_place(event):
            self.approvals[event.hash] = event
            for row in data["sends"]:
                self.approved.setdefault((normalize_id(row[0]), row[1]), []).append((event, row))
        elif event.kind == LedgerKind.WITHDRAWN:
            sends = data.get("sends")
            names = map(normalize_id, sends) if sends is not None else ("",)
            self.withdrawals.update(dict.fromkeys(names, event))
        elif event.kind == EventKind.HOLD:
            self.last_stop = event
        elif event.kind == LedgerKind.GUARD and is_authentic:
            self.rule_changes.setdefault(data["environment"], []).append(event)

    def _add_beside_sends(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case LedgerKind.CALLBACK:
                self._callback(event)
            case LedgerKind.UPLOAD if data["result"] is None:
                self.uploads.pop(data["upload"], None)
            case LedgerKind.UPLOAD:
                self.uploads[data["upload"]] = UploadRecord(result=data["result"], at=event.at)
            case LedgerKind.DRAFT:
                self._draft(event)
            case LedgerKind.SEEN:
                self.seen_by_hand[data["handed_over"]] = SeenByHand(
                    data["draft"],
                    data["gone"],
                    tuple((number, day) for number, day in data["published"]),
                    tuple(data["jobs"]),
                    str(data.get("missing_since") or (event.at.isoformat() if data["gone"] else "")),
                )
            case LedgerKind.PREVIEW:
                self.previews.add(data["content_digest"])
            case LedgerKind.NOTIFIED:
                self.notified.update(data["notices"])
            case LedgerKind.CAMPAIGNS_FOLDER:
                name = normalize_id(data["namespace"])
                self.campaigns_folders.pop(name, None)  # the newest comes last
                known = ("folder", "in_git", "root", "namespace")
                self.campaigns_folders[name] = CampaignsFolder(**{key: data[key] for key in known})
            case LedgerKind.INIT:
                self.is_initialized = self.is_production = True

    def _draft(self, event: Event) -> None:
        data = event.data
        draft = DraftRecord(
            send=data["send"],
            revision=data["revision"],
            sha256=data["sha256"],
            media_id=data["media_id"],
            stored_digest=data.get("stored"),
            stored_changes=tuple(data.get("changed", ())),
        )
        before = self.made_drafts.get(draft.media_id)
        if before is not None and before.stored_digest is not None:
            draft = before  # a copy of an event from before WeChat's version was known does not forget it
        self.drafts[normalize_id(draft.send), draft.revision] = self.made_drafts[draft.media_id] = draft

    def _callback(self, event: Event) -> None:
        data = event.data
        names = ("msg_id", "status", "addressed", "sent", "left_out", "failed")
        result = JobResult(
            at=event.at,
            **{name: data[name] for name in names},
            links=tuple(data.get("links", ())),
            originals=tuple((item["article_idx"], item["url"]) for item in data.get("originals", ())),
        )
        self.job_results.setdefault(result.msg_id, result)


_OF_A_SEND: Final = frozenset(
    {EventKind.RESEND, EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE}
    | {EventKind.REJECTED, EventKind.SETTLED, LedgerKind.STATUS, LedgerKind.RECALL}
)
"""What is about a send that the ledger has."""
_OF_SENDS: Final = _OF_A_SEND - {LedgerKind.STATUS, LedgerKind.RECALL} | {
    EventKind.INTENT,
    EventKind.HANDED_OVER,
    EventKind.BASELINE,
}
"""What changes a send whether it is authentic or not."""


def _is_in_place(event: Event) -> bool:
    """Return whether an approval stands after the event that it names; who signed it is another question."""
    if event.data.get("after") != event.previous:
        return False
    return bool(0 <= event.data["saw"]["seq"] < event.seq)


def _send(account: AccountState, event: Event) -> SendState:
    return account.known(normalize_id(event.data["send"]))[event.data["revision"]]
