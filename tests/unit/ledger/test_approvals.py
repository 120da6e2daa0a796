"""Who approved a send is judged by signatures and places in the ledger; nothing of it can be moved."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE, SUBSCRIPTION
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.ledger import approvals
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import Asked, Lack, Unit, approval_of, public_key, rules_approved
from wechat_campaigns.ledger.events import LedgerKind, hash_of, next_event
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind

ANN, BOB, EVE = "1" * 64, "2" * 64, "3" * 64
NAMES = {ANN: "ann", BOB: "bob"}
KEYS = {name: public_key(key) for key, name in NAMES.items()}
SALE = Unit("sale", 1, "d" * 64, {"tag 会员": 100}, 1000)
NEXT = Unit("next", 1, "e" * 64, {}, None)
RULES, OTHER_RULES = {"policy": 1}, {"policy": 2}
ASKED = Asked(environment="production", rules=sha256(RULES), required=[Approvals(approvers=KEYS)])


class Ledger(list[Event]):
    """The stream of an account, and who writes to it."""

    def add(self, kind: str, **data: Any) -> Event:
        head = self[-1].head if self else EMPTY
        self.append(next_event(Entry(stream=SERVICE, kind=kind, data=data), at=NOW, head=head))
        return self[-1]

    def guard(self, rules: Any = RULES, environment: str = "production") -> Event:
        return self.add(LedgerKind.GUARD, environment=environment, rules=rules, replaces="")

    def hold(self, *, held: bool = True) -> Event:
        return self.add(EventKind.HOLD, held=held, reason="x", ends=[])

    def withdraw(self, *sends: str) -> Event:
        return self.add(LedgerKind.WITHDRAWN, sends=[*sends] or None, reason="x")

    def approve(self, *units: Unit, key: str = ANN, seen: int | None = None, **more: Any) -> Event:
        """Approve by a plan that saw the events up to a number; None: up to the last."""
        head = self[-1].head if self else EMPTY
        saw = {"seq": len(self) if seen is None else seen, "hash": "0" * 64}
        data = {"environment": "production", "rules": sha256(RULES), "saw": saw, "who": ["x"], "run": "",
                "sends": [[*one] for one in units or (SALE,)], "approver": NAMES.get(key, "eve"),
                "commit": None, "at": NOW.isoformat(), "plan_digest": "p", "after": head.hash}  # fmt: skip
        entry = approvals.sign(Entry(stream=SERVICE, kind=LedgerKind.APPROVED, data={**data, **more}), key)
        self.append(next_event(entry, at=NOW, head=head))
        return self[-1]

    @property
    def account(self) -> AccountState:
        return fold(self).stream(SERVICE)

    def lack(self, unit: Unit = SALE, asked: Asked = ASKED) -> Lack | None:
        return approval_of(self.account, unit, asked).lack


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.guard()
    return made


def test_a_send_is_approved_as_it_was_seen_and_no_other(ledger: Ledger) -> None:
    assert ledger.lack() is Lack.NOBODY
    ledger.approve(SALE)
    verdict = approval_of(ledger.account, SALE, ASKED)
    assert (verdict.lack, [one.approver for one in verdict.by]) == (None, ["ann"])
    assert ledger.lack(NEXT) is Lack.NOBODY
    assert ledger.lack(SALE._replace(id="SALE")) is None, "two spellings of one id"


@pytest.mark.parametrize(
    ("changed", "lack"),
    [
        (SALE._replace(digest="f" * 64), Lack.OTHER),
        (SALE._replace(revision=2), Lack.NOBODY),
        (SALE._replace(names={"tag 会员": 101}), Lack.NAMES),
        (SALE._replace(names={}), Lack.NAMES),
        (SALE._replace(audience=1001), Lack.AUDIENCE),
        (SALE._replace(names=None, audience=None), None),
    ],
)
def test_what_is_not_as_it_was_approved_waits(ledger: Ledger, changed: Unit, lack: Lack | None) -> None:
    """What could not be looked up is not compared: an offline plan decides nothing."""
    ledger.approve(SALE)
    assert ledger.lack(changed) is lack


def test_what_was_not_looked_up_for_the_approver_is_not_approved(ledger: Ledger) -> None:
    ledger.approve(SALE._replace(names=None))
    assert ledger.lack() is Lack.NAMES
    ledger.approve(SALE._replace(audience=None))
    assert ledger.lack(asked=replace(ASKED, allows=lambda before, now: now - before < 9)) is Lack.AUDIENCE


ENDS: dict[str, Callable[[Ledger], object]] = {
    "hold": lambda ledger: ledger.hold(),
    "release": lambda ledger: ledger.hold(held=False),
    "withdrawal": lambda ledger: ledger.withdraw("SALE"),
    "withdrawal of all": lambda ledger: ledger.withdraw(),
    "other rules": lambda ledger: ledger.guard(OTHER_RULES),
    "other rules and back": lambda ledger: (ledger.guard(OTHER_RULES), ledger.guard()),
}
STILL: dict[str, Callable[[Ledger], object]] = {
    "another send withdrawn": lambda ledger: ledger.withdraw("next"),
    "the same rules": lambda ledger: ledger.guard(),
    "rules of another environment": lambda ledger: ledger.guard(OTHER_RULES, "staging"),
    "another send of the campaign withdrawn": lambda ledger: ledger.withdraw("sale[sh]"),
    "a copy of it": lambda ledger: ledger.append(
        next_event(replace(ledger[-1]), at=NOW, head=ledger[-1].head)
    ),
}


@pytest.mark.parametrize("between", [True, False], ids=["between plan and approval", "after the approval"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_ends_an_approval_by_its_place(ledger: Ledger, end: Any, between: bool) -> None:
    saw = len(ledger)
    if between:
        end(ledger)
    approved = ledger.approve(seen=saw)
    if not between:
        end(ledger)
    assert ledger.lack() is Lack.ENDED
    copy = Entry(stream=SERVICE, kind=approved.kind, data=approved.data, nonce=approved.nonce)
    ledger.append(next_event(copy, at=NOW, head=ledger[-1].head))
    assert ledger.lack() is Lack.ENDED, "all of it, signature and nonce too"
    ledger.approve()
    assert ledger.lack() is None, "a plan that saw it all"


def test_an_apply_by_the_rules_before_ends_what_was_approved_by_new_ones(ledger: Ledger) -> None:
    new = replace(ASKED, rules=sha256(OTHER_RULES))
    ledger.approve(rules=new.rules)
    assert ledger.lack(asked=new) is None
    ledger.guard()
    assert ledger.lack(asked=new) is Lack.ENDED


def test_a_campaign_that_is_withdrawn_ends_each_of_its_sends(ledger: Ledger) -> None:
    ledger.approve(SALE._replace(id="Sale[sh]"), SALE)
    ledger.withdraw("sale")
    assert ledger.lack(SALE._replace(id="sale[sh]")) is ledger.lack() is Lack.ENDED


@pytest.mark.parametrize("event", STILL.values(), ids=STILL)
def test_what_ends_nothing(ledger: Ledger, event: Callable[[Ledger], object]) -> None:
    ledger.approve()
    event(ledger)
    assert ledger.lack() is None


def test_a_record_without_rules_is_one_of_other_rules(ledger: Ledger) -> None:
    """An earlier version wrote it, or who has the AppSecret."""
    ledger.approve()
    ledger.add(LedgerKind.GUARD, environment="production", replaces="")
    assert ledger.lack() is Lack.ENDED


def test_a_forged_guard_ends_nothing_and_names_no_approver(ledger: Ledger) -> None:
    ledger.approve()
    forged = ledger.guard({"approvals": {"approvers": {"eve": public_key(EVE)}, "count": 1}})
    account = fold(ledger, lambda event: event != forged).stream(SERVICE)
    assert approval_of(account, SALE, ASKED).lack is None
    assert approvals.required_approvals(account, "production", None) == []


def test_each_signed_word_and_the_place_count(ledger: Ledger) -> None:
    genuine = ledger.approve()
    head = ledger[0]

    def lack(event: Event) -> Lack | None:
        account = fold([replace(head, stream=event.stream), replace(event, hash=hash_of(event))])
        return approval_of(account.stream(event.stream), SALE, ASKED).lack

    assert lack(genuine) is None
    for changed in (
        {"who": ["bob"]}, {"approver": "bob"}, {"plan_digest": "q"}, {"commit": "x"}, {"run": "x"},
        {"mac": "m"},
        {"environment": "staging"}, {"sends": [[*SALE._replace(audience=2)]]}, {"after": EMPTY.hash},
        {"saw": {"seq": 0, "hash": "0" * 64}}, {"rules": "r"}, {"signature": "0" * 128}, {"signature": None},
    ):  # fmt: skip
        assert lack(replace(genuine, data={**genuine.data, **changed})) is Lack.NOBODY, changed
    assert lack(replace(genuine, stream=SUBSCRIPTION)) is Lack.NOBODY
    assert lack(replace(genuine, nonce="x")) is Lack.NOBODY


@pytest.mark.parametrize(
    "data",
    [
        {"saw": {"seq": 2, "hash": "x"}}, {"saw": {}}, {"saw": None}, {"sends": [["sale"]]}, {"sends": {}},
        {"sends": [["sale", "1", "d", {}, 1]]}, {"rules": 1}, {"environment": []}, {"at": "x"},
        {"who": "ann"}, {"environment": "staging"},
    ],
)  # fmt: skip
def test_odd_events_approve_nothing_and_stop_nobody(ledger: Ledger, data: dict[str, Any]) -> None:
    """Such as one that saw an event after it."""
    ledger.approve(**data)
    assert ledger.lack() is Lack.NOBODY
    ledger.approve()
    ledger.approve(**data)
    assert ledger.lack() is None


def test_two_who_must_approve_are_two_keys(ledger: Ledger) -> None:
    both = replace(ASKED, required=[Approvals(approvers={**KEYS, "ann again": KEYS["ann"]}, count=2)])
    ledger.approve()
    ledger.approve()
    assert ledger.lack(asked=both) is Lack.TOO_FEW
    ledger.approve(key=EVE)
    assert ledger.lack(asked=both) is Lack.TOO_FEW
    ledger.approve(key=BOB)
    assert ledger.lack(asked=both) is None
    ledger.withdraw("sale")
    ledger.approve()
    assert ledger.lack(asked=both) is Lack.TOO_FEW, "what bob approved has ended"


def test_rules_are_approved_alone_or_with_sends(ledger: Ledger) -> None:
    assert not rules_approved(ledger.account, ASKED)
    ledger.approve(rules=sha256(OTHER_RULES))
    assert not rules_approved(ledger.account, ASKED)
    assert ledger.lack() is Lack.RULES
    ledger.approve(sends=[])
    assert rules_approved(ledger.account, ASKED)
    ledger.hold()
    assert not rules_approved(ledger.account, ASKED)


def test_who_must_approve_is_what_the_last_apply_went_by_and_the_settings() -> None:
    present, before = (
        Approvals(approvers={"bob": KEYS["bob"]}),
        {"approvers": {"ann": KEYS["ann"]}, "count": 1},
    )
    ledger = Ledger()

    def required(environment: str = "production", now: Approvals | None = present) -> list[str] | None:
        found = approvals.required_approvals(ledger.account, environment, now)
        return found if found is None else [name for one in found for name in one.approvers]

    assert (required(), required(now=None)) == (None, []), (
        "a key that only a commit brings counts for nothing"
    )
    ledger.guard({"approvals": before})
    assert (required(), required(now=None)) == (["ann", "bob"], ["ann"])
    assert required("staging", None) == ["ann"], "another environment of the account"
    ledger.guard({"approvals": None}, "staging")
    assert required("staging", None) == []
    ledger.guard({"approvals": None})
    assert required() == ["bob"]
