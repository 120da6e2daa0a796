"""Try every interleaving of the real protocol against a model of WeChat and of the store.

Runners are the real `state`, `decide`, `attempt`, `trust`, verification and rollback guard. Each port call of
a runner is one step of the search: what it does next depends only on its answers so far, so a runner is kept
as the list of its answers, and run again from the start to find its next call.

Read `scenarios` for where searches begin, `promises` for what must hold, `world` for what there is, `runs`
for what a run does. `python -m tests.protocol` runs the deep setting.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple
from unittest import mock

from tests.protocol import promises, runs, world
from tests.protocol.runs import TOKEN_REFUSED, request, stop_of
from tests.protocol.world import (
    APPID,
    APPIDS,
    ARRIVES_S,
    ELSEWHERE,
    ENVIRONMENT,
    EVENTS,
    FORGED,
    FORGOTTEN_S,
    KEYS,
    LONG_S,
    MOMENT_S,
    PRIVATE,
    REMEMBERED_S,
    SOON_S,
    START,
    WHILE_S,
    Flying,
    Posted,
    Runner,
    Scenario,
    Seen,
    Send,
    Snapshot,
    approved,
    events_of,
    every_send,
    keep_event,
    moment_of,
    rules_of,
    signed,
    view,
)
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import (
    CampaignError,
    LedgerConflictError,
    LedgerError,
    NoResponseError,
    NotSentError,
)
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger import trust
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LedgerKind, next_event
from wechat_campaigns.ledger.trust import is_decision, unverified
from wechat_campaigns.protocol.decide import Action, Decision, Reason, may_settle
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Fate, Status


class Step(NamedTuple):
    """One thing that may happen next."""

    said: str
    after: Snapshot
    runner: Runner | None = None
    """Who begins a call by it."""
    posted: Posted | None = None


Steps = Iterator[Step]


def begin(scenario: Scenario) -> Snapshot:
    """Return the first moment of a scenario."""
    streams = tuple(() for _ in APPIDS)
    ago = Snapshot(
        -SOON_S, streams, (), (), scenario.runners, scenario.waiting, tuple(sorted(scenario.budget.items()))
    )
    for send in scenario.unanswered:
        data, body = request(send, Decision(Action.SEND, Reason.NEW))
        data |= {
            "at": moment_of(ago.now_s).isoformat(),
            "after": ago.head().hash,
            "body_sha256": sha256(body),
        }
        data["clientmsgid"] = send.key
        ago = ago.keep(by_person(ago, EventKind.INTENT, data, f"killed-{send.id}"))
    if scenario.recorded:
        data = {"environment": ENVIRONMENT, "rules": rules_of(scenario.recorded), "after": EMPTY.hash}
        ago = ago.keep(by_person(ago, LedgerKind.GUARD, data, "recorded"))
    return ago._replace(now_s=0)


def by_person(snapshot: Snapshot, kind: str, data: dict[str, Any], nonce: str) -> Entry:
    """Sign what somebody with the AppSecret writes."""
    entry = Entry(stream=APPID, kind=kind, data=data, nonce=nonce)
    return signed(entry, KEYS[snapshot.secret, APPID])


# --- what can happen next -----------------------------------------------------------------------


def steps(snapshot: Snapshot) -> Steps:
    """Every next moment, each with a line that tells what happened."""
    for number, runner in enumerate(snapshot.runners):
        yield from _runner_steps(snapshot, number, runner)
    if snapshot.waiting and len(snapshot.runners) < 2:
        first, *rest = snapshot.waiting
        runners = (*snapshot.runners, first._replace(secret=snapshot.secret))
        yield Step(f"{first.name} starts", snapshot._replace(runners=runners, waiting=tuple(rest)))
    for number, flying in enumerate(snapshot.flying):
        if not flying.waiting:
            rest = snapshot._replace(flying=_without(snapshot.flying, number))
            yield Step("a request that was given up arrives", _taken(rest, flying.posted)[1])
            yield Step("a request that was given up is gone for good", rest)
    yield from _time(snapshot)
    if snapshot.left("elsewhere"):
        taken = _taken(snapshot.spend("elsewhere"), Posted(clientmsgid(APPID, "sale", 1), ELSEWHERE))
        said = f"another program, with another ledger, sends under the same key: errcode {taken[0]}"
        yield Step(said, taken[1])
    yield from _people(snapshot)
    yield from _strangers(snapshot)


def _without(items: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return items[:number] + items[number + 1 :]


TIMES = (
    ("a moment", MOMENT_S),
    ("a while", WHILE_S),
    ("later", SOON_S),
    ("much later", LONG_S),
    ("forgotten", FORGOTTEN_S),
)


def _time(snapshot: Snapshot) -> Steps:
    # No request is on its way for longer than the assumption says.
    until_s = min((flying.until_s for flying in snapshot.flying), default=None)
    for what, seconds in TIMES:
        if snapshot.left(what) and (until_s is None or snapshot.now_s + seconds <= until_s):
            yield Step(f"{seconds} s pass", snapshot.spend(what)._replace(now_s=snapshot.now_s + seconds))


# --- a run --------------------------------------------------------------------------------------


class Turn(NamedTuple):
    """A run whose turn it is, and the moment."""

    snapshot: Snapshot
    number: int
    runner: Runner

    def answered(self, snapshot: Snapshot, answer: Any) -> Snapshot:
        """Give it an answer. What changes nothing follows at once: clocks, and tokens while all is well."""
        after = self.runner._replace(answers=(*self.runner.answers, answer))
        while (stop := stop_of(after)).what == "clock" or (
            stop.what == "token" and not snapshot.left("token")
        ):
            reply = snapshot.now_s if stop.what == "clock" else "token"
            after = after._replace(answers=(*after.answers, reply))
        if stop.marks:
            marks = {**dict(snapshot.marks), after.memory: stop.marks}
            snapshot = snapshot._replace(marks=tuple(sorted(marks.items())))
        if stop.what == "done":
            if promises.hides_unknown(after, stop.details):
                snapshot = snapshot._replace(facts=tuple(sorted({*snapshot.facts, "hidden"})))
            accepted = {send for send, how in stop.details if how == "accepted"}
            reported = tuple(sorted({*snapshot.reported, *accepted}, key=str))
            return self.gone(snapshot._replace(reported=reported))
        return snapshot._replace(
            runners=(*snapshot.runners[: self.number], after, *snapshot.runners[self.number + 1 :])
        )

    def gone(self, snapshot: Snapshot) -> Snapshot:
        """Let it be dead."""
        return snapshot._replace(runners=_without(snapshot.runners, self.number))


def _runner_steps(snapshot: Snapshot, number: int, runner: Runner) -> Steps:
    turn, stop = Turn(snapshot, number, runner), stop_of(runner)
    flying = next((one for one in snapshot.flying if one.waiting == runner.name), None)
    if flying is not None:
        yield from _on_its_way(turn, flying)
        return
    if snapshot.left("crash"):
        yield Step(f"{runner.name} crashes before its {stop.what}", turn.gone(snapshot).spend("crash"))
    match stop.what:
        case "token":
            yield Step(f"{runner.name} gets a token", turn.answered(snapshot, "token"))
            yield Step(f"{runner.name} gets no token", turn.answered(snapshot.spend("token"), _NO_TOKEN))
        case "read":
            yield from _read(turn, *stop.details)
        case "append":
            yield from _append(turn, *stop.details)
        case _:
            yield from _post(turn, *stop.details)


def _read(turn: Turn, stream: str) -> Steps:
    snapshot, name = turn.snapshot, turn.runner.name
    hashes, marks = snapshot.stream(stream), snapshot.marks_of(turn.runner)
    yield Step(f"{name} reads the ledger", turn.answered(snapshot, Seen(hashes, marks, stream)))
    if snapshot.left("stale") and hashes:
        old = turn.answered(snapshot.spend("stale"), Seen(hashes[:-1], marks, stream))
        yield Step(f"{name} reads a stale replica", old)


CONDITIONAL = True
"""False in the variant whose store does not look at `after`."""


def _append(turn: Turn, entry: Entry, after: Head | None) -> Steps:
    snapshot, marks = turn.snapshot, turn.snapshot.marks_of(turn.runner)
    entry = signed(entry, turn.runner.key_of_macs[entry.stream])
    said = f"{turn.runner.name} records {entry.kind} of {entry.data['send']}"
    if CONDITIONAL and after is not None and after != snapshot.head(entry.stream):
        yield Step(f"{said}: refused, the ledger moved", turn.answered(snapshot, _CONFLICT))
        return
    kept = snapshot.keep(entry)
    yield Step(said, turn.answered(kept, Seen(kept.stream(entry.stream), marks, entry.stream, kept=True)))
    if snapshot.left("ledger"):
        yield Step(f"{said}, kept, unanswered", turn.answered(kept.spend("ledger"), _LEDGER))
        yield Step(f"{said}: lost", turn.answered(snapshot.spend("ledger"), _LEDGER))
    if snapshot.left("crash"):
        yield Step(f"{said} and crashes", turn.gone(kept).spend("crash"))


def _post(turn: Turn, posted: Posted, begin_by: datetime) -> Steps:
    snapshot, runner = turn.snapshot, turn.runner
    if moment_of(snapshot.now_s + runner.offset_s) > begin_by:
        yield Step(f"{runner.name} does not post: it is too late", turn.answered(snapshot, _UNREACHABLE))
        return

    def begun(how: str, after: Snapshot) -> Step:
        return Step(f"{runner.name} posts {posted.text!r}: {how}", after, runner, posted)

    errcode, taken = _taken(snapshot, posted)
    yield begun(f"errcode {errcode}", turn.answered(taken, errcode))
    intent = EVENTS[next(one for one in reversed(runner.answers) if isinstance(one, Seen)).hashes[-1]]
    until_s = (
        int((datetime.fromisoformat(intent.data["at"]) - START).total_seconds()) - runner.offset_s + ARRIVES_S
    )
    if snapshot.left("slow"):
        flying = (*snapshot.flying, Flying(posted, until_s, runner.name))
        yield begun("it is on its way", snapshot.spend("slow")._replace(flying=flying))
    if snapshot.left("lost"):
        less = snapshot.spend("lost")
        yield begun("arrives, its answer is lost", turn.answered(_taken(less, posted)[1], _LOST))
        flying = (*less.flying, Flying(posted, until_s))
        yield begun("no answer, it is still on its way", turn.answered(less._replace(flying=flying), _LOST))
    for what, answer in (("unreachable", _UNREACHABLE), ("refused", 40007), ("token refused", TOKEN_REFUSED)):
        if snapshot.left(what):
            said = "no connection" if answer is _UNREACHABLE else f"errcode {answer}"
            yield begun(said, turn.answered(snapshot.spend(what), answer))
    if snapshot.left("in use") and errcode == 0:
        less = snapshot.spend("in use")
        said = "errcode 45066, another program's request has the key and"
        theirs = _taken(less, Posted(posted.key, ELSEWHERE))[1]
        yield begun(f"{said} is taken", turn.answered(theirs, 45066))
        yield begun(f"{said} fails", turn.answered(less, 45066))
    if snapshot.left("busy"):
        yield begun("taken, errcode -1", turn.answered(_taken(snapshot.spend("busy"), posted)[1], -1))
    if snapshot.left("crash"):
        yield begun("taken, and it crashes", _taken(turn.gone(snapshot).spend("crash"), posted)[1])


def _on_its_way(turn: Turn, flying: Flying) -> Steps:
    """What becomes of a call while its run waits for the answer."""
    name, number = turn.runner.name, turn.snapshot.flying.index(flying)
    rest = turn.snapshot._replace(flying=_without(turn.snapshot.flying, number))
    errcode, taken = _taken(rest, flying.posted)
    yield Step(f"the call of {name} arrives: errcode {errcode}", turn.answered(taken, errcode))
    alone = turn.snapshot._replace(
        flying=tuple(one._replace(waiting="") if one is flying else one for one in turn.snapshot.flying)
    )
    if alone.left("lost"):
        yield Step(f"{name} waits no longer", turn.answered(alone.spend("lost"), _LOST))
    if alone.left("crash"):
        yield Step(f"{name} crashes while its call is on its way", turn.gone(alone.spend("crash")))


_CONFLICT = LedgerConflictError("moved", hint="")
_LEDGER = LedgerError("no answer", hint="")
_LOST = NoResponseError("cut", hint="")
_UNREACHABLE = NotSentError("no connection", hint="")
_NO_TOKEN = CampaignError("no token", hint="")


def _taken(snapshot: Snapshot, posted: Posted) -> tuple[int, Snapshot]:
    """WeChat takes a request once within a day of its first."""
    if snapshot.is_known(posted.key):
        return 45065, snapshot
    return 0, snapshot._replace(jobs=(*snapshot.jobs, (posted, snapshot.now_s)))


# --- people, who have the AppSecret -------------------------------------------------------------


def _people(snapshot: Snapshot) -> Steps:
    if snapshot.left("hold"):
        entry = Entry(
            stream=APPID,
            kind=EventKind.HOLD,
            data={"held": True, "reason": "stop"},
            nonce=f"hold{snapshot.left('hold')}",
        )
        yield Step("somebody puts the account on hold", snapshot.spend("hold").keep(entry))
    if snapshot.left("timed hold"):
        data = {"held": True, "reason": "stop", "until": moment_of(snapshot.now_s + SOON_S - 1).isoformat()}
        entry = Entry(
            stream=APPID, kind=EventKind.HOLD, data=data, nonce=f"timed{snapshot.left('timed hold')}"
        )
        yield Step("somebody holds the account for 15 minutes", snapshot.spend("timed hold").keep(entry))
    if snapshot.left("press"):
        yield from _pressed(snapshot)
    yield from _approvals(snapshot)
    if snapshot.left("secret") and not snapshot.runners and not snapshot.flying:
        yield Step("the AppSecret is changed", snapshot.spend("secret")._replace(secret=1))
    if not any(snapshot.left(what) for what in DECISIONS):
        return
    state = view(APPID, snapshot.stream(), snapshot.secret)
    if state is None:  # the command refuses such a ledger
        return
    for said, what, kind, data, fact in _decisions(snapshot, state):
        entry = by_person(
            snapshot, kind, {**data, "after": snapshot.head().hash}, f"{what}{snapshot.left(what)}"
        )
        following = snapshot.spend(what).keep(entry)
        if fact:
            following = following._replace(facts=tuple(sorted({*following.facts, fact})))
        yield Step(said, following)


def _pressed(snapshot: Snapshot) -> Steps:
    """A person sends in the console what was handed over, whose key WeChat then does not know."""
    state = view(APPID, snapshot.stream(), snapshot.secret)
    for known in every_send(state) if state is not None else ():
        if known.origin is not None and known.origin.kind == EventKind.HANDED_OVER and not known.ends:
            posted = Posted(
                clientmsgid(APPID, known.send, known.revision), known.data["body"]["text"]["content"]
            )
            job = (posted, snapshot.now_s - REMEMBERED_S)
            yield Step(
                f"a person sends {known.send}", snapshot.spend("press")._replace(jobs=(*snapshot.jobs, job))
            )


def _approvals(snapshot: Snapshot) -> Steps:
    """Who has a key signs a plan that saw all, or all before what ends approvals; anybody withdraws them."""
    for said, names in (("sale", ["sale"]), ("all", None)) if snapshot.left("withdraw") else ():
        data, nonce = {"sends": names, "reason": "?"}, f"withdraw{snapshot.left('withdraw')}"
        entry = Entry(stream=APPID, kind=LedgerKind.WITHDRAWN, data=data, nonce=nonce)
        yield Step(f"approvals of {said} are withdrawn", snapshot.spend("withdraw").keep(entry))
    if not snapshot.left("approve"):
        return
    events, head = events_of(snapshot.stream()), snapshot.head()
    ends = (EventKind.HOLD, LedgerKind.WITHDRAWN, LedgerKind.GUARD)
    saw = {head.seq, *(one.seq - 1 for one in events[1:] if one.kind in ends)}
    runners = (*snapshot.runners, *snapshot.waiting)
    plans = dict.fromkeys((send, runner.approvals) for runner in runners for send in runner.sends)
    for seq, (send, count), who in product(sorted(saw), plans, PRIVATE):
        rules, nonce = sha256(rules_of(count)), f"approve{snapshot.left('approve')}"
        entry = approved(who, PRIVATE[who], send, rules, seq, head.hash, nonce)
        said = f"{who} approves {send.text!r}, as planned after event {seq}"
        yield Step(said, snapshot.spend("approve").keep(entry))


DECISIONS = ("guess", "unhold", "other rules", "upload", "guard", "baseline", "settle", "lie", "trust")


def _decisions(
    snapshot: Snapshot, state: AccountState
) -> Iterator[tuple[str, str, str, dict[str, Any], str]]:
    if snapshot.left("unhold") and state.holds:
        data = {"held": False, "ends": list(state.holds), "reason": "go"}
        yield "the hold is released", "unhold", EventKind.HOLD, data, ""
    if snapshot.left("guess"):
        yield from _guesses(state)
    if snapshot.left("upload"):
        yield (
            "another program records an upload",
            "upload",
            LedgerKind.UPLOAD,
            {"upload": "x", "result": "y"},
            "",
        )
    if snapshot.left("guard"):
        yield (
            "another program records its rules",
            "guard",
            LedgerKind.GUARD,
            {"environment": "e", "replaces": ""},
            "",
        )
    if snapshot.left("other rules"):
        rules = rules_of(3 - state.rule_changes[ENVIRONMENT][-1].data["rules"]["approvals"]["count"])
        data = {"environment": ENVIRONMENT, "rules": rules}
        yield "an apply goes by other rules", "other rules", LedgerKind.GUARD, data, ""
    if snapshot.left("baseline") and state.find("sale", 1).status is Status.REJECTED:
        data = {
            "send": "sale",
            "revision": 1,
            "content_digest": Send("sale", "sale").digest,
            "reason": "by hand",
        }
        yield "somebody sent sale by hand, and says so", "baseline", EventKind.BASELINE, data, ""
    if snapshot.left("trust") and snapshot.secret:
        doubted = unverified(events_of(snapshot.stream()), KEYS[1, APPID], KEYS[0, APPID])
        data = {"distrusted": [event.hash for event in doubted]}
        yield (
            "who has both AppSecrets vouches for the old one's events",
            "trust",
            LedgerKind.TRUSTED,
            data,
            "",
        )
    if snapshot.left("settle") or snapshot.left("lie"):
        yield from _settlements(snapshot, state)


def _guesses(
    state: AccountState,
) -> Iterator[tuple[str, str, str, dict[str, Any], str]]:
    """Somebody's program takes for the send what any article may show, and signs that."""
    for known in every_send(state):
        if known.fate is Fate.HANDED_OVER and known.origin is not None:
            data = {"send": known.send, "revision": known.revision, "intent": known.origin.hash}
            said = f"another article, or a draft that is gone, is taken for {known.send}"
            yield said, "guess", EventKind.ACCEPTED, data, ""


