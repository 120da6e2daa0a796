"""What is believed of a ledger: what only a holder of the AppSecret can have written, or vouched for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import SERVICE, MemoryLedger, intent_of, linked, make_send, named
from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.ledger.events import LEDGER, LedgerKind, next_event
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.ledger.trust import (
    authenticator,
    has_valid_mac,
    is_decision,
    is_signed,
    questions,
    unverified,
    verify_guards,
)
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.protocol.state import Fate, Status

KEY, OTHER = mac_key("0" * 32, SERVICE), mac_key("1" * 32, SERVICE)
SALE = make_send()


class Book:
    """A ledger and who writes to it."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.ledger.append(Entry(stream=LEDGER, kind=LedgerKind.INIT))

    def write(self, kind: str, data: Mapping[str, Any], key: bytes = KEY) -> None:
        data = linked(kind, {k: v.isoformat() if k == "at" else v for k, v in data.items()}, self.mine())
        plain = Entry(stream=SERVICE, kind=kind, data=data)
        self.ledger.append(replace(plain, data={**data, "mac": mac_of(key, plain)}))

    def vouch(self, key: bytes, *distrusted: str) -> None:
        mine = self.mine()
        data = {"after": mine[-1].hash if mine else EMPTY.hash, "distrusted": list(distrusted)}
        self.write(LedgerKind.TRUSTED, data, key)

    def mine(self) -> tuple[Any, ...]:
        return self.ledger.events(SERVICE)

    def read(self, key: bytes = KEY) -> LedgerState:
        events = self.ledger.events()
        return fold(events, authenticator(events, lambda stream: key if stream == SERVICE else None))


def sent(key: bytes = KEY) -> Book:
    book = Book()
    book.write(LedgerKind.INIT, {}, key)
    book.write(EventKind.INTENT, intent_of(SALE), key)
    book.write(EventKind.ACCEPTED, named(SALE, msg_id=7), key)
    return book


def status_of(state: LedgerState) -> tuple[Fate, bool]:
    known = state.send(SERVICE, "sale", 1)
    assert known is not None
    return known.fate, known.status is Status.DISPUTED


FORGED: dict[str, dict[str, Any]] = {
    LedgerKind.INIT: {},
    LedgerKind.UPLOAD: {"upload": "k", "result": "EVIL"},
    LedgerKind.DRAFT: {"send": "sale", "revision": 1, "sha256": "d", "media_id": "EVIL"},
    LedgerKind.PREVIEW: {"send": "sale", "revision": 1, "content_digest": compute_content_digest(SALE)},
    LedgerKind.STATUS: {"send": "sale", "revision": 1, "msg_id": 7, "msg_status": "SEND_FAIL"},
    LedgerKind.RECALL: {"send": "sale", "revision": 1, "msg_id": 7, "article_idx": 0},
    LedgerKind.CAMPAIGNS_FOLDER: {"namespace": "", "folder": "x", "in_git": False, "root": ""},
}


@pytest.mark.parametrize("kind", FORGED)
def test_event_without_a_valid_mac_changes_nothing(kind: str) -> None:
    """No upload, no preview, no failure that would free an allowance, no beginning."""
    book = Book() if kind is LedgerKind.INIT else sent()
    before = told(book.read())
    book.write(kind, FORGED[kind], OTHER)
    assert told(book.read()) == before
    book.write(kind, FORGED[kind])
    assert told(book.read()) != before, "with the mac it counts"


def told(state: LedgerState) -> tuple[object, ...]:
    account = state.stream(SERVICE)
    return (
        list(state.sends),
        account.uploads,
        account.drafts,
        account.previews,
        account.is_initialized,
        account.campaigns_folders,
        account.recall_times,
    )


def test_forged_init_blocks_sandboxes_and_initializes_nothing() -> None:
    book = Book()
    book.write(LedgerKind.INIT, {}, OTHER)
    account = book.read().stream(SERVICE)
    assert (account.is_initialized, account.is_production) == (False, True)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (EventKind.SETTLED, named(SALE, sent=True, msg_id=99, why="?")),
        (EventKind.BASELINE, {"send": "sale", "revision": 1, "content_digest": "d" * 64, "reason": "?"}),
        (EventKind.ACCEPTED, named(SALE, msg_id=99)),
        (EventKind.REJECTED, named(SALE, errcode=45028)),
    ],
)
def test_forged_outcome_leaves_a_send_to_a_person(kind: str, data: dict[str, Any]) -> None:
    book = Book()
    book.write(LedgerKind.INIT, {})
    book.write(EventKind.INTENT, intent_of(SALE))
    book.write(kind, data, OTHER)
    state = book.read()
    assert status_of(state) == (Fate.UNKNOWN, True)
    assert job_id(state.stream(SERVICE).find("sale", 1)) is None


