"""The tool in one process: real packages, a real ledger file, a sandbox on loopback, a clock that moves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests.support.factories import SERVICE, SUBSCRIPTION, FakeWorkspace, Stops, make_account
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.settings import Account, AccountKind, Environment, Policy, Settings
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.ledger.trust import is_signed
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.planner import make_plan
from wechat_campaigns.plan.resolve import refresh
from wechat_campaigns.plan.unknown_sends import stored_unknown_sends
from wechat_campaigns.protocol.events import Entry, Event, Head
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.send.apply import apply
from wechat_campaigns.send.outcome import SendOutcome, exit_code
from wechat_campaigns.send.posting import RunContext
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.secret import SANDBOX_SECRET
from wechat_campaigns.wechat.endpoints import connect
from wechat_campaigns.wechat.transport import Timeouts

TEST = "wx0000000000000003"
PICTURES = Path(__file__).parents[1] / "articles" / "images"


def _as_is(part: Any) -> Any:
    return part


def authentic(event: Event) -> bool:
    """Whether the mac of an event holds, for an account of the sandbox."""
    return event.data.get("mac") == mac_of(mac_key(SANDBOX_SECRET, event.stream), event)


class SignedLedger(SqliteLedger):
    """Gives what is written its mac, as the command does."""

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        return super().append_all([_signed(entry) for entry in entries], after=after)


def _signed(entry: Entry) -> Entry:
    if "mac" in entry.data or not is_signed(entry):
        return entry
    mac = mac_of(mac_key(SANDBOX_SECRET, entry.stream), entry)
    return replace(entry, data={**entry.data, "mac": mac})


Command = Callable[..., tuple[int, str, str]]
"""Runs the command in the process of the test: exit code, standard output, standard error."""


def campaigns_on(sandbox: Sandbox, parent: Path, more: str = "") -> Path:
    """A campaigns folder whose only environment is a sandbox, its secret from a command as in real life.

    Args:
        sandbox: where it sends to.
        parent: the folder to make it in.
        more: what else the settings say.
    """
    folder = parent / "campaigns"
    folder.mkdir(exist_ok=True)
    account = f"{{kind: service, appid: {SERVICE}, secret: {{command: [printf, '%032d', '0']}}}}"
    (folder / "_settings.yaml").write_text(
        "default_environment: test\n"
        f"environments: {{test: {{api: '{sandbox.url}', ledger: sqlite, accounts: {{main: {account}}}}}}}\n"
        f"{more}",
        encoding="utf-8",
    )
    return folder


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, and the calls that look into it."""

    url: str

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            data = None if body is None else json.dumps(body).encode()
            answer = session.request(
                method, f"{self.url}/_sandbox/{name}", data=data, params=query, timeout=60
            )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(self, path: str, body: Any, appid: str = SERVICE) -> Any:
        """Call WeChat as a colleague would, beside the tool: `call("draft/update", {…})`."""
        with requests.Session() as session:
            session.trust_env = False
            who = {"grant_type": "client_credential", "appid": appid, "secret": SANDBOX_SECRET}
            token = session.post(f"{self.url}/cgi-bin/stable_token", json=who, timeout=60).json()
            data = json.dumps(body, ensure_ascii=False).encode()
            where = f"{self.url}/cgi-bin/{path}?access_token={token['access_token']}"
            return session.post(where, data=data, timeout=60).json()

    def reset(self) -> None:
        self.control("POST", "reset")

    def jobs(self) -> list[dict[str, Any]]:
        """Every mass job with the exact body received."""
        jobs: list[dict[str, Any]] = self.control("GET", "jobs")["jobs"]
        return jobs

    def sent(self) -> Counter[str]:
        """How many jobs there are for each clientmsgid."""
        return Counter(job["clientmsgid"] for job in self.jobs())

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "deliveries")["deliveries"]
        return found

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return found

    def fault(self, **spec: Any) -> None:
        """Order a fault: endpoint, kind, times, skip, errcode, latency_s."""
        self.control("POST", "faults", spec)

    def drop_faults(self) -> None:
        self.control("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance_s": seconds})

    def media(self, media_id: str, kind: str, appid: str = SERVICE, **more: Any) -> None:
        """Put a media_id of our choice on WeChat."""
        self.control("POST", "media", {"appid": appid, "media_id": media_id, "kind": kind, **more})

    def openids(self, appid: str = SERVICE) -> list[str]:
        return [item["openid"] for item in self.control("GET", "followers", appid=appid)["followers"]]


