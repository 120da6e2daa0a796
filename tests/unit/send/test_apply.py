"""Who comes when in an apply, what stops the rest, and what is looked at again before each call."""

import errno
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    SUBSCRIPTION,
    FakeWorkspace,
    MemoryLedger,
    ScriptedApi,
    Stops,
    api_error,
    kinds,
    linked,
    make_account,
    make_article,
    make_file,
    make_known,
    make_planned,
    make_send,
    make_settings,
    named,
    plan_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import (
    ExitCode,
    LedgerError,
    LedgerLockedError,
    NoResponseError,
    NotSentError,
    SecretError,
)
from wechat_campaigns.core.model import Batch, Filter, PlanAction, Send
from wechat_campaigns.core.settings import AccountKind, Drift, Policy, Settings
from wechat_campaigns.core.threads import AT_A_TIME
from wechat_campaigns.ledger.events import LedgerKind, stream_locked_error
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.messages import Articles, Image, Newspic
from wechat_campaigns.plan.hints import apply_again_hint
from wechat_campaigns.plan.plan import CALLING, PENDING
from wechat_campaigns.plan.resolve import COUNT_AGAIN_AFTER
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.send import account_run
from wechat_campaigns.send.apply import LOCK_WAIT_S, apply
from wechat_campaigns.send.outcome import LEFT, Result, SendOutcome, exit_code, left_outcome
from wechat_campaigns.send.posting import RunContext

TAKEN = {"errcode": 0, "msg_id": 7}
LOST = NoResponseError("the connection was interrupted", hint="try again")


class ApplyRunner:
    """A ledger, a scripted platform and a clock; `run` plans and applies."""

    def __init__(self, settings: Settings | None = None, **answers: Any) -> None:
        self.settings = settings or make_settings(policy=Policy(duplicate_content_days=0))
        self.now = NOW
        self.ledger = MemoryLedger(lambda: self.now)
        self.api = ScriptedApi(**answers)
        self.stopping = False
        self.stops_at_upload = False

    def read(self, _file: Any) -> bytes:
        self.stopping = self.stops_at_upload
        return b""

    def plan(self, *sends: Send, overrides: Any = None) -> Any:
        known = {name: make_known() for name in self.settings.environment.accounts}
        state = fold(self.ledger.events())
        more = {"now": self.now, "overrides": overrides or {}}
        return plan_of(*sends, settings=self.settings, state=state, remote_facts=known, **more)

    def run(
        self, *sends: Send, plan: Any = None, overrides: Any = None, connect: Any = None,
        sleep: Any = lambda _s: None, audiences: Any = None,
    ) -> Any:  # fmt: skip
        workspace: Any = FakeWorkspace(
            self.api, self.ledger, self.settings, lambda: self.now, self.read, connect=connect
        )
        stopping = Stops(lambda: self.stopping, sleep)
        run_context = RunContext(plan_digest="p" * 64, overrides=overrides or {}, audiences=audiences or {})
        plan = plan or self.plan(*sends, overrides=overrides)
        return apply(plan, workspace=workspace, run_context=run_context, stopping=stopping)

    def bodies(self) -> list[str]:
        return [body["text"]["content"] for (body,) in self.api.named("mass_sendall")]


def after_a_lost_answer(*answers: Any, send: Send | None = None, **more: Any) -> ApplyRunner:
    """A runner whose one send is unknown, a minute later."""
    runner = ApplyRunner(mass_sendall=[LOST, *answers] if answers else LOST, **more)
    runner.run(send or make_send())
    runner.now += timedelta(seconds=61)
    return runner


def settle(runner: ApplyRunner, *, sent: bool = True) -> None:
    """Record, as a person does, what became of the unknown send."""
    settled = named(make_send(), sent=sent, msg_id=7, why="seen in the console")
    data = linked(EventKind.SETTLED, settled, runner.ledger.events())
    runner.ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=data))


def test_sends_go_by_window_then_id():
    runner = ApplyRunner(mass_sendall=TAKEN)
    early = NOW - timedelta(hours=1)
    runner.run(make_send("b", "b"), make_send("a", "a"), make_send("z", "z", not_before=early))
    assert runner.bodies() == ["a", "b", "z"]