def test_forged_outcome_does_not_change_the_msg_id() -> None:
    """A forged end does not give it that of another message, whose recall would hit the wrong one."""
    book = sent()
    book.write(EventKind.SETTLED, named(SALE, sent=True, msg_id=99, why="?"), OTHER)
    assert job_id(book.read().stream(SERVICE).find("sale", 1)) == 7


def test_msg_id_of_the_platform_replaces_that_of_a_person() -> None:
    book = Book()
    book.write(EventKind.INTENT, intent_of(SALE))
    book.write(EventKind.SETTLED, named(SALE, sent=True, msg_id=9, why="looked"))
    book.write(EventKind.ACCEPTED, named(SALE, msg_id=7))
    assert job_id(book.read().stream(SERVICE).find("sale", 1)) == 7


def test_guard_counts_by_its_mac_and_by_the_guard_that_it_replaces() -> None:
    book = Book()

    def guards() -> list[Event]:
        return [event for event in book.mine() if event.kind == LedgerKind.GUARD]

    def write(replaces: str, key: bytes = KEY) -> None:
        book.write(LedgerKind.GUARD, {"environment": "shop", "rules": {}, "replaces": replaces}, key)

    write("")
    write(guards()[-1].hash)
    assert verify_guards(guards(), KEY) == (tuple(guards()), ())
    write(guards()[-1].hash, OTHER)
    write("")  # as a copy of the first would say
    good, bad = verify_guards(guards(), KEY)
    assert ([*good], [*bad]) == (guards()[:2], guards()[2:])
    write(good[-1].hash)
    assert verify_guards(guards(), KEY)[1] == (), "the one that holds ends what was wrong"


def test_kinds_that_are_signed_and_that_are_decided() -> None:
    hold = Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True})
    release = Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": False})
    kinds = (LedgerKind.CALLBACK, EventKind.ACCEPTED, EventKind.INTENT, EventKind.SETTLED, LedgerKind.GUARD)
    entries = [hold, release, *(Entry(stream=SERVICE, kind=kind) for kind in kinds)]
    assert [is_signed(one) for one in entries] == [False, True, False, True, True, True, True]
    assert [is_decision(one) for one in entries] == [False, True, False, False, True, True, True]


def test_vouching_restores_trust_after_a_new_secret() -> None:
    book = sent(OTHER)
    assert status_of(book.read()) == (Fate.UNKNOWN, True)
    assert not book.read().stream(SERVICE).is_initialized
    book.vouch(KEY)
    assert status_of(book.read()) == (Fate.ACCEPTED, False)
    assert book.read().stream(SERVICE).is_initialized
    book.write(LedgerKind.STATUS, FORGED[LedgerKind.STATUS], OTHER)
    assert status_of(book.read()) == (Fate.ACCEPTED, False), "what comes later needs a mac of its own"


@pytest.mark.parametrize("mac", ["none", "senseless", "other"])
def test_vouching_does_not_widen_what_was_believed(mac: str) -> None:
    book, newest = sent(OTHER), mac_key("2" * 32, SERVICE)
    forged: dict[str, Any] = {**named(make_send("next"), sent=True, msg_id=99, why="?"), "mac": "zz"}
    book.write(EventKind.INTENT, intent_of(make_send("next")), OTHER)
    if mac == "other":
        book.write(EventKind.SETTLED, {k: v for k, v in forged.items() if k != "mac"}, newest)
    else:
        data = linked(EventKind.SETTLED, forged, book.mine())
        kept = {k: v for k, v in data.items() if mac != "none" or k != "mac"}
        book.ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=kept))
    *_before, fake = book.mine()
    assert unverified(book.mine(), KEY, OTHER) == [fake]
    assert len(unverified(book.mine(), KEY)) == len(book.mine())
    book.vouch(KEY, fake.hash)
    for key, old in ((KEY, OTHER), (mac_key("3" * 32, SERVICE), KEY)):
        if key != KEY:
            assert unverified(book.mine(), key, old) == [fake]
            book.vouch(key, fake.hash)
        assert unverified(book.mine(), key) == []
        state = book.read(key)
        assert status_of(state) == (Fate.ACCEPTED, False)
        assert state.stream(SERVICE).find("next", 1).status is Status.DISPUTED


