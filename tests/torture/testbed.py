"""The world that runners are tortured in: a sandbox, two clones of the campaigns, a ledger, the count."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.support.ledger_backends import Backend
from tests.support.playground import Sandbox, authentic
from tests.torture.files import Author, Clone, doubled, mark_in
from tests.torture.history import SENDALL
from tests.torture.walk import MANY, Walked, read_traces, walk
from wechat_campaigns.ledger.events import find_chain_faults
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.protocol.state import Fate, Status, StreamState

ACCOUNTS = 4
FOLLOWERS = 3
APPIDS = {f"a{number}": f"wx00000000000001{number:02d}" for number in range(ACCOUNTS)}
SECRET = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What WeChat and the ledger know by now, and what of it must not be."""

    faults: tuple[str, ...]
    """Each in a sentence; empty while the promise holds."""
    texts: Mapping[str, str]
    """By mark: what WeChat took."""
    unknown: frozenset[tuple[str, str]]
    """(appid, send id) of what nobody knows."""
    disputed: frozenset[tuple[str, str]]
    """Those of them that only a person can settle."""
    stopped: frozenset[str]
    """The accounts that are on hold now, by appid."""


@dataclass(slots=True, kw_only=True)
class Testbed:
    """One sandbox, two clones of one folder of campaigns, one ledger."""

    sandbox: Sandbox
    author: Author
    first: Clone
    """Never behind: it has what everybody means to send."""
    second: Clone
    backend: Backend
    events: tuple[Event, ...] = ()
    """Of the ledger, as it was read last."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Every mass call that the sandbox received: it forgets them after a while."""
    _asked: int = 0

    @property
    def claimed(self) -> set[tuple[str, str]]:
        """By appid and id: what another program has used the keys of."""
        return {
            (APPIDS[one.account], f"{file}[{key}]" if key else file)
            for file, one in self.first.files.items()
            if one.claimed
            for key in one.messages
        }

    def claim(self) -> None:
        """Send under the keys of claimed messages, as another program with the same habits would."""
        for appid, name in sorted(self.claimed):
            body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "别人的"}}
            said = self.sandbox.call(SENDALL, {**body, "clientmsgid": clientmsgid(appid, name, 1)}, appid)
            assert said["errcode"] == 0, said

    def clock(self) -> datetime:
        """The sandbox's time."""
        offset_s = float(self.sandbox.control("GET", "clock")["offset_s"])
        return datetime.now(UTC) + timedelta(seconds=offset_s)

    def judge(self) -> Verdict:
        """Compare what WeChat took and what the ledger says; its chain must hold whatever happened."""
        ledger = self.backend.open(self.clock, machine="judge")
        try:
            self.events, heads = ledger.snapshot()
        finally:
            ledger.close()
        for one in self.sandbox.control("GET", "requests", after=self._asked, limit=MANY)["requests"]:
            self._asked = one["id"]
            self.calls += [one] if one["path"] == f"/cgi-bin/{SENDALL}" else []
        state = fold(self.events, authentic)
        taken = [str(job["content"]) for job in self.sandbox.jobs()]
        opened = [known for known in state.sends if known.fate is Fate.UNKNOWN]
        now = datetime.now(UTC)
        return Verdict(
            faults=(*find_chain_faults(self.events, heads), *doubled(taken), *self._begun_twice()),
            texts={mark: text for text in taken if (mark := mark_in(text)) is not None},
            unknown=frozenset((known.appid, known.send) for known in opened),
            disputed=frozenset(
                (known.appid, known.send) for known in opened if known.status is Status.DISPUTED
            ),
            stopped=frozenset(appid for appid, one in state.streams.items() if one.holds_at(now)),
        )

    def _begun_twice(self) -> Iterator[str]:
        """Find intents of a message that was on its way or out at that moment, under whatever id."""
        names = {name: ids for ids in self.author.ids.values() for name in ids}
        streams: dict[str, StreamState] = {}
        for event in self.events:
            stream = streams.setdefault(event.stream, StreamState(event.stream))
            if event.kind == EventKind.INTENT:
                send, revision = event.data["send"], event.data["revision"]
                for one in (stream.find(name, revision) for name in names[send]):
                    if one.status is not Status.REJECTED:
                        yield f"event {event.seq} of {event.stream}: {send} begun, {one.send} {one.status}"
            stream.add(event, is_authentic=authentic(event))

    def walked(self, traces: Path) -> Walked:
        """Walk what every run did through the rules of the model."""
        claimed = [clientmsgid(appid, name, 1) for appid, name in self.claimed]
        return walk(read_traces(traces), self.events, authentic, self.calls, claimed)


@contextmanager
def open_testbed(folder: Path, backend: Backend, author: Author) -> Iterator[Testbed]:
    """Set everything up for the messages of an author."""
    seed = folder / "seed.yaml"
    accounts = [
        {"appid": appid, "kind": "service", "secret": SECRET, "followers": FOLLOWERS, "tags": ["会员"]}
        for appid in APPIDS.values()
    ]
    seed.write_text(yaml.safe_dump({"accounts": accounts}, allow_unicode=True), encoding="utf-8")
    with served("--seed", str(seed), "--no-quota") as sandbox:
        clones = []
        for letter in "AB":
            clones.append(Clone(folder / letter / "campaigns"))
            clones[-1].root.mkdir(parents=True)
            settings = yaml.safe_dump(_settings(sandbox.url, backend.setting), allow_unicode=True)
            (clones[-1].root / "_settings.yaml").write_text(settings, encoding="utf-8")
            clones[-1].write(author.files)
        first, second = clones
        yield Testbed(sandbox=sandbox, author=author, first=first, second=second, backend=backend)


def _settings(url: str, ledger: str) -> dict[str, Any]:
    accounts = {
        name: {"kind": "service", "appid": appid, "secret": {"env": "TORTURE_SECRET"}}
        for name, appid in APPIDS.items()
    }
    return {
        "default_environment": "torture",
        "environments": {"torture": {"api": url, "ledger": ledger, "accounts": accounts}},
        "policy": {"duplicate_content_days": 0},
    }


@contextmanager
def served(*words: str) -> Iterator[Sandbox]:
    """Run a sandbox in a process of its own."""
    command = [sys.executable, "-m", "wechat_campaigns", "sandbox", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sandbox(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()
