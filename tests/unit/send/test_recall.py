"""Only what WeChat would recall is asked of it, and what was recalled is remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    intent_of,
    make_send,
    make_state,
    named,
)
from tests.support.outcomes import error_of
from wechat_campaigns.core.errors import ApiError, LedgerError, UsageError
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState, SendRecord, SendStatus
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.send.recall import LIMITS, PER_DAY, check, recall, recalls_left

SEND = make_send()


def steps(msgtype: str = "mpnews", sent: bool = True) -> list[Any]:
    found: list[Any] = [
        (EventKind.INTENT, intent_of(SEND, body={"msgtype": msgtype})),
        (EventKind.ACCEPTED, named(SEND)),
    ]
    return [*found, (LedgerKind.STATUS, named(SEND))] if sent else found


def known(state: LedgerState) -> SendRecord:
    return state.sends[SERVICE, "sale", 1]


def recalled(article_idx: int) -> Any:
    return (LedgerKind.RECALL, {"send": "sale", "revision": 1, "msg_id": 7, "article_idx": article_idx})


@pytest.mark.parametrize("msgtype", ["mpnews", "mpvideo"])
def test_articles_and_videos_can_be_recalled(msgtype: str) -> None:
    state = make_state(*steps(msgtype))
    assert error_of(check, known(state), 0, state) is None


@pytest.mark.parametrize("msgtype", ["text", "image", "voice", "wxcard"])
def test_other_msgtypes_cannot_be_recalled(msgtype: str) -> None:
    state = make_state(*steps(msgtype))
    with pytest.raises(UsageError, match=f"msgtype {msgtype}"):
        check(known(state), 0, state)


def test_only_a_sent_message_can_be_recalled() -> None:
    state = make_state(*steps(sent=False))
    with pytest.raises(UsageError, match="is accepted") as caught:
        check(known(state), 0, state)
    assert "campaign status" in caught.value.hint


def test_recall_is_made_once() -> None:
    state = make_state(*steps(), recalled(1))
    check(known(state), 2, state)
    with pytest.raises(UsageError, match="already"):
        check(known(state), 1, state)
    state = make_state(*steps(), recalled(0))
    with pytest.raises(UsageError, match="already"):
        check(known(state), 2, state)


def test_recalled_article_must_exist() -> None:
    told = {"msg_id": 7, "status": "send success", "addressed": 9, "sent": 7, "left_out": 1, "failed": 1}
    state = make_state(*steps(), (LedgerKind.CALLBACK, {**told, "links": ["http://a", "http://b"]}))
    check(known(state), 2, state)
    with pytest.raises(UsageError, match="article 3 does not exist"):
        check(known(state), 3, state)


def test_recall_is_recorded_after_the_call() -> None:
    ledger = MemoryLedger()
    state = make_state(*steps())
    api = ScriptedApi(mass_delete=[{"errcode": 0}])
    recall(known(state), 0, api=api, ledger=ledger, state=state)
    assert api.calls == [("mass_delete", (7, 0))]
    assert [event.kind for event in ledger.kept] == [LedgerKind.RECALL]
    assert known(state).status is SendStatus.RECALLED
    with pytest.raises(ApiError):
        recall(known(state), 0, api=ScriptedApi(mass_delete=[api_error(40059)]), ledger=ledger, state=state)
    assert len(ledger.kept) == 1


def test_recall_that_cannot_be_recorded_is_reported_as_done() -> None:
    """Who reads only of the ledger would recall once more, of ten a day."""

    class FullDisk(MemoryLedger):
        def append(self, entry: Any) -> Any:
            raise LedgerError("the disk is full", hint="make room", location="ledger.sqlite3")

    state, api = make_state(*steps()), ScriptedApi(mass_delete=[{"errcode": 0}])
    with pytest.raises(LedgerError, match=r"WeChat recalled it, but .* the disk is full") as caught:
        recall(known(state), 0, api=api, ledger=FullDisk(), state=state)
    assert (caught.value.hint, caught.value.location) == ("make room", "ledger.sqlite3")


def test_recalls_are_counted_by_the_day_in_china() -> None:
    state = make_state(*steps(), recalled(1), recalled(2))
    assert recalls_left(SERVICE, state, NOW) == 8
    assert recalls_left(SERVICE, state, NOW + timedelta(hours=12)) == 10
    assert recalls_left("wx-other", state, NOW) == 10


def test_limits_in_the_messages_are_those_of_the_rules() -> None:
    assert f" {PER_DAY} recalls a day" in LIMITS
