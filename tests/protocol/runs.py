"""One run of apply as the model has it: the real protocol, trust and rollback guard, on given answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from tests.protocol.world import (
    APPROVERS,
    ENVIRONMENT,
    EVENTS,
    Marks,
    Posted,
    Runner,
    Seen,
    Send,
    moment_of,
    read_verified,
    rules_of,
)
from wechat_campaigns.core.digest import sample, sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.ledger import approvals, trust
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.rollback_guard import SCHEMA, RollbackGuardedLedger, SeenHeads
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.protocol.attempt import Attempt
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, decide
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import Message, normalize_id
from wechat_campaigns.protocol.state import Status, StreamState
from wechat_campaigns.render.compile import CompileResult

TOKEN_REFUSED = 40001


class Asked(BaseException):
    """A port call that has no answer yet; not an Exception, so that nothing of the real code takes it."""

    def __init__(self, what: str, *details: Any) -> None:
        super().__init__(what)
        self.what = what
        self.details = details


class Stop(NamedTuple):
    """Where a run is: its next port call, or how its sends ended."""

    what: str
    details: tuple[Any, ...]
    marks: Marks
    """What its machine remembers of the ledger by then."""


class _Memory(SeenHeads):
    """The real marks, in a table of their own that is filled anew for each question."""

    def __init__(self, name: str) -> None:
        super().__init__(Path(name))
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.execute(SCHEMA)

        self._filled: list[tuple[str, int, str]] = []

    def fill(self, marks: Marks) -> None:
        assert self._db is not None
        mine = [mark[1:] for mark in marks if mark[0] == self.file.name]
        if mine != self._filled:
            self._db.execute("delete from mark")
            self._db.executemany("insert into mark values (?, ?, ?)", mine)
        self._filled = mine

    def note(self, proven: Mapping[str, Any], seen: Head | None = None) -> None:
        super().note(proven, seen)
        self._filled = [mark[1:] for mark in self.kept()]

    def kept(self) -> list[tuple[str, str, int, str]]:
        return sorted((self.file.name, stream, *head) for stream, head in self.marks().items())


_MEMORIES = _Memory("here"), _Memory("chains")


class _Store:
    """What the guard reads and writes: a stream as the last answer has it."""

    where = ""

    def __init__(self, hashes: tuple[str, ...]) -> None:
        self.hashes = hashes

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        return read_verified(stream, self.hashes, since)

    def append_all(self, _entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        return (EVENTS[self.hashes[-1]],)


class Guarded(NamedTuple):
    """What the guard against rollback made of a question, and what it remembers then."""

    answer: Any
    marks: Marks
    firsts: tuple[tuple[str, str], ...]


@cache
def guarded(
    seen: Seen, firsts: tuple[tuple[str, str], ...], stream: str, since: Head, after: Head | None
) -> Guarded:
    """Ask the real guard, as it is after these questions; it remembers streams' first events, and marks."""
    store = _Store(seen.hashes)
    guard = RollbackGuardedLedger(store, *_MEMORIES)  # type: ignore[arg-type]
    guard.firsts = dict(firsts)
    for memory in _MEMORIES:
        memory.fill(seen.marks)
    answer: Any
    try:
        answer = (
            guard.append(EVENTS[seen.hashes[-1]], after=after) if seen.kept else guard.read(stream, since)
        )
    except CampaignError as error:
        answer = error
    marks = tuple(mark for memory in _MEMORIES for mark in memory.kept())
    return Guarded(answer, marks, tuple(sorted(guard.firsts.items())))