def _settlements(
    snapshot: Snapshot, state: AccountState
) -> Iterator[tuple[str, str, str, dict[str, Any], str]]:
    """A person says what is in the console, or what is not so; also while a call is on its way."""
    for known in every_send(state):
        if known.status not in (Status.UNKNOWN, Status.DISPUTED):
            continue
        key = clientmsgid(APPID, known.send, known.revision)
        for sent in (True, False):
            is_true = sent is snapshot.took(key)
            what = "settle" if is_true else "lie"
            # The command compares its clock with WeChat's, so it is as this one.
            if snapshot.left(what) and (sent or may_settle(known, moment_of(snapshot.now_s))):
                data = {"send": known.send, "revision": known.revision, "sent": sent, "reason": "console"}
                word = "sent" if sent else "not sent"
                said = (
                    f"a person settles {known.send} as {word}, which is {'true' if is_true else 'not true'}"
                )
                yield said, what, EventKind.SETTLED, data, "" if is_true else f"{word}: {key}"


# --- strangers, who can only write to the store -------------------------------------------------


def _strangers(snapshot: Snapshot) -> Steps:
    if snapshot.left("forge"):
        state = view(APPID, snapshot.stream(), snapshot.secret)
        for name, kind, data in _forgeries(snapshot, state) if state is not None else ():
            entry = Entry(stream=APPID, kind=kind, data=data, nonce=f"{FORGED}-{name}")
            yield Step(f"who can only write the store forges {name}", snapshot.spend("forge").keep(entry))
    if snapshot.left("copy"):
        for event in events_of(snapshot.stream()):
            entry = Entry(stream=APPID, kind=event.kind, data=event.data, nonce=event.nonce)
            yield Step(
                f"who can only write the store copies {_name(event)}", snapshot.spend("copy").keep(entry)
            )
    for what in ("take out", "take out before a decision"):
        if snapshot.left(what):
            yield from _taken_out(snapshot, what)