def test_unknown_send_is_resent_before_new_sends():
    runner = after_a_lost_answer(TAKEN, send=make_send("old", "旧"))
    outcomes = runner.run(make_send("old", "旧"), make_send("new", "新"))
    assert runner.bodies() == ["旧", "旧", "新"]
    assert [(o.id, o.result) for o in outcomes] == [("old", Result.ACCEPTED), ("new", Result.ACCEPTED)]


def unknown_under_another_id(**more: Any) -> tuple[ApplyRunner, Any]:
    """A runner, and a plan of a message whose send is unknown under its former id."""
    runner = ApplyRunner(mass_sendall=[api_error(45028), TAKEN, LOST])
    runner.run(make_send("old", "一"))
    runner.run(make_send("new", "一", formerly=("old",)))
    runner.run(make_send("old", "二", revision=2))
    known = {"settings": runner.settings, "state": fold(runner.ledger.events()), "now": runner.now}
    return runner, plan_of(make_send("new", "二", revision=2), **known, **more)


def test_unknown_send_under_another_id_of_its_message_is_reported():
    runner, plan = unknown_under_another_id(with_unplanned=False)
    (outcome,) = runner.run(plan=plan)
    assert (outcome.id, outcome.exit_code) == ("old", ExitCode.UNKNOWN)
    assert outcome.reason == plan.sends[0].reason


@pytest.mark.parametrize("fails_at", ["the end", "the start"])
def test_unknown_send_under_another_id_is_listed_once_after_a_failure(fails_at: str):
    class Failing(MemoryLedger):
        @contextmanager
        def lock(self, stream: str, wait_s: float) -> Iterator[None]:
            if fails_at == "the end":
                yield
            raise LedgerError("the remote does not respond", hint="run again")

    runner, plan = unknown_under_another_id()
    assert plan.unknown_sends == (), "the plan lists it once too"
    ledger = Failing(lambda: runner.now)
    ledger.kept, runner.ledger = runner.ledger.kept, ledger
    (outcome,) = runner.run(plan=plan)
    assert (outcome.id, outcome.exit_code) == ("old" if fails_at == "the end" else "new", ExitCode.UNKNOWN)


def test_hint_of_an_unknown_send_names_at_least_a_second():
    assert "again in 1 s" in apply_again_hint(0, "")


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 61), (30, 31), (59, 2)])
def test_unknown_send_that_is_too_young_gives_the_time_to_wait(age_s: int, wait_s: int):
    runner = ApplyRunner(mass_sendall=[LOST, TAKEN])
    runner.run(make_send())
    runner.now += timedelta(seconds=age_s)
    (outcome,) = runner.run(make_send())
    assert f"again in {wait_s} s" in outcome.hint
    runner.now += timedelta(seconds=wait_s)
    assert [o.result for o in runner.run(make_send())] == [Result.ACCEPTED]


def test_openid_send_is_resent_with_the_list_of_the_campaign():
    openids = ("o1", "o2")
    send = make_send("sale#1", filter=Filter(openids=openids),
                     batch=Batch(index=1, count=1, list_sha256="l" * 64))  # fmt: skip
    runner = ApplyRunner(mass_send=[LOST, TAKEN])
    runner.run(send)
    runner.now += timedelta(seconds=61)
    other = make_send("sale#1", filter=Filter(openids=("o1", "o3")))
    assert [o.result for o in runner.run(other)] == [Result.UNKNOWN]
    assert "settle" in runner.run(other)[0].hint
    assert [o.result for o in runner.run(send)] == [Result.ACCEPTED]
    assert [body["touser"] for (body,) in runner.api.named("mass_send")] == [["o1", "o2"]] * 2


def test_resend_keeps_to_quiet_hours():
    policy = Policy(quiet_hours="12:01-14:00", duplicate_content_days=0)
    runner = ApplyRunner(make_settings(policy=policy), mass_sendall=[LOST, TAKEN])
    runner.run(make_send())
    runner.now += timedelta(seconds=90)
    (outcome,) = runner.run(make_send())
    assert outcome.result is Result.UNKNOWN
    assert "apply after 14:00" in outcome.hint
    (outcome,) = runner.run(make_send(), overrides={"quiet_hours": "asked for"})
    assert outcome.result is Result.ACCEPTED


