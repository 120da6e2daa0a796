"""What the fold keeps of callbacks, recalls, previews and holds."""

from __future__ import annotations

from tests.support.factories import NOW, SERVICE, intent_of, make_send, make_state, named
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import SendStatus
from wechat_campaigns.protocol.events import EventKind

SEND = make_send()
SENT = [
    (EventKind.INTENT, intent_of(SEND)),
    (EventKind.ACCEPTED, named(SEND)),
    (LedgerKind.STATUS, named(SEND)),
]
EVENT = {"msg_id": 7, "status": "send success", "addressed": 9, "sent": 7, "left_out": 1, "failed": 1}


def test_a_callback_is_found_by_its_send() -> None:
    for steps in ([*SENT, (LedgerKind.CALLBACK, EVENT)], [(LedgerKind.CALLBACK, EVENT), *SENT]):
        state = make_state(*steps)
        told = state.job_result(state.sends[SERVICE, "sale", 1])
        assert told is not None
        assert (told.status, told.addressed, told.sent, told.left_out, told.failed) == (
            "send success",
            9,
            7,
            1,
            1,
        )


def test_repeated_callback_changes_nothing() -> None:
    state = make_state((LedgerKind.CALLBACK, EVENT), (LedgerKind.CALLBACK, {**EVENT, "sent": 0}))
    assert state.job_results[SERVICE, 7].sent == 7


def test_a_recall_of_one_article_leaves_the_send_sent() -> None:
    recall = {"send": "sale", "revision": 1, "msg_id": 7, "article_idx": 2}
    state = make_state(*SENT, (LedgerKind.RECALL, recall))
    known = state.sends[SERVICE, "sale", 1]
    assert (known.status, known.recalled_articles) == (SendStatus.SENT, (2,))
    state = make_state(*SENT, (LedgerKind.RECALL, {**recall, "article_idx": 0}))
    assert state.sends[SERVICE, "sale", 1].status is SendStatus.RECALLED
    assert state.recalls == [(SERVICE, NOW)]
