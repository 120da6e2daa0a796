"""The real command, killed with SIGKILL at random moments again and again: each send arrives exactly once."""

import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.playground import PICTURES, SERVICE, Sandbox, authentic
from tests.traces.walk import MANY, read_traces, walk
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import private_folder, state_folder
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_sandbox.server import embedded

pytestmark = pytest.mark.deep

TRACED = Path(__file__).parents[1] / "traces" / "command.py"
"""The command, which writes what it asks of store and platform."""
CITIES = ("北京", "上海", "广州", "深圳", "新客", "内测")
LATENCY_S = 0.05
"""How long the sandbox holds each write, so that a kill often meets a call under way."""
HELD_S = 8.0
"""How long it holds a call that a signal has to meet; the command waits for an answer longer than that."""
PACE_OF_LINES = 4
"""A kill follows one of so many lines of progress, so that a run makes a send or two before it dies."""


@dataclass
class Project:
    """A campaigns folder to which more campaigns are added, and the command run in it."""

    folder: Path
    random: random.Random
    sends: int = 0
    kills: int = 0

    @property
    def traces(self) -> Path:
        return self.folder / "traces"

    def begin(self, settings: str) -> None:
        (self.folder / "campaigns").mkdir(parents=True)
        self.write("_settings.yaml", settings)
        (self.folder / "campaigns" / "cup.png").write_bytes((PICTURES / "cup.png").read_bytes())

    def write(self, name: str, text: str) -> None:
        (self.folder / "campaigns" / name).write_text(text, encoding="utf-8")

    def add(self, number: int) -> None:
        """Six texts by city, and by turns a picture or an article."""
        entries = "".join(f"  c{n}: {{filter: {{tag: {city}}}}}\n" for n, city in enumerate(CITIES))
        self.write(f"text{number}.yaml", f"msgtype: text\ncontent: 第{number}期\nfor_each:\n{entries}")
        picture = "msgtype: image\ncontent: {images: [{file: cup.png}]}\n"
        article = (
            f"msgtype: mpnews\ncontent: {{articles: [{{title: 第{number}期, body: a.md,"
            " cover: {file: cup.png}}]}\n"
        )
        self.write("a.md", "正文\n\n![杯子](cup.png)\n")
        self.write(f"more{number}.yaml", "filter: {tag: 会员}\n" + (article if number % 2 else picture))
        self.sends += len(CITIES) + 1

    def run(
        self, *, kill: bool = False, signal_at: str = "", number: signal.Signals = signal.SIGINT
    ) -> int | None:
        """Apply once; None when it was killed before it ended.

        `kill` does so at a random moment, `signal_at` sends a signal at the first progress of that word.
        """
        command = [sys.executable, str(TRACED), str(self.traces), "apply", "--auto-approve"]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines))
        reader.start()
        if kill:
            self._wait_for_a_moment(lines)
            process.kill()
        elif signal_at:
            while signal_at not in (lines.get(timeout=60) or signal_at):
                pass
            process.send_signal(number)
        code = process.wait(60)
        reader.join()
        if process.stderr is not None:
            process.stderr.close()
        if code == -9:
            self.kills += 1
            return None
        return code

    def _wait_for_a_moment(self, lines: queue.Queue[str | None]) -> None:
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0.3, 1.2))
            return
        seen, wanted = 0, self.random.randint(1, PACE_OF_LINES)
        while seen < wanted:
            line = lines.get(timeout=60)
            if line is None:
                return
            seen += line.startswith("  ")  # progress, not the plan
        time.sleep(self.random.uniform(0, 2 * LATENCY_S))


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    for line in process.stderr or ():
        lines.put(line)
    lines.put(None)


def torment(project: Project, advance: Callable[[], None], *, kills: int) -> None:
    number = 0
    while project.kills < kills:
        project.add(number)
        number += 1
        finish(project, advance, kill=lambda: project.kills < kills)


def finish(project: Project, advance: Callable[[], None], *, kill: Callable[[], bool]) -> None:
    """Apply until there is nothing left to do."""
    for _ in range(80):
        code = project.run(kill=kill())
        advance()
        if code == ExitCode.OK:
            return
        assert code in (None, ExitCode.UNKNOWN)
    raise AssertionError("never done")