def test_resend_delayed_by_the_rate_limit_keeps_to_quiet_hours():
    policy = Policy(quiet_hours="12:02-14:00", duplicate_content_days=0)
    runner = ApplyRunner(make_settings(policy=policy), mass_sendall=[LOST, *[TAKEN] * 61])
    runner.run(make_send("open"))
    runner.now += timedelta(seconds=59)
    runner.run(*(make_send(f"s{number}", str(number)) for number in range(60)), make_send("open"))
    runner.now += timedelta(seconds=55)

    def sleep(seconds: float) -> None:
        runner.now += timedelta(seconds=seconds + 1)

    (outcome,) = runner.run(make_send("open"), sleep=sleep)
    assert outcome.result is Result.UNKNOWN
    assert "apply after 14:00" in outcome.hint
    assert len(runner.api.calls) == 61


def test_no_send_begins_after_a_stop_request():
    runner = after_a_lost_answer(TAKEN, send=make_send("open"))
    runner.stopping = True
    outcomes = runner.run(make_send("open"), make_send("new", "新"))
    assert {o.id: o.exit_code for o in outcomes} == {"open": ExitCode.UNKNOWN, "new": ExitCode.INTERRUPTED}
    assert len(runner.api.calls) == 1


def test_stop_during_an_upload_leaves_the_send_for_later():
    runner = ApplyRunner(material_add_material={"media_id": "M"}, mass_sendall=TAKEN)
    runner.stops_at_upload = True
    outcomes = runner.run(make_send(content=Image(media=Media(file=make_file("a.png", b"")))))
    assert [o.exit_code for o in outcomes] == [ExitCode.INTERRUPTED]
    assert not runner.api.named("mass_sendall")


def test_send_is_decided_again_just_before_its_call():
    """A stale plan does no harm: the window may have closed since."""
    runner = ApplyRunner(mass_sendall=TAKEN)
    plan = runner.plan(make_send(not_after=NOW + timedelta(seconds=5)))
    runner.now += timedelta(seconds=6)
    outcomes = runner.run(plan=plan)
    assert [o.result for o in outcomes] == [Result.SKIPPED]
    assert runner.api.calls == []
    assert exit_code(outcomes) is ExitCode.FAILED, "missed, as if the window had ended before the run"
    assert outcomes[0].reason.startswith("missed and not sent: its send window ended")


def test_send_begun_by_another_run_exits_12():
    runner = ApplyRunner(mass_sendall=LOST)
    plan = runner.plan(make_send())
    runner.run(make_send())
    outcomes = runner.run(plan=plan)
    assert len(runner.api.calls) == 1
    assert exit_code(outcomes) is ExitCode.RACE


@pytest.mark.parametrize(("sent", "code"), [(True, ExitCode.OK), (False, ExitCode.FAILED)])
def test_unknown_send_settled_by_another_run_is_reported(sent: bool, code: ExitCode):
    runner = after_a_lost_answer(TAKEN)
    plan = runner.plan(make_send())
    settle(runner, sent=sent)
    outcomes = runner.run(plan=plan)
    assert [(o.id, o.result) for o in outcomes] == [("sale", Result.SKIPPED)]
    assert exit_code(outcomes) is code
    assert len(runner.api.calls) == 1


def test_revision_that_waited_for_an_unknown_one_is_not_lost():
    """The one before was settled as sent since the plan: this one is due, and the exit code says so."""
    runner = ApplyRunner(mass_sendall=[LOST, TAKEN])
    runner.run(make_send())
    plan = runner.plan(make_send(revision=2))
    settle(runner)
    outcomes = runner.run(plan=plan)
    assert ([o.result for o in outcomes], exit_code(outcomes)) == ([Result.SKIPPED], ExitCode.FAILED)
    assert len(runner.api.calls) == 1
    assert [o.result for o in runner.run(make_send(revision=2))] == [Result.ACCEPTED]


def test_unknown_send_settled_during_the_run_is_not_resent():
    runner = after_a_lost_answer(TAKEN)
    plan = runner.plan(make_send())

    def connect(_account: Any) -> Any:
        settle(runner)
        return runner.api

    (outcome,) = runner.run(plan=plan, connect=connect)
    assert (outcome.id, outcome.result, outcome.exit_code) == ("sale", Result.SKIPPED, ExitCode.OK)
    assert "another run resolved it" in outcome.reason
    assert len(runner.api.calls) == 1


