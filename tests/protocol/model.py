"""Try every interleaving of the real protocol against a model of WeChat and of the store.

Runners are the real `state`, `decide` and `attempt`. Each port call of a runner is one step of the search:
what it does next depends only on its answers so far, so a runner is kept as the list of its answers, and
run again from the start to find its next call. `python -m tests.protocol.model` runs the deep setting.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from tests.protocol.stories import fold
from wechat_campaigns.core.digest import sample, sha256
from wechat_campaigns.core.errors import (
    CampaignError,
    LedgerConflictError,
    LedgerError,
    NoResponseError,
    NotSentError,
)
from wechat_campaigns.ledger.events import next_event
from wechat_campaigns.protocol.attempt import Attempt
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason, decide, may_settle
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import Message, clientmsgid, mac_key, mac_of
from wechat_campaigns.protocol.state import SendState, Status, StreamState

APPID = "wx0000000000000001"
SECOND_APPID = "wx0000000000000002"
KEY = mac_key("0" * 32, APPID)
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
REMEMBERED_S = 24 * 3600
"""How long WeChat knows a clientmsgid."""
SOON_S, LONG_S, FORGOTTEN_S = 901, 19 * 3600, 24 * 3600 + 1


def mac_holds(event: Event) -> bool:
    return event.data.get("mac") == mac_of(KEY, event)


def authentic(event: Event) -> bool:
    return mac_holds(event)


# --- what is being tried ------------------------------------------------------------------------


class Send(NamedTuple):
    """A campaign as one checkout has it."""

    id: str
    message: str
    """What followers would see: two ids of one message stand for a renamed file."""
    formerly: tuple[str, ...] = ()
    revision: int = 1
    appid: str = APPID
    openids: tuple[str, ...] = ()
    by_hand: bool = False

    @property
    def body(self) -> dict[str, str]:
        """What is posted; the followers of another account are others, who may have the same text."""
        return {"text": self.message if self.appid == APPID else f"{self.message}, from {self.appid}"}

    @property
    def digest(self) -> str:
        """Of the content and the recipients, in which the account is not."""
        return sha256([self.message, self.openids])


class Runner(NamedTuple):
    """One run of apply: what it would send, what it has been answered so far."""

    name: str
    sends: tuple[Send, ...]
    present: tuple[Send, ...]
    """The campaigns of its checkout."""
    offset_s: int = 0
    answers: tuple[Any, ...] = ()


class Snapshot(NamedTuple):
    """Everything at one moment; snapshots are compared and kept, so events are named by their hashes."""

    now_s: int
    hashes: tuple[str, ...]
    jobs: tuple[tuple[str, str, int], ...]
    """What WeChat took: clientmsgid, message, when."""
    flying: tuple[tuple[str, str], ...]
    """Requests on their way whose sender has given up: clientmsgid, message."""
    runners: tuple[Runner, ...]
    waiting: tuple[Runner, ...]
    """Runs that may be started later, in order."""
    budget: tuple[tuple[str, int], ...]
    """How often what may happen may still happen."""

    def left(self, what: str) -> int:
        return dict(self.budget).get(what, 0)

    def spend(self, what: str) -> Snapshot:
        return self._replace(budget=tuple((name, n - (name == what)) for name, n in self.budget))

    def ledger(self, stream: str = APPID) -> tuple[Event, ...]:
        return tuple(event for event in map(EVENTS.__getitem__, self.hashes) if event.stream == stream)

    def head(self, stream: str = APPID) -> Head:
        events = self.ledger(stream)
        return events[-1].head if events else EMPTY

    def keep(self, entry: Entry) -> Snapshot:
        event = next_event(entry, at=START + timedelta(seconds=self.now_s), head=self.head(entry.stream))
        EVENTS[event.hash] = event
        return self._replace(hashes=(*self.hashes, event.hash))


EVENTS: dict[str, Event] = {}
"""Every event that any snapshot has held, by its hash."""


@dataclass(frozen=True)
class Scenario:
    """Where a search begins."""

    name: str
    runners: tuple[Runner, ...]
    waiting: tuple[Runner, ...] = ()
    budget: Mapping[str, int] = field(default_factory=dict)

    unanswered: tuple[Send, ...] = ()
    """Sends of a run that was killed just after it recorded its intents: their calls were never made."""

    def snapshot(self) -> Snapshot:
        ago = Snapshot(-SOON_S, (), (), (), self.runners, self.waiting, tuple(sorted(self.budget.items())))
        for send in self.unanswered:
            data, body = _request(send, Decision(Action.SEND, Reason.NEW))
            at = (START + timedelta(seconds=ago.now_s)).isoformat()
            data |= {"at": at, "after": ago.head().hash, "body_sha256": sha256(body)}
            data["clientmsgid"] = clientmsgid(APPID, send.id, send.revision)
            ago = ago.keep(signed(EventKind.INTENT, data, f"killed-{send.id}"))
        return ago._replace(now_s=0)


# --- a runner, from its answers -----------------------------------------------------------------


class Asked(BaseException):
    """A port call that has no answer yet; not an Exception, so that nothing of the real code takes it."""

    def __init__(self, what: str, *details: Any) -> None:
        super().__init__(what)
        self.what = what
        self.details = details


class Replay:
    """The ports of a runner: give the answers it has had, in order, then stop at the next call."""

    def __init__(self, runner: Runner) -> None:
        self._answers = iter(runner.answers)
        self._runner = runner
        self._nonces = 0

    def _next(self, what: str, *details: Any) -> Any:
        answer = next(self._answers, None)
        if answer is None:
            raise Asked(what, *details)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        hashes = self._next("read", stream, since)
        return tuple(EVENTS[name] for name in hashes)

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        self._nonces += 1
        plain = Entry(
            stream=entry.stream, kind=entry.kind, data=entry.data, nonce=f"{self._runner.name}{self._nonces}"
        )
        if "mac" in entry.data:
            data = {**plain.data, "mac": mac_of(KEY, plain)}
            plain = Entry(stream=plain.stream, kind=plain.kind, data=data, nonce=plain.nonce)
        return EVENTS[self._next("append", plain, after)]

    def ensure_token(self) -> None:
        """The token: it changes nothing anywhere, so it is no step of its own."""

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        errcode = self._next("post", body["clientmsgid"], body["text"], begin_by)
        return {"errcode": errcode, "msg_id": 7}

    def clock(self) -> datetime:
        return START + timedelta(seconds=self._next("clock") + self._runner.offset_s)


def program(runner: Runner) -> list[tuple[str, str]]:
    """One run of apply on the real code: plan, then the sends in turn. Returns how each ended."""
    ports = Replay(runner)
    present = {Message(send.appid, send.id, send.revision, send.digest) for send in runner.present}
    attempts: dict[str, Attempt] = {}
    last_holds: dict[str, str] = {}
    ends = []
    for send in runner.sends:
        if send.appid not in attempts:
            attempts[send.appid] = _attempt(ports, send.appid)
            last_holds[send.appid] = attempts[send.appid].state.last_hold
        attempt = attempts[send.appid]

        def judge(state: StreamState, send: Send = send) -> Decision:
            facts = DecisionInput(
                id=send.id,
                revision=send.revision,
                content_digest=send.digest,
                message_digest=sha256(send.message),
                openids=send.openids,
                now=ports.clock(),
                formerly=send.formerly,
                is_current=lambda message: is_current(message, present),
                last_hold=last_holds[send.appid],
                clock_skew=timedelta(seconds=runner.offset_s),
            )
            return decide(state, facts)

        decision = judge(attempt.state)
        if decision.action not in (Action.SEND, Action.RESEND):
            ends.append((send.id, decision.reason.value))
            continue
        try:
            if send.by_hand and decision.action is Action.SEND:
                event = attempt.begin(EventKind.HANDED_OVER, _request(send, decision)[0], judge)
                ends.append((send.id, "handed over" if event is not None else "not made"))
                continue
            made = attempt.make(decision.action, *_request(send, decision), judge)
            ends.append((send.id, made.status.value if made is not None else "not made"))
        except CampaignError as error:
            ends.append((send.id, error.message))
    return ends


def is_current(message: Message, present: Collection[Message]) -> bool:
    return message in present


def _attempt(ports: Replay, appid: str) -> Attempt:
    state = StreamState(appid)
    attempt = Attempt(
        ledger=ports,
        api=ports,
        state=state,
        apply_event=lambda event: state.add(event, is_authentic=authentic(event)),
        clock=ports.clock,
        mac_key=KEY,
    )
    attempt.refresh()
    return attempt


def _request(send: Send, planned: Decision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the data of an intent and the body to post, as the plan has them: both may be old by then."""
    if planned.action is Action.RESEND and planned.send_state and (stored := planned.send_state.intent):
        return {name: stored.data[name] for name in ("send", "revision")}, stored.data["body"]
    body = send.body
    data = {"send": send.id, "revision": send.revision, "content_digest": send.digest, "body": body}
    data["message_digest"] = sha256(send.message)
    data["openids_sample"] = sample(send.openids, sha256(send.message), 2)
    if send.formerly:
        data["formerly"] = list(send.formerly)
    return data, body


