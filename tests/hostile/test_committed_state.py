"""Whatever a commit brings beside the campaigns is never taken for this machine's own state."""

import json
import os
import re
import shutil
import socket
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tests.hostile import process
from tests.hostile.process import Done, git
from tests.support.optional_parts import skip_or_fail
from tests.support.playground import SERVICE, Sandbox, campaigns_on
from tests.support.postgres_server import postgres_server
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_sandbox.server import embedded

pytestmark = pytest.mark.deep

Command = Callable[..., Done]
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def campaign(tmp_path: Path, state: Path) -> Command:
    """Run the real command in a folder, with a state folder of the test."""
    return partial(process.campaign, home=tmp_path, CAMPAIGN_STATE_DIR=str(state))


def checkout(folder: Path, settings: str = "") -> Path:
    """Make a git repository with one campaign in it, and settings if they are given."""
    (folder / "campaigns").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text(".campaign/\n", encoding="utf-8")
    (folder / "campaigns" / "sale.yaml").write_text(CAMPAIGN, encoding="utf-8")
    if settings:
        (folder / "campaigns" / "_settings.yaml").write_text(settings, encoding="utf-8")
    return folder


def project_at(folder: Path, ledger: str = "sqlite") -> Path:
    return checkout(folder, f"environments: {{sandbox: {{api: sandbox, ledger: '{ledger}'}}}}\n")


def bare(path: Path) -> Path:
    git(path.parent, "init", "--quiet", "--bare", str(path))
    return path


def hook(file: Path, marker: Path) -> None:
    file.write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
    file.chmod(0o755)


def commit(folder: Path) -> None:
    git(folder, "add", "--force", ".")
    git(folder, "commit", "--quiet", "--message", "x")


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts}


@pytest.mark.parametrize("words", [("plan", "--offline"), ("plan",), ("status",), ("ledger", "log")])
def test_a_committed_copy_of_the_ledger_runs_nothing(
    tmp_path: Path, campaign: Command, words: tuple[str, ...]
) -> None:
    """A config in it could name a program: for the remote, for SSH, for the monitor of files, as a hook."""
    remote, marker = bare(tmp_path / "remote.git"), tmp_path / "marker"
    project = project_at(tmp_path / "shop", f"git:{remote}#ledger")
    name = sha256(f"{remote}#ledger".encode()).hexdigest()[:16]
    planted = project / ".campaign" / "ledger-git" / name
    planted.parent.mkdir(parents=True)
    bare(planted)
    for event in ("reference-transaction", "pre-push", "post-update"):
        hook(planted / "hooks" / event, marker)
    with (planted / "config").open("a", encoding="utf-8") as config:
        config.write(
            f'[core]\nfsmonitor = "touch {marker};"\nsshCommand = "touch {marker};"\n'
            f'hooksPath = {planted}/hooks\nalternateRefsCommand = "touch {marker};"\n'
            f'[remote "ledger"]\nuploadpack = "touch {marker}; git-upload-pack"\n'
            f'receivepack = "touch {marker}; git-receive-pack"\n'
        )
    commit(project)
    done = campaign(project, *words)
    assert done.returncode == ExitCode.OK, done.stderr
    assert not marker.exists()


FORMS = ("./remote.git", "campaigns/../remote.git", "{project}/remote.git", "file://{project}/remote.git")


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("words", [("ledger", "init"), ("hold", "service", "--reason", "x")], ids=" ".join)
def test_a_committed_remote_of_the_ledger_runs_nothing(
    tmp_path: Path, campaign: Command, address: str, words: tuple[str, ...]
) -> None:
    """A push would run its hooks."""
    project, marker = tmp_path / "shop", tmp_path / "marker"
    project_at(project, f"git:{address.format(project=project)}#ledger")
    remote = bare(project / "remote.git")
    for event in ("pre-receive", "update", "post-update", "post-receive"):
        hook(remote / "hooks" / event, marker)
    commit(project)
    done = campaign(project, *words)
    assert done.returncode == ExitCode.LEDGER, done.stderr
    assert "remote.git" in done.stderr
    assert not marker.exists()


