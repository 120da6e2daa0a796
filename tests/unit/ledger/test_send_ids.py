"""Ids in a namespace: written without it, kept with it, and nobody's taken for another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import SERVICE, intent_of, make_events, make_send, named
from wechat_campaigns.ledger.fold import LedgerState, SendStatus, fold
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.ledger.send_ids import display_id, ledger_id, namespace_of
from wechat_campaigns.protocol.events import EventKind

NAMES = st.sampled_from(["", "shop", "Shop", "office", "店"])
IDS = st.from_regex(r"[^:\[\]#\s]{1,5}(\[[^:\[\]#\s]{1,5}\])?(#[1-9])?", fullmatch=True)


@pytest.mark.slow
@given(NAMES, IDS)
def test_id_with_a_namespace_round_trips(namespace: str, send_id: str) -> None:
    full = ledger_id(namespace, send_id)
    assert namespace_of(full) == namespace
    assert display_id(namespace, full) == send_id
    assert ledger_id(namespace, full if namespace else f":{full}") == full


@pytest.mark.slow
@given(NAMES, NAMES, IDS)
def test_displayed_id_can_be_typed(mine: str, theirs: str, send_id: str) -> None:
    full = ledger_id(theirs, send_id)
    typed = display_id(mine, full)
    assert ledger_id(mine, typed).casefold() == full.casefold()
    assert (typed == send_id) is (mine.casefold() == theirs.casefold())


@pytest.mark.parametrize("send_id", ["sale[a:b]", "sale[a:b]#2"])
def test_colon_in_an_entry_key_is_not_a_namespace(send_id: str) -> None:
    assert ledger_id("", send_id) == send_id
    assert ledger_id("shop", send_id) == f"shop:{send_id}"
    assert display_id("shop", f"shop:{send_id}") == send_id


def state(namespace: str = "", *ids: str) -> LedgerState:
    steps = []
    for send_id in ids:
        send = make_send(send_id)
        steps += [(EventKind.INTENT, intent_of(send)), (EventKind.ACCEPTED, named(send))]
    return fold(make_events(*steps), namespace=namespace)


def test_namespace_does_not_claim_sends_of_others() -> None:
    ids = ("sale", "shop:sale", "office:sale")
    for namespace, others in {"": ["shop:sale", "office:sale"], "shop": [":sale", "office:sale"]}.items():
        folded = state(namespace, *ids)
        assert sorted(known.send for known in folded.sends.values()) == sorted(["sale", *others])
        assert all(folded.send(SERVICE, name, 1) for name in ("sale", *others))
        assert len(folded.sends_by_id("sale")) == 1
    assert state("club", *ids).send(SERVICE, "sale", 1) is None


@pytest.mark.parametrize("spelt", ["CAFÉ", "café", "cafe\u0301", "Cafe\u0301"])
def test_every_spelling_finds_an_id(spelt: str) -> None:
    send = make_send("Café")
    events = make_events(
        (EventKind.INTENT, intent_of(send)),
        (EventKind.ACCEPTED, named(make_send(spelt))),
        (LedgerKind.DRAFT, {"send": "Café", "revision": 1, "sha256": "a", "media_id": "D1"}),
    )
    folded = fold(events)
    known = folded.send(SERVICE, spelt, 1)
    assert known is not None
    assert (known.send, known.status) == ("Café", SendStatus.ACCEPTED)
    assert folded.sends_by_id(spelt) == [known]
    assert folded.drafts[folded.key(SERVICE, spelt, 1)].media_id == "D1"