@cache
def _asked(runner: Runner) -> tuple[str, tuple[Any, ...]] | tuple[str, list[tuple[str, str]]]:
    try:
        return "done", program(runner)
    except Asked as call:
        return call.what, call.details


# --- what can happen next -----------------------------------------------------------------------


def steps(snapshot: Snapshot) -> Iterator[tuple[str, Snapshot]]:
    """Every next moment, each with a line that tells what happened."""
    for number, runner in enumerate(snapshot.runners):
        yield from _runner_steps(snapshot, number, runner)
    if snapshot.waiting and len(snapshot.runners) < 2:
        first, *rest = snapshot.waiting
        yield (
            f"{first.name} starts",
            snapshot._replace(runners=(*snapshot.runners, first), waiting=tuple(rest)),
        )
    for number, (msgid, message) in enumerate(snapshot.flying):
        rest = snapshot._replace(flying=snapshot.flying[:number] + snapshot.flying[number + 1 :])
        yield "a request that was given up arrives", _taken(rest, msgid, message)[1]
        yield "a request that was given up is gone for good", rest
    if not snapshot.flying:  # no proxy holds a request for hours
        for what, seconds in (("later", SOON_S), ("much later", LONG_S), ("forgotten", FORGOTTEN_S)):
            if snapshot.left(what):
                said = f"{seconds} s pass"
                yield said, snapshot.spend(what)._replace(now_s=snapshot.now_s + seconds)
    if snapshot.left("elsewhere"):
        errcode, taken = _taken(snapshot.spend("elsewhere"), clientmsgid(APPID, "sale", 1), "elsewhere")
        yield f"another program, with another ledger, sends under the same key: errcode {errcode}", taken
    yield from _people(snapshot)


