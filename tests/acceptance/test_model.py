"""Ledger and apply against a simple reference: any order of runs, crashes, delays, answers and settlements.

WeChat here obeys the rule of `clientmsgid` and nothing else: an id it accepted less than 24 hours ago
is answered 45065, any other send is accepted, or refused, or its answer is lost. Runners are made of the real
packages; each may be stopped before or after any of its steps and go on later with what it knew then.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.factories import (
    NOW,
    SERVICE,
    FakeWorkspace,
    MemoryLedger,
    Stops,
    api_error,
    make_account,
    make_planned,
    make_send,
    plan_of,
)
from wechat_campaigns.core.errors import CampaignError, LedgerError, NoResponseError, NotSentError
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.protocol.decide import Decision, DecisionInput, decide, may_settle
from wechat_campaigns.protocol.events import Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import mac_of
from wechat_campaigns.protocol.state import Fate, Status, StreamState
from wechat_campaigns.send.account_run import AccountRun
from wechat_campaigns.send.apply import apply
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.send.posting import RunContext

pytestmark = pytest.mark.deep

SEND = "sale"
DAY = timedelta(hours=24)
KEY = bytes(32)
ANSWERS = st.sampled_from(
    ("taken unheard", "taken unheard", "refused", "refused", "taken", "lost before", "busy", "unreachable")
)


class Crash(BaseException):
    """The runner dies here."""


class Platform:
    """Accepts each clientmsgid once in 24 hours; remembers every acceptance."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.accepted: list[tuple[str, datetime]] = []
        self.answer = "taken"

    def mass_ready(self) -> None:
        """A token is at hand."""

    def mass_sendall(self, body: Mapping[str, Any], **_more: Any) -> dict[str, Any]:
        name, answer = body["clientmsgid"], self.answer
        if answer == "unreachable":
            raise NotSentError("no connection", hint="look")
        if answer == "lost before":
            raise NoResponseError("cut", hint="again")
        known = [
            number for number, (known, at) in enumerate(self.accepted) if known == name and self._recent(at)
        ]
        if known:
            raise api_error(45065, msg_id=known[-1] + 1)
        if answer in ("refused", "busy"):
            raise api_error(40007 if answer == "refused" else -1)
        self.accepted.append((name, self.clock()))
        if answer == "taken unheard":
            raise NoResponseError("cut", hint="again")
        return {"errcode": 0, "msg_id": len(self.accepted)}

    def _recent(self, at: datetime) -> bool:
        return self.clock() - at < DAY

    def mass_get(self, msg_id: int) -> dict[str, Any]:
        return {"msg_id": msg_id, "msg_status": "SENDING"}


