"""One call, once: recorded after the very view it was decided on, made in time, ended as it was answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.docs.blocks import ROOT
from tests.protocol.stories import (
    APPID,
    KEY,
    START,
    EventSpec,
    accepted,
    authentic,
    baseline,
    fold,
    hold,
    intent,
    rejected,
    resend,
    settled,
    signed,
)
from tests.support.factories import MemoryLedger, linked
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import (
    LedgerConflictError,
    LedgerError,
    NoResponseError,
    NotSentError,
    SecretError,
)
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.attempt import BEGIN_WITHIN, TRIES, Attempt, AttemptResult, Judge
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason, decide
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Status, StreamState

BODY = {"text": "你好"}
DIGEST = "d" * 64
KEY_OF_SALE = clientmsgid(APPID, "sale", 1)
DATA = {"send": "sale", "revision": 1, "content_digest": DIGEST, "body": BODY}
TAKEN = {"errcode": 0, "msg_id": 7, "msg_data_id": 8}
LOST = NoResponseError("cut", hint="look")
NO_CONNECTION = NotSentError("no connection", hint="look")
UPLOAD: EventSpec = (LedgerKind.UPLOAD, {"upload": "x", "result": "y"})
MINUTE = timedelta(minutes=1)


class Store(MemoryLedger):
    """Lets something happen just before an entry of a kind is kept, once or each time; may fail to answer."""

    def __init__(self) -> None:
        super().__init__(lambda: self.now)
        self.now = START
        self.before: dict[str, Callable[[], object]] = {}
        self.unanswered: set[str] = set()
        self.decisions: list[Decision] = []

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        happens = self.before.get(entry.kind)
        if happens is not None:
            happens()
        kept = super().append(entry, after=after)
        if entry.kind in self.unanswered:
            raise LedgerError("no answer", hint="look")
        return kept

    def tell(self, *steps: EventSpec) -> None:
        for kind, data in steps:
            super().append(signed(kind, linked(kind, data, self.events())))

    def once(self, kind: EventKind, happens: Callable[[], object]) -> None:
        def first() -> None:
            del self.before[kind]
            happens()

        self.before[kind] = first

    @property
    def status(self) -> Status:
        return fold(APPID, self.events(), authentic).find("sale", 1).status

    @property
    def kinds(self) -> list[str]:
        return [str(event.kind) for event in self.events()]


@dataclass
class StaleReads:
    """A replica that shows nothing new; what is appended goes to the store itself."""

    store: Store

    def read(self, _stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        return ()

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        return self.store.append(entry, after=after)


@dataclass
class Platform:
    """Gives one answer, and remembers what it was asked."""

    store: Store
    answer: Any = None
    token: Exception | None = None
    posts: list[tuple[dict[str, Any], datetime]] = field(default_factory=list)
    seen: list[list[str]] = field(default_factory=list)
    """What the ledger held at each post."""

    def ensure_token(self) -> None:
        if self.token is not None:
            raise self.token

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        if self.store.now > begin_by:
            raise NotSentError("too late", hint="again")
        self.posts.append((dict(body), begin_by))
        self.seen.append(self.store.kinds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if self.answer is not None else TAKEN


def judge(store: Store) -> Judge:
    """Judge by the real rules, and remember what was decided."""

    def decided(state: StreamState) -> Decision:
        facts = DecisionInput(id="sale", revision=1, content_digest=DIGEST, now=store.now)
        store.decisions.append(decide(state, facts))
        return store.decisions[-1]

    return decided


def attempt_of(store: Store, platform: Platform) -> Attempt:
    """A runner that has read the ledger as it is now."""
    state = StreamState(APPID)
    made = Attempt(
        ledger=store,
        api=platform,
        state=state,
        apply_event=lambda event: state.add(event, is_authentic=authentic(event)),
        clock=lambda: store.now,
        mac_key=KEY,
    )
    made.refresh()
    return made


def attempted(
    store: Store, platform: Platform, action: Action = Action.SEND, **data: Any
) -> AttemptResult | None:
    return attempt_of(store, platform).make(action, {**DATA, **data}, BODY, judge(store))


def make(store: Store, platform: Platform, action: Action = Action.SEND, **data: Any) -> AttemptResult:
    made = attempted(store, platform, action, **data)
    assert made is not None
    return made


def test_call_is_not_made_long_after_it_was_decided() -> None:
    store = Store()
    platform = Platform(store)
    made = attempt_of(store, platform)

    def slow(state: StreamState) -> Decision:
        decided = judge(store)(state)
        store.now += BEGIN_WITHIN + timedelta(seconds=1)
        return decided

    result = made.make(Action.SEND, DATA, BODY, slow)
    assert result is not None
    assert isinstance(result.error, NotSentError)
    assert (platform.posts, store.status) == ([], Status.REJECTED)


def again(store: Store, platform: Platform) -> AttemptResult:
    store.now += 2 * MINUTE
    return make(store, platform, Action.RESEND)


def not_made(store: Store, platform: Platform, action: Action = Action.SEND) -> Reason:
    store.now += 2 * MINUTE
    assert attempted(store, platform, action) is None
    return store.decisions[-1].reason


def begun() -> tuple[Store, Platform]:
    store = Store()
    assert make(store, Platform(store, LOST)).status is Status.UNKNOWN
    return store, Platform(store)


# --- one call -----------------------------------------------------------------------------------


def test_intent_is_recorded_before_the_call() -> None:
    store = Store()
    platform = Platform(store)
    outcome = make(store, platform)
    ((body, _),) = platform.posts
    assert body == {**BODY, "clientmsgid": KEY_OF_SALE}
    assert platform.seen == [["intent"]]
    kept = store.events()[0]
    said = {"send": "sale", "revision": 1, "after": EMPTY.hash, "body_sha256": sha256(BODY)}
    assert {name: kept.data[name] for name in said} == said
    assert kept.data["clientmsgid"] == KEY_OF_SALE
    assert datetime.fromisoformat(kept.data["at"]) == START
    assert all(authentic(event) for event in store.events())
    assert store.kinds == ["intent", "accepted"]
    assert (outcome.status, store.status) == (Status.ACCEPTED, Status.ACCEPTED)


def test_answer_is_kept_with_its_ids() -> None:
    store = Store()
    make(store, Platform(store))
    kept = store.events()[-1].data
    assert {name: kept.get(name) for name in TAKEN} == {**TAKEN, "errcode": None}


@pytest.mark.parametrize("odd", ["8", True, 10**30, [8], {}])
def test_odd_number_beside_an_acceptance_is_not_kept(odd: object) -> None:
    store = Store()
    make(store, Platform(store, {**TAKEN, "msg_data_id": odd}))
    kept = store.events()[-1]
    assert (kept.kind, kept.data["msg_id"], "msg_data_id" in kept.data) == ("accepted", 7, False)


def test_call_has_the_minute_that_the_page_says() -> None:
    assert timedelta(seconds=60) == BEGIN_WITHIN
    assert "within 60 seconds after it was decided" in (ROOT / "docs/ledger.md").read_text(encoding="utf-8")


ENDS = [
    (TAKEN, "accepted", Status.ACCEPTED),
    ({"errcode": 0}, None, Status.UNKNOWN),
    ({"errcode": 45065, "msg_id": 7}, "duplicate", Status.DISPUTED),
    ({"errcode": 45066}, "in_use", Status.UNKNOWN),
    ({"errcode": 40007}, "rejected", Status.REJECTED),
    ({"errcode": 40001}, "rejected", Status.REJECTED),
    ({"errcode": -1}, None, Status.UNKNOWN),
    ({"errcode": 89504}, None, Status.UNKNOWN),
    ({"errcode": 123456}, None, Status.UNKNOWN),
    (LOST, None, Status.UNKNOWN),
    (NO_CONNECTION, "rejected", Status.REJECTED),
]


@pytest.mark.parametrize(("answer", "kept", "status"), ENDS, ids=str)
def test_outcome_of_a_first_call(answer: Any, kept: str | None, status: Status) -> None:
    store = Store()
    platform = Platform(store, answer)
    outcome = make(store, platform)
    assert (outcome.status, store.status) == (status, status)
    assert store.kinds == ["intent", *([kept] if kept else [])]
    assert len(platform.posts) == 1


AGAIN = {
    "accepted": Status.ACCEPTED,
    "duplicate": Status.ACCEPTED,
    "in_use": Status.UNKNOWN,
    "rejected": Status.UNKNOWN,
    None: Status.UNKNOWN,
}


@pytest.mark.parametrize(("answer", "kept"), [end[:2] for end in ENDS], ids=str)
def test_outcome_of_a_resend(answer: Any, kept: str | None) -> None:
    """45065 means that the first call arrived; a rejection proves nothing about the first call."""
    store, platform = begun()
    platform.answer = answer
    outcome = again(store, platform)
    assert (outcome.status, store.status) == (AGAIN[kept], AGAIN[kept])
    assert store.kinds == ["intent", "resend", *([kept] if kept else [])]
    assert platform.posts[0][0] == {**BODY, "clientmsgid": KEY_OF_SALE}
    assert platform.seen == [["intent", "resend"]]


def test_no_intent_is_recorded_without_a_token() -> None:
    store = Store()
    platform = Platform(store, token=SecretError("the command failed", hint="look"))
    with pytest.raises(SecretError):
        make(store, platform)
    assert (store.kinds, platform.posts) == ([], [])


def test_first_call_never_becomes_a_resend_nor_the_reverse() -> None:
    store, platform = begun()
    assert not_made(store, platform, Action.SEND) is Reason.OUTCOME_UNKNOWN
    fresh = Store()
    assert not_made(fresh, Platform(fresh), Action.RESEND) is Reason.NEW
    assert platform.posts == []


@pytest.mark.parametrize(
    ("send", "body"), [("spring", BODY), ("sale", {"text": "再见"})], ids=["another send", "another body"]
)
def test_resend_is_of_the_send_and_the_body_that_were_decided_on(send: str, body: Mapping[str, Any]) -> None:
    """A message may have gone out under another id, or with another body, since the resend was planned."""
    store, platform = begun()
    store.now += 2 * MINUTE
    runner = attempt_of(store, platform)
    assert runner.make(Action.RESEND, {**DATA, "send": send}, body, judge(store)) is None
    assert store.decisions[-1].action is Action.RESEND
    assert (store.kinds, platform.posts) == (["intent"], [])


# --- others who write ---------------------------------------------------------------------------


OVERTAKING = {
    "a hold": ([hold()], Reason.HOLD),
    "sent by hand": ([baseline()], Reason.SENT),
    "another runner's call": ([intent()], Reason.RESPONSE_PENDING),
    "another runner's acceptance": ([intent(), accepted()], Reason.SENT),
}


@pytest.mark.parametrize(("steps", "reason"), OVERTAKING.values(), ids=OVERTAKING)
def test_events_before_the_intent_are_decided_on_again(steps: list[EventSpec], reason: Reason) -> None:
    store = Store()
    platform = Platform(store)
    store.once(EventKind.INTENT, lambda: store.tell(*steps))
    assert attempted(store, platform) is None
    assert store.decisions[-1].reason is reason
    assert platform.posts == []
    assert store.kinds == [str(kind) for kind, _ in steps]


OVERTAKING_RESEND: dict[str, tuple[list[EventSpec], Reason]] = {
    "a hold": ([hold()], Reason.HOLD),
    "the first call's acceptance": ([accepted()], Reason.SENT),
    "the first call's rejection": ([rejected()], Reason.REJECTED_BEFORE),
    "a person": ([settled(sent=False)], Reason.REJECTED_BEFORE),
}


@pytest.mark.parametrize(("steps", "reason"), OVERTAKING_RESEND.values(), ids=OVERTAKING_RESEND)
def test_events_before_a_resend_are_decided_on_again(steps: list[EventSpec], reason: Reason) -> None:
    store, platform = begun()
    store.once(EventKind.RESEND, lambda: store.tell(*steps))
    assert not_made(store, platform, Action.RESEND) is reason
    assert platform.posts == []


def test_unrelated_events_only_delay_a_call() -> None:
    store = Store()
    platform = Platform(store)
    store.once(EventKind.INTENT, lambda: store.tell(UPLOAD))
    assert make(store, platform).status is Status.ACCEPTED
    assert store.kinds == ["upload", "intent", "accepted"]
    store, platform = begun()
    store.once(EventKind.RESEND, lambda: store.tell(UPLOAD))
    assert again(store, platform).status is Status.ACCEPTED
    assert len(platform.posts) == 1


def test_runner_that_is_always_overtaken_gives_up() -> None:
    store = Store()
    platform = Platform(store)
    tries: list[int] = []

    def overtake() -> None:
        tries.append(1)
        store.tell(UPLOAD)

    store.before[EventKind.INTENT] = overtake
    with pytest.raises(LedgerConflictError):
        make(store, platform)
    assert len(tries) == TRIES
    assert platform.posts == []
    assert store.status is Status.REJECTED


def test_runner_with_a_stale_view_makes_no_call() -> None:
    store = Store()
    platform = Platform(store)
    late = attempt_of(store, platform)
    make(store, platform)
    late.ledger = StaleReads(store)
    with pytest.raises(LedgerConflictError):
        late.make(Action.SEND, DATA, BODY, judge(store))
    assert len(platform.posts) == 1


def test_late_outcome_is_recorded_after_other_events() -> None:
    store = Store()
    platform = Platform(store)
    runner = attempt_of(store, platform)
    store.once(EventKind.ACCEPTED, lambda: store.tell(hold()))
    made = runner.make(Action.SEND, DATA, BODY, judge(store))
    assert made is not None
    assert made.status is Status.ACCEPTED
    assert store.kinds == ["intent", "hold", "accepted"]
    assert runner.state.holds
    assert runner.state.head == store.events()[-1].head


def test_late_rejection_does_not_free_a_resent_send() -> None:
    """The resend may have been accepted although its answer was lost."""
    store = Store()
    platform = Platform(store, {"errcode": 40007})
    store.once(EventKind.REJECTED, lambda: store.tell(resend()))
    outcome = make(store, platform)
    assert (outcome.status, store.status) == (Status.UNKNOWN, Status.UNKNOWN)


# --- the store does not answer ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EventKind.INTENT, EventKind.RESEND])
def test_intent_without_confirmation_makes_no_call(kind: EventKind) -> None:
    store, platform = (Store(), None) if kind is EventKind.INTENT else begun()
    platform = platform or Platform(store)
    store.unanswered = {kind}
    with pytest.raises(LedgerError):
        make(store, platform) if kind is EventKind.INTENT else again(store, platform)
    assert platform.posts == []
    assert store.status is Status.UNKNOWN


def test_acceptance_that_cannot_be_recorded_is_unknown() -> None:
    """The answer is reported all the same, so that a person can record it."""
    store = Store()

    def fail() -> None:
        raise LedgerError("the disk is full", hint="make room")

    store.before[EventKind.ACCEPTED] = fail
    outcome = make(store, Platform(store))
    assert outcome.status is Status.UNKNOWN
    assert isinstance(outcome.error, LedgerError)
    assert outcome.response["msg_id"] == 7
    assert store.status is Status.UNKNOWN


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EventKind.INTENT, EventKind.RESEND])
@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1)])
def test_call_begins_within_a_minute_of_its_intent(kind: EventKind, late: timedelta) -> None:
    store, platform = (Store(), None) if kind is EventKind.INTENT else begun()
    platform = platform or Platform(store)

    def held_up() -> None:
        store.now += BEGIN_WITHIN + late

    store.before[kind] = held_up
    outcome = make(store, platform) if kind is EventKind.INTENT else again(store, platform)
    assert len(platform.posts) == (not late)
    if late:
        ended = store.events()[-1]
        assert (ended.kind, ended.data["reason"]) == (EventKind.REJECTED, "not_sent")
        assert outcome.status is (Status.REJECTED if kind is EventKind.INTENT else Status.UNKNOWN)


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1)])
def test_window_that_ends_while_the_intent_is_recorded_stops_the_call(late: timedelta) -> None:
    store = Store()
    platform = Platform(store)

    def slow() -> None:
        store.now += timedelta(seconds=20) + late

    store.before[EventKind.INTENT] = slow
    outcome = make(store, platform, not_after=(START + timedelta(seconds=20)).isoformat())
    assert len(platform.posts) == (not late)
    assert outcome.status is (Status.REJECTED if late else Status.ACCEPTED)


def test_call_after_a_rejection_has_its_own_intent() -> None:
    store = Store()
    make(store, Platform(store, {"errcode": 40007}))
    make(store, Platform(store))
    intents = [event.data for event in store.events() if event.kind == EventKind.INTENT]
    assert len(intents) == 2
    assert len({data["clientmsgid"] for data in intents}) == 1


def test_wrong_clock_seen_with_the_token_prevents_the_intent() -> None:
    store = Store()
    error: list[timedelta] = []

    class Dated(Platform):
        def ensure_token(self) -> None:
            error.append(timedelta(hours=8))

    def judged(state: StreamState) -> Decision:
        off = error[-1] if error else timedelta()
        facts = DecisionInput(id="sale", revision=1, content_digest=DIGEST, now=store.now, clock_skew=off)
        store.decisions.append(decide(state, facts))
        return store.decisions[-1]

    platform = Dated(store)
    assert attempt_of(store, platform).make(Action.SEND, DATA, BODY, judged) is None
    assert store.decisions[-1].reason is Reason.CLOCK_SKEW
    assert (store.kinds, platform.posts) == ([], [])
