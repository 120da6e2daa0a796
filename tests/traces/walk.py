"""Walk what runs really did through the rules of the model, step by step: what it does not know is a fault.

The program is believed in nothing. Each call is decided on once more, by the rules as they stand here, on the
events before its intent; and what WeChat received is held against what the runs say that they asked of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.protocol.promises import TOLERANCE_S, holds_in_force
from tests.protocol.runs import CALLS
from tests.protocol.world import ARRIVES_S, REMEMBERED_S
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.protocol.decide import Action, DecisionInput, decide
from wechat_campaigns.protocol.events import EMPTY, Event, EventKind, Head, moment
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import draft_of
from wechat_campaigns.protocol.verdict import verdict

Line = Mapping[str, Any]
Authentic = Callable[[Event], bool]
BEGIN_WITHIN: Final = timedelta(seconds=60)
RESEND_UNTIL: Final = timedelta(hours=20)
SETTLE_AFTER: Final = timedelta(seconds=ARRIVES_S + TOLERANCE_S)
"""The rules of docs/ledger.md in numbers of their own: those of the program may be what has changed."""
_EVER: Final = datetime.max.replace(tzinfo=UTC)
MANY: Final = 1_000_000
"""More requests than the sandbox keeps."""
ENDS: Final = (EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED)
GAVE_NO_ANSWER, NOT_BEGUN = "NoResponseError", "NotSentError"


@dataclass
class Walked:
    """What a walk came to."""

    traces: int = 0
    steps: int = 0
    calls: int = 0
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: Walked) -> Walked:
        steps, calls = self.steps + other.steps, self.calls + other.calls
        return Walked(self.traces + other.traces, steps, calls, self.faults + other.faults)


def read_traces(folder: Path) -> list[list[Line]]:
    """Read the traces of a folder, each a run of one account."""
    traces: dict[str, list[Line]] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            traces.setdefault(data["run"], []).append(data)
    return list(traces.values())


def walk(
    traces: Sequence[Sequence[Line]],
    events: Iterable[Event],
    authentic: Authentic,
    requests: Iterable[Line],
    claimed: Iterable[str] = (),
) -> Walked:
    """Walk the traces of one ledger.

    Args:
        events: of the whole ledger, in order within each stream.
        requests: what WeChat received, as the sandbox lists it.
        claimed: keys that another program used, once each.
    """
    walked = Walked(traces=len(traces), steps=sum(map(len, traces)))
    streams: dict[str, list[Event]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    before = {event.hash: held[: event.seq - 1] for held in streams.values() for event in held}
    known = {event.hash: event for held in streams.values() for event in held}
    for trace in traces:
        run = _Run(trace[0], known, before, authentic)
        walked.faults += [f"run {trace[0]['run']}: {fault}" for fault in run.walk(trace[1:])]
        walked.calls += run.calls
    walked.faults += _of_ledger(streams, authentic, traces)
    walked.faults += _of_platform(known.values(), traces, requests, claimed)
    return walked


@dataclass
class _Run:
    """One run of one account, as far as it has been walked."""

    begun: Line
    known: Mapping[str, Event]
    before: Mapping[str, Sequence[Event]]
    authentic: Authentic
    view: Head = EMPTY
    last: str = ""
    """What it did last, of that which decides what it may do next."""
    ends: datetime = _EVER
    """Of the window of that call: for a resend, of what was stored."""
    intent: Event | None = None
    """The call that it may begin, or whose end it may record."""
    asked: Line = field(default_factory=dict)
    end: EventKind | None = None
    calls: int = 0

    def walk(self, lines: Iterable[Line]) -> list[str]:
        """Return the steps that the model does not know, each in a sentence."""
        self.view = Head(*self.begun["head"])
        steps = {
            "token": self._token, "no token": self._token, "read": self._read, "unread": self._unread,
            "append": self._append, "kept": self._kept, "not kept": self._not_kept,
            "post": self._post, "answer": self._answer, "no answer": self._no_answer,
        }  # fmt: skip
        return [
            f"{line['what']} at {line['at']}: {fault}"
            for line in lines
            for fault in steps[line["what"]](line)
        ]

    def _token(self, _line: Line) -> list[str]:
        open_call = self.last == "intended"
        self.last = "token"
        return ["a new call is prepared before the one that was recorded was made"] if open_call else []

    def _unread(self, _line: Line) -> list[str]:
        self.last = ""
        return []

    def _read(self, line: Line) -> list[str]:
        self.view = Head(*line["head"])
        self.last = "decided" if self.last == "token" else self.last
        if self.view != EMPTY and self.view.hash not in self.known:
            return ["it read an event that the ledger has no more"]
        return []

    def _append(self, line: Line) -> list[str]:
        self.asked = line
        if line["kind"] in (*CALLS, EventKind.HANDED_OVER):
            if self.last != "decided":
                return [f"{line['kind']} is recorded without a token, and a view read after it"]
            if line["after"] != [*self.view]:
                return [f"{line['kind']} does not name the view on which it was decided"]
        elif line["kind"] in ENDS:
            if self.last != "answered" or line["kind"] != self.end:
                return [f"{line['kind']} is recorded, and the answer makes it {self.end}"]
        elif self.last in ("intended", "posted"):
            return [f"{line['kind']} is recorded between a call's intent and its answer"]
        else:
            self.last = ""
        return []

    def _not_kept(self, _line: Line) -> list[str]:
        self.last = ""
        return []

    def _kept(self, line: Line) -> list[str]:
        event = self.known.get(line["head"][1])
        if event is None:
            return ["what the store took is not there any more"]
        if event.seq == self.view.seq + 1:
            self.view = event.head
        if event.kind in CALLS:
            self.last, self.intent = "intended", event
            return self._may_begin(event)
        if event.kind == EventKind.HANDED_OVER:
            self.last = ""
            return self._may_begin(event)
        if event.kind in ENDS:
            self.last = ""
            if self.intent is None or event.data["intent"] != self.intent.hash:
                return ["it ends a call that this run did not make last"]
        return []

    def _may_begin(self, intent: Event) -> list[str]:
        """Decide once more, on the events before the intent, as the model's runs do."""
        earlier, data = self.before[intent.hash], intent.data
        state = AccountState(intent.stream)
        if not all(_add(state, event, self.authentic) for event in earlier):
            return ["it decided on events that contradict each other"]
        stored = state.find(data["send"], data["revision"])
        source = data if intent.kind != EventKind.RESEND else stored.data
        at = moment(data["at"])
        self.ends = moment(ends) if (ends := source.get("not_after")) is not None else _EVER
        resend_after, resend_until = self.begun["resend"]
        facts = DecisionInput(
            id=data["send"],
            revision=data["revision"],
            content_digest=source.get("content_digest", ""),
            now=at,
            not_after=self.ends if self.ends is not _EVER else None,
            draft=draft_of(source),
            list_sha256=source.get("list_sha256"),
            formerly=tuple(source.get("formerly", ())),
            is_current=lambda _message: True,  # the files of that moment are gone
            last_hold=self.begun["last_hold"],
            resend_after=timedelta(seconds=resend_after),
            resend_until=min(timedelta(seconds=resend_until), RESEND_UNTIL),
            resend_stored=True,
        )
        wanted = Action.RESEND if intent.kind == EventKind.RESEND else Action.SEND
        decision, faults = decide(state, facts), []
        if decision.action is not wanted:
            faults.append(f"{intent.kind} of {data['send']}: decided again, it is {decision.reason.value}")
        if holds_in_force(earlier, at):
            faults.append(f"{intent.kind} of {data['send']} during a hold")
        since = stored.open_since
        if intent.kind == EventKind.RESEND and since is not None and at > since + RESEND_UNTIL:
            faults.append(f"resend of {data['send']} after its window")
        if data.get("after") != intent.previous or not self.authentic(intent):
            faults.append(f"{intent.kind} of {data['send']} is not signed on the event before it")
        return faults

    def _post(self, line: Line) -> list[str]:
        self.calls += 1
        if self.last != "intended" or self.intent is None:
            self.last, self.asked = "posted", line
            return ["a call without an intent of its own"]
        self.last, data, faults = "posted", self.intent.data, []
        if (line["key"], line["body"]) != (data["clientmsgid"], data["body_sha256"]):
            faults.append("the call is not the one that was recorded")
        by = min(moment(data["at"]) + BEGIN_WITHIN, self.ends)
        if datetime.fromisoformat(line["begin_by"]) > by:
            faults.append("the call may begin later than a minute after it was decided, or after its window")
        self.asked = {**line, "by": by}
        return faults

    def _answer(self, line: Line) -> list[str]:
        late = self.last == "posted" and datetime.fromisoformat(self.asked["at"]) > self.asked.get(
            "by", _EVER
        )
        self.last, self.end = "answered", verdict(line)
        return ["the call began too late"] if late else []

    def _no_answer(self, line: Line) -> list[str]:
        self.last = "answered"
        self.end = EventKind.REJECTED if line["error"] == NOT_BEGUN else None
        return [] if line["error"] in (NOT_BEGUN, GAVE_NO_ANSWER) else [f"a call ended with {line['error']}"]


