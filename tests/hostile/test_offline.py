"""What a command reaches, of a branch whose settings name a stranger's programs, addresses and ledgers.

Every registered command is run, by the effect that it declares: who looks at files uses no network and no
secret, who reads the ledger uses no secret, and neither writes anything but what it is there to write.

The real command runs in a process whose interpreter reports every connection, program and opened file, with a
`git` that writes down its arguments and a database and an API that would accept whoever comes.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.process import COMMAND, Clone, Done, environment
from tests.support.commands import COMMANDS
from wechat_campaigns.cli.options import OF_LEDGER as EFFECTS_OF_LEDGER
from wechat_campaigns.cli.options import Effect
from wechat_campaigns.cli.registry import Command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.workspace import LedgerWorkspace
from wechat_sandbox.server import embedded

pytestmark = pytest.mark.deep

WATCH = """
import os, sys

_log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def _hook(event, args):
    kind = "network" if event in _NETWORK else "program" if event in _PROGRAMS else ""
    path = args[0] if args else ""
    if event in ("os.remove", "os.rmdir") and args[-1] != -1:  # relative to an open folder
        path = os.path.join(os.readlink(f"/proc/self/fd/{args[-1]}"), path)
    if event in _CHANGES or event == "sqlite3.connect" and "mode=ro" not in str(path):
        kind = "write"
    if event == "open" and isinstance(args[2], int) and args[2] & _WRITING and not isinstance(path, int):
        kind = "write"
    if kind:
        shown = os.fsdecode(path) if isinstance(path, (str, bytes)) else path
        os.write(_log, f"{kind}\\t{event}\\t{shown}\\n".encode())

