"""Every state of a send is told in words, with what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE, intent_of, make_send, make_state, named
from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.model import Filter
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.send_status import StatusRow, ended, send_status

TAG = make_send()
EVERYONE = make_send(filter=Filter(is_to_all=True))
TOLD = {"msg_id": 7, "status": "send success", "addressed": 100, "sent": 75, "left_out": 20, "failed": 5}


def stand(*steps: Any, send: Any = TAG, later_s: float = 0) -> StatusRow:
    state = make_state((EventKind.INTENT, intent_of(send)), *steps)
    return send_status("main", state.sends[SERVICE, "sale", 1], state, NOW + timedelta(seconds=later_s))


ACCEPTED = (EventKind.ACCEPTED, named(TAG))
FAILED = (LedgerKind.STATUS, named(TAG, msg_status="SEND_FAIL"))
SENT = (LedgerKind.STATUS, named(TAG))
RECALL = {"send": "sale", "revision": 1, "msg_id": 7}


def test_an_open_send_may_have_been_sent() -> None:
    row = stand()
    assert "may have been sent" in row.note
    assert "campaign apply" in row.hint
    assert not row.unfinished


def test_an_open_send_to_everyone_may_wait_for_the_administrator() -> None:
    """89504 and 89505 leave it unknown: the minutes are told here too, while there are any."""
    assert "20 of 30 minutes left" in stand(send=EVERYONE, later_s=600).note
    assert "administrator" not in stand(send=EVERYONE, later_s=1800).note
    assert "administrator" not in stand(later_s=600).note


def test_a_send_to_a_tag_is_underway() -> None:
    row = stand(ACCEPTED)
    assert (row.note, row.unfinished) == ("accepted by WeChat; delivery is not confirmed yet", True)


def test_a_send_without_a_msg_id_waits_for_a_person() -> None:
    row = stand((EventKind.ACCEPTED, named(TAG, msg_id=None)))
    assert "no msg_id" in row.note
    assert "settle sale --sent" in row.hint
    assert not row.unfinished


@pytest.mark.parametrize(
    ("later_s", "said"),
    [(0, "30 of 30"), (59, "30 of 30"), (60, "29 of 30"), (1799, "1 of 30"), (1800, "30 minutes are over")],
)
def test_a_send_to_everyone_waits_for_the_administrator(later_s: float, said: str) -> None:
    assert said in stand(ACCEPTED, send=EVERYONE, later_s=later_s).note


def test_an_event_that_comes_first_is_told() -> None:
    assert stand(ACCEPTED, (LedgerKind.CALLBACK, TOLD), send=EVERYONE).note.startswith("75 of 100 followers")
    failed = stand(ACCEPTED, (LedgerKind.CALLBACK, {**TOLD, "status": "err(40002)"}), send=EVERYONE)
    assert "no administrator confirmed the send within 30 minutes" in failed.note


def test_a_failure_is_explained_by_its_event() -> None:
    row = stand(ACCEPTED, FAILED, (LedgerKind.CALLBACK, {**TOLD, "status": "err(30003)"}))
    assert "err(30003)" in row.note
    originals = [{"article_idx": "2", "url": "https://mp.weixin.qq.com/s/x"}]
    found = stand(
        ACCEPTED, FAILED, (LedgerKind.CALLBACK, {**TOLD, "status": "err(30003)", "originals": originals})
    )
    assert found.note == f"{row.note}; article 2 repeats https://mp.weixin.qq.com/s/x"
    assert "reprint" in row.note
    assert "send_ignore_reprint" in row.hint
    assert "campaign listen" in stand(ACCEPTED, FAILED).hint


@pytest.mark.parametrize("word", ["err(40002)", "err（40002）", "ERR 40002", "err:40002"])
def test_the_punctuation_of_a_reason_does_not_matter(word: str) -> None:
    assert ended(word)[0].startswith("err(40002): no administrator")


def test_a_reason_nobody_knows_is_repeated() -> None:
    assert "err(99999)" in ended("err(99999)")[0]
    assert "odd words" in ended("odd words")[0]


def test_counts_say_what_became_of_the_others() -> None:
    row = stand(ACCEPTED, SENT, (LedgerKind.CALLBACK, TOLD))
    assert row.note == (
        "75 of 100 followers received it, "
        "20 were left out (four this month already, or messages turned off), 5 failed"
    )
    all_of_them = (LedgerKind.CALLBACK, {**TOLD, "left_out": 0, "sent": 100, "failed": 0})
    assert stand(ACCEPTED, SENT, all_of_them).note == "100 of 100 followers received it"


@pytest.mark.parametrize("word", ["sendsuccess", "SEND SUCCESS", "send_success"])
def test_the_spelling_of_success_does_not_matter(word: str) -> None:
    row = stand(ACCEPTED, (LedgerKind.CALLBACK, {**TOLD, "status": word}))
    assert row.note.startswith("75 of 100 followers received it")


def test_a_success_that_reached_nobody_is_pointed_at() -> None:
    row = stand(ACCEPTED, SENT, (LedgerKind.CALLBACK, {**TOLD, "left_out": 100, "sent": 0, "failed": 0}))
    assert "already received four this month" in row.hint


def test_a_recall_is_shown() -> None:
    row = stand(ACCEPTED, SENT, (LedgerKind.RECALL, {**RECALL, "article_idx": 2}))
    assert row.note == "recalled: article 2"
    row = stand(ACCEPTED, SENT, (LedgerKind.RECALL, {**RECALL, "article_idx": 0}))
    assert row.known.status == "recalled"


def test_a_refusal_keeps_its_reason() -> None:
    note = stand((EventKind.REJECTED, named(TAG, errcode=45028))).note
    assert note == f"{lookup(45028, '/cgi-bin/message/mass/sendall').meaning} (errcode 45028)"
    settled = named(TAG, sent=False, reason="not in the console (errcode 1)")
    assert stand((EventKind.SETTLED, settled)).note == "not in the console (errcode 1)"
    assert stand((EventKind.REJECTED, {**named(TAG), "errcode": None, "reason": "not_sent"})).note == (
        "no call was made"
    )