class Ports:
    """The ports of a run: give the answers it has had, in order, then stop at the next call.

    Before the store is the real guard against rollback; each answer of the store brings what the machine
    remembered at that moment.
    """

    def __init__(self, runner: Runner) -> None:
        self._answers = iter(runner.answers)
        self._runner = runner
        self._nonces = 0
        self._guard = Guarded(None, (), ())

    @property
    def marks(self) -> Marks:
        """What the machine remembers now."""
        return self._guard.marks

    def _next(self, what: str, *details: Any) -> Any:
        answer = next(self._answers, None)
        if answer is None:
            raise Asked(what, *details)
        if isinstance(answer, Exception):
            raise answer.with_traceback(None)
        return answer

    def _ask_guard(self, seen: Seen, stream: str, since: Head = EMPTY, after: Head | None = None) -> Any:
        self._guard = guarded(seen, self._guard.firsts, stream, since, after)
        if isinstance(self._guard.answer, Exception):
            raise self._guard.answer.with_traceback(None)
        return self._guard.answer

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        found: tuple[Event, ...] = self._ask_guard(self._next("read", stream), stream, since)
        return found

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        self._nonces += 1
        mine = replace(entry, nonce=f"{self._runner.name}{self._nonces}")
        seen: Seen = self._next("append", mine, after)
        kept: Event = self._ask_guard(seen, entry.stream, after=after)
        return kept

    def ensure_token(self) -> None:
        self._next("token")

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        posted = Posted(body["clientmsgid"], body["text"], tuple(body.get("touser", ())))
        return {"errcode": self._next("post", posted, begin_by), "msg_id": 7}

    def clock(self) -> datetime:
        return moment_of(self._next("clock") + self._runner.offset_s)


def program(ports: Ports, runner: Runner) -> list[tuple[Send, str]]:
    """One run of apply on the real code: plan, then the sends in turn. Returns how each ended."""
    is_present = is_kept(runner.present)
    # The plan reads every account before the first call.
    attempts = {
        appid: _begin(ports, runner, appid) for appid in dict.fromkeys(one.appid for one in runner.sends)
    }
    last_holds = {appid: one.state.last_hold if one else "" for appid, one in attempts.items()}
    ends = []
    for send in runner.sends:
        if (attempt := attempts[send.appid]) is None:
            ends.append((send, "refused"))
            continue

        def judge(state: StreamState, send: Send = send) -> Decision:
            facts = DecisionInput(
                id=send.id,
                revision=send.revision,
                content_digest=send.digest,
                message_digest=send.message_digest,
                openids=send.listed,
                now=ports.clock(),
                not_before=moment_of(send.not_before_s) if send.not_before_s is not None else None,
                not_after=moment_of(send.not_after_s) if send.not_after_s is not None else None,
                list_sha256=send.list_sha256,
                formerly=send.formerly,
                is_current=lambda message: is_current(message, is_present),
                last_hold=last_holds[send.appid],
                clock_skew=timedelta(seconds=runner.offset_s),
                is_by_hand=send.by_hand,
                draft=send.draft,
                resend_stored=runner.resends_stored,
                find_violations=lambda: [*violations(state, send, runner), *lacks(state, send, runner)],
            )
            return decide(state, facts)

        decision = judge(attempt.state)
        if decision.action not in (Action.SEND, Action.RESEND):
            ends.append((send, decision.reason.value))
            continue
        try:
            data, body = request(send, decision)
            if send.by_hand and decision.action is Action.SEND:
                event = attempt.begin(EventKind.HANDED_OVER, data, judge)
                ends.append((send, "handed over" if event is not None else "not made"))
                continue
            made = attempt.make(decision.action, data, body, judge)
            if made is not None and made.response.get("errcode") == TOKEN_REFUSED:
                made = attempt.make(decision.action, data, body, judge)
            ends.append((send, made.status.value if made is not None else "not made"))
        except CampaignError as error:
            ends.append((send, error.message))
    return ends


def _begin(ports: Ports, runner: Runner, appid: str) -> Attempt | None:
    """Read an account, its chain and macs verified, as `AccountWriter.open` does; None: it is refused."""
    try:
        events = ports.read(appid)
        state = fold(events, trust.authenticator(events, runner.key_of_macs.get), streams=[appid])
    except CampaignError:
        return None
    return Attempt(
        ledger=ports,
        api=ports,
        state=state.stream(appid),
        apply_event=state.add,
        clock=ports.clock,
        mac_key=runner.key_of_macs[appid],
    )