def _name(event: Event) -> str:
    return f"event {event.seq}, {event.kind} of {event.data.get('send', 'the account')}"


def _forgeries(snapshot: Snapshot, state: AccountState) -> Iterator[tuple[str, str, dict[str, Any]]]:
    at = moment_of(snapshot.now_s - 3600).isoformat(timespec="microseconds")
    body, digest = {"text": {"content": FORGED}}, Send("sale", "sale").digest
    base = {"send": "sale", "revision": 1, "at": at, "body": body, "body_sha256": sha256(body)}
    base["after"] = snapshot.head().hash
    yield "an intent", EventKind.INTENT, {**base, "content_digest": digest, "clientmsgid": "0" * 32}
    for known in every_send(state):
        mine = {"send": known.send, "revision": known.revision, "reason": "?"}
        yield "a rejection", EventKind.REJECTED, {**mine, "intent": next(reversed(known.calls), "")}
        mine["after"] = snapshot.head().hash
        yield "a settlement", EventKind.SETTLED, {**mine, "sent": False}
        yield "that it was sent", EventKind.SETTLED, {**mine, "sent": True, "msg_id": 1}
    baseline = {"send": "sale", "revision": 1, "content_digest": digest, "reason": "?"}
    yield "a baseline", EventKind.BASELINE, baseline
    if state.holds:
        yield "a release", EventKind.HOLD, {"held": False, "ends": list(state.holds), "reason": "?"}
    for guard in state.rule_changes.get(ENVIRONMENT, ()):
        rules, head = sha256(guard.data["rules"]), snapshot.head()
        entry = approved("ann", "c" * 64, Send("sale", "sale"), rules, head.seq, head.hash, "")
        yield "an approval", LedgerKind.APPROVED, dict(entry.data)
    yield "a word for all before it", LedgerKind.TRUSTED, {"after": snapshot.head().hash, "distrusted": []}


