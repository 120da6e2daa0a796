"""Who comes when in an apply, and what stops the rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from factories import (
    NOW,
    SERVICE,
    SUBSCRIPTION,
    MemoryLedger,
    ScriptedApi,
    api_error,
    kinds,
    linked,
    make_account,
    make_file,
    make_known,
    make_send,
    make_settings,
    named,
    plan_of,
)

from wechat_campaigns.core.errors import (
    ExitCode,
    LedgerError,
    LedgerLockedError,
    NoResponseError,
    SecretError,
)
from wechat_campaigns.core.model import Batch, Filter, Image, Media, Newspic, Send
from wechat_campaigns.core.settings import AccountKind, Policy, Settings
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import Entry, EventKind, Head
from wechat_campaigns.send.apply import apply, exit_code
from wechat_campaigns.send.posting import ApplyPorts, Result, RunContext, SendOutcome

TAKEN = {"errcode": 0, "msg_id": 7}
LOST = NoResponseError("the connection was cut", hint="try again")


class World:
    """A ledger, a scripted platform and a clock; `run` plans and applies."""

    def __init__(self, settings: Settings | None = None, **answers: Any) -> None:
        self.settings = settings or make_settings(policy=Policy(duplicate_content_days=0))
        self.now = NOW
        self.ledger = MemoryLedger(lambda: self.now)
        self.api = ScriptedApi(**answers)
        self.stopping = False

    def plan(self, *sends: Send, allowed: Any = None) -> Any:
        known = {name: make_known() for name in self.settings.environment.accounts}
        state = fold(self.ledger.events())
        more = {"now": self.now, "allowed": allowed or {}}
        return plan_of(*sends, settings=self.settings, state=state, known=known, **more)

    def run(self, *sends: Send, plan: Any = None, allowed: Any = None, connect: Any = None) -> Any:
        ports = ApplyPorts(
            connect=connect or (lambda _account: self.api), ledger=self.ledger, clock=lambda: self.now,
            sleep=lambda _s: None, read=lambda _file: b"", stopping=lambda: self.stopping,
        )  # fmt: skip
        warrant = RunContext(plan_digest="p" * 64, allowed=allowed or {})
        plan = plan or self.plan(*sends, allowed=allowed)
        return apply(plan, ports=ports, settings=self.settings, warrant=warrant)

    def bodies(self) -> list[str]:
        return [body["text"]["content"] for (body,) in self.api.named("mass_sendall")]


def test_second_apply_does_nothing():
    """What was accepted is done: applying again makes no call."""
    world = World(mass_sendall=TAKEN)
    assert [o.result for o in world.run(make_send())] == [Result.ACCEPTED]
    assert world.run(make_send()) == ()
    assert len(world.api.calls) == 1


def test_sends_go_by_window_then_id():
    """Earliest not_before first, then by id."""
    world = World(mass_sendall=TAKEN)
    early = NOW - timedelta(hours=1)
    world.run(make_send("b", "b"), make_send("a", "a"), make_send("z", "z", not_before=early))
    assert world.bodies() == ["a", "b", "z"]


def test_unknown_is_settled_before_new_sends():
    """The open send is repeated first, with the body of its intent."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send("old", "旧"))
    world.now += timedelta(seconds=61)
    outcomes = world.run(make_send("old", "旧"), make_send("new", "新"))
    assert world.bodies() == ["旧", "旧", "新"]
    assert [(o.id, o.result) for o in outcomes] == [("old", Result.ACCEPTED), ("new", Result.ACCEPTED)]


