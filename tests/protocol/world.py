"""What the model is about: campaigns, runs of apply, WeChat, a store and its events, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger import trust
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import Unit, public_key, sign
from wechat_campaigns.ledger.events import LedgerKind, next_event, verified_after
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head
from wechat_campaigns.protocol.keys import Message, clientmsgid, mac_key, mac_of
from wechat_campaigns.protocol.state import SendState

APPID = "wx0000000000000001"
SECOND_APPID = "wx0000000000000002"
APPIDS = (APPID, SECOND_APPID)
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
REMEMBERED_S = 24 * 3600
"""How long WeChat knows a clientmsgid."""
ARRIVES_S = 600
"""How long after its intent a request may arrive: an assumption of `docs/ledger.md`."""
MOMENT_S, WHILE_S, SOON_S, LONG_S, FORGOTTEN_S = 30, 480, 901, 19 * 3600, 24 * 3600 + 1
ELSEWHERE = "elsewhere"
"""What another program sends under a key of ours."""
FORGED = "forged"
ENVIRONMENT = "production"
PRIVATE = {"ann": "a" * 64, "bob": "b" * 64}
"""The keys of those who may approve."""
APPROVERS = {name: public_key(key) for name, key in PRIVATE.items()}


def moment_of(now_s: float) -> datetime:
    return START + timedelta(seconds=now_s)


@cache
def _digest(*parts: Any) -> str:
    return sha256(parts)


class Send(NamedTuple):
    """A campaign as one checkout has it."""

    id: str
    message: str
    """What followers would see: two ids of one message stand for a renamed or split file."""
    formerly: tuple[str, ...] = ()
    revision: int = 1
    appid: str = APPID
    openids: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    """The list of which `openids` is a batch."""
    edit: str = ""
    """What an edit made of the text: still the same message."""
    by_hand: bool = False
    """A run makes its draft, and a person sends it."""
    draft: str = ""
    """The draft of the console that is sent, whatever is written in it by then."""
    not_before_s: int | None = None
    not_after_s: int | None = None

    @property
    def text(self) -> str:
        """What is posted; the followers of another account are others, who may have the same text."""
        mine = self.message if self.appid == APPID else f"{self.message}, from {self.appid}"
        return f"{mine} ({self.edit})" if self.edit else mine

    @property
    def body(self) -> dict[str, Any]:
        more: dict[str, Any] = {"touser": list(self.openids)} if self.openids else {}
        if self.draft:
            more["mpnews"] = {"media_id": self.draft}
        return {"text": self.text, **more}

    @property
    def key(self) -> str:
        return clientmsgid(self.appid, self.id, self.revision)

    @property
    def message_digest(self) -> str:
        return _digest(self.message, self.edit)

    @property
    def digest(self) -> str:
        """Of the content and the recipients, in which the account is not."""
        return _digest(self.message, self.edit, self.openids)

    @property
    def listed(self) -> tuple[str, ...]:
        return self.whole or self.openids

    @property
    def list_sha256(self) -> str | None:
        return _digest(*self.listed) if self.listed else None

    @property
    def unit(self) -> Unit:
        """What is approved of it; what names stand for, and audiences, are not in the model."""
        return Unit(self.id, self.revision, self.digest, {}, None)

    @property
    def as_message(self) -> Message:
        return Message(self.appid, self.id, self.revision, self.digest)


class Posted(NamedTuple):
    """A request, as WeChat sees it."""

    key: str
    text: str
    openids: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return self.text.partition(" (")[0]

    def reaches_again(self, other: Posted) -> bool:
        """Return whether a follower would have one message by both."""
        shared = not (self.openids and other.openids) or bool({*self.openids} & {*other.openids})
        return self.message == other.message != ELSEWHERE and shared


class Flying(NamedTuple):
    """A request on its way."""

    posted: Posted
    until_s: int
    """By then it has arrived, or never does."""
    waiting: str = ""
    """The run that waits for its answer; empty when it was given up."""


Marks = tuple[tuple[str, str, int, str], ...]
"""What a machine remembers of ledgers: by place or by chain, the last event it has seen."""


class Seen(NamedTuple):
    """An answer of the store: a stream as it was read, or as it is after an append."""

    hashes: tuple[str, ...]
    marks: Marks
    """What the machine remembered before."""
    stream: str
    kept: bool = False


class Runner(NamedTuple):
    """One run of apply: what it would send, what it has been answered so far."""

    name: str
    sends: tuple[Send, ...]
    present: tuple[Send, ...]
    """The campaigns of its checkout."""
    offset_s: int = 0
    machine: str = ""
    """Whose memory of the ledger it has; without a name it has none that another run shares."""
    most: int = 0
    """By a rule of its settings, how many messages may go out in 24 hours; 0: as many as there are."""
    approvals: int = 0
    """By its settings, how many people must approve a send."""
    resends_stored: bool = False
    """A person asked for the stored content, whatever the files say."""
    secret: int = 0
    answers: tuple[Any, ...] = ()

    @property
    def memory(self) -> str:
        return self.machine or self.name

    @property
    def key_of_macs(self) -> dict[str, bytes]:
        return {appid: KEYS[self.secret, appid] for appid in APPIDS}


class Snapshot(NamedTuple):
    """Everything at one moment; snapshots are compared and kept, so events are named by their hashes."""

    now_s: int
    hashes: tuple[tuple[str, ...], ...]
    """Of the events of each account, in order."""
    jobs: tuple[tuple[Posted, int], ...]
    """What WeChat took, and when."""
    flying: tuple[Flying, ...]
    runners: tuple[Runner, ...]
    waiting: tuple[Runner, ...]
    """Runs that may be started later, in order."""
    budget: tuple[tuple[str, int], ...]
    """How often what may happen may still happen."""
    marks: tuple[tuple[str, Marks], ...] = ()
    """By machine: what its guard against rollback remembers."""
    facts: tuple[str, ...] = ()
    """What excuses a broken promise: who said what is not so, or that events were taken out."""
    reported: tuple[Send, ...] = ()
    """Sends that a run reported as accepted."""
    secret: int = 0

    def left(self, what: str) -> int:
        return dict(self.budget).get(what, 0)

    def spend(self, what: str) -> Snapshot:
        return self._replace(budget=tuple((name, n - (name == what)) for name, n in self.budget))

    def stream(self, appid: str = APPID) -> tuple[str, ...]:
        return self.hashes[APPIDS.index(appid)]

    def with_stream(self, appid: str, hashes: tuple[str, ...]) -> Snapshot:
        streams = [hashes if one == appid else self.stream(one) for one in APPIDS]
        return self._replace(hashes=tuple(streams))

    def head(self, appid: str = APPID) -> Head:
        return EVENTS[hashes[-1]].head if (hashes := self.stream(appid)) else EMPTY

    def keep(self, entry: Entry) -> Snapshot:
        event = keep_event(next_event(entry, at=moment_of(self.now_s), head=self.head(entry.stream)))
        return self.with_stream(entry.stream, (*self.stream(entry.stream), event.hash))

    def marks_of(self, runner: Runner) -> Marks:
        return dict(self.marks).get(runner.memory, ())

    def is_known(self, key: str) -> bool:
        """Return whether WeChat still knows a clientmsgid."""
        return any(posted.key == key and self.now_s - at < REMEMBERED_S for posted, at in self.jobs)

    def took(self, key: str) -> bool:
        """Return whether WeChat ever took it from us."""
        return any(posted.key == key and posted.text != ELSEWHERE for posted, _ in self.jobs)


EVENTS: dict[str, Event] = {}
"""Every event that any snapshot has held, by its hash."""
KEYS = {(number, appid): mac_key(str(number) * 32, appid) for number in (0, 1) for appid in APPIDS}
"""By AppSecret, the first or the one that came later, and account."""
_has_valid_mac = trust.has_valid_mac
_is_intact = ledger_events.is_intact
VALID: dict[tuple[str, bytes], bool] = {}
INTACT: dict[str, bool] = {}


def keep_event(event: Event) -> Event:
    return EVENTS.setdefault(event.hash, event)


def valid_mac_once(event: Event, key: bytes) -> bool:
    """Judge as the program does; what was judged is remembered by the event's hash, which covers its mac."""
    if (event.hash, key) not in VALID:
        VALID[event.hash, key] = _has_valid_mac(event, key)
    return VALID[event.hash, key]