class Fragile(MemoryLedger):
    """Fails, or lets its runner die, before or after an append; lets others write first."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.script: list[str] = []
        self.meanwhile: Callable[[], None] | None = None

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        step = self.script.pop(0) if self.script else "well"
        if self.meanwhile is not None and step == "overtaken":
            other, self.meanwhile = self.meanwhile, None
            other()
        if step in ("dies before", "fails before"):
            raise Crash if step == "dies before" else LedgerError("away", hint="look")
        event = super().append(entry, after=after)
        if step in ("dies after", "fails after"):
            raise Crash if step == "dies after" else LedgerError("away", hint="look")
        return event


STEPS = st.sampled_from(
    (
        (),
        ("well",),
        ("overtaken",),
        ("well", "overtaken"),
        ("dies after",),
        ("fails after",),
        ("dies before",),
        ("fails before",),
        ("well", "dies before"),
        ("well", "dies after"),
        ("well", "fails before"),
        ("well", "overtaken"),
    )
)
"""What befalls a run at its first appends: an intent or a repeat, then an outcome."""

HELD_UP = st.sampled_from((0.0, 1.1, 1.1, 300.0, 1500.0))
"""Minutes before an append in which others run."""


class Machine(RuleBasedStateMachine):
    """The reference is WeChat's own list: no clientmsgid may stand in it twice."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.platform = Platform(lambda: self.now)
        self.ledger = Fragile(lambda: self.now)
        self.stale: list[LedgerState] = []
        self.account = make_account()

    def state(self) -> LedgerState:
        return fold(self.ledger.events(), lambda event: event.data.get("mac") == mac_of(KEY, event))

    def workspace(self) -> Any:
        return FakeWorkspace(self.platform, self.ledger, clock=lambda: self.now, mac_key=lambda _account: KEY)

    def judge(self, stream: StreamState) -> Decision:
        send = make_send(SEND)
        return decide(
            stream,
            DecisionInput(id=SEND, revision=1, content_digest=compute_content_digest(send), now=self.now),
        )

    def _apply(self) -> tuple[SendOutcome, ...]:
        plan = plan_of(make_send(SEND), state=self.state(), now=self.now)
        run_context = RunContext(plan_digest="p" * 64)
        return apply(plan, workspace=self.workspace(), run_context=run_context, stopping=Stops())

    @rule(answer=ANSWERS, steps=STEPS, held_up=HELD_UP, other=ANSWERS)
    def run(self, answer: str, steps: tuple[str, ...], held_up: float, other: str) -> None:
        """One run of the command, which may die at any step."""
        self.platform.answer, self.ledger.script = answer, list(steps)
        self.ledger.meanwhile = lambda: self._overtake(held_up, other)
        try:
            outcomes = self._apply()
        except Crash:
            return
        finally:
            self.ledger.script, self.ledger.meanwhile = [], None
        self._told(outcomes)

    def _overtake(self, minutes: float, answer: str) -> None:
        """While the runner in hand is held up before an append, another one makes a whole run."""
        script, self.ledger.script = self.ledger.script, []
        self.now += timedelta(minutes=minutes)
        self.platform.answer = answer
        self._apply()
        self.ledger.script = script

    def _told(self, outcomes: tuple[SendOutcome, ...]) -> None:
        for outcome in outcomes:
            known = self.state().send(SERVICE, outcome.id, 1)
            if outcome.result is Result.ACCEPTED:
                assert known is not None
                assert known.fate in (Fate.ACCEPTED, Fate.SENT)

    @rule(runners=st.integers(1, 3))
    def remember(self, runners: int) -> None:
        self.stale += [self.state() for _ in range(runners)]

    @rule(answer=ANSWERS, steps=STEPS, which=st.integers(0, 3), held_up=HELD_UP, other=ANSWERS)
    def go_on_with_what_it_knew(
        self, answer: str, steps: tuple[str, ...], which: int, held_up: float, other: str
    ) -> None:
        """A runner that was held up goes on, however long ago it read."""
        if not self.stale:
            return
        self.platform.answer, self.ledger.script = answer, list(steps)
        state = self.stale.pop(which % len(self.stale))
        self.ledger.meanwhile = lambda: self._overtake(held_up, other)
        plan: Any = None  # the judge decides without it
        context = RunContext(plan_digest="p" * 64)
        crossing = AccountRun(self.workspace(), self.account, plan, context, Stops(), 1)
        crossing.begin(self.platform, state)  # type: ignore[arg-type]
        known = state.send(SERVICE, SEND, 1)
        body = {"msgtype": "text", "text": {"content": "你好"}, "filter": {"is_to_all": True}}
        try:
            if known is None or known.status is Status.REJECTED:
                crossing.send(make_planned(make_send(SEND)), body, self.judge)
            elif known.fate is Fate.UNKNOWN and known.intent is not None:
                crossing.resend(known.intent, body, self.judge)
        except (Crash, CampaignError):
            return
        finally:
            self.ledger.script, self.ledger.meanwhile = [], None

    @rule(minutes=st.sampled_from((0.5, 1.1, 300, 1140, 1201, 1500)))
    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(in_the_mood=st.sampled_from((True, False, False)))
    def settle(self, in_the_mood: bool) -> None:
        """A person looks in the console and says what is so."""
        if not in_the_mood:
            return
        state = self.state()
        known = state.send(SERVICE, SEND, 1)
        if known is None or known.fate is not Fate.UNKNOWN or known.intent is None:
            return
        record = state.stream(SERVICE).find(SEND, 1)
        name = known.intent.data["clientmsgid"]
        sent = any(accepted == name for accepted, _ in self.platform.accepted)
        if not sent and not may_settle(record, self.now):
            return
        head = state.stream(SERVICE).head
        data = {"send": SEND, "revision": 1, "after": head.hash, "sent": sent, "msg_id": None}
        data["reason"] = "seen"
        plain = Entry(stream=SERVICE, kind=EventKind.SETTLED, data=data)
        self.ledger.append(replace(plain, data={**data, "mac": mac_of(KEY, plain)}), after=head)

    @invariant()
    def nothing_is_accepted_twice(self) -> None:
        assert max(Counter(name for name, _ in self.platform.accepted).values(), default=0) <= 1

    @invariant()
    def nothing_is_lost(self) -> None:
        ids = {event.data["clientmsgid"]: event.data["send"] for event in self._intents()}
        for name, _ in self.platform.accepted:
            known = self.state().send(SERVICE, ids[name], 1)
            assert known is not None
            assert known.fate in (Fate.UNKNOWN, Fate.ACCEPTED, Fate.SENT)

    def _intents(self) -> list[Event]:
        return [event for event in self.ledger.events() if event.kind is EventKind.INTENT]


TestModel = Machine.TestCase
TestModel.settings = settings(max_examples=800, stateful_step_count=14, deadline=None)