@cache
def is_kept(present: tuple[Send, ...]) -> Any:
    """Make the real check whether a checkout still has a message, of campaigns that need no rendering."""
    sends = [SimpleNamespace(**one._asdict(), campaign=one.id, account=one.appid,
                             content_digest=one.digest) for one in present]  # fmt: skip
    compiled: Any = SimpleNamespace(sends=sends, files={}, appids={one.appid: one.appid for one in present})
    compiled._message = lambda send: CompileResult._message(compiled, send)
    context: Any = SimpleNamespace(settings=SimpleNamespace(namespace=""))
    context.is_of_folder = lambda name: DecisionContext.is_of_folder(context, name)
    context.is_current = CompileResult.presence_check(compiled)
    return lambda message: DecisionContext.is_kept(context, message)


def is_current(message: Message, is_present: Any) -> bool:
    return bool(is_present(message))


def violations(state: StreamState, send: Send, runner: Runner) -> list[str]:
    """The rules that block: so many messages in 24 hours, and a draft that was sent, as it is now."""
    most = ["most"] if runner.most and sent_lately(state, send) >= runner.most else []
    names = {normalize_id(name) for name in (send.id, *send.formerly)}
    others = (one for one in state.of_draft(send.draft) if normalize_id(one.send) not in names)
    return most + ["draft" for one in others if one.status is Status.ACCEPTED]


def lacks(state: StreamState, send: Send, runner: Runner) -> list[str]:
    """Ask the judge of approvals, as `AccountRun._decide` does."""
    assert isinstance(state, AccountState)
    mine = Approvals(approvers=APPROVERS, count=runner.approvals) if runner.approvals else None
    required = approvals.required_approvals(state, ENVIRONMENT, mine)
    rules = sha256(rules_of(runner.approvals))
    asked = approvals.Asked(environment=ENVIRONMENT, rules=rules, required=required)
    lack = approvals.approval_of(state, send.unit, asked).lack if required != [] else None
    return [lack] if lack is not None else []


def sent_lately(state: StreamState, send: Send) -> int:
    names = {normalize_id(name) for name in (send.id, *send.formerly)}
    others = (
        known for name, revisions in state.sends.items() if name not in names for known in revisions.values()
    )
    return sum(known.status is not Status.REJECTED for known in others)


def request(send: Send, planned: Decision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the data of an intent and the body to post, as the plan has them: both may be old by then."""
    if planned.action is Action.RESEND and planned.send_state and (stored := planned.send_state.intent):
        # As `AccountRun.resend` has it.
        return {name: stored.data.get(name) for name in ("send", "revision", "not_after")}, stored.data[
            "body"
        ]
    return _first_request(send)


@cache
def _first_request(send: Send) -> tuple[dict[str, Any], dict[str, Any]]:
    body, ends = send.body, send.not_after_s
    data = {"send": send.id, "revision": send.revision, "content_digest": send.digest, "body": body}
    data["message_digest"] = send.message_digest
    data["openids_sample"] = sample(send.listed, send.message_digest, 2)
    data["list_sha256"] = send.list_sha256
    data["not_after"] = moment_of(ends).isoformat() if ends is not None else None
    if send.formerly:
        data["formerly"] = list(send.formerly)
    return data, body


CALLS = (EventKind.INTENT, EventKind.RESEND)


@cache
def stop_of(runner: Runner) -> Stop:
    """Run a run on the answers it has had, up to its next call."""
    ports = Ports(runner)
    try:
        ends = program(ports, runner)
    except Asked as call:
        return Stop(call.what, call.details, ports.marks)
    return Stop("done", tuple((send, how) for send, how in ends), ports.marks)