def test_unknown_whose_campaign_is_another_now_is_not_resent():
    """What was stored is not what was reviewed: edited or deleted, it waits for a person."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send("edited", "旧"))
    world.run(make_send("gone", "别的"))
    world.now += timedelta(seconds=61)
    outcomes = world.run(make_send("edited", "改过"), make_send("new", "新"))
    found = {outcome.id: outcome.result for outcome in outcomes}
    assert found["edited"] is Result.UNKNOWN
    assert "旧" not in world.bodies()[1:]


@pytest.mark.parametrize(
    ("age_s", "calls"), [(30, 1), (59, 1), (60, 2), (61, 2), (20 * 3600, 2), (20 * 3600 + 1, 1)]
)
def test_unknown_is_repeated_in_its_time_only(age_s: int, calls: int):
    """From 60 s to 20 h; outside it is reported, exit 8."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send())
    world.now += timedelta(seconds=age_s)
    outcomes = world.run(make_send())
    assert len(world.api.calls) == calls
    assert exit_code(outcomes) is (ExitCode.OK if calls == 2 else ExitCode.UNKNOWN)


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 61), (30, 31), (59, 2)])
def test_unknown_that_is_too_young_says_how_long_to_wait(age_s: int, wait_s: int):
    """Whoever waits so long finds it old enough."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send())
    world.now += timedelta(seconds=age_s)
    (outcome,) = world.run(make_send())
    assert f"again in {wait_s} s" in outcome.hint
    world.now += timedelta(seconds=wait_s)
    assert [o.result for o in world.run(make_send())] == [Result.ACCEPTED]


def test_openid_send_is_repeated_with_the_list_of_the_campaign():
    """The ledger has no openids; the list comes from the file while its sha256 is that of the intent."""
    openids = ("o1", "o2")
    send = make_send("sale#1", filter=Filter(openids=openids),
                     batch=Batch(index=1, count=1, list_sha256="l" * 64))  # fmt: skip
    world = World(mass_send=[LOST, TAKEN])
    world.run(send)
    world.now += timedelta(seconds=61)
    other = make_send("sale#1", filter=Filter(openids=("o1", "o3")))
    assert [o.result for o in world.run(other)] == [Result.UNKNOWN]
    assert "settle" in world.run(other)[0].hint
    assert [o.result for o in world.run(send)] == [Result.ACCEPTED]
    assert [body["touser"] for (body,) in world.api.named("mass_send")] == [["o1", "o2"]] * 2


def test_repeat_keeps_to_the_send_window():
    """A repeat may be the first to arrive: past not_after it is left to a human, whatever the file says."""
    closing = NOW + timedelta(seconds=30)
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send(not_after=closing))
    world.now += timedelta(seconds=61)
    (outcome,) = world.run(make_send(not_after=None))
    assert (outcome.result, outcome.exit_code) == (Result.UNKNOWN, ExitCode.UNKNOWN)
    assert "window ended" in outcome.why
    assert "settle" in outcome.hint
    assert len(world.api.calls) == 1


def test_repeat_is_made_up_to_the_end_of_the_send_window():
    """The end belongs to the window, as it does for a first call."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send(not_after=NOW + timedelta(seconds=61)))
    world.now += timedelta(seconds=61)
    assert [o.result for o in world.run(make_send())] == [Result.ACCEPTED]


def test_repeat_keeps_to_quiet_hours():
    """A repeat wakes nobody at night unless that rule was set aside."""
    policy = Policy(quiet_hours="12:01-14:00", duplicate_content_days=0)
    world = World(make_settings(policy=policy), mass_sendall=[LOST, TAKEN])
    world.run(make_send())
    world.now += timedelta(seconds=90)
    (outcome,) = world.run(make_send())
    assert outcome.result is Result.UNKNOWN
    assert "apply after 14:00" in outcome.hint
    (outcome,) = world.run(make_send(), allowed={"quiet_hours": "asked for"})
    assert outcome.result is Result.ACCEPTED


def test_repeat_that_waited_for_the_pace_keeps_to_quiet_hours():
    """Sixty calls went out within the minute; the quiet hours begin while the repeat waits its turn."""
    policy = Policy(quiet_hours="12:02-14:00", duplicate_content_days=0)
    world = World(make_settings(policy=policy), mass_sendall=[LOST, *[TAKEN] * 61])
    world.run(make_send("open"))
    world.now += timedelta(seconds=59)
    world.run(*(make_send(f"s{number}", str(number)) for number in range(60)), make_send("open"))
    world.now += timedelta(seconds=55)

    def sleep(seconds: float) -> None:
        world.now += timedelta(seconds=seconds + 1)

    ports = ApplyPorts(
        connect=lambda _account: world.api, ledger=world.ledger, clock=lambda: world.now, sleep=sleep,
        read=lambda _file: b"",
    )  # fmt: skip
    plan = world.plan(make_send("open"))
    (outcome,) = apply(plan, ports=ports, settings=world.settings, warrant=RunContext(plan_digest="p" * 64))
    assert outcome.result is Result.UNKNOWN
    assert "apply after 14:00" in outcome.hint
    assert len(world.api.calls) == 61