def test_policy_is_evaluated_again_on_the_current_ledger():
    account = make_account(kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
    runner = ApplyRunner(make_settings(account, policy=Policy(duplicate_content_days=0)), mass_sendall=TAKEN)
    first, second = runner.plan(make_send("a", "a")), runner.plan(make_send("b", "b"))
    runner.run(plan=first)
    assert [(o.result, o.exit_code) for o in runner.run(plan=second)] == [(Result.SKIPPED, ExitCode.POLICY)]


@pytest.mark.parametrize("gone_at", ["mass_sendall", "draft_add"])
def test_file_deleted_in_the_console_is_uploaded_again(gone_at: str):
    content: Any = Image(media=Media(file=make_file("a.png", b"")))
    if gone_at == "draft_add":
        content = Newspic(title="图", text="", images=(content.media,))
    answers: dict[str, Any] = {"mass_sendall": TAKEN, "draft_add": "D"}
    answers[gone_at] = [api_error(40007), answers[gone_at]]
    runner = ApplyRunner(material_add_material=[{"media_id": "OLD"}, {"media_id": "NEW"}], **answers)
    send = make_send(content=content)
    (first,), (second,) = runner.run(send), runner.run(send)
    assert "uploads the files of this send again" in first.hint
    assert (first.errcode, second.result) == (40007, Result.ACCEPTED)
    assert len(runner.api.named("material_add_material")) == 2
    assert "NEW" in str(runner.api.calls[-1]) or "NEW" in str(runner.api.named("draft_add")[-1])


def test_quota_errcode_stops_only_its_account():
    accounts = (make_account("one"), make_account("two", appid=SUBSCRIPTION))
    runner = ApplyRunner(make_settings(*accounts, policy=Policy(duplicate_content_days=0)),
                  mass_sendall=api_error(45028))  # fmt: skip
    sends = [make_send(f"{name}{number}", f"{name}{number}", account=name)
             for name in ("one", "two") for number in (1, 2)]  # fmt: skip
    outcomes = runner.run(*sends)
    assert [o.result for o in outcomes] == [Result.REJECTED, Result.SKIPPED] * 2
    assert len(runner.api.calls) == 2
    assert exit_code(outcomes) is ExitCode.WECHAT


@pytest.mark.parametrize(("errcode", "tried"), [(45009, 1), (40004, 2)])
def test_upload_errcode_of_the_account_stops_the_account(errcode: int, tried: int):
    """After 45009 the next upload would be rejected as well; a bad file concerns only its own send."""
    runner = ApplyRunner(material_add_material=api_error(errcode, "material/add_material"))
    sends = [make_send(n, content=Image(media=Media(file=make_file(f"{n}.png", b"")))) for n in "ab"]
    outcomes = runner.run(*sends)
    assert len(runner.api.named("material_add_material")) == tried
    second = Result.SKIPPED if tried == 1 else Result.NOT_SENT
    assert [o.result for o in outcomes] == [Result.NOT_SENT, second]
    assert outcomes[1].reason.startswith("not tried: ") is (tried == 1)


def test_missing_secret_fails_before_the_intent():
    """The secret's command fails when the first token is needed: nothing is recorded, nothing was sent.

    The account's next send would get no further, and is not tried.
    """
    runner = ApplyRunner(mass_ready=SecretError("the command failed", hint="run it by hand"))
    outcomes = runner.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.result, o.exit_code) for o in outcomes] == [
        (Result.NOT_SENT, ExitCode.SECRET), (Result.SKIPPED, ExitCode.FAILED)
    ]  # fmt: skip
    assert outcomes[1].reason == "not tried: the command failed"
    assert runner.ledger.events() == ()
    assert runner.api.named("mass_sendall") == []


