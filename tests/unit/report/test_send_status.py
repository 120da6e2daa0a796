"""Every state of a send is told in words, with what to do."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_send,
    make_settings,
    make_state,
    named,
)
from wechat_campaigns.core.model import Filter
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.send_status import SendRow, ended, send_status

TAG = make_send()
EVERYONE = make_send(filter=Filter(is_to_all=True))
TOLD = {"msg_id": 7, "status": "send success", "addressed": 100, "sent": 75, "left_out": 20, "failed": 5}


def stand(*steps: Any, send: Any = TAG, later_s: float = 0) -> SendRow:
    state = make_state((EventKind.INTENT, intent_of(send)), *steps)
    return send_status(state.stream(SERVICE).find("sale", 1), state, NOW + timedelta(seconds=later_s))


ACCEPTED = (EventKind.ACCEPTED, named(TAG))
FAILED = (LedgerKind.STATUS, named(TAG, msg_status="SEND_FAIL"))
SENT = (LedgerKind.STATUS, named(TAG))
RECALL = {"send": "sale", "revision": 1, "msg_id": 7}


NOT_CALLED = (EventKind.REJECTED, {**named(TAG), "errcode": None, "reason": "not_sent"})
RECALLED = (LedgerKind.RECALL, {**RECALL, "article_idx": 2})
BY_A_PERSON = (EventKind.SETTLED, named(TAG, sent=False, reason="not in the console"))
NOBODY = (LedgerKind.CALLBACK, {**TOLD, "left_out": 100, "sent": 0, "failed": 0})
SUCCESSES = [(LedgerKind.CALLBACK, {**TOLD, "status": word}) for word in ("sendsuccess", "SEND SUCCESS")]
STATES: dict[str, tuple[list[Any], str, str, bool]] = {
    "unknown": ([], "may have been sent", "campaign apply", False),
    "disputed": (
        [(EventKind.DUPLICATE, named(TAG, msg_id=None))], "has a job with", "settle sale --reason", False,
    ),
    "accepted": ([ACCEPTED], "delivery is not confirmed yet", "", True),
    "without a msg_id": (
        [(EventKind.ACCEPTED, named(TAG, msg_id=None))], "no msg_id", "settle sale --sent", False,
    ),
    "sent": (
        [ACCEPTED, SENT, (LedgerKind.CALLBACK, TOLD)],
        "75 of 100 followers received it, 20 were left out (four this month already, or messages turned "
        "off), 5 failed", "", False,
    ),
    "sent to all": (
        [ACCEPTED, SENT, (LedgerKind.CALLBACK, {**TOLD, "left_out": 0, "sent": 100, "failed": 0})],
        "100 of 100 followers received it", "", False,
    ),
    "success in one word": ([ACCEPTED, SUCCESSES[0]], "75 of 100 followers received it", "", True),
    "success in capitals": ([ACCEPTED, SUCCESSES[1]], "75 of 100 followers received it", "", True),
    "reached nobody": ([ACCEPTED, SENT, NOBODY], "", "already received four this month", False),
    "failed": ([ACCEPTED, FAILED], "", "campaign listen", False),
    "an article recalled": ([ACCEPTED, SENT, RECALLED], "article 2 recalled", "", False),
    "refused": ([(EventKind.REJECTED, named(TAG, errcode=45028))], "(errcode 45028)", "", False),
    "freed by a person": ([BY_A_PERSON], "not in the console", "", False),
    "not called": ([NOT_CALLED], "no call was made", "", False),
}  # fmt: skip
"""By name: the steps of the ledger, words of the note and of the hint, and whether more is to come."""


@pytest.mark.parametrize("name", STATES)
def test_state_is_told_in_words_with_what_to_do(name: str) -> None:
    steps, note, hint, unfinished = STATES[name]
    row = stand(*steps)
    assert note in row.note
    assert hint in row.hint
    assert row.unfinished is unfinished


def test_an_unknown_send_of_an_account_that_left_needs_its_account() -> None:
    state = make_state((EventKind.INTENT, intent_of(TAG)))
    left = make_settings(make_account("other", appid=SUBSCRIPTION)).environment
    row = send_status(state.stream(SERVICE).find("sale", 1), state, NOW, left)
    assert row.hint == "add the account to the environment again, then run `campaign apply`"


def test_an_open_send_to_everyone_may_wait_for_the_administrator() -> None:
    """89504 and 89505 leave it unknown: the minutes are told here too, while there are any."""
    assert "20 of 30 minutes left" in stand(send=EVERYONE, later_s=600).note
    assert "administrator" not in stand(send=EVERYONE, later_s=1800).note
    assert "administrator" not in stand(later_s=600).note


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


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (word, "err(40002): no administrator")
        for word in ("err(40002)", "err（40002）", "ERR 40002", "err:40002")
    ]
    + [("err(99999)", "err(99999)"), ("odd words", "odd words")],
)
def test_the_punctuation_of_a_reason_does_not_matter(word: str, said: str) -> None:
    assert said in ended(word)[0]