def test_a_commit_that_brings_a_ledger_sends_nothing_again(
    tmp_path: Path, campaign: Command, sandbox: Sandbox
) -> None:
    upstream = checkout(tmp_path / "upstream")
    shutil.rmtree(upstream / "campaigns")
    campaigns_on(sandbox, upstream, "policy: {duplicate_content_days: 0}\n")
    (upstream / "campaigns" / "sale.yaml").write_text(CAMPAIGN, encoding="utf-8")
    commit(upstream)
    victim = tmp_path / "victim"
    git(tmp_path, "clone", "--quiet", str(upstream), str(victim))
    assert campaign(victim, "apply", "--auto-approve").returncode == ExitCode.OK
    assert len(sandbox.jobs()) == 1

    planted = SqliteLedger(upstream / ".campaign" / "test.ledger.sqlite3", lambda: datetime.now(UTC))
    planted.append(Entry(stream=LEDGER, kind=LedgerKind.INIT, data={"environment": "test"}))
    planted.close()
    commit(upstream)
    git(victim, "pull", "--quiet", "--ff-only")
    assert (victim / ".campaign" / "test.ledger.sqlite3").exists()
    sandbox.advance(25 * 3600)  # after a day WeChat, too, has forgotten the send
    campaign(victim, "apply", "--auto-approve")
    assert len(sandbox.jobs()) == 1


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """A stranger's address, and who called it."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    connection, who = server.accept()
                except OSError:
                    return
                calls.append(who)
                with connection:
                    text = connection.recv(65536).decode(errors="replace")
                    said = (re.search(r"echostr=(\d+)", text) or [""] * 2)[1]
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
                    connection.sendall((head + said).encode())

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", calls
        server.shutdown(socket.SHUT_RDWR)


def test_a_committed_sandbox_calls_nobody(
    tmp_path: Path, campaign: Command, listener: tuple[str, list[object]]
) -> None:
    address, calls = listener
    project = project_at(tmp_path / "shop")
    file = project / ".campaign" / "sandbox.sqlite3"
    with embedded(file) as url:
        planted = Sandbox(url)
        callback = {"url": address, "token": "t"}
        planted.control("POST", "accounts", {"appid": SERVICE, "callback": callback})
        body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "x"}}
        assert planted.call("message/mass/sendall", body)["errcode"] == 0
        planted.fault(endpoint="tags/get", kind="latency", latency_s=1, times=None)  # so that it has the time
    with closing(sqlite3.connect(file)) as db, db:
        assert db.execute("update event set state = 'due'").rowcount
    calls.clear()
    commit(project)
    for words in (("plan",), ("apply", "--auto-approve")):
        assert campaign(project, *words).returncode == ExitCode.OK
    assert calls == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_state_is_for_its_owner_alone(tmp_path: Path, campaign: Command, state: Path, umask: int) -> None:
    """Folders 0700 and files 0600, whatever the umask; nothing appears in the checkout."""
    remote = bare(tmp_path / "remote.git")
    project = checkout(
        tmp_path / "shop",
        "default_environment: sandbox\nenvironments:\n  sandbox: {api: sandbox, ledger: sqlite}\n"
        "  other: {api: sandbox, ledger: 'sqlite:kept/deep/sends.db'}\n"
        f"  branch: {{api: sandbox, ledger: 'git:{remote}#ledger'}}\n",
    )
    for environment in ("sandbox", "other", "branch"):
        (project / "campaigns" / f"{environment}.yaml").write_text(CAMPAIGN, encoding="utf-8")
        words = ("apply", environment, "--auto-approve", "--env", environment)
        done = campaign(project, *words, umask=umask)
        assert done.returncode == ExitCode.OK, done.stderr
    assert campaign(project, "render", "sale", umask=umask).returncode == ExitCode.OK
    assert campaign(project, "validate", umask=umask).returncode == ExitCode.OK
    assert {path.name for path in project.iterdir()} == {".git", ".gitignore", "campaigns"}
    found = [state, *state.rglob("*")]
    assert len(found) > 20
    open_to_others = [path for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    assert open_to_others == []


@pytest.mark.parametrize(
    "place", ["shop/state", "shop/campaigns/state", "link/state", "shop/out/state", "state"]
)
def test_a_state_folder_that_a_commit_can_reach_is_refused(
    tmp_path: Path, campaign: Command, place: str
) -> None:
    project = project_at(tmp_path / "shop")
    (tmp_path / "link").symlink_to(project)
    (project / "out").symlink_to(tmp_path)
    before = files_of(project)
    named = place if place == "state" else str(tmp_path / place)
    done = campaign(project, "plan", CAMPAIGN_STATE_DIR=named)
    assert done.returncode == ExitCode.USAGE
    assert "CAMPAIGN_STATE_DIR" in done.stderr
    assert files_of(project) == before


def test_a_state_folder_that_others_can_write_is_refused(
    tmp_path: Path, campaign: Command, state: Path
) -> None:
    """They could put a ledger of theirs there."""
    project = project_at(tmp_path / "shop")
    state.mkdir()
    for mode, code in ((0o777, ExitCode.USAGE), (0o755, ExitCode.OK)):
        state.chmod(mode)
        assert campaign(project, "plan").returncode == code
    if os.geteuid() == 0:  # only root can give a folder away
        (inner,) = state.iterdir()
        os.chown(inner, 12345, 12345)
        assert campaign(project, "plan").returncode == ExitCode.USAGE


@pytest.mark.parametrize(
    "name",
    ["{project}/sends.db", "{project}/.campaign/new/sends.db", "{link}/sends.db", "{project}/out/sends.db"],
)
@pytest.mark.parametrize("words", [("plan", "--offline"), ("apply", "--auto-approve"), ("ledger", "init")])
def test_a_ledger_in_a_work_tree_is_refused(
    tmp_path: Path, campaign: Command, name: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    path = name.format(project=tmp_path / "shop", link=tmp_path / "link")
    project = project_at(tmp_path / "shop", f"sqlite:{path}")
    (project / "out").symlink_to(tmp_path)
    before = files_of(project)
    assert campaign(project, *words).returncode == ExitCode.LEDGER
    assert files_of(project) == before


def test_a_relative_ledger_stays_among_the_state(tmp_path: Path, campaign: Command, state: Path) -> None:
    project = project_at(tmp_path / "shop", "sqlite:kept/sends.db")
    assert campaign(project, "ledger", "init").returncode == ExitCode.OK
    assert len([*state.glob("*/kept/sends.db")]) == 1
    other = project_at(tmp_path / "other", "sqlite:../sends.db")
    assert campaign(other, "ledger", "init").returncode == ExitCode.LEDGER
    assert not (state / "sends.db").exists()


def test_two_clones_have_two_ledgers_and_one_by_two_names_has_one(tmp_path: Path, campaign: Command) -> None:
    project_at(tmp_path / "shop")
    shutil.copytree(tmp_path / "shop", tmp_path / "copy")
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    assert campaign(tmp_path / "shop", "ledger", "init").returncode == ExitCode.OK
    log = ("ledger", "log", "--format", "json")
    assert len(campaign(tmp_path / "link", *log).stdout.splitlines()) == 1
    assert len(campaign(tmp_path, *log, "--dir", "shop/campaigns").stdout.splitlines()) == 1
    assert campaign(tmp_path / "copy", *log).stdout.strip() == ""


def test_doctor_prints_where_the_state_is(tmp_path: Path, campaign: Command, state: Path) -> None:
    project = project_at(tmp_path / "shop")
    checks = json.loads(campaign(project, "doctor", "--format", "json").stdout)["checks"]
    (inner,) = state.iterdir()
    assert [check for check in checks if str(inner) in check["message"] and check["grade"] == "ok"]


@dataclass
class Store:
    """What holds a ledger, kept and put back as it was."""

    setting: str
    keep: Callable[[], None]
    put_back: Callable[[], None]
    empty: Callable[[], None]


@contextmanager
def sqlite_store(folder: Path) -> Iterator[Store]:
    file, copy = folder / "disk" / "sends.db", folder / "copy.db"

    def empty() -> None:
        for path in (folder / "disk").glob("sends.db*"):
            path.unlink()

    def put_back() -> None:
        empty()
        shutil.copy(copy, file)

    yield Store(f"sqlite:{file}", lambda: str(shutil.copy(file, copy)) and None, put_back, empty)


@contextmanager
def git_store(folder: Path) -> Iterator[Store]:
    remote, kept = bare(folder / "remote.git"), []

    def lose_the_copy() -> None:
        for copies in (folder / "state").rglob("ledger-git"):
            shutil.rmtree(copies)

    def put_back() -> None:
        git(remote, "update-ref", "refs/heads/ledger", kept[0])
        lose_the_copy()

    def empty() -> None:
        git(remote, "update-ref", "-d", "refs/heads/ledger")
        lose_the_copy()

    yield Store(
        f"git:{remote}#ledger", lambda: kept.append(git(remote, "rev-parse", "ledger")), put_back, empty
    )


@contextmanager
def postgres_store(_folder: Path) -> Iterator[Store]:
    psycopg = pytest.importorskip("psycopg")
    tables = ("campaign_ledger", "campaign_event", "campaign_head")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except Exception as error:
            skip_or_fail(f"PostgreSQL cannot be started: {error}")
        address = server.address("rolled")

        def run(*statements: str) -> None:
            with psycopg.connect(address) as db:
                for statement in statements:
                    db.execute(statement)

        def keep() -> None:
            run(*(f"create table kept_{name} as table {name}" for name in tables))

        def put_back() -> None:
            run(*(f"delete from {name}; insert into {name} select * from kept_{name}" for name in tables))

        yield Store(address, keep, put_back, lambda: run(*(f"drop table {name}" for name in tables)))


STORES = {"sqlite": sqlite_store, "git": git_store, "postgres": postgres_store}


def fork(setting: str, root: Path, elsewhere: Path) -> None:
    """Have another machine write a longer past."""
    default = elsewhere / "x.ledger.sqlite3"
    ledger = open_ledger(setting, default=default, root=root, clock=lambda: datetime.now(UTC))
    for _one in range(10):
        ledger.append(Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": "x"}))
    ledger.close()


@pytest.mark.parametrize("kind", ["sqlite", "git", pytest.param("postgres", marks=pytest.mark.optional_part)])
@pytest.mark.parametrize("how", ["back", "forked", "emptied"])
def test_a_ledger_that_went_back_is_refused(
    tmp_path: Path, campaign: Command, sandbox: Sandbox, kind: str, how: str
) -> None:
    with STORES[kind](tmp_path) as store:
        project = checkout(tmp_path / "shop")
        shutil.rmtree(project / "campaigns")
        campaigns_on(sandbox, project, "policy: {duplicate_content_days: 0}\n")
        settings = project / "campaigns" / "_settings.yaml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("ledger: sqlite", f"ledger: '{store.setting}'"), encoding="utf-8")
        assert campaign(project, "ledger", "init").returncode == ExitCode.OK
        store.keep()
        (project / "campaigns" / "sale.yaml").write_text(CAMPAIGN, encoding="utf-8")
        assert campaign(project, "apply", "--auto-approve").returncode == ExitCode.OK
        assert campaign(project, "plan").returncode == ExitCode.OK
        (store.empty if how == "emptied" else store.put_back)()
        if how == "forked":
            fork(store.setting, project / "campaigns", tmp_path / "elsewhere")
        before = len(sandbox.requests())
        for words in (("plan",), ("apply", "--auto-approve"), ("status",), ("ledger", "verify")):
            done = campaign(project, *words)
            assert done.returncode == ExitCode.LEDGER, (words, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
        assert len(sandbox.requests()) == before
        assert len(sandbox.jobs()) == 1
        # Somebody who restored it on purpose deletes the files that the hint names, and goes on.
        named = re.findall(r"`(/[^\s`]+seen[^\s`]+)`", done.stderr)
        assert named, done.stderr
        for file in named:
            Path(file).unlink()
        assert campaign(project, "ledger", "verify").returncode == ExitCode.OK