def _people(snapshot: Snapshot) -> Iterator[tuple[str, Snapshot]]:
    state = fold(APPID, snapshot.ledger(), authentic)
    if snapshot.left("hold") and not state.holds:
        entry = Entry(stream=APPID, kind=EventKind.HOLD, data={"held": True, "reason": "stop"}, nonce="hold")
        yield "somebody puts the account on hold", snapshot.spend("hold").keep(entry)
    if snapshot.left("unhold") and state.holds:
        data = {"held": False, "ends": list(state.holds), "reason": "go"}
        yield "the hold is released", snapshot.spend("unhold").keep(signed(EventKind.HOLD, data, "unhold"))
    if snapshot.left("upload"):
        entry = signed("upload", {"upload": "x", "result": "y"}, f"upload{snapshot.left('upload')}")
        yield "another program records an upload", snapshot.spend("upload").keep(entry)
    if snapshot.left("forge"):
        for name, kind, data in _forgeries(snapshot, state):
            entry = Entry(stream=APPID, kind=kind, data=data, nonce=f"forged-{name}")
            yield f"who can only write the store forges {name}", snapshot.spend("forge").keep(entry)
    yield from _pressed(snapshot, state)
    if snapshot.left("settle") and not snapshot.flying:
        for known in every_send(state):
            if may_settle(known, START + timedelta(seconds=snapshot.now_s)):
                key = clientmsgid(APPID, known.send, known.revision)
                sent = any(job[0] == key and job[1] != "elsewhere" for job in snapshot.jobs)
                data = {
                    "send": known.send,
                    "revision": known.revision,
                    "after": snapshot.head().hash,
                    "sent": sent,
                    "reason": "console",
                }
                said = f"a person settles {known.send} as {'sent' if sent else 'not sent'}, which is true"
                yield said, snapshot.spend("settle").keep(signed(EventKind.SETTLED, data, "settled"))


