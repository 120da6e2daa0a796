"""Events in, the state of every send out: a pure fold, the same in whatever order outcomes arrive.

An intent without an outcome is *open*: the send may have happened. `accepted` wins over `refused` for the
same attempt, because a late answer to a first call must not undo what a repeat learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.words import _
from wechat_campaigns.ledger import names
from wechat_campaigns.ledger.records import (
    FINAL_BY_MSG_STATUS,
    MAY_SEND_AGAIN,
    DraftState,
    SendState,
    Status,
    Told,
    Uploaded,
    Use,
)
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.events import Event, Kind
from wechat_campaigns.protocol.keys import same_id
from wechat_campaigns.protocol.state import StreamState

__all__ = [
    "FINAL_BY_MSG_STATUS",
    "MAY_SEND_AGAIN",
    "DraftState",
    "LedgerState",
    "SendState",
    "Status",
    "Told",
    "Uploaded",
    "Use",
    "fold",
]


Key = tuple[str, str, int]
"""AppID, id as `same_id` gives it of the ledger's, revision; `LedgerState.key` makes one."""
Authentic = Callable[[Event], bool]
"""Whether an event's mac holds."""


@dataclass(slots=True)
class LedgerState:
    """Everything plan and apply need to know of the past; built only by `fold`.

    Ids come in and go out as users write them; `kept` and `shown` turn them to those of the ledger and back.
    """

    namespace: str = ""
    """Of the settings: whose sends are shown without it."""
    initialized: bool = False
    begun_for: set[str] = field(default_factory=set)
    """The streams with a beginning or, in a ledger from before each account had its own, with a send."""
    real: set[str] = field(default_factory=set)
    """The streams that `ledger init` began: a rehearsal begins none."""
    sends: dict[Key, SendState] = field(default_factory=dict)
    uploads: dict[tuple[str, str], Uploaded] = field(default_factory=dict)
    """By (appid, upload key)."""
    drafts: dict[Key, DraftState] = field(default_factory=dict)
    """The latest draft made for each send."""
    previews: set[tuple[str, str]] = field(default_factory=set)
    """(appid, digest) of what a tester has received."""
    previewed: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every preview; the platform allows a hundred a day."""
    told: dict[tuple[str, int], Told] = field(default_factory=dict)
    """By (appid, msg_id): what the callback event said."""
    recalls: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every recall; the platform allows ten a day."""
    streams: dict[str, StreamState] = field(default_factory=dict)
    """By appid: what decides whether a call may begin, and how far the stream was read."""
    authentic: Authentic | None = None
    """Whether an event's mac holds, for a run that may act on it; None believes everything."""
    guards: dict[str, list[Event]] = field(default_factory=dict)
    """By appid: the rules that applies went by, in order. Whether their mac holds is not known here."""
    homes: dict[str, dict[str, Event]] = field(default_factory=dict)
    """By appid and namespace, as `same_id` gives it: which campaigns folder uses the ledger."""
    seen: dict[str, int] = field(default_factory=dict)
    """By stream: the number of the last event taken in."""

    _digests: dict[tuple[str, str], set[Key]] = field(default_factory=dict)
    _revisions: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _uses: dict[tuple[str, datetime, datetime], Mapping[Use, int]] = field(default_factory=dict)
    """What `uses` was asked since the last event: a plan asks the same for each of its sends."""

    def stream(self, appid: str) -> StreamState:
        """Give an account's stream, empty when nothing was written yet."""
        if appid not in self.streams:
            self.streams[appid] = (
                StreamState(appid) if self.authentic is None else StreamState(appid, self.authentic)
            )
        return self.streams[appid]

    @property
    def holds(self) -> Mapping[str, str]:
        """By appid: why nothing may be sent from an account."""
        held = {appid: [*known.holds.values()] for appid, known in self.streams.items()}
        return {appid: str(events[-1].data.get("why", "")) for appid, events in held.items() if events}

    def begun(self, appid: str) -> bool:
        """Tell whether the ledger was begun for this account too: others may share it."""
        return self.initialized and appid in self.begun_for

    def send(self, appid: str, send_id: str, revision: int) -> SendState | None:
        """Look one send up, however its id is spelt."""
        return self.sends.get(self.key(appid, send_id, revision))

    def key(self, appid: str, send_id: str, revision: int) -> Key:
        """Make the key of a send."""
        return appid, self.same(send_id), revision

    def same(self, send_id: str) -> str:
        """Give the form in which ids are compared."""
        return same_id(self.kept(send_id))

    def kept(self, send_id: str) -> str:
        """Give an id as events have it."""
        return names.kept(self.namespace, send_id)

    def shown(self, kept_id: str) -> str:
        """Give the id of an event as users write it."""
        return names.shown(self.namespace, kept_id)

    def is_ours(self, kept_id: str) -> bool:
        """Tell whether the id of an event is of this namespace."""
        return same_id(names.namespace_of(kept_id)) == same_id(self.namespace)

    def place(self, send_id: str, revision: int) -> dict[str, Any]:
        """Name a send in the data of an event."""
        return {"send": self.kept(send_id), "revision": revision}

    def named(self, send_id: str) -> list[SendState]:
        """List all sends of this id, at any revision and by any account."""
        wanted = self.same(send_id)
        return [known for (_appid, name, _revision), known in self.sends.items() if name == wanted]

    def revisions(self, appid: str, send_id: str) -> list[SendState]:
        """List what is known of a send at any revision."""
        name = self.same(send_id)
        return [self.sends[appid, name, number] for number in self._revisions.get((appid, name), ())]

    def by_digest(self, appid: str, digest: str) -> list[SendState]:
        """List the sends whose latest attempt carried this content to these receivers."""
        found = (self.sends[key] for key in sorted(self._digests.get((appid, digest), ())))
        return [state for state in found if state.digest == digest]

    def uses(self, appid: str, begins: datetime, ends: datetime) -> Mapping[Use, int]:
        """Count an account's sends that happened, or may have, from `begins` until before `ends`."""
        asked = (appid, begins, ends)
        if asked not in self._uses:
            self._uses[asked] = Counter(
                Use(known.receivers, known.to_all, known.status is Status.BASELINE)
                for known in self.sends.values()
                if known.appid == appid and begins <= known.at < ends and known.at_risk
            )
        return self._uses[asked]

    def told_of(self, known: SendState) -> Told | None:
        """Give what the callback event said of a send, if it was received."""
        return self.told.get((known.appid, known.msg_id)) if known.msg_id is not None else None

    def open(self, appid: str) -> list[SendState]:
        """List an account's unknown sends, oldest first."""
        found = [s for s in self.sends.values() if s.appid == appid and s.status is Status.OPEN]
        return sorted(found, key=lambda state: state.at)

    def add(self, event: Event) -> None:
        """Take one more event into account; event kinds it does not need pass by.

        Raises:
            TamperedLedgerError: it speaks of a send whose intent is missing.
        """
        self._uses = {}
        try:
            self.stream(event.stream).add(event)
            believed = self.authentic is None or self.authentic(event)
            step = (_STEPS if believed else _UNBELIEVED).get(event.kind)
            if step is not None:
                step(self, event)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) does not fit the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                remedy=_("run `campaign ledger verify`; restore the ledger from a copy before any apply"),
                where=event.stream,
            ) from error