def test_missing_secret_leaves_an_unknown_send_unknown():
    """A resend that could not be made changes nothing; the rest of the run is reported too."""
    failed = SecretError("the command failed", hint="run it by hand")
    runner = ApplyRunner(mass_sendall=LOST, mass_ready=[None, failed])
    runner.run(make_send())
    runner.now += timedelta(seconds=61)
    outcomes = runner.run(make_send(), make_send("new", "新"))
    assert [o.result for o in outcomes] == [Result.UNKNOWN, Result.SKIPPED]
    assert outcomes[0].hint == "run it by hand"
    assert exit_code(outcomes) is ExitCode.UNKNOWN
    assert kinds(runner.ledger.events()) == ["intent"]


def test_send_whose_ledger_always_conflicts_is_not_made():
    class Beaten(MemoryLedger):
        def append(self, entry: Entry, *, after: Head | None = None) -> Any:
            if entry.kind is EventKind.INTENT and entry.data["send"] == "a":
                super().append(
                    Entry(stream=SERVICE, kind=LedgerKind.UPLOAD, data={"upload": "x", "result": "y"})
                )
            return super().append(entry, after=after)

    runner = ApplyRunner(mass_sendall=TAKEN)
    runner.ledger = Beaten(lambda: runner.now)
    outcomes = runner.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.id, o.result, o.exit_code) for o in outcomes] == [
        ("a", Result.SKIPPED, ExitCode.RACE), ("b", Result.ACCEPTED, ExitCode.OK)
    ]  # fmt: skip
    assert runner.bodies() == ["b"]


class Locked(MemoryLedger):
    """A ledger whose lock cannot be had, or fails on the way out."""

    def __init__(self, *, on_exit: bool) -> None:
        super().__init__()
        self.on_exit = on_exit

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        if not self.on_exit:
            raise LedgerLockedError("another runner is sending", hint="wait")
        yield
        raise LedgerError("the ledger went away", hint="look where it went")


def test_locked_ledger_sends_nothing():
    runner = ApplyRunner(mass_sendall=TAKEN)
    runner.ledger = Locked(on_exit=False)
    outcomes = runner.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.id, o.exit_code) for o in outcomes] == [("a", ExitCode.RACE), ("b", ExitCode.RACE)]
    assert runner.api.calls == []


def test_locked_ledger_still_reports_the_unknown_sends():
    """A send left unknown by an earlier run stays exit 8 although this run could not look at it."""
    runner = ApplyRunner(mass_sendall=LOST)
    runner.run(make_send())
    plan, runner.ledger = runner.plan(make_send()), Locked(on_exit=False)
    (outcome,) = runner.run(plan=plan)
    assert (outcome.id, outcome.exit_code) == ("sale", ExitCode.UNKNOWN)


def test_failing_release_of_the_lock_loses_no_report():
    runner = ApplyRunner(mass_sendall=TAKEN)
    runner.ledger = Locked(on_exit=True)
    assert [o.result for o in runner.run(make_send())] == [Result.ACCEPTED]


def test_ledger_that_cannot_be_written_stops_the_account():
    """After the first failed append nothing else is tried; nothing was posted."""

    class Full(MemoryLedger):
        def append(self, entry: Entry, *, after: Head | None = None) -> Any:
            raise LedgerError("no space left", hint="make room")

    runner = ApplyRunner(mass_sendall=TAKEN)
    runner.ledger = Full()
    outcomes = runner.run(make_send("a", "a"), make_send("b", "b"))
    assert exit_code(outcomes) is ExitCode.LEDGER
    assert "not tried" in outcomes[1].reason
    assert runner.api.calls == []


def test_accounts_run_concurrently():
    """Each of two accounts waits inside its call for the other: one after the other they would never end."""
    both = threading.Barrier(2)

    class Meeting(ScriptedApi):
        def mass_sendall(self, _body: Any, **_more: Any) -> Any:
            both.wait(5)
            return TAKEN

    accounts = (make_account("one"), make_account("two", appid=SUBSCRIPTION))
    runner = ApplyRunner(make_settings(*accounts))
    runner.api = Meeting()
    outcomes = runner.run(make_send("a", account="one"), make_send("b", account="two"))
    assert [o.result for o in outcomes] == [Result.ACCEPTED] * 2