def test_stop_lets_no_other_send_begin():
    """Once asked to stop, neither a new send nor a repeat is started; both are reported."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send("open"))
    world.now += timedelta(seconds=61)
    world.stopping = True
    outcomes = world.run(make_send("open"), make_send("new", "新"))
    assert {o.id: o.exit_code for o in outcomes} == {"open": ExitCode.UNKNOWN, "new": ExitCode.INTERRUPTED}
    assert len(world.api.calls) == 1


def test_decision_is_made_again_just_before_the_send():
    """A plan grown stale is harmless: the window may have closed since."""
    world = World(mass_sendall=TAKEN)
    plan = world.plan(make_send(not_after=NOW + timedelta(seconds=5)))
    world.now += timedelta(seconds=6)
    outcomes = world.run(plan=plan)
    assert [o.result for o in outcomes] == [Result.SKIPPED]
    assert world.api.calls == []
    assert exit_code(outcomes) is ExitCode.POLICY, "it was due, and nobody will send it any more"


def test_send_opened_by_another_run_is_not_exit_0():
    """Another run began it after our plan and has not told how it ended: nothing is posted, exit 8."""
    world = World(mass_sendall=LOST)
    plan = world.plan(make_send())
    world.run(make_send())
    outcomes = world.run(plan=plan)
    assert len(world.api.calls) == 1
    assert exit_code(outcomes) is ExitCode.UNKNOWN


def tied(world: World, data: dict[str, Any]) -> dict[str, Any]:
    return linked(EventKind.SETTLED, data, world.ledger.events())


@pytest.mark.parametrize(("sent", "code"), [(True, ExitCode.OK), (False, ExitCode.FAILED)])
def test_unknown_settled_by_another_run_is_told(sent: bool, code: ExitCode):
    """Open when planned, settled before our turn: nothing is posted, and exit 0 only when it was sent."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send())
    world.now += timedelta(seconds=61)
    plan = world.plan(make_send())
    settled = named(make_send(), sent=sent, msg_id=7, why="seen in the console")
    world.ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=tied(world, settled)))
    outcomes = world.run(plan=plan)
    assert [(o.id, o.result) for o in outcomes] == [("sale", Result.SKIPPED)]
    assert exit_code(outcomes) is code
    assert len(world.api.calls) == 1


def test_unknown_settled_while_this_run_looks_is_not_repeated():
    """Settled by hand after this run had read the ledger, and before its repeat: nothing is posted."""
    world = World(mass_sendall=[LOST, TAKEN])
    world.run(make_send())
    world.now += timedelta(seconds=61)
    plan = world.plan(make_send())
    settled = named(make_send(), sent=True, msg_id=7, why="seen in the console")

    def connect(_account: Any) -> Any:
        world.ledger.append(Entry(stream=SERVICE, kind=EventKind.SETTLED, data=tied(world, settled)))
        return world.api

    (outcome,) = world.run(plan=plan, connect=connect)
    assert (outcome.id, outcome.result, outcome.exit_code) == ("sale", Result.SKIPPED, ExitCode.OK)
    assert "settled by another run" in outcome.why
    assert len(world.api.calls) == 1


