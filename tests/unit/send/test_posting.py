"""One send's crossing: what each end is called, what is kept of it, what it means for the account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    FakeWorkspace,
    MemoryLedger,
    ScriptedApi,
    Stops,
    api_error,
    intent_of,
    kinds,
    linked,
    make_account,
    make_planned,
    make_send,
    make_settings,
    make_state,
)
from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ExitCode, LedgerLockedError, NoResponseError, NotSentError
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.records import has_no_job_id, job_id
from wechat_campaigns.plan.decision import DecisionContext, decision_input
from wechat_campaigns.protocol.decide import Decision, decide
from wechat_campaigns.protocol.events import Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Fate, Status, StreamState
from wechat_campaigns.send.account_run import AccountRun
from wechat_campaigns.send.outcome import Result
from wechat_campaigns.send.posting import RunContext

BODY = {"filter": {"is_to_all": False, "tag_id": 100}, "msgtype": "text", "text": {"content": "你好"}}
TAKEN = {"errcode": 0, "errmsg": "send job submission success", "msg_id": 7}
LOST = NoResponseError("the connection was interrupted", hint="try again")
UNREACHABLE = NotSentError("no connection", hint="check the network")


def make_crossing(api: ScriptedApi, ledger: MemoryLedger, **changes: Any) -> AccountRun:
    workspace: Any = FakeWorkspace(
        api, ledger, clock=changes.get("clock", lambda: NOW), show=changes.get("show", bool)
    )
    stopping = Stops(sleep=changes.get("sleep", bool))
    context = RunContext(plan_digest="p" * 64, actor={"user": "li"})
    plan: Any = None  # the judge of each test decides without it
    crossing = AccountRun(workspace, make_account(), plan, context, stopping, 1)
    crossing.begin(api, changes.get("state") or fold(ledger.events()))  # type: ignore[arg-type]
    return crossing


def judge(send: Send | None = None, now: Any = NOW) -> Any:
    """The protocol's own judge of a send, with nothing in its way but what the ledger knows."""
    send = send or make_send()
    digest = make_planned(send).content_digest

    def decided(state: StreamState) -> Decision:
        context = DecisionContext(settings=make_settings(), state=LedgerState(), now=now)
        return decide(state, decision_input(send, digest, context))

    return decided


def send_once(crossing: AccountRun, body: Any = BODY, send: Send | None = None) -> Any:
    return crossing.send(make_planned(send), body, judge(send))


def sent(answer: Any, **changes: Any) -> tuple[Any, MemoryLedger, ScriptedApi]:
    ledger, api = MemoryLedger(), ScriptedApi(mass_sendall=answer)
    return send_once(make_crossing(api, ledger, **changes)), ledger, api


def test_intent_is_kept_before_the_call():
    ledger = MemoryLedger()

    class Api(ScriptedApi):
        def mass_sendall(self, body: Any, **_more: Any) -> Any:
            (intent,) = ledger.events(SERVICE)
            assert intent.kind is EventKind.INTENT
            assert body == {**intent.data["body"], "clientmsgid": intent.data["clientmsgid"]}
            assert intent.data["tag"] == "会员", "what a tag_id stood for"
            return TAKEN

    planned = make_planned(make_send(filter=Filter(tag_id=100)))
    named = replace(planned, resolved=replace(planned.resolved, tag="会员"))
    outcome = make_crossing(Api(), ledger).send(named, BODY, judge(planned.send))
    assert (outcome.result, outcome.msg_id, outcome.exit_code) == (Result.ACCEPTED, 7, ExitCode.OK)
    assert outcome.reason == "accepted by WeChat; delivery is not confirmed yet"
    assert kinds(ledger.events()) == ["intent", "accepted"]


def test_machine_that_sleeps_while_it_connects_makes_no_call():
    ledger, now = MemoryLedger(), [NOW]

    class Api(ScriptedApi):
        def mass_sendall(self, _body: Any, *, before_body: Any) -> Any:
            now[0] += timedelta(minutes=2)
            before_body()
            return TAKEN

    outcome = send_once(make_crossing(Api(), ledger, clock=lambda: now[0]))
    assert outcome.result is Result.NOT_SENT
    assert kinds(ledger.events()) == ["intent", "rejected"]