def test_two_names_of_one_appid_are_one_account():
    accounts = (make_account("one"), make_account("two"))
    runner = ApplyRunner(make_settings(*accounts, policy=Policy(allow_to_all=True)), mass_sendall=TAKEN)
    everyone = Filter(is_to_all=True)
    sends = [make_send(f"s{n}", f"{n}", account=("one", "two")[n % 2], filter=everyone) for n in range(6)]
    plan = runner.plan(*sends)
    assert [one.send.id for one in plan.due()] == ["s0", "s2", "s4", "s1"], "four a month for both names"
    assert len([o for o in runner.run(plan=plan) if o.result is Result.ACCEPTED]) == 4
    assert {event.stream for event in runner.ledger.events()} == {SERVICE}


def test_bug_in_a_run_loses_no_report():
    lost = after_a_lost_answer(send=make_send("a"))
    lost.api = ScriptedApi(mass_sendall=TypeError("list"))
    (resent, new) = lost.run(make_send("a"), make_send("b", "b"))
    assert (resent.result, new.result, new.exit_code) == (Result.UNKNOWN, Result.SKIPPED, ExitCode.FAILED)
    runner = ApplyRunner(mass_sendall=[TAKEN, TypeError("list")])
    outcomes = runner.run(*(make_send(name, name) for name in "abc"))
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED, Result.UNKNOWN, Result.SKIPPED]
    assert exit_code(outcomes) is ExitCode.UNKNOWN


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "free some disk space"), (errno.EACCES, "check the permissions")]
)
def test_file_that_cannot_be_used_is_named(number: int, hint: str):
    full = OSError(number, os.strerror(number), "/state/log")
    (outcome,) = ApplyRunner(mass_ready=full).run(make_send())
    assert (outcome.result, outcome.exit_code) == (Result.NOT_SENT, ExitCode.FAILED)
    assert f"/state/log: a file cannot be read or written: {os.strerror(number)}" in outcome.reason
    assert hint in outcome.hint


def test_bug_before_a_call_is_not_an_unknown_send():
    (outcome,) = ApplyRunner(mass_ready=TypeError("list")).run(make_send())
    assert (outcome.result, outcome.exit_code) == (Result.NOT_SENT, ExitCode.BUG)
    assert "TypeError: list (posting.py:" in outcome.reason, "the last line of the tool, not of a library"


def test_bug_that_also_stops_the_reading_leaves_a_begun_send_unknown():
    class Unreadable(MemoryLedger):
        def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
            if any(event.kind == EventKind.INTENT for event in self.kept):
                raise TypeError("a bug in the reading")
            return super().read(stream, since)

    runner = ApplyRunner(mass_sendall=TypeError("list"))
    runner.ledger = Unreadable(lambda: runner.now)
    (outcome,) = runner.run(make_send())
    assert (outcome.result, outcome.exit_code) == (Result.UNKNOWN, ExitCode.UNKNOWN)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((), ExitCode.OK),
        ((ExitCode.OK, ExitCode.POLICY), ExitCode.POLICY),
        ((ExitCode.FAILED, ExitCode.WECHAT), ExitCode.WECHAT),
        ((ExitCode.LEDGER, ExitCode.UNKNOWN, ExitCode.WECHAT), ExitCode.UNKNOWN),
        ((ExitCode.INTERRUPTED, ExitCode.OK), ExitCode.INTERRUPTED),
        ((ExitCode.FAILED, ExitCode.NETWORK), ExitCode.NETWORK),
        ((ExitCode.RACE, ExitCode.POLICY, ExitCode.SECRET), ExitCode.SECRET),
    ],
)
def test_exit_code_is_the_worst_outcome(codes: tuple[ExitCode, ...], worst: ExitCode):
    assert exit_code([SendOutcome("a", "m", Result.SKIPPED, "", exit_code=code) for code in codes]) is worst


# --- what is looked at again just before each call -----------------------------------------------


def tags(count: int) -> list[list[dict[str, Any]]]:
    return [[{"id": 100, "name": "会员", "count": count}]]


def limited(policy: Policy, send: Send | None = None, audiences: Any = None, **answers: Any) -> Any:
    """Plan with 1000 members, apply a minute later with what WeChat answers by then."""
    runner = ApplyRunner(make_settings(policy=policy), mass_sendall=TAKEN, **answers)
    plan = runner.plan(send or make_send())
    runner.now += COUNT_AGAIN_AFTER
    (outcome,) = runner.run(plan=plan, audiences=audiences)
    assert bool(runner.api.named("mass_sendall")) is (outcome.result is Result.ACCEPTED)
    return outcome, runner