def is_intact_once(event: Event) -> bool:
    """Judge as the program does, once for each event that is kept: none of them is ever changed."""
    if EVENTS.get(event.hash) is not event:
        return _is_intact(event)
    if event.hash not in INTACT:
        INTACT[event.hash] = _is_intact(event)
    return INTACT[event.hash]


@dataclass(frozen=True)
class Scenario:
    """Where a search begins."""

    name: str
    runners: tuple[Runner, ...]
    waiting: tuple[Runner, ...] = ()
    budget: Mapping[str, int] = field(default_factory=dict)
    unanswered: tuple[Send, ...] = ()
    """Sends of a run that was killed just after it recorded its intents: their calls were never made."""
    recorded: int = 0
    """By the rules of its last apply, how many people must approve; 0: there was none."""


def events_of(hashes: tuple[str, ...]) -> tuple[Event, ...]:
    return tuple(map(EVENTS.__getitem__, hashes))


def read_verified(stream: str, hashes: tuple[str, ...], since: Head = EMPTY) -> tuple[Event, ...]:
    """Read as each store does: what follows `since`, its chain verified."""
    events = events_of(hashes)
    end = events[-1].head if events else EMPTY
    return verified_after(stream, [event for event in events if event.seq >= since.seq], since, end)


@cache
def view(appid: str, hashes: tuple[str, ...], secret: int) -> AccountState | None:
    """Fold an account as a person's command does; None when the command would refuse the ledger."""
    try:
        events = read_verified(appid, hashes)
        authentic = trust.authenticator(events, {appid: KEYS[secret, appid]}.get)
        return fold(events, authentic, streams=[appid]).stream(appid)
    except CampaignError:
        return None


def every_send(state: AccountState) -> list[SendState]:
    return [known for revisions in state.sends.values() for known in revisions.values()]


def signed(entry: Entry, key: bytes) -> Entry:
    """Give an entry its mac."""
    data = {name: value for name, value in entry.data.items() if name != "mac"}
    plain = Entry(stream=entry.stream, kind=entry.kind, data=data, nonce=entry.nonce)
    return Entry(
        stream=plain.stream, kind=plain.kind, data={**data, "mac": mac_of(key, plain)}, nonce=plain.nonce
    )


@cache
def rules_of(approvals: int) -> dict[str, Any]:
    """Return the rules of an account for which so many people must approve."""
    return {"approvals": {"approvers": APPROVERS, "count": approvals} if approvals else None}


@cache
def approved(who: str, key: str, send: Send, rules: str, saw: int, after: str, nonce: str) -> Entry:
    """Sign what somebody approves whose plan saw the account up to an event."""
    data = {"environment": ENVIRONMENT, "rules": rules, "saw": {"seq": saw}, "sends": [list(send.unit)]}
    data |= {"after": after, "approver": who, "who": [who], "at": START.isoformat()}
    return sign(Entry(stream=APPID, kind=LedgerKind.APPROVED, data=data, nonce=nonce), key)