def _pressed(snapshot: Snapshot, state: StreamState) -> Iterator[tuple[str, Snapshot]]:
    """A person sends in the console what was handed over, whose key WeChat then does not know."""
    for known in every_send(state) if snapshot.left("press") else ():
        if known.origin is not None and known.origin.kind == EventKind.HANDED_OVER and not known.ends:
            key = clientmsgid(APPID, known.send, known.revision)
            job = (key, known.data["body"]["text"], snapshot.now_s - REMEMBERED_S)
            yield f"a person sends {known.send}", snapshot.spend("press")._replace(jobs=(*snapshot.jobs, job))


def _forgeries(snapshot: Snapshot, state: StreamState) -> Iterator[tuple[str, EventKind, dict[str, Any]]]:
    at = (START + timedelta(seconds=snapshot.now_s - 3600)).isoformat(timespec="microseconds")
    body = {"text": "forged"}
    base = {"send": "sale", "revision": 1, "at": at, "body": body, "body_sha256": sha256(body)}
    base["after"] = snapshot.head().hash
    yield (
        "an intent",
        EventKind.INTENT,
        {**base, "content_digest": Send("sale", "sale").digest, "clientmsgid": "0" * 32},
    )
    for known in every_send(state):
        intent = next(reversed(known.calls), "")
        yield (
            "a rejection",
            EventKind.REJECTED,
            {"send": known.send, "revision": known.revision, "intent": intent, "reason": "?"},
        )
        settled = {"send": known.send, "revision": known.revision, "sent": False, "reason": "?"}
        settled["after"] = snapshot.head().hash
        yield "a settlement", EventKind.SETTLED, settled
        yield "that it was sent", EventKind.SETTLED, {**settled, "sent": True, "msg_id": 1}
    yield (
        "a baseline",
        EventKind.BASELINE,
        {"send": "sale", "revision": 1, "content_digest": Send("sale", "sale").digest, "reason": "?"},
    )
    if state.holds:
        yield "a release", EventKind.HOLD, {"held": False, "ends": list(state.holds), "reason": "?"}


def every_send(state: StreamState) -> list[SendState]:
    return [known for revisions in state.sends.values() for known in revisions.values()]


def signed(kind: str, data: dict[str, Any], nonce: str) -> Entry:
    plain = Entry(stream=APPID, kind=kind, data=data, nonce=nonce)
    return Entry(stream=APPID, kind=kind, data={**data, "mac": mac_of(KEY, plain)}, nonce=nonce)


def _runner_steps(snapshot: Snapshot, number: int, runner: Runner) -> Iterator[tuple[str, Snapshot]]:
    what, details = _asked(runner)
    gone = snapshot._replace(runners=snapshot.runners[:number] + snapshot.runners[number + 1 :])

    def answered(snapshot: Snapshot, answer: Any) -> Snapshot:
        after = runner._replace(answers=(*runner.answers, answer))
        # The clock is read at once, whatever follows.
        while _asked(after)[0] == "clock":
            after = after._replace(answers=(*after.answers, snapshot.now_s))
        if _asked(after)[0] == "done":
            return snapshot._replace(runners=(*snapshot.runners[:number], *snapshot.runners[number + 1 :]))
        return snapshot._replace(runners=(*snapshot.runners[:number], after, *snapshot.runners[number + 1 :]))

    if snapshot.left("crash"):
        yield f"{runner.name} crashes before its {what}", gone.spend("crash")
    if what == "read":
        yield from _read(snapshot, runner, answered, *details)
    elif what == "append":
        yield from _append(snapshot, runner, answered, gone, *details)
    else:
        yield from _post(snapshot, runner, answered, gone, *details)