def _taken_out(snapshot: Snapshot, what: str) -> Steps:
    """Take events out, and chain the rest anew: an event alone, all of a send, all."""
    events = events_of(snapshot.stream())
    last = max((event.seq for event in events if is_decision(event)), default=0)
    if what == "take out before a decision":
        choice = [event for event in events if event.seq < last]
    else:
        choice = list(events)
    sends = {event.data["send"] for event in choice if "send" in event.data}
    groups = [(f"event {event.seq}", [event]) for event in choice]
    groups += [
        (f"all of {send}", [event for event in choice if event.data.get("send") == send]) for send in sends
    ]
    less = snapshot.spend(what)._replace(facts=tuple(sorted({*snapshot.facts, "taken out"})))
    for said, taken in groups:
        left = [event for event in events if event not in taken]
        yield Step(f"who can write the store takes out {said}", less.with_stream(APPID, _chained(left)))
        if snapshot.runners:  # a run that goes on has read what is missing now, and decides by it
            continue
        cut = tuple(event.hash for event in left)
        yield Step(f"who can write the store takes out {said} alone", less.with_stream(APPID, cut))


def _chained(events: list[Event]) -> tuple[str, ...]:
    head, hashes = EMPTY, []
    for event in events:
        entry = Entry(stream=event.stream, kind=event.kind, data=event.data, nonce=event.nonce)
        again = keep_event(next_event(entry, at=event.at, head=head))
        hashes.append(again.hash)
        head = again.head
    return tuple(hashes)


