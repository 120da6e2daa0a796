"""The world that runners are tortured in: a sandbox, two clones of the campaigns, a ledger, the count."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.ledger_backends import Backend
from tests.torture.messages import Clone, Message, begin, marks_in
from wechat_campaigns.ledger.events import find_chain_faults
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import clientmsgid, mac_key, mac_of, normalize_id
from wechat_campaigns.protocol.state import Fate, Status, StreamState

ACCOUNTS = 4
FOLLOWERS = 3
SECRET = "0" * 32
SENDALL = "message/mass/sendall"
MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What WeChat and the ledger know by now, and what of it must not be."""

    faults: tuple[str, ...]
    """Each in a sentence; empty while the promise holds."""
    doubled: int
    lost: int
    broke_hold: int
    marks: frozenset[str]
    """Of every message that WeChat took."""
    texts: Mapping[str, str]
    """By mark: what was taken."""
    unknown: frozenset[tuple[str, str]]
    """(appid, send id) of what nobody knows."""
    disputed: frozenset[tuple[str, str]]
    """Those of them that only a person can settle."""
    holds: int
    stopped: frozenset[str]
    """The accounts that are on hold now, by appid."""


@dataclass(slots=True, kw_only=True)
class Testbed:
    """One sandbox, two clones of one folder of campaigns, one ledger."""

    url: str
    first: Clone
    second: Clone
    backend: Backend
    appids: list[str]
    events: list[Event] = field(default_factory=list)
    """Of the ledger, as it was read last."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Every mass call that the sandbox received."""
    _asked: int = 0
    _posts: Counter[str] = field(default_factory=Counter)

    @property
    def messages(self) -> Mapping[int, Message]:
        """What everybody means to send: the first clone is never behind."""
        return self.first.messages

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Any:
        """Ask the sandbox itself."""
        with requests.Session() as session:
            session.trust_env = False
            address = f"{self.url}/_sandbox/{name}"
            answer = session.request(method, address, json=body, params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def claim(self) -> None:
        """Send under the keys of claimed messages, as another program with the same habits would."""
        for message in self.messages.values():
            if message.claimed:
                self._claim(message)

    def _claim(self, message: Message) -> None:
        appid = self.appids[message.account]
        with requests.Session() as session:
            session.trust_env = False
            who = {"grant_type": "client_credential", "appid": appid, "secret": SECRET}
            token = session.post(f"{self.url}/cgi-bin/stable_token", json=who, timeout=60).json()
            key = clientmsgid(appid, message.name, message.revision)
            body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "别人的"}}
            address = f"{self.url}/cgi-bin/{SENDALL}?access_token={token['access_token']}"
            said = json.dumps({**body, "clientmsgid": key}, ensure_ascii=False).encode()
            answer = session.post(address, data=said, timeout=60).json()
        assert answer["errcode"] == 0, answer

    def clock(self) -> datetime:
        """The sandbox's time."""
        return datetime.now(UTC) + timedelta(seconds=float(self.control("GET", "clock")["offset_s"]))

    def state(self) -> LedgerState:
        """Read the ledger as a machine of its own; its chain must hold whatever happened."""
        ledger = self.backend.open(self.clock, machine="judge")
        try:
            events, heads = ledger.snapshot()
        finally:
            ledger.close()
        faults = find_chain_faults(events, heads)
        assert not faults, faults
        self.events = list(events)
        return fold(events, authentic)

    def judge(self) -> Verdict:
        """Compare what followers received, what WeChat took and what the ledger says."""
        state = self.state()
        jobs = [(job, marks_in(job)) for job in self.control("GET", "jobs")["jobs"]]
        ours = [(job, mark) for job, mark in jobs if mark is not None]
        taken = Counter(mark for _job, mark in ours)
        phones = self._phones()
        twice = [f"the platform took {mark} {n} times" for mark, n in taken.items() if n > 1]
        twice += [f"follower {who} got {mark} {n} times" for (who, mark), n in phones.items() if n > 1]
        lost = self._lost(state, Counter(job["clientmsgid"] for job, _mark in ours))
        held = self._after_holds()
        calls = [*self._calls(), *self._begun_twice()]
        opened = [known for known in state.sends if known.fate is Fate.UNKNOWN]
        return Verdict(
            faults=(*twice, *lost, *held, *calls),
            doubled=len(twice),
            lost=len(lost),
            broke_hold=len(held),
            marks=frozenset(taken),
            texts={mark: str(job["content"]) for job, mark in ours},
            unknown=frozenset((known.appid, known.send) for known in opened),
            disputed=frozenset(
                (known.appid, known.send) for known in opened if known.status is Status.DISPUTED
            ),
            holds=sum(e.kind == EventKind.HOLD and e.data["held"] for e in self.events),
            stopped=frozenset(
                appid for appid, one in state.streams.items() if one.holds_at(datetime.now(UTC))
            ),
        )

    def _phones(self) -> Counter[tuple[str, str]]:
        """Count what each follower has received, by the message's mark."""
        found = self.control("GET", "deliveries", limit=MANY)["deliveries"]
        marks = ((f"{one['appid']} {one['openid']}", marks_in(one)) for one in found)
        return Counter((who, mark) for who, mark in marks if mark is not None)

    def _lost(self, state: LedgerState, made: Counter[str]) -> list[str]:
        """Find what the ledger calls sent and nobody received, or the other way round."""
        keys, faults = set(), []
        said = {(e.stream, e.data["send"]) for e in self.events if e.kind == EventKind.SETTLED}
        said |= self._plausible()
        for known in state.sends:
            appid, send, revision = known.appid, normalize_id(known.send), known.revision
            key = clientmsgid(appid, send, revision)
            keys.add(key)
            accepted = known.fate in (Fate.ACCEPTED, Fate.SENT) and (appid, send) not in said
            if accepted and not made[key]:
                faults.append(f"the ledger calls {send}@{revision} sent, and the platform has no such job")
            if made[key] and known.status is Status.REJECTED:
                faults.append(f"the platform took {send}@{revision}, and the ledger calls it refused")
        return faults + [f"the platform has a job {key} of no intent" for key in made.keys() - keys]

    def _plausible(self) -> set[tuple[str, str]]:
        """List claimed messages whose first call died unanswered: 45065 to a later one may speak of it."""
        claimed = {(self.appids[m.account], m.name) for m in self.messages.values() if m.claimed}
        first: dict[tuple[str, str, int], str] = {}
        for e in self.events:
            if e.kind == EventKind.INTENT:
                first.setdefault((e.stream, e.data["send"], e.data["revision"]), e.hash)
        told = {
            (e.stream, e.data["send"])
            for e in self.events
            if e.kind == EventKind.DUPLICATE and e.data["intent"] in first.values()
        }
        return claimed - told

    def _after_holds(self) -> list[str]:
        """Find calls whose intent came after a hold."""
        held: dict[str, set[str]] = {}
        faults = []
        for event in self.events:
            mine = held.setdefault(event.stream, set())
            if event.kind == EventKind.HOLD:
                mine ^= {event.hash} if event.data["held"] else mine & set(event.data["ends"])
            elif mine and event.kind in (EventKind.INTENT, EventKind.RESEND):
                faults.append(
                    f"event {event.seq} of {event.stream}: {event.data['send']} begun during a hold"
                )
        return faults

    def _calls(self) -> list[str]:
        """Find keys that were posted more often than the ledger has an intent or a resend of them."""
        for one in self.control("GET", "requests", after=self._asked, limit=MANY)["requests"]:
            self._asked = one["id"]
            body = one["body"] if isinstance(one["body"], dict) else {}
            if one["path"] == f"/cgi-bin/{SENDALL}":
                self._posts[body.get("clientmsgid", "")] += 1
                self.calls.append(one)
        begun = Counter(
            clientmsgid(e.stream, e.data["send"], e.data["revision"])
            for e in self.events
            if e.kind in (EventKind.INTENT, EventKind.RESEND)
        )
        claimed = self.claimed_keys()
        return [
            f"{key} was posted {n} times, and the ledger has {begun[key]} intents of it"
            for key, n in self._posts.items()
            if n - (key in claimed) > begun[key]
        ]

    def claimed_keys(self) -> set[str]:
        """Return the keys that another program uses, once each."""
        claimed = (m for m in self.messages.values() if m.claimed)
        return {clientmsgid(self.appids[m.account], m.name, 1) for m in claimed}

    def _begun_twice(self) -> list[str]:
        """Find intents of a message that was on its way or out at that moment, under whatever id."""
        names = {
            (self.appids[message.account], name): message.names
            for message in self.messages.values()
            for name in message.names
        }
        streams: dict[str, StreamState] = {}
        faults = []
        for event in self.events:
            stream = streams.setdefault(event.stream, StreamState(event.stream))
            if event.kind == EventKind.INTENT:
                send, revision = event.data["send"], event.data["revision"]
                known = [stream.find(name, revision) for name in names[event.stream, send]]
                faults += [
                    f"event {event.seq} of {event.stream}: {send} begun while {one.send} was {one.status}"
                    for one in known
                    if one.status is not Status.REJECTED
                ]
            stream.add(event, is_authentic=authentic(event))
        return faults


