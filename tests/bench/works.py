"""The works that are measured: ours and the yardstick's side of each, with the goal as a ratio."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import requests

from tests.bench import floor, yardsticks
from tests.bench.generate import SETTINGS, write_campaigns
from tests.bench.measure import INHERITED, Command
from tests.support.postgres_server import Server, postgres_server
from wechat_campaigns.core.files import state_folder
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.ledger.events import LEDGER, LedgerKind, next_event
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

CAMPAIGN = str(Path(sys.executable).parent / "campaign")
APPID = "wx0000000000000001"
SECRET = "0" * 32
LATENCY_S = 0.1
EACH = 10
"""Sends of an account of the fleet."""
ACCOUNTS = 3_000
"""Of the sandbox: no run sends from an account that another run has sent from."""


class Part(StrEnum):
    """What can be asked for by itself."""

    START = "start"
    VALIDATE = "validate"
    PLAN = "plan"
    OPENIDS = "openids"
    APPLY = "apply"
    FLEET = "fleet"
    GROWTH = "growth"
    DISK = "disk"


Pair = tuple[Command, Command | None]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One line of the table: ours and the other command, or the seconds that ours is compared with."""

    part: Part
    name: str
    against: str
    goal: float | None
    """The most that the ratio of the times should be; None for a line that only shows where the floor is."""
    commands: Callable[[], Pair]
    """Prepares what they need, when their turn comes."""
    against_s: float | None = None
    rounds: int = 5
    by: Literal["wall_s", "cpu_s"] = "wall_s"
    """The time that is compared."""
    most_memory: float | None = None
    """The most that the ratio of the memories should be."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line that is no time."""

    part: Part
    name: str
    goal: float | None
    """The most that it should be."""
    figure: Callable[[], float]


def appid(number: int) -> str:
    """Return the accounts of the sandbox from 0."""
    return f"wx{number + 1:016d}"


def offline_settings() -> dict[str, Any]:
    """Write settings of one real account; nothing asks it anything."""
    account = {"kind": "service", "appid": APPID, "secret": {"env": "BENCH_SECRET"}}
    real = {"api": "https://api.weixin.qq.com", "accounts": {"main": account}}
    return {**SETTINGS, "default_environment": "bench", "environments": {"bench": real}}


def data(count: int) -> Path:
    """Return a folder with `count` campaigns, written once."""
    root = yardsticks.FOLDER / f"data/{count}/campaigns"
    if not (root.parent / "whole").exists():
        shutil.rmtree(root.parent, ignore_errors=True)
        write_campaigns(root, count, settings=offline_settings())
        (root.parent / "whole").touch()
    return root


def campaign(root: Path, *arguments: str) -> Command:
    """Run our command on a folder."""
    return Command(arguments=[CAMPAIGN, *arguments, "--dir", str(root)], environment={"BENCH_SECRET": SECRET})


def starts() -> Iterator[Work]:
    """Start, and do nothing else."""
    for words, goal_s in (("--help", 0.060), ("--version", 0.070)):
        yield Work(part=Part.START, name=f"campaign {words}", against=f"{goal_s * 1000:.0f} ms", goal=1.0,
                   commands=partial(_start, words), against_s=goal_s, rounds=11, by="cpu_s")  # fmt: skip


def _start(words: str) -> Pair:
    return Command(arguments=[CAMPAIGN, words]), None


def validations() -> Iterator[Work]:
    """Check files, from one to ten thousand; the floor is what no reader of these files can be without."""
    for count, goal in ((1, 0.40), (1_000, 0.20), (10_000, 0.10)):
        name = f"validate, {count:,} {'file' if count == 1 else 'files'}"
        yield Work(part=Part.VALIDATE, name=name, against="check-jsonschema", goal=goal,
                   commands=partial(_validate, count), rounds=11 if count == 1 else 5)  # fmt: skip
    yield Work(part=Part.VALIDATE, name="validate, 10,000 files beside the floor", goal=None,
               against="read, libyaml and jsonschema-rs alone", commands=_validate_beside_floor)  # fmt: skip


def _validate(count: int) -> Pair:
    root = data(count)
    theirs = yardsticks.check_jsonschema(sorted(root.glob("0*/*.yaml")))
    return campaign(root, "validate"), Command(arguments=theirs)


def _validate_beside_floor() -> Pair:
    root = data(10_000)
    return campaign(root, "validate"), Command(arguments=[sys.executable, floor.__file__, str(root)])


def plans() -> Iterator[Work]:
    """Plan sends that are all new, all done, or few."""
    for name, goal, done in (("new", 1.0, False), ("sent already", 0.8, True)):
        yield Work(part=Part.PLAN, name=f"plan, 10,000 sends {name}", against="octodns", goal=goal,
                   commands=partial(_plan_many, done=done))  # fmt: skip
    yield Work(part=Part.PLAN, name="plan, 200 sends", against="ansible --check", goal=0.08,
               commands=_plan_few)  # fmt: skip
    yield Work(part=Part.OPENIDS, name="plan, 1,000,000 openids", against="100,000 openids", goal=11.0,
               commands=_plan_openids)  # fmt: skip