def test_policy_is_asked_again_with_what_the_ledger_knows():
    """Two plans each saw one send left; the second apply finds none."""
    account = make_account(kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
    world = World(make_settings(account, policy=Policy(duplicate_content_days=0)), mass_sendall=TAKEN)
    first, second = world.plan(make_send("a", "a")), world.plan(make_send("b", "b"))
    world.run(plan=first)
    assert [(o.result, o.exit_code) for o in world.run(plan=second)] == [(Result.SKIPPED, ExitCode.POLICY)]


@pytest.mark.parametrize("gone_at", ["mass_sendall", "draft_add"])
def test_file_deleted_in_the_console_is_uploaded_anew(gone_at: str):
    """40007 forgets the uploads of the send: the next apply uploads them again and sends, once."""
    content: Any = Image(media=Media(file=make_file("a.png", b"")))
    if gone_at == "draft_add":
        content = Newspic(title="图", text="", images=(content.media,))
    answers = {"mass_sendall": TAKEN, "draft_add": "D", gone_at: [api_error(40007), TAKEN]}
    if gone_at == "draft_add":
        answers[gone_at] = [api_error(40007), "D"]
    world = World(material_add_material=[{"media_id": "OLD"}, {"media_id": "NEW"}], **answers)
    send = make_send(content=content)
    (first,), (second,) = world.run(send), world.run(send)
    assert "uploads the files of this send anew" in first.hint
    assert (first.errcode, second.result) == (40007, Result.ACCEPTED)
    assert len(world.api.named("material_add_material")) == 2
    assert "NEW" in str(world.api.calls[-1]) or "NEW" in str(world.api.named("draft_add")[-1])


def test_quota_refusal_stops_the_account_only():
    """45028 ends this account's run; the other account goes on."""
    accounts = (make_account("one"), make_account("two", appid=SUBSCRIPTION))
    world = World(make_settings(*accounts, policy=Policy(duplicate_content_days=0)),
                  mass_sendall=api_error(45028))  # fmt: skip
    sends = [make_send(f"{name}{number}", f"{name}{number}", account=name)
             for name in ("one", "two") for number in (1, 2)]  # fmt: skip
    outcomes = world.run(*sends)
    assert [o.result for o in outcomes] == [Result.REFUSED, Result.SKIPPED] * 2
    assert len(world.api.calls) == 2
    assert exit_code(outcomes) is ExitCode.WECHAT


@pytest.mark.parametrize(("errcode", "tried"), [(45009, 1), (40004, 2)])
def test_upload_refused_for_the_account_stops_it(errcode: int, tried: int):
    """Used up for today (45009), the next upload would be refused as well; a bad file is its own affair."""
    world = World(material_add_material=api_error(errcode, "material/add_material"))
    sends = [make_send(n, content=Image(media=Media(file=make_file(f"{n}.png", b"")))) for n in "ab"]
    outcomes = world.run(*sends)
    assert len(world.api.named("material_add_material")) == tried
    assert [o.result for o in outcomes] == [Result.FAILED, Result.SKIPPED if tried == 1 else Result.FAILED]
    if tried == 1:
        assert outcomes[1].why == "not tried: refused with 45009"


def test_secret_that_cannot_be_had_ends_before_the_intent():
    """The secret's command fails when the first token is needed: nothing is recorded, nothing was sent.

    The account's next send would get no further, and is not tried.
    """
    world = World(mass_ready=SecretError("the command failed", hint="run it by hand"))
    outcomes = world.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.result, o.exit_code) for o in outcomes] == [
        (Result.FAILED, ExitCode.WECHAT), (Result.SKIPPED, ExitCode.FAILED)
    ]  # fmt: skip
    assert outcomes[1].why == "not tried: the command failed"
    assert world.ledger.events() == ()
    assert world.api.named("mass_sendall") == []


def test_secret_that_cannot_be_had_leaves_an_unknown_unknown():
    """A repeat that could not be made changes nothing; the rest of the run is reported too."""
    failed = SecretError("the command failed", hint="run it by hand")
    world = World(mass_sendall=LOST, mass_ready=[None, failed])
    world.run(make_send())
    world.now += timedelta(seconds=61)
    outcomes = world.run(make_send(), make_send("new", "新"))
    assert [o.result for o in outcomes] == [Result.UNKNOWN, Result.SKIPPED]
    assert outcomes[0].hint == "run it by hand"
    assert exit_code(outcomes) is ExitCode.UNKNOWN
    assert kinds(world.ledger.events()) == ["intent"]


def test_send_that_is_always_overtaken_is_not_made():
    """Somebody else writes in the moment before every intent: no call, exit 6, and the next send goes on."""

    class Beaten(MemoryLedger):
        def append(self, entry: Entry, *, after: Head | None = None) -> Any:
            if entry.kind is EventKind.INTENT and entry.data["send"] == "a":
                super().append(
                    Entry(stream=SERVICE, kind=EventKind.UPLOAD, data={"upload": "x", "result": "y"})
                )
            return super().append(entry, after=after)

    world = World(mass_sendall=TAKEN)
    world.ledger = Beaten(lambda: world.now)
    outcomes = world.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.id, o.result, o.exit_code) for o in outcomes] == [
        ("a", Result.SKIPPED, ExitCode.LEDGER), ("b", Result.ACCEPTED, ExitCode.OK)
    ]  # fmt: skip
    assert world.bodies() == ["b"]


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