def test_disallowed_send_is_not_begun():
    _, ledger, _ = sent(TAKEN)
    api = ScriptedApi(mass_sendall=TAKEN)
    assert send_once(make_crossing(api, ledger)) is None
    assert (api.calls, kinds(ledger.events())) == ([], ["intent", "accepted"])


REFUSING = [*map(api_error, (45028, 40007, 48001, 45009, 40001)), UNREACHABLE]
UNSURE = [LOST, api_error(-1), api_error(42010), api_error(48012), api_error(89504), api_error(123456789)]


@pytest.mark.parametrize("answer", UNSURE, ids=str)
def test_any_other_answer_leaves_the_send_unknown(answer: Exception):
    outcome, ledger, api = sent(answer)
    assert (outcome.result, outcome.exit_code) == (Result.UNKNOWN, ExitCode.UNKNOWN)
    assert kinds(ledger.events()) == ["intent"]
    assert len(api.calls) == 1
    assert "60 s" in outcome.hint


def test_45065_on_the_first_call_leaves_the_send_disputed():
    outcome, ledger, _ = sent(api_error(45065, msg_id=99))
    assert (outcome.result, outcome.exit_code, outcome.msg_id) == (Result.UNKNOWN, ExitCode.UNKNOWN, 99)
    assert "ledger settle sale --sent 99" in outcome.hint
    state = fold(ledger.events())
    assert state.stream(SERVICE).find("sale", 1).status is Status.DISPUTED
    known = state.send(SERVICE, "sale", 1)
    assert (known.fate, job_id(known)) == (Fate.UNKNOWN, None)
    settled = {"send": "sale", "revision": 1, "sent": True, "msg_id": 99, "reason": "console"}
    data = linked(EventKind.SETTLED, settled, ledger.events())
    ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=data))
    known = fold(ledger.events()).send(SERVICE, "sale", 1)
    assert (known.fate, job_id(known)) == (Fate.ACCEPTED, 99)


def resend(crossing: AccountRun, ledger: MemoryLedger) -> Any:
    intent = next(event for event in ledger.events() if event.kind is EventKind.INTENT)
    return crossing.resend(intent, intent.data["body"], judge(now=ledger.clock()))


def resent(answer: Any, **changes: Any) -> tuple[Any, LedgerState, ScriptedApi]:
    """Lose the answer of a first call, then post it again, WeChat giving `answer`."""
    ledger = MemoryLedger(lambda: NOW - timedelta(seconds=90))
    send_once(make_crossing(ScriptedApi(mass_sendall=LOST), ledger, clock=ledger.clock))
    ledger.clock = lambda: NOW
    api = ScriptedApi(mass_sendall=answer)
    outcome = resend(make_crossing(api, ledger, **changes), ledger)
    return outcome, fold(ledger.events()), api


def test_resend_posts_the_same_body_and_id():
    outcome, state, api = resent(TAKEN)
    assert api.named("mass_sendall") == [({**BODY, "clientmsgid": clientmsgid(SERVICE, "sale", 1)},)]
    assert (outcome.result, state.send(SERVICE, "sale", 1).fate) == (Result.ACCEPTED, Fate.ACCEPTED)
    assert outcome.reason == "the first call did not reach WeChat; WeChat accepted the resend"


def test_resend_does_not_begin_after_the_window_of_its_intent():
    ledger = MemoryLedger(lambda: NOW - timedelta(seconds=90))
    send = make_send(not_after=NOW + timedelta(seconds=2))
    send_once(make_crossing(ScriptedApi(mass_sendall=LOST), ledger, clock=ledger.clock), send=send)
    ledger.clock = lambda: NOW
    now, api = [NOW], ScriptedApi(mass_sendall=TAKEN)

    def pass_time(_text: str) -> None:
        now[0] += timedelta(seconds=3)

    outcome = resend(make_crossing(api, ledger, clock=lambda: now[0], show=pass_time), ledger)
    assert (outcome.result, api.named("mass_sendall")) == (Result.UNKNOWN, [])
    assert kinds(ledger.events()) == ["intent", "resend", "rejected"]


def test_resend_answered_45065_is_accepted():
    outcome, state, api = resent(api_error(45065, msg_id=3))
    assert (outcome.result, job_id(state.send(SERVICE, "sale", 1))) == (Result.ACCEPTED, 3)
    assert outcome.reason == "WeChat already had it (45065); nothing was sent a second time"
    assert [name for name, _ in api.calls] == ["mass_sendall"]