def _read(
    snapshot: Snapshot, runner: Runner, answered: Any, stream: str, since: Head
) -> Iterator[tuple[str, Snapshot]]:
    hashes = tuple(event.hash for event in snapshot.ledger(stream)[since.seq :])
    yield f"{runner.name} reads the ledger", answered(snapshot, hashes)
    if snapshot.left("stale") and hashes:
        old = hashes[:-1]
        yield f"{runner.name} reads a stale replica", answered(snapshot.spend("stale"), old)


CONDITIONAL = True
"""False in the variant whose store does not look at `after`."""


def _append(
    snapshot: Snapshot, runner: Runner, answered: Any, gone: Snapshot, entry: Entry, after: Head | None
) -> Iterator[tuple[str, Snapshot]]:
    said = f"{runner.name} records {entry.kind} of {entry.data['send']}"
    if CONDITIONAL and after is not None and after != snapshot.head(entry.stream):
        yield f"{said}: refused, the ledger moved", answered(snapshot, _CONFLICT)
        return
    kept = snapshot.keep(entry)
    yield said, answered(kept, kept.hashes[-1])
    if snapshot.left("ledger"):
        yield f"{said}, kept, unanswered", answered(kept.spend("ledger"), _LEDGER)
        yield f"{said}: lost", answered(snapshot.spend("ledger"), _LEDGER)
    if snapshot.left("crash"):
        yield f"{said} and crashes", gone._replace(hashes=kept.hashes).spend("crash")


def _post(
    snapshot: Snapshot,
    runner: Runner,
    answered: Any,
    gone: Snapshot,
    msgid: str,
    message: str,
    begin_by: datetime,
) -> Iterator[tuple[str, Snapshot]]:
    said = f"{runner.name} posts {message!r}"
    if START + timedelta(seconds=snapshot.now_s + runner.offset_s) > begin_by:
        yield f"{runner.name} does not post: it is too late", answered(snapshot, _UNREACHABLE)
        return
    errcode, taken = _taken(snapshot, msgid, message)
    yield f"{said}: errcode {errcode}", answered(taken, errcode)
    if snapshot.left("lost"):
        less = snapshot.spend("lost")
        yield f"{said}: arrives, its answer is lost", answered(_taken(less, msgid, message)[1], _LOST)
        flying = less._replace(flying=(*less.flying, (msgid, message)))
        yield f"{said}: no answer, it is still on its way", answered(flying, _LOST)
    if snapshot.left("unreachable"):
        yield f"{said}: no connection", answered(snapshot.spend("unreachable"), _UNREACHABLE)
    if snapshot.left("refused"):
        yield f"{said}: errcode 40007", answered(snapshot.spend("refused"), 40007)
    if snapshot.left("in use") and errcode == 0:
        less = snapshot.spend("in use")
        answer = f"{said}: errcode 45066, another program's request has the key and"
        yield f"{answer} is taken", answered(_taken(less, msgid, "elsewhere")[1], 45066)
        yield f"{answer} fails", answered(less, 45066)
    if snapshot.left("busy"):
        yield f"{said}: taken, errcode -1", answered(_taken(snapshot.spend("busy"), msgid, message)[1], -1)
    if snapshot.left("crash"):
        yield f"{said} and crashes", _taken(gone.spend("crash"), msgid, message)[1]


_CONFLICT = LedgerConflictError("moved", hint="")
_LEDGER = LedgerError("no answer", hint="")
_LOST = NoResponseError("cut", hint="")
_UNREACHABLE = NotSentError("no connection", hint="")


def _taken(snapshot: Snapshot, msgid: str, message: str) -> tuple[int, Snapshot]:
    """WeChat takes a request once within a day of its first."""
    if any(job[0] == msgid and snapshot.now_s - job[2] < REMEMBERED_S for job in snapshot.jobs):
        return 45065, snapshot
    return 0, snapshot._replace(jobs=(*snapshot.jobs, (msgid, message, snapshot.now_s)))


# --- what must hold -----------------------------------------------------------------------------