def fold(events: Iterable[Event], authentic: Authentic | None = None, namespace: str = "") -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        events: of one stream, or of several.
        authentic: tells whether a mac holds; None believes all.
        namespace: of the settings.
    """
    state = LedgerState(authentic=authentic, namespace=namespace)
    for event in events:
        state.add(event)
    return state


def _key(event: Event) -> Key:
    return event.stream, same_id(event.data["send"]), event.data["revision"]


def _init(state: LedgerState, event: Event) -> None:
    state.initialized = True
    state.begun_for.add(event.stream)
    state.real.add(event.stream)


def _guard(state: LedgerState, event: Event) -> None:
    state.guards.setdefault(event.stream, []).append(event)


def _home(state: LedgerState, event: Event) -> None:
    homes = state.homes.setdefault(event.stream, {})
    name = same_id(event.data["namespace"])
    homes.pop(name, None)  # the newest comes last
    homes[name] = event


def _upload(state: LedgerState, event: Event) -> None:
    key, result = (event.stream, event.data["upload"]), event.data["result"]
    if result is None:
        state.uploads.pop(key, None)
    else:
        state.uploads[key] = Uploaded(result=result, at=event.at)


def _draft(state: LedgerState, event: Event) -> None:
    data = event.data
    state.drafts[_key(event)] = DraftState(
        sha256=data["sha256"],
        media_id=data["media_id"],
        at=event.at,
        stored=data.get("stored"),
        changed=tuple(data.get("changed", ())),
    )


def _preview(state: LedgerState, event: Event) -> None:
    state.previews.add((event.stream, event.data["digest"]))
    state.previewed.append((event.stream, event.at))


def _callback(state: LedgerState, event: Event) -> None:
    data = event.data
    told = Told(
        msg_id=data["msg_id"],
        status=data["status"],
        total=data["total"],
        filtered=data["filtered"],
        sent=data["sent"],
        errors=data["errors"],
        links=tuple(data.get("links", ())),
        checks=tuple(data.get("copyright", ())),
    )
    state.told.setdefault((event.stream, told.msg_id), told)


def _recall(state: LedgerState, event: Event) -> None:
    state.recalls.append((event.stream, event.at))
    key, article = _key(event), event.data.get("article_idx") or 0
    known = state.sends[key]
    status = Status.RECALLED if known.happened and not article else known.status
    state.sends[key] = replace(known, status=status, recalled=(*known.recalled, article))


def _begin(state: LedgerState, event: Event) -> None:
    key = _key(event)
    state.begun_for.add(event.stream)
    if key not in state.sends:
        state._revisions.setdefault(key[:2], []).append(key[2])
    state._digests.setdefault((key[0], event.data["digest"]), set()).add(key)
    before = state.sends.get(key)
    if before is not None and before.happened:
        # A slower runner began another call; what the platform took before stays taken.
        return
    told = _meaning(state, event, None)
    state.sends[key] = SendState(
        appid=key[0],
        send=state.shown(event.data["send"]),
        revision=key[2],
        at=event.at,
        account=event.data.get("account", ""),
        digest=event.data["digest"],
        receivers=event.data.get("receivers", ""),
        audience=event.data.get("audience", {}).get("count"),
        intent=event if event.kind == Kind.INTENT else None,
        **(told | {"status": Status.BASELINE} if event.kind == Kind.BASELINE else told),
    )


def _follow(state: LedgerState, event: Event) -> None:
    key = _key(event)
    known = state.sends[key]
    state.sends[key] = replace(known, **_meaning(state, event, known))


def _meaning(state: LedgerState, event: Event, known: SendState | None) -> dict[str, Any]:
    """Take over what the protocol makes of an event; what became of an accepted job stays ours to tell.

    Every event of a long past comes by here: a record is made once, not copied field by field.
    """
    decided = state.streams[event.stream].of(event.data["send"], event.data["revision"])
    if decided is None:
        raise KeyError(event.data["send"])
    taken = decided.status is protocol.Status.ACCEPTED
    happened = known is not None and known.happened
    found: dict[str, Any] = {
        "status": known.status if taken and known is not None and happened else _FROM[decided.status],
        "disputed": decided.status is protocol.Status.DISPUTED,
        "why": event.data.get("why", event.data.get("reason", "")),
        "errcode": event.data.get("errcode") if decided.status is protocol.Status.REJECTED else None,
    }
    # The platform's own number wins over that of a person who settled in the meantime.
    if taken and (known is None or not happened or known.nameless or event.kind == Kind.ACCEPTED):
        found |= {"msg_id": event.data.get("msg_id"), "msg_data_id": event.data.get("msg_data_id")}
        found["accepted_at"] = event.at
    return found


def _shaken(state: LedgerState, event: Event) -> None:
    """Take in of an event that nobody with the AppSecret wrote what it does: it leaves a send to a person."""
    key, data = _key(event), event.data
    decided = state.streams[event.stream].of(data["send"], data["revision"])
    if decided is None:
        raise KeyError(data["send"])
    if key not in state.sends:
        state._revisions.setdefault(key[:2], []).append(key[2])
        state.sends[key] = SendState(
            appid=key[0],
            send=state.shown(data["send"]),
            revision=key[2],
            status=Status.OPEN,
            at=event.at,
            account="",
            digest="",
            receivers="",
            audience=None,
            intent=None,
        )
    if decided.status is not protocol.Status.ACCEPTED:
        disputed = decided.status is protocol.Status.DISPUTED
        state.sends[key] = replace(state.sends[key], status=_FROM[decided.status], disputed=disputed)


def _resend(state: LedgerState, event: Event) -> None:
    _follow(state, event)
    key = _key(event)
    state.sends[key] = replace(state.sends[key], resent_under=event.data.get("plan_digest", ""))


def _status(state: LedgerState, event: Event) -> None:
    status = FINAL_BY_MSG_STATUS.get(event.data["msg_status"])
    known = state.sends[_key(event)]
    if status is not None and known.happened:
        state.sends[_key(event)] = replace(known, status=status)


_FROM = {
    protocol.Status.UNKNOWN: Status.OPEN,
    protocol.Status.DISPUTED: Status.OPEN,
    protocol.Status.REJECTED: Status.REFUSED,
    protocol.Status.ACCEPTED: Status.ACCEPTED,
}
_STEPS: dict[str, Callable[[LedgerState, Event], None]] = {
    Kind.INIT: _init,
    Kind.UPLOAD: _upload,
    Kind.DRAFT: _draft,
    Kind.PREVIEW: _preview,
    Kind.CALLBACK: _callback,
    Kind.RECALL: _recall,
    Kind.GUARD: _guard,
    Kind.HOME: _home,
    Kind.BASELINE: _begin,
    Kind.INTENT: _begin,
    Kind.RESEND: _resend,
    Kind.ACCEPTED: _follow,
    Kind.DUPLICATE: _follow,
    Kind.REJECTED: _follow,
    Kind.STATUS: _status,
    Kind.SETTLED: _follow,
}
_UNBELIEVED: dict[str, Callable[[LedgerState, Event], None]] = {
    Kind.INIT: lambda state, event: state.real.add(event.stream),  # keeps a rehearsal off, and begins nothing
    Kind.GUARD: _guard,
    Kind.CALLBACK: _callback,
    **dict.fromkeys(
        (Kind.BASELINE, Kind.INTENT, Kind.RESEND, Kind.ACCEPTED, Kind.DUPLICATE, Kind.REJECTED, Kind.SETTLED),
        _shaken,
    ),
}
"""Of what has no mac that holds, only what stops, or what has a proof of its own, is taken in."""
