"""The world that runners are tortured in: a sandbox process, a campaigns folder, a ledger, and the count."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml

from runner.ledger.events import broken, snapshot
from runner.ledger.state import LedgerState, Status, fold
from runner.protocol.keys import SendKey
from tests.unit.ledger.backends import Backend

ACCOUNTS = 4
SECRET = "0" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One sandbox, one folder of campaigns, one ledger."""

    url: str
    root: Path
    backend: Backend
    sends: tuple[tuple[str, str], ...]
    """(appid, send id) of everything there is to send."""

    def control(self, method: str, name: str, body: Any = None) -> Any:
        """Ask the sandbox itself."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.url}/_sandbox/{name}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def state(self) -> LedgerState:
        """Read the ledger as a machine of its own; its chain must hold whatever happened."""
        ledger = self.backend.open(self.clock, machine="judge")
        try:
            events, heads = snapshot(ledger)
        finally:
            ledger.close()
        faults = broken(events, heads)
        assert not faults, faults
        return fold(events)

    def clock(self) -> datetime:
        """The sandbox's time."""
        return datetime.now(UTC) + timedelta(seconds=float(self.control("GET", "clock")["offset_s"]))

    def judge(self) -> Verdict:
        """Compare what followers received with what the ledger knows."""
        state = self.state()
        jobs = self.control("GET", "jobs")["jobs"]
        counts = Counter(job["clientmsgid"] for job in jobs)
        open_ids, lost, missing = set(), set(), set()
        for appid, send_id in self.sends:
            known = state.send(appid, send_id, 1)
            status = known.status if known else None
            made = counts[SendKey(appid, send_id, 1).clientmsgid]
            if status is Status.OPEN:
                open_ids.add(send_id)
            elif bool(made) != (status in (Status.ACCEPTED, Status.SENT)):
                lost.add(send_id)
            if not made:
                missing.add(send_id)
        return Verdict(
            doubled=sum(count - 1 for count in counts.values()),
            lost=frozenset(lost),
            unknown=frozenset(open_ids),
            missing=frozenset(missing),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of all sends so far."""

    doubled: int
    lost: frozenset[str]
    """The ledger says sent and nobody received it, or the other way round: nobody would ever be told."""
    unknown: frozenset[str]
    missing: frozenset[str]


@contextmanager
def world(folder: Path, backend: Backend, sends: int) -> Iterator[World]:
    """Set everything up for that many sends, spread over the accounts."""
    appids = [f"wx00000000000001{number:02d}" for number in range(ACCOUNTS)]
    seed = folder / "seed.yaml"
    accounts = [
        {"appid": appid, "kind": "service", "secret": SECRET, "followers": 3, "tags": ["会员"]}
        for appid in appids
    ]
    seed.write_text(yaml.safe_dump({"accounts": accounts}, allow_unicode=True), encoding="utf-8")
    with _sandbox(seed) as url:
        root = folder / "campaigns"
        root.mkdir()
        settings = _settings(url, backend.setting, appids)
        (root / "_settings.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        made = [_campaign(root, number, appid, sends) for number, appid in enumerate(appids)]
        yield World(url=url, root=root, backend=backend, sends=tuple(one for some in made for one in some))


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


def _campaign(root: Path, number: int, appid: str, sends: int) -> list[tuple[str, str]]:
    keys = [f"k{n}" for n in range(number, sends, ACCOUNTS)]
    campaign = {
        "account": f"a{number}",
        "msgtype": "text",
        "content": "会员日 {{ key }}",
        "for_each": {key: {"filter": {"tag": "会员"}, "vars": {"key": key}} for key in keys},
    }
    text = yaml.safe_dump(campaign, allow_unicode=True)
    (root / f"c{number}.yaml").write_text(text, encoding="utf-8")
    return [(appid, f"c{number}[{key}]") for key in keys]


@contextmanager
def _sandbox(seed: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "runner.sandbox", "--port", "0", "--seed", str(seed), "--no-quota"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