def violation(before: Snapshot, said: str, after: Snapshot) -> str:
    """Return the property that a step broke; empty while all hold."""
    messages = [message for _, message, _ in after.jobs if message != "elsewhere"]
    if len(messages) != len(set(messages)):
        return "P1: one message was accepted twice"
    if "forged" in messages:
        return "P5: who cannot sign caused a send"
    if " posts " in said:  # whatever came of it
        broken = _posted_wrongly(before, said)
        if broken:
            return broken
    return _told_wrongly(after)


def _posted_wrongly(snapshot: Snapshot, said: str) -> str:
    name = said.partition(" ")[0]
    runner = next(runner for runner in snapshot.runners if runner.name == name)
    if abs(runner.offset_s) > 300:
        return "P6: a call began while the clock was wrong"
    mine = [event for event in map(EVENTS.__getitem__, snapshot.hashes) if event.nonce.startswith(name)]
    intents = [event for event in mine if event.kind in (EventKind.INTENT, EventKind.RESEND)]
    if not intents:
        return "P3: a call began without an intent"
    latest = intents[-1]
    if fold(latest.stream, snapshot.ledger(latest.stream)[: latest.seq - 1], authentic).holds:
        return "P3: a call began after a hold"
    reads = ([EVENTS[name] for name in answer] for answer in runner.answers if isinstance(answer, tuple))
    begun_on = next(read for read in reads if all(event.stream == latest.stream for event in read))
    if _holds(snapshot.ledger(latest.stream)[: latest.seq - 1]) != _holds(begun_on):
        return "P3: a release let a run go on that was held"
    return ""


def _holds(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.kind == EventKind.HOLD]


def _told_wrongly(snapshot: Snapshot) -> str:
    """Look at what the ledger says, once nothing is under way that it cannot know of yet."""
    if snapshot.runners or snapshot.flying:
        return ""
    accepted = {job[0] for job in snapshot.jobs if job[1] != "elsewhere"}
    for appid in (APPID, SECOND_APPID):
        for known in every_send(fold(appid, snapshot.ledger(appid), authentic)):
            taken = clientmsgid(appid, known.send, known.revision) in accepted
            if taken and known.status is Status.REJECTED:
                return f"P2: {known.send} was accepted, and the ledger says {known.status.value}"
            if not taken and known.status is Status.ACCEPTED and not _may_be_ours(snapshot, known):
                return f"P2: the ledger says accepted of {known.send}, which the platform never took from it"
    return ""


def _may_be_ours(snapshot: Snapshot, known: SendState) -> bool:
    """45065 may speak of a job of another ledger: nobody can tell after a first call without an answer."""
    ended = {
        event.data["intent"]: event.kind
        for event in map(EVENTS.__getitem__, snapshot.hashes)
        if "intent" in event.data
    }
    ends = [ended.get(call) for call in known.calls]
    left = [end for end in ends if end != EventKind.REJECTED]
    return left[:1] == [None] and EventKind.DUPLICATE in left


# --- the search ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    states: int
    seconds: float
    complete: bool
    broken: str = ""
    story: tuple[str, ...] = ()


def search(scenario: Scenario, *, most: int = 10**9) -> Found:
    """Try everything, breadth first, so that a counterexample is as short as can be."""
    _asked.cache_clear()
    begun, first = time.monotonic(), scenario.snapshot()
    came: dict[Snapshot, tuple[Snapshot, str] | None] = {first: None}
    queue = deque([first])
    while queue:
        if len(came) >= most:
            return Found(len(came), time.monotonic() - begun, complete=False)
        snapshot = queue.popleft()
        for said, following in steps(snapshot):
            if following in came:
                continue
            came[following] = (snapshot, said)
            if broken := violation(snapshot, said, following):
                return Found(len(came), time.monotonic() - begun, False, broken, _story(came, following))
            queue.append(following)
    return Found(len(came), time.monotonic() - begun, complete=True)


def _story(came: Mapping[Snapshot, tuple[Snapshot, str] | None], snapshot: Snapshot) -> tuple[str, ...]:
    lines = []
    while (step := came[snapshot]) is not None:
        snapshot, said = step
        lines.append(said)
    return tuple(reversed(lines))