def test_lock_held_by_another_sends_nothing():
    """Not sent, exit 6, each send named."""
    world = World(mass_sendall=TAKEN)
    world.ledger = Locked(on_exit=False)
    outcomes = world.run(make_send("a", "a"), make_send("b", "b"))
    assert [(o.id, o.exit_code) for o in outcomes] == [("a", ExitCode.LEDGER), ("b", ExitCode.LEDGER)]
    assert world.api.calls == []


def test_lock_held_by_another_still_names_the_unknown():
    """A send left open by an earlier run stays exit 8 when nobody could look at it."""
    world = World(mass_sendall=LOST)
    world.run(make_send())
    plan, world.ledger = world.plan(make_send()), Locked(on_exit=False)
    (outcome,) = world.run(plan=plan)
    assert (outcome.id, outcome.exit_code) == ("sale", ExitCode.UNKNOWN)


def test_lock_that_fails_on_the_way_out_loses_no_report():
    """A send that was accepted is reported so, whatever goes wrong afterwards."""
    world = World(mass_sendall=TAKEN)
    world.ledger = Locked(on_exit=True)
    assert [o.result for o in world.run(make_send())] == [Result.ACCEPTED]


def test_ledger_that_cannot_be_written_stops_the_account():
    """After the first failed append nothing else is tried; nothing was posted."""

    class Full(MemoryLedger):
        def append(self, entry: Entry, *, after: Head | None = None) -> Any:
            raise LedgerError("no space left", hint="make room")

    world = World(mass_sendall=TAKEN)
    world.ledger = Full()
    outcomes = world.run(make_send("a", "a"), make_send("b", "b"))
    assert exit_code(outcomes) is ExitCode.LEDGER
    assert "not tried" in outcomes[1].why
    assert world.api.calls == []


def test_accounts_run_side_by_side():
    """Each of two accounts waits inside its call for the other: one after the other they would never end."""
    both = threading.Barrier(2)

    class Meeting(ScriptedApi):
        def mass_sendall(self, _body: Any) -> Any:
            both.wait(5)
            return TAKEN

    accounts = (make_account("one"), make_account("two", appid=SUBSCRIPTION))
    world = World(make_settings(*accounts))
    world.api = Meeting()
    outcomes = world.run(make_send("a", account="one"), make_send("b", account="two"))
    assert [o.result for o in outcomes] == [Result.ACCEPTED] * 2


def test_two_names_of_one_appid_are_one_account():
    """Names that share an appid are sent to from one thread, and share the allowance."""
    accounts = (make_account("one"), make_account("two"))
    world = World(make_settings(*accounts, policy=Policy(allow_to_all=True)), mass_sendall=TAKEN)
    everyone = Filter(is_to_all=True)
    sends = [make_send(f"s{n}", f"{n}", account=("one", "two")[n % 2], filter=everyone) for n in range(6)]
    plan = world.plan(*sends)
    assert len(plan.due()) == 4
    assert len([o for o in world.run(plan=plan) if o.result is Result.ACCEPTED]) == 4
    assert {event.stream for event in world.ledger.events()} == {SERVICE}


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((), ExitCode.OK),
        ((ExitCode.OK, ExitCode.POLICY), ExitCode.POLICY),
        ((ExitCode.FAILED, ExitCode.WECHAT), ExitCode.WECHAT),
        ((ExitCode.LEDGER, ExitCode.UNKNOWN, ExitCode.WECHAT), ExitCode.UNKNOWN),
        ((ExitCode.INTERRUPTED, ExitCode.OK), ExitCode.INTERRUPTED),
    ],
)
def test_exit_code_says_the_worst(codes: tuple[ExitCode, ...], worst: ExitCode):
    """Unknown before all, never 0 beside a failure."""
    made = tuple(
        SendOutcome(id="a", account="m", result=Result.SKIPPED, why="", exit_code=code) for code in codes
    )
    assert exit_code(tuple(made)) is worst