NO_ANSWER = NotSentError("no connection", hint="try again")
MOST = Policy(max_recipients=1000)
WARNED = Policy(max_recipients=1000, levels={"max_recipients": "advisory"})
DRIFT = Policy(audience_drift=Drift(percent=20, floor=10))
SEEN = {(SERVICE, "sale", 1): 1000}


@pytest.mark.parametrize(
    ("policy", "audiences", "answer", "words"),
    [
        (MOST, None, tags(1001), "1001"),
        (MOST, None, tags(998), None),
        (MOST, None, NO_ANSWER, ""),
        (WARNED, None, NO_ANSWER, None),
        (DRIFT, SEEN, tags(1500), "1500, but the review showed 1000"),
        (DRIFT, SEEN, tags(1200), None),
        (DRIFT, None, tags(1500), None),
    ],
)
def test_plan_that_waited_a_minute_is_counted_again(
    policy: Policy, audiences: Any, answer: Any, words: str | None
) -> None:
    outcome, runner = limited(policy, audiences=audiences, tags_get=answer)
    if words is None:
        assert outcome.result is Result.ACCEPTED
        if answer is not NO_ANSWER:
            counted = {"count": answer[0][0]["count"], "source": "tags/get"}
            assert runner.ledger.kept[0].data["audience"] == counted
    else:
        assert (outcome.result, outcome.exit_code) == (Result.SKIPPED, ExitCode.POLICY)
        assert words in outcome.reason


def test_count_of_a_plan_made_moments_ago_is_not_asked_again() -> None:
    runner = ApplyRunner(make_settings(policy=MOST), mass_sendall=TAKEN)
    plan = runner.plan(make_send())
    runner.now += COUNT_AGAIN_AFTER - timedelta(seconds=1)
    (outcome,) = runner.run(plan=plan)
    assert outcome.result is Result.ACCEPTED
    assert [name for name, _arguments in runner.api.calls] == ["mass_sendall"]
    assert runner.ledger.kept[0].data["audience"] == {"count": 1000, "source": "tags/get"}


def test_number_of_sends_counts_those_of_all_accounts() -> None:
    """Each account looks at its own sends alone, but for their number."""
    sends = [make_send(name, name, account=name) for name in NAMES[:2]]
    runner = ApplyRunner(make_settings(*ACCOUNTS[:2]), mass_sendall=TAKEN)
    plan = runner.plan(*sends)
    runner.settings = make_settings(*ACCOUNTS[:2], policy=Policy(max_sends_per_apply=1))
    outcomes = runner.run(plan=plan)
    assert [outcome.exit_code for outcome in outcomes] == [ExitCode.POLICY] * 2
    assert runner.bodies() == []
    runner.settings = make_settings(*ACCOUNTS[:2], policy=Policy(max_sends_per_apply=2))
    assert {outcome.result for outcome in runner.run(plan=plan)} == {Result.ACCEPTED}


def test_send_to_everyone_is_counted_by_followers() -> None:
    everyone = make_send(filter=Filter(is_to_all=True))
    outcome, _ = limited(Policy(allow_to_all=True, max_recipients=6000), everyone, user_get={"total": 6001})
    assert "6001" in outcome.reason


@pytest.mark.parametrize(("count", "result"), [(1001, Result.UNKNOWN), (1000, Result.ACCEPTED)])
def test_audience_of_a_resend_is_counted_again(count: int, result: Result) -> None:
    """It may be the first call to arrive, and the tag has grown since."""
    runner = after_a_lost_answer(settings=make_settings(policy=MOST), tags_get=tags(1000))
    runner.api = ScriptedApi(mass_sendall=TAKEN, tags_get=tags(count))
    (outcome,) = runner.run(make_send())
    assert outcome.result is result
    assert len(runner.api.named("mass_sendall")) == (result is Result.ACCEPTED)


# --- several runners, many accounts -------------------------------------------------------------

NAMES = tuple(f"a{number:02d}" for number in range(20))
ACCOUNTS = tuple(make_account(name, appid=f"wx{number:016d}") for number, name in enumerate(NAMES))