# --- the search ---------------------------------------------------------------------------------


def violation(step: Step, before: Snapshot, *, is_new: bool) -> str:
    """Return the promise that a step broke; empty while all hold. A moment that is known was looked at."""
    begun = step.runner is not None and step.posted is not None
    if begun and (broken := promises.at_post(step.runner, step.posted, before.now_s)):
        return broken
    return (promises.at_any_time(before, step.after) or promises.once_quiet(step.after)) if is_new else ""


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
    for cached in (stop_of, view, promises.honest_of, promises.honest_state, promises.at_post, runs.guarded):
        cached.cache_clear()
    for kept in (EVENTS, world.VALID, world.INTACT):
        kept.clear()
    gc.disable()  # nothing that is kept is ever let go, and to look for it takes longer than the search
    try:
        with (
            mock.patch.object(trust, "has_valid_mac", world.valid_mac_once),
            mock.patch.object(ledger_events, "is_intact", world.is_intact_once),
        ):
            return _search(begin(scenario), most)
    finally:
        gc.enable()


def _search(first: Snapshot, most: int) -> Found:
    begun = time.monotonic()
    came: dict[Snapshot, tuple[Snapshot, str] | None] = {first: None}
    queue = deque([first])
    while queue:
        if len(came) >= most:
            return Found(len(came), time.monotonic() - begun, complete=False)
        snapshot = queue.popleft()
        for step in steps(snapshot):
            is_new = step.after not in came
            broken = violation(step, snapshot, is_new=is_new)
            if is_new:
                came[step.after] = (snapshot, step.said)
                queue.append(step.after)
            if broken:
                story = (*_story(came, snapshot), step.said)
                return Found(len(came), time.monotonic() - begun, False, broken, story)
    return Found(len(came), time.monotonic() - begun, complete=True)


def _story(came: Mapping[Snapshot, tuple[Snapshot, str] | None], snapshot: Snapshot) -> tuple[str, ...]:
    lines = []
    while (step := came[snapshot]) is not None:
        snapshot, said = step
        lines.append(said)
    return tuple(reversed(lines))