def _of_ledger(
    streams: Mapping[str, Sequence[Event]], authentic: Authentic, traces: Sequence[Sequence[Line]]
) -> list[str]:
    """Find calls that no run says it recorded, and settlements that came too early."""
    asked = {line["nonce"] for trace in traces for line in trace if line["what"] == "append"}
    faults = []
    for events in streams.values():
        state = AccountState(events[0].stream)
        for event in events:
            if event.kind in (*CALLS, *ENDS) and event.nonce not in asked:
                faults.append(f"event {event.seq} of {event.stream}: a {event.kind} of no run")
            if event.kind == EventKind.SETTLED and not event.data["sent"] and authentic(event):
                record = state.find(event.data["send"], event.data["revision"])
                if any(event.at < at + SETTLE_AFTER for at in record.calls.values()):
                    faults.append(
                        f"event {event.seq} of {event.stream}: settled while a call may still arrive"
                    )
            if not _add(state, event, authentic):
                faults.append(f"event {event.seq} of {event.stream} contradicts those before it")
                break
    return faults


def _add(state: AccountState, event: Event, authentic: Authentic) -> bool:
    """Fold an event; return whether it fits those before it."""
    try:
        state.add(event, is_authentic=authentic(event))
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _of_platform(
    events: Iterable[Event],
    traces: Sequence[Sequence[Line]],
    requests: Iterable[Line],
    claimed: Iterable[str],
) -> list[str]:
    """Hold what WeChat received against what the ledger has and what the runs say."""
    posts = Counter(line["key"] for trace in traces for line in trace if line["what"] == "post")
    intents = Counter(
        clientmsgid(event.stream, event.data["send"], event.data["revision"])
        for event in events
        if event.kind in CALLS
    )
    received: Counter[str] = Counter()
    taken: dict[str, datetime] = {}
    faults, theirs = [], Counter(claimed)
    for request in requests:
        body = request["body"] if isinstance(request["body"], Mapping) else {}
        if not request["path"].startswith("/cgi-bin/message/mass/send"):
            continue
        key, at = body.get("clientmsgid", ""), datetime.fromisoformat(request["time"])
        received[key] += 1
        fault, before = request["fault"], taken.get(key)
        was_looked_at = fault is None or fault["after"]
        if request["errcode"] == 0 and was_looked_at:
            if before is not None and at - before < timedelta(seconds=REMEMBERED_S):
                faults.append(f"the platform took {key} twice in a day")
            taken[key] = at
        elif was_looked_at and fault is not None:  # its answer is made up, so what it did is not told
            taken.setdefault(key, at - timedelta(seconds=REMEMBERED_S))
        elif request["errcode"] == 45065 and was_looked_at and before is None:
            faults.append(f"the platform knew {key}, and nobody had used it")
    for key, times in received.items():
        if times > min(posts[key], intents[key]) + theirs[key]:
            said = f"{key} was received {times} times: {posts[key]} calls of runs, {intents[key]} intents"
            faults.append(said)
    return faults