class Held(MemoryLedger):
    """Some streams are held by another runner, who lets go of them when somebody waits."""

    def __init__(self, *held: str) -> None:
        super().__init__()
        self.held = held
        self.taken: list[tuple[str, float]] = []
        self.at_once = self.most = 0
        self._mutex = threading.Lock()

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        if stream in self.held and not wait_s:
            raise stream_locked_error(stream)
        with self._mutex:
            self.taken.append((stream, wait_s))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        yield
        with self._mutex:
            self.at_once -= 1


def test_locked_accounts_come_last_and_not_too_many_run_at_once() -> None:
    ledger = Held(ACCOUNTS[3].appid, ACCOUNTS[7].appid)
    runner = ApplyRunner(make_settings(*ACCOUNTS), mass_sendall=TAKEN)
    runner.ledger = ledger
    outcomes = runner.run(*(make_send(f"s-{name}", text=name, account=name) for name in NAMES))
    assert [outcome.account for outcome in outcomes] == list(NAMES)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert {stream for stream, wait_s in ledger.taken[-2:]} == {ACCOUNTS[3].appid, ACCOUNTS[7].appid}
    assert [wait_s for _, wait_s in ledger.taken] == [0] * 18 + [LOCK_WAIT_S] * 2
    assert ledger.most <= AT_A_TIME


@pytest.mark.parametrize("most", [2, 1])
def test_of_many_sends_only_the_end_of_each_account_is_shown(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(account_run, "MOST_TOLD", most)
    monkeypatch.setattr(FakeWorkspace, "show_progress", lambda _self, text: shown.append(text.split()[1]))
    runner = ApplyRunner(make_settings(*ACCOUNTS), mass_sendall=TAKEN)
    runner.run(*(make_send(f"s-{name}", text=name, account=name) for name in NAMES[:2]))
    each = Counter({f"s-{name}:": 2 for name in NAMES[:2]})
    assert Counter(shown) == (each if most == 2 else Counter(f"{name}:" for name in NAMES[:2]))


DONE = frozenset({PlanAction.SENT, PlanAction.HANDED_OVER, PlanAction.EXPIRED, PlanAction.DRAFT})
"""What nothing is to be done about; a plan counts what expired in the last day by itself."""


def test_nobody_is_told_to_send_what_the_ledger_did_not_take() -> None:
    """It was held, or sent, since the plan: the decision before the record is another one."""
    send = make_send(content=Articles(articles=(make_article(),)), by_hand=True)
    begun: list[str] = []
    run: Any = SimpleNamespace(
        attempt=SimpleNamespace(begin=lambda kind, *_how: begun.append(kind)), _by_right=lambda _planned: {}
    )
    assert (
        account_run.AccountRun.hand_over(run, make_planned(send), {"mpnews": {}}, lambda _state: None) is None
    )  # type: ignore[arg-type,return-value]
    assert begun == [EventKind.HANDED_OVER]


@pytest.mark.parametrize("action", PlanAction)
def test_send_that_is_left_ends_by_what_is_decided_on_it(action: PlanAction) -> None:
    planned = make_planned()
    outcome = left_outcome(replace(planned, action=action))
    may_be_out = action in (PlanAction.UNKNOWN, PlanAction.RESEND)
    assert (outcome.result is Result.UNKNOWN) is (outcome.exit_code is ExitCode.UNKNOWN) is may_be_out
    quiet = (PlanAction.SENT, PlanAction.HANDED_OVER, PlanAction.SCHEDULED, PlanAction.WAITS_FOR_APPROVAL)
    assert (outcome.exit_code is ExitCode.OK) is (action in quiet)
    assert outcome.missed is (action is PlanAction.EXPIRED)
    assert LEFT[action].is_open is (action not in DONE)


def test_what_a_plan_covers_or_calls_for_is_open() -> None:
    assert all(LEFT[action].is_open for action in PENDING | CALLING)


@pytest.mark.parametrize("result", Result)
def test_result_has_its_exit_code_where_nobody_gives_one(result: Result) -> None:
    code = SendOutcome("sale", "main", result, "why").exit_code
    assert (code is ExitCode.OK) is (result in (Result.ACCEPTED, Result.HANDED_OVER, Result.SKIPPED))
    assert (code is ExitCode.UNKNOWN) is (result is Result.UNKNOWN)