def test_copied_event_is_not_vouched_for() -> None:
    book = sent(OTHER)
    book.write(LedgerKind.CAMPAIGNS_FOLDER, {**FORGED[LedgerKind.CAMPAIGNS_FOLDER], "after": "f" * 64}, OTHER)
    with pytest.raises(TamperedLedgerError):
        unverified(book.mine(), KEY, OTHER)
    book.vouch(KEY)
    assert not book.read().stream(SERVICE).campaigns_folders


def test_a_copy_of_what_vouched_vouches_for_nothing() -> None:
    book = sent()
    book.vouch(KEY)
    (vouched,) = [event for event in book.mine() if event.kind == LedgerKind.TRUSTED]
    book.write(LedgerKind.STATUS, FORGED[LedgerKind.STATUS], OTHER)
    forged = book.mine()[-1]
    book.ledger.append(Entry(stream=SERVICE, kind=vouched.kind, data=vouched.data, nonce=vouched.nonce))
    assert has_valid_mac(book.mine()[-1], KEY)
    assert not authenticator(book.mine(), {SERVICE: KEY}.get)(forged)


def test_a_ledger_of_before_is_vouched_for_as_it_was() -> None:
    book = sent(OTHER)
    book.write(LedgerKind.TRUSTED, {"after": book.mine()[-1].hash}, KEY)
    assert status_of(book.read()) == (Fate.ACCEPTED, False)


def test_a_person_judges_what_could_lead_to_a_send_or_hide_one() -> None:
    book = sent(OTHER)
    book.write(EventKind.INTENT, intent_of(make_send("next")), OTHER)
    book.write(EventKind.REJECTED, named(make_send("next"), errcode=45028), OTHER)
    book.write(EventKind.HOLD, {"held": False, "ends": []}, OTHER)
    book.write(EventKind.BASELINE, {"send": "old", "revision": 1, "content_digest": "d"}, OTHER)
    for kind in (LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW, LedgerKind.STATUS):
        book.write(kind, FORGED[kind], OTHER)
    assert [[event.kind for event in group] for group in questions(unverified(book.mine(), KEY))] == [
        [LedgerKind.INIT],
        [EventKind.INTENT, EventKind.ACCEPTED],
        [EventKind.INTENT],
        [EventKind.REJECTED],
        [EventKind.HOLD],
        [EventKind.BASELINE],
    ]


def test_vouching_without_the_secret_is_ignored() -> None:
    book = sent(OTHER)
    book.vouch(OTHER)
    assert not book.read().stream(SERVICE).is_initialized


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (LedgerKind.TRUSTED, {}),
        (EventKind.INTENT, {**intent_of(SALE), "call": 2}),
        (EventKind.SETTLED, named(SALE, sent=False)),
        (EventKind.HOLD, {"held": False, "ends": []}),
        (LedgerKind.CAMPAIGNS_FOLDER, FORGED[LedgerKind.CAMPAIGNS_FOLDER]),
    ],
)
def test_event_after_another_than_its_writer_saw_is_refused(kind: str, data: dict[str, Any]) -> None:
    book = sent()
    book.write(kind, {**data, "after": "f" * 64})
    with pytest.raises(TamperedLedgerError):
        book.read()
    forged = sent()
    forged.write(kind, {**data, "after": "f" * 64}, OTHER)
    forged.read()


def test_event_taken_out_of_the_middle_is_found() -> None:
    book = sent()
    book.write(EventKind.INTENT, {**intent_of(SALE), "revision": 2})
    events = [event for event in book.mine() if event.kind != EventKind.ACCEPTED]
    kept: list[Event] = []
    for event in events:
        kept.append(next_event(event, at=event.at, head=kept[-1].head if kept else EMPTY))
    with pytest.raises(TamperedLedgerError):
        fold(kept, authenticator(kept, lambda _stream: KEY))


def test_without_the_secret_every_event_counts() -> None:
    events = sent(OTHER).ledger.events()
    without_secrets = fold(events, authenticator(events, lambda _stream: None))
    assert status_of(without_secrets) == (Fate.ACCEPTED, False)


@pytest.mark.parametrize(("data", "signed"), [({"held": True}, False), ({"held": False}, True), ({}, True)])
def test_only_a_hold_needs_no_mac(data: dict[str, Any], signed: bool) -> None:
    assert is_signed(Entry(stream=SERVICE, kind=EventKind.HOLD, data=data)) is signed
