"""A writer of the store chains an event of any data: no command takes that for an error of its own."""

import copy
import json
import shutil
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.acceptance.test_store_attacks import Raw, events_of, write_stream
from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import KINDS, LedgerKind, event_from
from wechat_campaigns.ledger.shapes import INFORMING, SHAPES, fits
from wechat_campaigns.protocol.events import EventKind

DAY = "2026-12-01"
AT = "2026-12-01T08:00:00.000000+00:00"
PERSON: Raw = {"reason": "r", "actor": {"user": "u", "commit": "c", "run": "x", "agreed": "typed"}}
SEND: Raw = {"send": "next", "revision": 1, "mac": "00"}
GONE = object()
ODD = [
    GONE, None, True, -1, 10**30, 1.5, "", "x\x1b[31m\n::error::x", "x" * 3000,
    [], {}, [[]], [1], ["x", None], {"a": {"b": 1}},
]  # fmt: skip
Commands = tuple[tuple[str, ...], ...]
WITH_SECRET: Commands = (("plan",), ("status",), ("ledger", "verify", "--macs"))
OFFLINE: Commands = (
    ("plan", "--offline"), ("report",), ("archive", "--out", "kept"), ("calendar",),
    ("ledger", "log"), ("ledger", "verify"),
)  # fmt: skip


def data_of(intent: Raw, last: str) -> dict[str, Raw]:
    """Data of every kind as this program writes it."""
    call = {**intent["data"], **SEND, "after": last, "formerly": ["before"], "approvals": [last]}
    call |= {
        "actor": PERSON["actor"],
        "overrides": {"rule": "why"},
        "not_after": AT,
        "draft": "d",
        "tag": "会员",
    }
    first = {"send": "first", "revision": 1, "mac": "00"}
    end = {**first, "intent": intent["hash"], "msg_id": 1}
    approvals = {"approvers": {"ann": "a" * 64}, "count": 1, "reviewers": ["x"]}
    rules = {"approvals": approvals, "policy": {}, "account": {}}
    by_hand = {"titles": ["t"], "body": {"msgtype": "mpnews", "mpnews": {"media_id": "m"}}}
    before = {**SEND, **PERSON, "content_digest": "d", "filter": {"tag": "x"}, "words_sample": "a"}
    saw = {"seq": 1, "hash": last}
    return {
        EventKind.INTENT: call,
        EventKind.HANDED_OVER: call | by_hand,
        EventKind.RESEND: {**first, "after": last, "at": AT, "not_after": AT, "plan_digest": "p", **PERSON},
        EventKind.ACCEPTED: {**end, "msg_data_id": 2},
        EventKind.DUPLICATE: end,
        EventKind.IN_USE: end,
        EventKind.REJECTED: {**end, "errcode": 40001, "reason": "r"},
        EventKind.SETTLED: {**first, **PERSON, "after": last, "sent": True, "msg_id": 1, "sent_on": DAY},
        EventKind.BASELINE: before,
        EventKind.HOLD: {**PERSON, "held": True, "until": AT, "ends": [last]},
        LedgerKind.INIT: {"environment": "shop", "scope": "x", "accounts": ["a"], "after": last, "mac": "00"},
        LedgerKind.GUARD: {"environment": "shop", "rules": rules, "replaces": "", "after": last, "mac": "00"},
        LedgerKind.CAMPAIGNS_FOLDER: {"folder": "f", "in_git": True, "root": "r", "namespace": ""},
        LedgerKind.TRUSTED: {**PERSON, "after": last, "distrusted": [last], "mac": "00"},
        LedgerKind.WITHDRAWN: {**PERSON, "sends": ["next"]},
        LedgerKind.APPROVED: {
            "environment": "shop", "rules": "x", "saw": saw, "who": ["x"],
            "sends": [["next", 1, "x", {"tag": 1}, 1]], "approver": "ann", "run": "", "commit": "", "at": AT,
            "after": last, "signature": "00", "plan_digest": "p",
        },
        LedgerKind.UPLOAD: {"upload": "k", "result": "m", "mac": "00"},
        LedgerKind.DRAFT: {**first, "sha256": "s", "media_id": "m", "stored": "x", "changed": ["y"]},
        LedgerKind.SEEN: {
            **first, "handed_over": last, "draft": "d", "gone": True, "published": [[1, DAY]], "jobs": [1]
        },
        LedgerKind.PREVIEW: {**first, "content_digest": "x", "to": "t"},
        LedgerKind.STATUS: {**first, "msg_id": 1, "msg_status": "SEND_FAIL"},
        LedgerKind.RECALL: {**first, **PERSON, "msg_id": 1, "article_idx": 1},
        LedgerKind.FOLLOWERS: {"followers": "x", "mac": "00"},
        LedgerKind.NOTIFIED: {"day": DAY, "notices": ["n"], "pushed": 1, "to": "x", "mac": "00"},
        LedgerKind.CALLBACK: {
            "msg_id": 7, "status": "send success", "addressed": 1, "sent": 1, "left_out": 0, "failed": 0,
            "links": ["https://x"], "originals": [{"article_idx": "1", "url": "https://y"}],
        },
    }  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in data, and in what is in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in ((*path, key), *places(inner, (*path, key)))]