def authentic(event: Event) -> bool:
    """Whether an event's mac holds."""
    return event.data.get("mac") == mac_of(_key(event.stream), event)


@cache
def _key(appid: str) -> bytes:
    return mac_key(SECRET, appid)


@contextmanager
def open_testbed(folder: Path, backend: Backend, sends: int) -> Iterator[Testbed]:
    """Set everything up for that many sends, spread over the accounts."""
    appids = [f"wx00000000000001{number:02d}" for number in range(ACCOUNTS)]
    seed = folder / "seed.yaml"
    accounts = [
        {"appid": appid, "kind": "service", "secret": SECRET, "followers": FOLLOWERS, "tags": ["会员"]}
        for appid in appids
    ]
    seed.write_text(yaml.safe_dump({"accounts": accounts}, allow_unicode=True), encoding="utf-8")
    messages = begin(sends, ACCOUNTS)
    with _sandbox(seed) as url:
        clones = []
        for letter in "AB":
            root = folder / letter / "campaigns"
            root.mkdir(parents=True)
            settings = _settings(url, backend.setting, appids)
            (root / "_settings.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
            clones.append(Clone(letter, root))
            clones[-1].write(messages.values())
        yield Testbed(url=url, first=clones[0], second=clones[1], backend=backend, appids=appids)


def _settings(url: str, ledger: str, appids: list[str]) -> dict[str, Any]:
    accounts = {
        f"a{number}": {"kind": "service", "appid": appid, "secret": {"env": "TORTURE_SECRET"}}
        for number, appid in enumerate(appids)
    }
    return {
        "default_environment": "torture",
        "environments": {"torture": {"api": url, "ledger": ledger, "accounts": accounts}},
        "policy": {"duplicate_content_days": 0},
    }


@contextmanager
def _sandbox(seed: Path) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "wechat_campaigns",
        "sandbox",
        "--port",
        "0",
        "--seed",
        str(seed),
        "--no-quota",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