sys.addaudithook(_hook)
"""
TALKS = {"fetch", "push", "pull", "clone", "ls-remote", "remote"}
SERVERS = ("studio", "sandbox")
"""Commands without an end: they are told to stop."""
ACCOUNT = "main: {kind: service, appid: wx1234567890abcdef, secret: {command: [touch, MARK]}}"
APPID = "wx1234567890abcdef"
CAMPAIGN = "account: main\nfilter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


class Offline(Clone):
    """A clone with campaigns of a stranger, and a listener that nobody may reach."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, f"http://127.0.0.1:{port}/team/campaigns.git", sale=CAMPAIGN)
        self.port, self.log = port, folder / "log"
        for name in ("site", "tmp"):
            (folder / name).mkdir()
        (folder / "site" / "sitecustomize.py").write_text(WATCH)

    def settle(self, api: str, ledger: str, *more: str) -> None:
        """Write the settings, with more lines, and commit everything."""
        lines = ["default_environment: production", "environments:", "  production:", f"    api: {api}"]
        lines += [f"    ledger: {ledger}"] if ledger else []
        text = "\n".join([*lines, "    accounts:", f"      {ACCOUNT}", *more, ""])
        for name, value in {"MARK": self.mark, "PORT": self.port, "FOLDER": self.folder}.items():
            text = text.replace(name, str(value))
        self.write(_settings=text)
        self.commit()

    def run(self, *words: str, **variables: str) -> Done:
        places = {"XDG_STATE_HOME": "state", "TMPDIR": "tmp", "PYTHONPATH": "site", "WATCH_LOG": "log"}
        environ = {name: str(self.folder / place) for name, place in places.items()} | {"PATH": self.path}
        served = ["timeout", "--signal=INT", "6"] if words[0] in SERVERS else []
        return subprocess.run(
            [*served, *COMMAND, *words], cwd=self.repo,
            env=environment(self.home, PYTHONDONTWRITEBYTECODE="1", **environ, **variables),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def seen(self, kind: str) -> set[str]:
        rows = [line.split("\t", 2) for line in self.log.read_text(errors="replace").splitlines()]
        return {f"{event} {what}" for of, event, what in rows if of == kind}

    def network(self) -> set[str]:
        """What was asked of the network, but for urllib3, which asks the system for IPv6 at its import."""
        return {one for one in self.seen("network") if "laddr=('::', 0, 0, 0)" not in one}

    def programs(self) -> set[str]:
        return {Path(one.split(" ", 1)[1]).name for one in self.seen("program")}

    def asked_of_servers(self) -> list[str]:
        """What git was called with to talk to a server."""
        calls = [line for line in self.called().splitlines() if line.startswith("ARGS ")]
        return [one for one in calls if TALKS & set(one.split())]

    def outside(self) -> set[str]:
        folders = (self.repo / ".campaign", self.folder / "state", self.folder / "tmp")
        own = (*map(str, folders), os.devnull)
        return {one for one in self.seen("write") if not one.split(" ", 1)[1].startswith(own)}

    def files(self) -> dict[str, bytes]:
        left_out = (self.repo / ".campaign", self.folder / "state", self.log, self.calls)
        return {
            str(path): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not any(path.is_relative_to(one) for one in left_out)
        }


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Offline(tmp_path, listener.getsockname()[1])
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()


SETTINGS = {
    "wechat": ("https://api.weixin.qq.com", ""),
    "address": ("http://127.0.0.1:PORT", ""),
    "sandbox": ("sandbox", ""),
    "sqlite": ("https://api.weixin.qq.com", "sqlite:FOLDER/elsewhere/ledger.sqlite3"),
    "postgres": ("https://api.weixin.qq.com", "postgresql://u@127.0.0.1:PORT/d"),
    "git": ("https://api.weixin.qq.com", "git"),
    "git-address": ("https://api.weixin.qq.com", "git:http://127.0.0.1:PORT/evil/ledger.git#ledger"),
    "git-path": ("https://api.weixin.qq.com", "git:FOLDER/ledger.git#ledger"),
}


@pytest.mark.parametrize(
    ("named", "words"),
    [
        *((named, ("plan", "--offline")) for named in SETTINGS),
        ("git-address", ("validate",)),
        ("sandbox", ("validate",)),
        ("postgres", ("render", "sale")),
        ("git-address", ("plan", "--offline", "--changed-since", "main")),
        ("address", ("--version",)),
        ("address", ("reference", "--format", "json")),
        ("address", ("completion", "powershell")),
    ],
)
def test_nothing_is_reached_and_nothing_is_written(
    offline: Offline, named: str, words: tuple[str, ...]
) -> None:
    offline.settle(*SETTINGS[named])
    before = offline.files()
    done = offline.run(*words)
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert offline.network() == set()
    assert offline.outside() == set()
    assert offline.files() == before
    assert offline.programs() <= {"git"}
    assert offline.asked_of_servers() == []


HOSTILE = (
    "policy: {checks: [{name: brand, command: [touch, MARK]}]}",
    "notify: [{kind: webhook, url: {command: [touch, MARK]}, when: [sent, approval_needed]}]",
)
LEDGERS = ("postgresql://u@127.0.0.1:PORT/d", "git:ext::touch MARK#x", "sqlite:FOLDER/elsewhere/l.sqlite3")
BRANCH = {
    "campaigns/draft.yaml": CAMPAIGN.replace("text", "mpnews").replace("你好", "{draft: 四月新品}"),
    "campaigns/article.yaml": CAMPAIGN.replace("text", "mpnews").replace(
        "你好", "[{title: 茶, body: a.html}]"
    ),
    "campaigns/a.html": '<p>茶<img src="http://127.0.0.1:PORT/a.png"></p>',
    "page.html": '<div id="js_content"><p>茶<img src="http://127.0.0.1:PORT/b.png"></p></div>',
    "plan.json": "{}",
}
"""What a stranger's branch holds beside its settings."""
WORDS = {
    "ci outputs": "ci outputs plan.json",
    "ci phones": "ci phones page.html pictures",
    "completion": "completion bash",
    "import": "import page.html",
    "ledger export": "ledger export",
    "new": "new offer --tag 会员",
    "plan": "plan --offline",
    "render": "render draft",
    "sandbox": "sandbox --port 0",
    "status": "status",
    "studio": "studio --port 0",
}
"""How a command is called where its bare name is not enough."""
SERVING = {"socket.bind", "socket.getaddrinfo"}
NETWORK = {"sandbox": SERVING, "studio": SERVING, "import": {"socket.getaddrinfo"}}
"""What a command does with sockets although it obeys no settings: it serves this machine, or looks up a host
of a page that a person named."""
PROGRAMS = {"completion": {"bash"}}
"""The programs beside git, which settings do not name."""
OFFLINE = [
    path
    for path, command in COMMANDS.items()
    if isinstance(command, Command) and (command.effect in {Effect.NONE, Effect.LOCAL} or path == "plan")
]
OF_LEDGER = [
    path
    for path, command in COMMANDS.items()
    if isinstance(command, Command) and ({command.effect, command.read_only} & EFFECTS_OF_LEDGER)
]


def fill(offline: Offline) -> None:
    for name, text in BRANCH.items():
        (offline.repo / name).write_text(text.replace("PORT", str(offline.port)), encoding="utf-8")


@pytest.mark.parametrize(("path", "ledger"), [*zip(OFFLINE, cycle(LEDGERS), strict=False)], ids=OFFLINE)
def test_what_looks_at_files_obeys_nothing_of_the_settings(offline: Offline, path: str, ledger: str) -> None:
    fill(offline)
    offline.settle("http://127.0.0.1:PORT", ledger, *HOSTILE)
    if path == "studio":  # it fetches from where the person cloned, which no file of the branch can say
        offline.git("remote", "set-url", "origin", str(offline.folder / "gone.git"))
    before = offline.files()
    done = offline.run(*WORDS.get(path, path).split())
    assert done.returncode != ExitCode.BUG, done.stderr
    assert {one.split()[0] for one in offline.network()} <= NETWORK.get(path, set())
    assert offline.programs() <= {"git", *PROGRAMS.get(path, ())}
    asked = offline.asked_of_servers()
    assert [one for one in asked if path != "studio" or "origin" not in one.split()] == []
    after = offline.files()
    changed = {name for name in after if after[name] != before.get(name)}
    command = COMMANDS[path]
    assert isinstance(command, Command)
    place = str(offline.repo) if command.effect is Effect.LOCAL else "nowhere"
    assert {name for name in changed if not name.startswith(place)} == set()
    assert before.keys() <= after.keys()


@pytest.mark.parametrize(("path", "read_only"), [*((path, "") for path in OF_LEDGER), ("status", "1")])
def test_what_reads_the_ledger_reads_no_secret(offline: Offline, path: str, read_only: str) -> None:
    (offline.folder / "elsewhere").mkdir()
    offline.settle(*SETTINGS["sqlite"], *HOSTILE)
    record_the_sale(offline, with_accepted=bool(read_only))
    before = offline.files()
    done = offline.run(*WORDS.get(path, path).split(), CAMPAIGN_READ_ONLY=read_only)
    assert done.returncode != ExitCode.BUG, done.stderr
    assert offline.network() == set()
    assert offline.programs() <= {"git"}
    after = offline.files()
    changed = {name for name in after if after[name] != before.get(name) and "ledger.sqlite3" not in name}
    assert {name for name in changed if not name.startswith(str(offline.repo / "archive"))} == set()


@pytest.mark.parametrize("named", ["postgres", "git", "git-address", "git-path", "sqlite"])
def test_a_ledger_that_is_not_here_is_said_to_be_unknown(offline: Offline, named: str) -> None:
    offline.settle(*SETTINGS[named])
    plan = json.loads(offline.run("plan", "--offline", "--format", "json").stdout)
    assert (plan["offline"], plan["ledger_known"]) == (True, False)
    assert "ledger" in offline.run("plan", "--offline").stdout.partition("Needs attention:")[2]


def record_the_sale(place: Offline, *, with_accepted: bool = False) -> None:
    """Begin the ledger and say in it that the sale was sent, while the settings run no program.

    Args:
        with_accepted: another one was accepted, and has not ended.
    """
    settings = place.repo / "campaigns" / "_settings.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("touch, ", "echo, "), encoding="utf-8")
    for command in (("ledger", "init"), ("ledger", "baseline", "sale", "--reason", "sent before")):
        done = place.run(*command)
        assert done.returncode == ExitCode.OK, done.stderr
    settings.write_text(text, encoding="utf-8")
    if with_accepted:
        with LedgerWorkspace(place.repo / "campaigns") as workspace:
            data = {
                "send": "tea",
                "account": "main",
                "revision": 1,
                "msgtype": "text",
                "clientmsgid": "0" * 32,
            }
            head = workspace.ledger.read(APPID)[-1].head
            workspace.ledger.append(Entry(stream=APPID, kind=EventKind.INTENT, data=data), after=head)
            answer = {"send": "tea", "revision": 1, "msg_id": 7, "errcode": 0}
            workspace.ledger.append(Entry(stream=APPID, kind=EventKind.ACCEPTED, data=answer))
    place.log.unlink()


@pytest.mark.parametrize("named", ["git-path", "sqlite"])
def test_a_ledger_that_this_machine_has_is_read(offline: Offline, named: str) -> None:
    offline.git("init", "--quiet", "--bare", str(offline.folder / "ledger.git"))
    (offline.folder / "elsewhere").mkdir()
    offline.settle(*SETTINGS[named])
    record_the_sale(offline)
    shutil.rmtree(offline.folder / "ledger.git")
    before = offline.files()
    plan = json.loads(offline.run("plan", "--offline", "--format", "json").stdout)
    assert plan["ledger_known"] is True
    assert [send["action"] for send in plan["sends"]] == ["sent"]
    assert offline.outside() == set()
    assert offline.files() == before


@pytest.mark.parametrize("path", OF_LEDGER)
def test_who_reads_a_ledger_makes_none(offline: Offline, path: str) -> None:
    offline.settle(*SETTINGS["sqlite"])
    offline.run(*WORDS.get(path, path).split())
    assert not (offline.folder / "elsewhere").exists()


@pytest.fixture
def cloned(offline: Offline) -> Offline:
    """A clone whose remote has a ledger that says the sale was sent; nobody ran the tool in it."""
    author, remote = Offline(offline.folder / "author", offline.port), offline.folder / "remote.git"
    author.git("init", "--quiet", "--bare", str(remote))
    author.git("config", "remote.origin.url", str(remote))
    author.settle(*SETTINGS["git"])
    record_the_sale(author)
    offline.git("config", "remote.origin.url", remote.as_uri())
    offline.settle(*SETTINGS["git"])
    return offline


def offline_plan(cloned: Offline) -> dict[str, Any]:
    """Plan in a clone that its server does not answer any more."""
    cloned.git("config", "remote.origin.url", f"http://127.0.0.1:{cloned.port}/team/campaigns.git")
    before = cloned.files()
    done = cloned.run("plan", "--offline", "--format", "json")
    assert done.returncode == ExitCode.OK, done.stderr
    assert cloned.outside() == set()
    assert cloned.files() == before
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize("depth", [[], ["--depth=1"]])
def test_a_ledger_that_the_checkout_fetched_is_read(cloned: Offline, depth: list[str]) -> None:
    assert offline_plan(cloned)["ledger_known"] is False
    cloned.git("config", "remote.origin.url", (cloned.folder / "remote.git").as_uri())
    cloned.git("fetch", "--quiet", *depth, "origin", "+refs/heads/*:refs/remotes/origin/*")
    plan = offline_plan(cloned)
    assert plan["ledger_known"] is True
    assert plan["unverified"] == ["main"]
    assert [send["action"] for send in plan["sends"]] == ["sent"]


def test_a_fetched_ledger_without_its_files_is_unknown(cloned: Offline) -> None:
    """A partial clone would fetch them now: an offline plan does not."""
    cloned.git("-C", str(cloned.folder / "remote.git"), "config", "uploadpack.allowFilter", "true")
    cloned.git("config", "remote.origin.promisor", "true")
    cloned.git("config", "remote.origin.partialCloneFilter", "blob:none")
    cloned.git("fetch", "--quiet", "--filter=blob:none", "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert offline_plan(cloned)["ledger_known"] is False


def test_a_fetched_ledger_that_was_edited_is_refused(cloned: Offline) -> None:
    cloned.git("fetch", "--quiet", "origin", "campaign-ledger")
    cloned.git("switch", "--quiet", "--detach", "FETCH_HEAD")
    [first, *_others] = sorted((cloned.repo / "events").rglob("*.json"))
    first.write_text(first.read_text().replace("2026", "2025", 1))
    cloned.git("commit", "--quiet", "--all", "--message", "x")
    cloned.git("update-ref", "refs/remotes/origin/campaign-ledger", "HEAD")
    cloned.git("switch", "--quiet", "main")
    done = cloned.run("plan", "--offline")
    assert done.returncode == ExitCode.LEDGER, done.stdout
    assert "breaks at event" in done.stderr


def test_what_watches_can_see(offline: Offline) -> None:
    """A plan with the network is seen to use it: otherwise the tests above would prove nothing."""
    with embedded() as url:
        offline.settle(url, "sqlite:FOLDER/elsewhere/ledger.sqlite3")
        assert offline.run("plan").returncode == ExitCode.SECRET
    offline.run("new", "offer", "--tag", "会员")
    assert offline.seen("network")
    assert offline.outside()
    assert offline.programs() >= {"touch"}
    assert (offline.folder / "mark").exists()