def put(data: Raw, place: tuple[Any, ...], value: Any) -> Raw:
    changed = copy.deepcopy(data)
    at: Any = changed
    for step in place[:-1]:
        at = at[step]
    if value is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return changed


@dataclass(frozen=True)
class Forger:
    """Somebody who may write to the ledger of a shop that has sent `first`."""

    shop: Shop
    kept: list[Raw]
    kinds: dict[str, Raw]
    """Data of each kind as the program writes it."""

    def append(self, kind: str, data: Raw) -> None:
        store = self.shop.folder.parent / "ledger.sqlite3"
        write_stream(store, [*self.kept, {**self.kept[-1], "kind": kind, "data": data, "nonce": "n"}])
        shutil.rmtree(f"{self.shop.folder}.state", ignore_errors=True)


@pytest.fixture
def forger(make_shop: MakeShop) -> Forger:
    shop = make_shop()
    shop.write(first=campaign_file("甲"))
    shop.succeed("apply", "--auto-approve")
    shop.write(next=campaign_file("乙"))
    kept = events_of(shop.folder.parent / "ledger.sqlite3")
    intent = next(event for event in kept if event["kind"] == "intent")
    return Forger(shop, kept, data_of(intent, kept[-1]["hash"]))


def test_every_kind_as_it_is_written_has_its_shape(forger: Forger) -> None:
    assert {*forger.kinds} == {*KINDS} == {*SHAPES}
    for kind, data in forger.kinds.items():
        read = {**forger.kept[-1], "kind": kind, "data": data}
        assert fits(event_from(read)), kind
    assert all(fits(event_from(event)) for event in forger.kept)


@pytest.mark.parametrize("commands", [OFFLINE, WITH_SECRET], ids=["offline", "with the AppSecret"])
def test_no_value_in_an_event_is_an_error_of_the_program(forger: Forger, commands: Commands) -> None:
    shop, kinds = forger.shop, forger.kinds

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(sorted(kinds)))
        place = data.draw(st.sampled_from(places(kinds[kind])))
        forger.append(kind, put(kinds[kind], place, data.draw(st.sampled_from(ODD))))
        for words in commands:
            shutil.rmtree(shop.folder / "kept", ignore_errors=True)
            code, said = shop.run_here(*words)
            assert code != ExitCode.BUG, (words, said)

    check()


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (EventKind.ACCEPTED, "msg_id"), (EventKind.INTENT, "overrides"), (EventKind.SETTLED, "actor"),
        (LedgerKind.GUARD, "rules"), (LedgerKind.CALLBACK, "links"), (LedgerKind.DRAFT, "changed"),
    ],
)  # fmt: skip
def test_odd_event_stops_what_it_could_decide_and_is_named(forger: Forger, kind: str, key: str) -> None:
    shop = forger.shop
    forger.append(kind, forger.kinds[kind] | {key: [5]})
    expected = ExitCode.OK if kind in INFORMING else ExitCode.LEDGER
    assert shop.run_here("plan", "--offline")[0] == expected
    code, said = shop.run_here("ledger", "verify", "--format", "json")
    assert (code, len(json.loads(said.splitlines()[0])["faults"])) == (ExitCode.LEDGER, 1)
    assert shop.apply() == expected