def assert_sent_once(sandbox: Sandbox, project: Project) -> None:
    counts = sandbox.sent()
    assert set(counts.values()) == {1}, "a send was made twice"
    assert len(counts) == project.sends, "a send was lost"


def assert_walked(sandbox: Sandbox, project: Project, environment: str) -> None:
    """Every run, killed or not, did only what the model knows."""
    name = f"{environment}.ledger.sqlite3"
    with closing(SqliteLedger(state_folder(project.folder / "campaigns", os.environ) / name, now)) as ledger:
        events = ledger.events()
    requests = sandbox.control("GET", "requests", limit=MANY)["requests"]
    walked = walk(read_traces(project.traces), events, authentic, requests)
    assert walked.calls >= project.sends
    assert not walked.faults, "\n".join(walked.faults)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def served(state: Path) -> Iterator[Sandbox]:
    """A sandbox in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "wechat_campaigns",
        "sandbox",
        "--port",
        "0",
        "--state",
        str(state),
        "--no-quota",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sandbox(process.stdout.readline().rpartition(" ")[2].strip())
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


SETTINGS = """\
default_environment: test
environments:
  test:
    api: {api}
    ledger: sqlite
    resend_after: 0
    accounts: {{main: {{kind: service, appid: {appid}, secret: {{env: CAMPAIGN_TEST_SECRET}}}}}}
policy: {{duplicate_content_days: 0}}
"""
LANES = 2
"""Projects tormented side by side, each with a sandbox of its own."""


def test_killed_command_sends_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CAMPAIGN_TEST_SECRET", "0" * 32)
    with ThreadPoolExecutor(LANES) as pool:
        kills = sum(pool.map(lambda seed: _lane(tmp_path / f"lane{seed}", seed), range(LANES)))
    assert kills == LANES * 44


def _lane(folder: Path, seed: int) -> int:
    folder.mkdir()
    with served(folder / "sandbox.sqlite3") as sandbox:
        for endpoint in ("message/mass/sendall", "draft/add", "material/add_material"):
            sandbox.fault(endpoint=endpoint, kind="latency", latency_s=LATENCY_S, times=None)
        project = Project(folder / "project", random.Random(seed))
        project.begin(SETTINGS.format(api=sandbox.url, appid=SERVICE))
        torment(project, lambda: sandbox.advance(61), kills=44)
        assert_sent_once(sandbox, project)
        assert_walked(sandbox, project, "test")
    return project.kills


def test_killed_command_with_its_own_sandbox_sends_once(tmp_path: Path):
    project = Project(tmp_path / "project", random.Random(7))
    project.begin(
        "environments: {sandbox: {api: sandbox, ledger: sqlite, resend_after: 0}}\n"
        "policy: {duplicate_content_days: 0}\n"
    )
    state = state_folder(project.folder / "campaigns", os.environ) / "sandbox.sandbox.sqlite3"
    private_folder(state.parent)
    # The slower the machine, the more sends it takes until enough runs were killed: no 100 calls a day here.
    with embedded(state) as url:
        Sandbox(url).control("POST", "accounts", {"appid": SERVICE, "quota": False})

    def advance() -> None:
        with embedded(state) as url:
            Sandbox(url).advance(61)

    torment(project, advance, kills=14)
    with embedded(state) as url:
        assert_sent_once(Sandbox(url), project)
        assert_walked(Sandbox(url), project, "sandbox")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_finishes_the_send_in_hand(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    """Ctrl-C, or a CI job's end: the call under way gets its answer recorded, no other is begun, exit 130."""
    monkeypatch.setenv("CAMPAIGN_TEST_SECRET", "0" * 32)
    # Held until long after the signal, which a busy machine delivers late.
    sandbox.fault(endpoint="message/mass/sendall", kind="latency", latency_s=HELD_S, times=1)
    project = Project(tmp_path / "project", random.Random(0))
    project.begin(SETTINGS.format(api=sandbox.url, appid=SERVICE))
    project.add(0)
    assert project.run(signal_at=": sending", number=number) == ExitCode.INTERRUPTED
    assert len(sandbox.jobs()) == 1
    sandbox.drop_faults()
    assert project.run() == ExitCode.OK
    assert_sent_once(sandbox, project)
