"""What becomes of an accepted job: it is followed to its end, and recalled where WeChat would do it."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    intent_entry,
    intent_of,
    kinds,
    linked,
    make_account,
    make_send,
    make_state,
    named,
)
from wechat_campaigns.core.errors import ApiError, ExitCode, LedgerError, UsageError
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.protocol.events import EMPTY, Entry, EventKind
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.send.jobs import (
    RECALL_LIMITS,
    RECALLS_PER_DAY,
    JobStatuses,
    recall,
    recall_error,
    recalls_left,
    refresh_job_status,
)

SEND = make_send()


def followed(*answers: Any, accept: bool = True, appid: str = SERVICE) -> tuple[ScriptedApi, MemoryLedger]:
    ledger = MemoryLedger()
    ledger.append(intent_entry(SEND))
    if accept:
        data = linked(EventKind.ACCEPTED, named(SEND, msg_id=7), ledger.events())
        ledger.append(Entry(stream=SERVICE, kind=EventKind.ACCEPTED, data=data))
    api, state = ScriptedApi(mass_get=list(answers) or [{"msg_status": "SENDING"}]), fold(ledger.events())
    for _ in answers or (1,):
        sends = list(state.sends)
        refresh_job_status(
            sends, accounts={appid: make_account()}, connect=lambda _a: api, ledger=ledger, state=state
        )
    return api, ledger


def known(state: LedgerState) -> SendState:
    return state.stream(SERVICE).find("sale", 1)


def status(ledger: MemoryLedger) -> Fate:
    return known(fold(ledger.events())).fate


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


def test_account_that_is_refused_keeps_no_other_from_being_asked() -> None:
    other = make_account("other", appid="wx0000000000000009")
    ledger = MemoryLedger()
    for appid, msg_id in ((SERVICE, 7), (other.appid, 8)):
        ledger.append(replace(intent_entry(SEND), stream=appid))
        data = linked(EventKind.ACCEPTED, named(SEND, msg_id=msg_id), ledger.events({appid}))
        ledger.append(Entry(stream=appid, kind=EventKind.ACCEPTED, data=data))
    answers = {
        SERVICE: api_error(48001, "/cgi-bin/message/mass/get"), other.appid: {"msg_status": "SEND_SUCCESS"}
    }  # fmt: skip
    state = fold(ledger.events())
    found = refresh_job_status(
        list(state.sends),
        accounts={SERVICE: make_account(), other.appid: other},
        connect=lambda account: ScriptedApi(mass_get=[answers[account.appid]]),
        ledger=ledger,
        state=state,
    )
    assert found.by_msg_id == {(other.appid, 8): "SEND_SUCCESS"}
    assert {appid: error.exit_code for appid, error in found.failed.items()} == {SERVICE: ExitCode.WECHAT}
    assert {send.appid: send.fate for send in fold(ledger.events()).sends} == {
        SERVICE: Fate.ACCEPTED, other.appid: Fate.SENT
    }  # fmt: skip


class Counted(MemoryLedger):
    """Counts its writes."""

    writes = 0

    def append_all(self, entries: Any, **more: Any) -> Any:
        self.writes += 1
        return super().append_all(entries, **more)


def asked_in_turn(*answers: Any) -> tuple[Counted, JobStatuses | None]:
    """Ask about as many jobs of one account; None: a person pressed Ctrl-C."""
    ledger = Counted()
    for number in range(len(answers)):
        send = make_send(f"s{number}")
        intent, before = intent_entry(send), ledger.events()
        after = before[-1].hash if before else EMPTY.hash
        ledger.append(replace(intent, data={**intent.data, "after": after}))
        data = linked(EventKind.ACCEPTED, named(send, msg_id=number + 1), ledger.events())
        ledger.append(Entry(stream=SERVICE, kind=EventKind.ACCEPTED, data=data))
    ledger.writes, state, found = 0, fold(ledger.events()), None
    with suppress(KeyboardInterrupt):
        found = refresh_job_status(
            list(state.sends),
            accounts={SERVICE: make_account()},
            connect=lambda _account: ScriptedApi(mass_get=list(answers)),
            ledger=ledger,
            state=state,
        )
    assert {send.send: send.fate for send in state.sends} == {
        send.send: send.fate for send in fold(ledger.events()).sends
    }
    return ledger, found


SUCCESS = {"msg_status": "SEND_SUCCESS"}


@pytest.mark.parametrize(
    ("last", "kept"),
    [(SUCCESS, 9), ({"msg_status": "SENDING"}, 8), (api_error(48001, "/x"), 8), (KeyboardInterrupt(), 8)],
    ids=["ended", "still sending", "refused", "interrupted"],
)
def test_answers_about_an_account_are_written_once(last: Any, kept: int) -> None:
    """Also those that came before the account was refused, or a person pressed Ctrl-C."""
    ledger, _found = asked_in_turn(*[SUCCESS] * 8, last)
    assert (ledger.writes, kinds(ledger.events()).count("status")) == (1, kept)


def test_nothing_is_written_while_no_job_has_ended() -> None:
    assert asked_in_turn(*[{"msg_status": "SENDING"}] * 9)[0].writes == 0


# --- recalls ------------------------------------------------------------------------------------


def steps(msgtype: str = "mpnews", sent: bool = True) -> list[Any]:
    found: list[Any] = [
        (EventKind.INTENT, intent_of(SEND, body={"msgtype": msgtype})),
        (EventKind.ACCEPTED, named(SEND)),
    ]
    return [*found, (LedgerKind.STATUS, named(SEND))] if sent else found


def recalled(article_idx: int) -> Any:
    return (LedgerKind.RECALL, {"send": "sale", "revision": 1, "msg_id": 7, "article_idx": article_idx})


TOLD = {"msg_id": 7, "status": "send success", "addressed": 9, "sent": 7, "left_out": 1, "failed": 1}
TWO = (LedgerKind.CALLBACK, {**TOLD, "links": ["http://a", "http://b"]})


@pytest.mark.parametrize(
    ("events", "article", "refused"),
    [
        *((steps(msgtype), 0, None) for msgtype in ("mpnews", "mpvideo")),
        *((steps(msgtype), 0, f"msgtype {msgtype}") for msgtype in ("text", "image", "voice", "wxcard")),
        (steps(sent=False), 0, "is accepted"),
        ([*steps(), recalled(1)], 2, None),
        ([*steps(), recalled(1)], 1, "already"),
        ([*steps(), recalled(0)], 2, "already"),
        ([*steps(), TWO], 2, None),
    ],
)
def test_what_was_sent_and_may_be_recalled_is_recalled_once(
    events: list[Any], article: int, refused: str | None
) -> None:
    state = make_state(*events)
    error = recall_error(known(state), article)
    if refused is None:
        assert error is None
    else:
        assert isinstance(error, UsageError)
        assert refused in error.message
        assert error.hint


def test_recall_is_recorded_after_the_call() -> None:
    ledger = MemoryLedger()
    state = make_state(*steps())
    api = ScriptedApi(mass_delete=[{"errcode": 0}])
    recall(known(state), 0, "价格写错了", api=api, ledger=ledger, state=state, actor={"user": "ann"})
    assert api.calls == [("mass_delete", (7, 0))]
    (event,) = ledger.kept
    assert (event.kind, event.data["reason"]) == (LedgerKind.RECALL, "价格写错了")
    assert event.data["actor"] == {"user": "ann"}
    assert known(state).fate is Fate.RECALLED
    refused = ScriptedApi(mass_delete=[api_error(40059)])
    with pytest.raises(ApiError):
        recall(known(state), 0, "", api=refused, ledger=ledger, state=state, actor={})
    assert len(ledger.kept) == 1


def test_recall_that_cannot_be_recorded_is_reported_as_done() -> None:
    """Who reads only of the ledger would recall once more, of ten a day."""

    class FullDisk(MemoryLedger):
        def append(self, entry: Any) -> Any:
            raise LedgerError("the disk is full", hint="make room", location="ledger.sqlite3")

    state, api = make_state(*steps()), ScriptedApi(mass_delete=[{"errcode": 0}])
    with pytest.raises(LedgerError, match=r"WeChat recalled it, but .* the disk is full") as caught:
        recall(known(state), 0, "", api=api, ledger=FullDisk(), state=state, actor={})
    assert (caught.value.hint, caught.value.location) == ("make room", "ledger.sqlite3")


def test_recalls_are_counted_by_the_day_in_china() -> None:
    state = make_state(*steps(), recalled(1), recalled(2))
    assert recalls_left(SERVICE, state, NOW) == 8
    assert recalls_left(SERVICE, state, NOW + timedelta(hours=12)) == 10
    assert recalls_left("wx-other", state, NOW) == 10


def test_limits_in_the_messages_are_those_of_the_rules() -> None:
    assert f" {RECALLS_PER_DAY} recalls a day" in RECALL_LIMITS