@dataclass
class Playground:
    """One campaigns folder with everything around it; `apply()` is one run of the command."""

    sandbox: Sandbox
    root: Path
    ledger_file: Path
    settings: Settings
    ahead: timedelta = timedelta()
    timeouts: Timeouts | None = None
    wrap_api: Callable[[Any], Any] = _as_is
    wrap_ledger: Callable[[Ledger], Ledger] = _as_is
    stopping: Callable[[], bool] = lambda: False
    resend: frozenset[str] = frozenset()
    outcomes: tuple[SendOutcome, ...] = ()
    _ledgers: list[SqliteLedger] = field(default_factory=list)

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        """Move the runner's clock and the sandbox's together."""
        self.ahead += timedelta(seconds=seconds)
        self.sandbox.advance(seconds)

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def ledger(self) -> SqliteLedger:
        ledger = SignedLedger(self.ledger_file, self.clock)
        self._ledgers.append(ledger)
        return ledger

    def state(self) -> LedgerState:
        return fold(self.ledger().events(), authentic)

    def connect(self, account: Account, *, read_only: bool) -> Any:
        api = connect(
            account, self.settings.environment.api, secret=lambda: SANDBOX_SECRET, clock=self.clock,
            sleep=lambda _s: None, timeouts=self.timeouts,
        )  # fmt: skip
        return self.wrap_api(api.read_only() if read_only else api)

    def prepare(self) -> CompileResult:
        prepared = compile_campaigns(self.root, settings=self.settings, files=Files(self.root))
        assert not prepared.errors, prepared.errors
        return prepared

    def plan(self, prepared: CompileResult | None = None, ledger: Ledger | None = None) -> Plan:
        prepared = prepared or self.prepare()
        state = fold((ledger or self.ledger()).events(), authentic)
        context = DecisionContext(
            settings=self.settings,
            state=state,
            now=self.clock(),
            is_current=prepared.presence_check(),
            resend=self.resend,
        )
        sends = (*prepared.sends, *stored_unknown_sends(prepared.sends, context))
        known = refresh(
            sends, context, connect=lambda account: self.connect(account, read_only=True), clock=self.clock
        )
        return make_plan(sends, invalid=prepared.invalid, context=context, remote_facts=known)

    def apply(self, prepared: CompileResult | None = None) -> ExitCode:
        """Plan and apply once, as one run of the command would; the exit code, `outcomes` beside it."""
        prepared = prepared or self.prepare()
        ledger = self.wrap_ledger(self.ledger())
        plan = self.plan(prepared, ledger)
        files = Files(self.root)
        workspace: Any = FakeWorkspace(
            api=None,
            connect=lambda account: self.connect(account, read_only=False),
            ledger=ledger,
            settings=self.settings,
            clock=self.clock,
            read=lambda file: files.data(file.path),
            mac_key=lambda account: mac_key(SANDBOX_SECRET, account.appid),
        )
        run_context = RunContext(plan_digest=plan.plan_digest)
        stopping = Stops(self.stopping, self.advance)
        self.outcomes = apply(plan, workspace=workspace, run_context=run_context, stopping=stopping)
        return exit_code(self.outcomes)

    def settle(self, prepared: CompileResult | None = None, runs: int = 5) -> ExitCode:
        """Apply, a minute apart, until nothing is left to do."""
        for _ in range(runs):
            self.advance(61)
            code = self.apply(prepared)
            if code is ExitCode.OK:
                break
        return code

    def close(self) -> None:
        for ledger in self._ledgers:
            ledger.close()


@contextmanager
def make_playground(sandbox: Sandbox, folder: Path, policy: Policy | None = None) -> Iterator[Playground]:
    root = folder / "campaigns"
    root.mkdir(exist_ok=True)
    playground = Playground(
        sandbox=sandbox,
        root=root,
        ledger_file=folder / "ledger.sqlite3",
        settings=Settings(
            environment=_environment(sandbox.url),
            policy=policy or Policy(allow_to_all=True, duplicate_content_days=0),
        ),
    )
    yield playground
    playground.close()


def _environment(url: str) -> Environment:
    appids = {AccountKind.SERVICE: SERVICE, AccountKind.SUBSCRIPTION: SUBSCRIPTION, AccountKind.TEST: TEST}
    accounts = {
        kind.value: make_account(kind.value, kind=kind, appid=appid) for kind, appid in appids.items()
    }
    return Environment(name="test", api=url, ledger="sqlite", accounts=accounts, default_account="service")
