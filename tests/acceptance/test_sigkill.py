"""The real command, killed together with its own sandbox, or asked to stop: each send arrives exactly once.

Runners that are killed beside a sandbox that lives are the torture's (`test_torture.py`).
"""

import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.playground import PICTURES, SERVICE, Sandbox, authentic
from tests.torture.walk import MANY, read_traces, walk
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import private_folder, state_folder
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_sandbox.server import embedded

pytestmark = pytest.mark.deep

TRACED = Path(__file__).parents[1] / "torture" / "command.py"
"""The command, which writes what it asks of store and platform."""
CITIES = ("北京", "上海", "广州", "深圳", "新客", "内测")
HELD_S = 8.0
"""How long the sandbox holds a call that a signal has to meet; the command waits longer for an answer."""
PACE_OF_LINES = 4
"""A kill follows one of so many lines of progress, so that a run makes a send or two before it dies."""
KILLS = 14
SETTINGS = """\
environments:
  sandbox: {{api: {api}, ledger: sqlite, resend_after: 0{accounts}}}
policy: {{duplicate_content_days: 0}}
"""


class Project:
    """A campaigns folder to which more campaigns are added, and the command run in it."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder, self.campaigns, self.traces = folder, folder / "campaigns", folder / "traces"
        self.random = random.Random(7)
        self.sends = 0
        self.campaigns.mkdir(parents=True)
        (self.campaigns / "_settings.yaml").write_text(settings, encoding="utf-8")
        (self.campaigns / "cup.png").write_bytes((PICTURES / "cup.png").read_bytes())

    def state(self, name: str) -> Path:
        return state_folder(self.campaigns, os.environ) / name

    def add(self, number: int) -> None:
        """Six texts by city, and by turns a picture or an article."""
        entries = "".join(f"  c{n}: {{filter: {{tag: {city}}}}}\n" for n, city in enumerate(CITIES))
        picture = "msgtype: image\ncontent: {images: [{file: cup.png}]}\n"
        article = (
            f"msgtype: mpnews\ncontent: {{articles: [{{title: 第{number}期, body: a.md,"
            " cover: {file: cup.png}}]}\n"
        )
        for name, text in {
            f"text{number}.yaml": f"msgtype: text\ncontent: 第{number}期\nfor_each:\n{entries}",
            "a.md": "正文\n\n![杯子](cup.png)\n",
            f"more{number}.yaml": "filter: {tag: 会员}\n" + (article if number % 2 else picture),
        }.items():
            (self.campaigns / name).write_text(text, encoding="utf-8")
        self.sends += len(CITIES) + 1

    def run(self, *, signal_at: str = "", number: signal.Signals | None = None) -> int:
        """Apply once; `number` comes at the first progress with a word, without one at a random moment."""
        command = [sys.executable, str(TRACED), str(self.traces), "apply", "--auto-approve"]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=lambda: [*map(lines.put, process.stderr or ()), lines.put(None)])
        reader.start()
        if number is not None:
            wanted = 1 if signal_at else self.random.randint(1, PACE_OF_LINES)
            while wanted and (line := lines.get(timeout=60)) is not None:
                wanted -= signal_at in line and line.startswith("  ")  # progress, not the plan
            time.sleep(0 if signal_at else self.random.uniform(0, 0.1))
            process.send_signal(number)
        code = process.wait(60)
        reader.join()
        if process.stderr is not None:
            process.stderr.close()
        return code

    def assert_sent_once(self, sandbox: Sandbox) -> None:
        """Also that every run, killed or not, did only what the model knows."""
        counts = sandbox.sent()
        assert set(counts.values()) == {1}, "a send was made twice"
        assert len(counts) == self.sends, "a send was lost"
        ledger_file = self.state("sandbox.ledger.sqlite3")
        with closing(SqliteLedger(ledger_file, lambda: datetime.now(UTC))) as ledger:
            events = ledger.events()
        requests = sandbox.control("GET", "requests", limit=MANY)["requests"]
        walked = walk(read_traces(self.traces), events, authentic, requests)
        assert walked.calls >= self.sends
        assert not walked.faults, "\n".join(walked.faults)


def test_killed_command_with_its_own_sandbox_sends_once(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", SETTINGS.format(api="sandbox", accounts=""))
    state = project.state("sandbox.sandbox.sqlite3")
    private_folder(state.parent)
    # The slower the machine, the more sends it takes until enough runs were killed: no 100 calls a day here.
    with embedded(state) as url:
        Sandbox(url).control("POST", "accounts", {"appid": SERVICE, "quota": False})
    kills, code = 0, 0
    for run in range(KILLS * 8):
        if code == ExitCode.OK:
            if kills >= KILLS:
                break
            project.add(run)
        code = project.run(number=signal.SIGKILL if kills < KILLS else None)
        kills += code == -signal.SIGKILL
        assert code in (ExitCode.OK, ExitCode.UNKNOWN, -signal.SIGKILL)
        with embedded(state) as url:
            Sandbox(url).advance(61)
    assert (kills, code) == (KILLS, ExitCode.OK)
    with embedded(state) as url:
        project.assert_sent_once(Sandbox(url))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_finishes_the_send_in_hand(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Ctrl-C, or a CI job's end: the call under way gets its answer recorded, no other is begun, exit 130."""
    monkeypatch.setenv("CAMPAIGN_TEST_SECRET", "0" * 32)
    # Held until long after the signal, which a busy machine delivers late.
    sandbox.fault(endpoint="message/mass/sendall", kind="latency", latency_s=HELD_S, times=1)
    account = f"{{kind: service, appid: {SERVICE}, secret: {{env: CAMPAIGN_TEST_SECRET}}}}"
    settings = SETTINGS.format(api=sandbox.url, accounts=f", accounts: {{main: {account}}}")
    project = Project(tmp_path / "project", settings)
    project.add(0)
    assert project.run(signal_at=": sending", number=number) == ExitCode.INTERRUPTED
    assert len(sandbox.jobs()) == 1
    sandbox.drop_faults()
    assert project.run() == ExitCode.OK
    project.assert_sent_once(sandbox)