def test_45065_without_a_msg_id_asks_for_the_msg_id():
    outcome, state, _ = resent(api_error(45065))
    assert (outcome.result, outcome.msg_id) == (Result.ACCEPTED, None)
    assert "settle sale --sent MSG_ID" in outcome.hint
    assert has_no_job_id(state.send(SERVICE, "sale", 1))


@pytest.mark.parametrize("answer", [*REFUSING, *UNSURE], ids=str)
def test_rejected_resend_leaves_the_send_unknown(answer: Exception):
    """A rejected resend proves nothing about the first call."""
    outcome, state, _ = resent(answer)
    assert (outcome.result, outcome.exit_code) == (Result.UNKNOWN, ExitCode.UNKNOWN)
    assert state.send(SERVICE, "sale", 1).fate is Fate.UNKNOWN


def test_ledger_holds_no_openid():
    """An openid list is kept as its sha256 and count; the call has the list."""
    openids = tuple(f"o{number:027d}" for number in range(3))
    ledger, api = MemoryLedger(), ScriptedApi(mass_send=TAKEN)
    body = {"touser": list(openids), "msgtype": "text", "text": {"content": "你好"}}
    send_once(make_crossing(api, ledger), body, make_send(filter=Filter(openids=openids)))
    assert api.named("mass_send")[0][0]["touser"] == list(openids)
    assert not any(openid in str(event.as_dict()) for event in ledger.events() for openid in openids)


def test_acceptance_that_cannot_be_recorded_is_reported_unknown():
    class Full(MemoryLedger):
        def append(self, entry: Entry, *, after: Head | None = None) -> Event:
            if entry.kind is EventKind.ACCEPTED:
                raise LedgerLockedError("the disk is full", hint="make room")
            return super().append(entry, after=after)

    crossing = make_crossing(ScriptedApi(mass_sendall=TAKEN), Full())
    outcome = send_once(crossing)
    assert (outcome.result, outcome.exit_code) == (Result.UNKNOWN, ExitCode.UNKNOWN)
    assert "msg_id 7" in outcome.reason
    assert crossing.stop_reason


@pytest.mark.parametrize(
    ("sends", "age", "waited_s"),
    [(60, timedelta(seconds=20), 40.0), (59, timedelta(seconds=20), None), (60, -timedelta(hours=3), 60.0)],
    ids=["sixty", "fewer", "by a clock that was ahead"],
)
def test_rate_is_at_most_60_calls_a_minute(sends: int, age: timedelta, waited_s: float | None):
    told: list[Any] = []
    early = [(EventKind.INTENT, intent_of(make_send(f"s{number}"), at=NOW - age)) for number in range(sends)]
    crossing = make_crossing(
        ScriptedApi(),
        MemoryLedger(),
        state=make_state(*early),
        sleep=told.append,
        show=lambda text: told.append(text.rpartition(":")[0]),
    )
    crossing.wait_for_rate_limit("sale")
    reported = [f"sale: waiting {waited_s or 0:.0f} s", waited_s]
    assert told == (reported if waited_s else []), "a wait is reported before it begins"


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (api_error(errcode), ExitCode.WECHAT, lookup(errcode).meaning)
        for errcode in (45028, 48001, 40001, 45009)
    ]
    + [(UNREACHABLE, ExitCode.NETWORK, "no connection"), (api_error(40007), ExitCode.FAILED, "")],
    ids=str,
)
def test_certain_answer_frees_the_send_and_may_stop_the_account(answer: Any, code: ExitCode, reason: str):
    """What the next send would meet too stops it; an errcode of one send, such as 40007, does not."""
    ledger, was_answered = MemoryLedger(), answer is not UNREACHABLE
    crossing = make_crossing(ScriptedApi(mass_sendall=answer), ledger)
    outcome = send_once(crossing)
    assert outcome.result is (Result.REJECTED if was_answered else Result.NOT_SENT)
    fate = fold(ledger.events()).send(SERVICE, "sale", 1).fate
    assert fate is (Fate.REJECTED if was_answered else Fate.NOT_SENT)
    assert outcome.exit_code is code
    assert crossing.stop_reason.endswith(reason)
    assert bool(crossing.stop_reason) is bool(reason)