def _plan_many(*, done: bool) -> Pair:
    root = data(10_000)
    ledger = state_folder(root, INHERITED) / "bench.ledger.sqlite3"
    _begin_ledger(root, ledger.with_name("done.sqlite3") if done else ledger, 3 if done else 0)
    folder = yardsticks.FOLDER / f"octodns-{'done' if done else 'new'}"
    theirs = Command(arguments=yardsticks.octodns(folder, 10_000, known=done))
    # Both works share the campaigns: each run chooses its ledger.
    ours = replace(
        campaign(root, "plan", "--offline"),
        before=partial(_choose_ledger, root, "sqlite:done.sqlite3" if done else "sqlite"),
    )
    return ours, theirs


def _plan_few() -> Pair:
    folder = yardsticks.FOLDER / "ansible-check"
    ansible = yardsticks.ansible(folder, 200, "http://127.0.0.1:9", check=True)
    return campaign(data(200), "plan", "--offline"), Command(arguments=ansible)


def _plan_openids() -> Pair:
    few, many = (campaign(_openid_campaigns(count), "plan", "--offline") for count in (100_000, 1_000_000))
    return many, few


def _openid_campaigns(count: int) -> Path:
    root = yardsticks.FOLDER / f"openids/{count}/campaigns"
    shutil.rmtree(root.parent, ignore_errors=True)
    root.mkdir(parents=True)
    settings = json.dumps(offline_settings(), ensure_ascii=False)
    (root / "_settings.yaml").write_text(settings, encoding="utf-8")
    for half in range(2):
        lines = (f"o{number:027d}\n" for number in range(half * count // 2, (half + 1) * count // 2))
        (root / f"{half}.txt").write_text("".join(lines), encoding="utf-8")
        send = {"filter": {"openids": {"file": f"{half}.txt"}}, "msgtype": "text", "content": f"第 {half} 半"}
        (root / f"{half}.yaml").write_text(json.dumps(send, ensure_ascii=False), encoding="utf-8")
    return root


def _choose_ledger(root: Path, ledger: str) -> None:
    settings = offline_settings()
    settings["environments"]["bench"]["ledger"] = ledger
    (root / "_settings.yaml").write_text(json.dumps(settings, ensure_ascii=False, indent=1), encoding="utf-8")


def _begin_ledger(root: Path, file: Path, events_each: int) -> None:
    """Fill a ledger: each send intended, accepted, and found sent."""
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    settings = load_settings(root)
    made = compile_campaigns(root, settings=settings, files=Files(root))
    now = datetime(2026, 11, 1, tzinfo=UTC)
    events: list[Event] = []
    head = EMPTY
    for number, send in enumerate(made.sends if events_each else ()):
        named = {"send": send.id, "revision": 1}
        digest = {
            "account": "main",
            "content_digest": compute_content_digest(send),
            "recipients": "tag x",
            "body": {},
        }
        told = {"msg_id": number + 1, "msg_status": "SEND_SUCCESS"}
        for kind, more in (
            (EventKind.INTENT, digest),
            (EventKind.ACCEPTED, {"msg_id": number + 1}),
            (LedgerKind.STATUS, told),
        ):
            at = now + timedelta(seconds=number)
            tied = {"after": head.hash} if kind == EventKind.INTENT else {"intent": head.hash}
            entry = Entry(stream=APPID, kind=kind, data={**named, **more, **tied, "at": at.isoformat()})
            events.append(next_event(entry, at=at, head=head))
            head = events[-1].head
    start = Entry(stream=LEDGER, kind=LedgerKind.INIT, data={"environment": "bench"})
    ledger = SqliteLedger(file, lambda: now)
    ledger.restore([*events, next_event(start, at=now, head=EMPTY)])
    ledger.close()


@contextmanager
def sandbox(folder: Path, accounts: int, *, latency_s: float = LATENCY_S) -> Iterator[str]:
    """Serve that many accounts, each answer as late as WeChat's."""
    folder.mkdir(parents=True, exist_ok=True)
    account = {"kind": "service", "secret": SECRET, "followers": 3, "tags": ["会员"]}
    seed = {"accounts": [{"appid": appid(n), **account} for n in range(accounts)]}
    (folder / "seed.yaml").write_text(json.dumps(seed, ensure_ascii=False), encoding="utf-8")
    command = [CAMPAIGN, "sandbox", "--port", "0", "--seed", str(folder / "seed.yaml"), "--no-quota"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        late = {"kind": "latency", "latency_s": latency_s, "times": None}
        try:
            requests.post(f"{url}/_sandbox/faults", json=late, timeout=10).raise_for_status()
            yield url
        finally:
            process.terminate()


def applies(stack: ExitStack) -> Iterator[Work]:
    """Make real sends, against the sandbox with its latency; each run has accounts of its own."""
    late = LateSandbox(stack)
    for word in ("plan", "doctor"):
        yield Work(part=Part.FLEET, name=f"{word}, 400 accounts, 100 ms", against="4 s", goal=1.0,
                   commands=partial(late.asked, word), against_s=4.0, rounds=3)  # fmt: skip
    yield Work(part=Part.APPLY, name="apply, 50 sends in turn, 100 ms", against="ansible apply", goal=0.20,
               commands=late.in_turn)  # fmt: skip
    yield Work(part=Part.APPLY, name="apply, 200 sends, 8 accounts, 100 ms", against="25 answers in a row",
               goal=1.3, commands=late.side_by_side, against_s=25 * LATENCY_S)  # fmt: skip
    for accounts, store, parts in (
        (40, "sqlite", 1),
        (400, "sqlite", 1),
        (400, "postgres", 1),
        (400, "postgres", 2),
    ):
        name = f"apply, {accounts * EACH:,} sends, {accounts} accounts, 100 ms"
        name += f", {store}" * (store != "sqlite") + f", {parts} parts" * (parts > 1)
        yield Work(part=Part.FLEET, name=name, against="10 answers in a row", goal=None,
                   commands=partial(late.fleet, accounts, store, parts), against_s=EACH * LATENCY_S,
                   rounds=1)  # fmt: skip


class LateSandbox:
    """A sandbox with the latency of WeChat, and accounts that no run had before."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._accounts = iter(range(ACCOUNTS))
        self._folder = yardsticks.FOLDER / "apply"

    @cached_property
    def _url(self) -> str:
        shutil.rmtree(self._folder, ignore_errors=True)
        return self._stack.enter_context(sandbox(self._folder, ACCOUNTS))

    @cached_property
    def _server(self) -> Server:
        return self._stack.enter_context(postgres_server())

    def in_turn(self) -> Pair:
        """Make 50 sends of one account, beside as many tasks of a playbook."""
        url, book = self._url, self._folder / "ansible"

        def next_book() -> None:
            yardsticks.ansible(book, 50, url, check=False, appid=appid(next(self._accounts)))

        ansible = Command(arguments=yardsticks.ansible(book, 50, url, check=False), before=next_book)
        return self._apply(self._folder / "one/campaigns", accounts=1, each=50), ansible

    def side_by_side(self) -> Pair:
        """Make 25 sends of each of eight accounts."""
        return self._apply(self._folder / "eight/campaigns", accounts=8, each=25), None

    def asked(self, word: str) -> Pair:
        """Ask about each of 400 accounts, with a send of each."""
        root = self._folder / "asked/campaigns"
        write_sends(root, self._url, [next(self._accounts) for _ in range(400)], 1)
        return campaign(root, word, "--quiet"), None

    def fleet(self, accounts: int, store: str, parts: int) -> Pair:
        """Make ten sends of each account, by a process for each part of the accounts."""
        root = self._folder / f"fleet{accounts}_{store}_{parts}/campaigns"
        ledger = self._server.address(root.parent.name) if store == "postgres" else store
        made = self._apply(root, accounts=accounts, each=EACH, ledger=ledger)
        if parts > 1:
            words = [shlex.join([*made.arguments, f"--shard={part}/{parts}"]) for part in range(1, parts + 1)]
            return replace(made, arguments=["/bin/sh", "-euc", f"{' & '.join(words)}; wait $!"]), None
        return replace(made, counts_sockets=True), None

    def _apply(self, root: Path, *, accounts: int, each: int, ledger: str = "sqlite") -> Command:
        def before() -> None:
            write_sends(root, self._url, [next(self._accounts) for _ in range(accounts)], each, ledger=ledger)

        return replace(campaign(root, "apply", "--auto-approve", "--quiet"), before=before)


def write_sends(root: Path, url: str, accounts: Sequence[int], each: int, *, ledger: str = "sqlite") -> None:
    """Write so many texts for each of these accounts of the sandbox, in place of what the folder had."""
    shutil.rmtree(root.parent, ignore_errors=True)
    root.mkdir(parents=True)
    named = {
        f"a{n}": {"kind": "service", "appid": appid(n), "secret": {"env": "BENCH_SECRET"}} for n in accounts
    }
    bench = {"api": url, "ledger": ledger, "accounts": named}
    settings = {**SETTINGS, "default_environment": "bench", "environments": {"bench": bench}}
    (root / "_settings.yaml").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    for name in named:
        for number in range(each):
            send = {
                "account": name,
                "filter": {"tag": "会员"},
                "msgtype": "text",
                "content": f"{root} 第 {number} 期",
            }
            text = json.dumps(send, ensure_ascii=False)
            (root / f"{name}-{number}.yaml").write_text(text, encoding="utf-8")
