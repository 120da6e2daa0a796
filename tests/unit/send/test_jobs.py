"""Accepted is not sent: following a job to its end."""

from typing import Any

import pytest

from tests.support.factories import (
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    intent_entry,
    kinds,
    linked,
    make_account,
    make_send,
    named,
)
from wechat_campaigns.core.errors import ApiError
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.send.jobs import refresh_job_status

SALE = make_send()


def followed(*answers: Any, accept: bool = True, appid: str = SERVICE) -> tuple[ScriptedApi, MemoryLedger]:
    ledger = MemoryLedger()
    ledger.append(intent_entry(SALE))
    if accept:
        data = linked(EventKind.ACCEPTED, named(SALE, msg_id=7), ledger.events())
        ledger.append(Entry(stream=SERVICE, kind=EventKind.ACCEPTED, data=data))
    api, state = ScriptedApi(mass_get=list(answers) or [{"msg_status": "SENDING"}]), fold(ledger.events())
    for _ in answers or (1,):
        sends = list(state.sends)
        refresh_job_status(
            sends, accounts={appid: make_account()}, connect=lambda _a: api, ledger=ledger, state=state
        )
    return api, ledger


def status(ledger: MemoryLedger) -> Fate:
    state: LedgerState = fold(ledger.events())
    return state.stream(SERVICE).find("sale", 1).fate


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("SEND_SUCCESS", Fate.SENT),
        ("SEND_FAIL", Fate.DELIVERY_FAILED),
        ("DELETE", Fate.RECALLED),
    ],
)
def test_final_status_is_recorded_once(said: str, expected: Fate):
    api, ledger = followed({"msg_status": "SENDING"}, {"msg_status": said}, {"msg_status": said})
    assert len(api.calls) == 2
    assert kinds(ledger.events()) == ["intent", "accepted", "status"]
    assert status(ledger) is expected


def test_unknown_msg_status_is_not_final():
    _, ledger = followed({"msg_status": "SEND_PAUSED"})
    assert status(ledger) is Fate.ACCEPTED


def test_only_accepted_sends_of_known_accounts_are_queried():
    assert followed(accept=False)[0].calls == []
    assert followed(appid="wx0000000000000009")[0].calls == []


def test_job_unknown_to_the_platform_keeps_its_status():
    _, ledger = followed(api_error(40059, "/cgi-bin/message/mass/get"))
    assert status(ledger) is Fate.ACCEPTED
    with pytest.raises(ApiError):
        followed(api_error(48001, "/cgi-bin/message/mass/get"))
