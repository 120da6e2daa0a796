"""The week of docs/week.md, run as the page tells it, in both languages."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_operating_commands import robot
from tests.support.playground import Sandbox
from tests.support.shop import SENDALL
from wechat_campaigns.core.errors import ExitCode

pytestmark = pytest.mark.deep

DOCS = Path(__file__).parents[2] / "docs"
PARTS = re.compile(
    r"^## [^\n]+$|(?:^> [^\n]+\n)+"
    r"|(?:^`campaigns/(?P<file>[^\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<body>.*?)\n```$",
    re.MULTILINE | re.DOTALL,
)
"""What the test does something for: a day, a file, commands, a message of the robot."""
COMMAND = re.compile(
    r"^# (?P<hour>[^\n]+)\n\$ campaign (?P<words>[^\n]+)\n(?P<shown>.*?)(?=\n\n# |\Z)",
    re.MULTILINE | re.DOTALL,
)
DAYS = ("2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03")
EDITS = {
    ("2026-11-30", "20:00"): ("tasting.yaml", "ready: false\n", ""),
    ("2026-12-01", "19:40"): ("tasting.yaml", "price: 5}", "price: 59}"),
    ("2026-12-03", "14:10"): ("regulars.yaml", "2026-12-03 13:00", "2026-12-03 18:00"),
}
"""What the page says was edited, before the command of an hour."""
WAITING = "apply tasting --plan plan.json --wait --auto-approve"
"""It runs while the account is held."""
LATENCY_S = 8.0
"""Of a call, while the duty manager writes a hold; on a slow machine the time of some commands."""
HOLD = 4
"""Commands in the time of a call; that of one is the longest until then."""
MOST_S = 50.0
"""A call that takes longer has no answer."""
CODES = {
    WAITING: ExitCode.POLICY,
    "apply regulars --plan plan.json --auto-approve --quiet": ExitCode.FAILED,
}
"""How the first run of a command ends that does not succeed."""


@dataclass
class Week:
    """Does what the page says, and puts in place what is printed now."""

    folder: Path
    sandbox: Sandbox
    locale: str
    robot: str
    posted: list[dict[str, Any]]
    longest_s: float = 0
    """Of a command so far."""

    def __post_init__(self) -> None:
        self.days, self.codes = list(DAYS), dict(CODES)

    def follow(self, part: re.Match[str]) -> str:
        text = part.group()
        if text.startswith("## "):
            self.day = self.days.pop(0)
        elif text.startswith("> "):
            (body,) = self.posted
            self.posted.clear()
            text = "".join(f"> {row}<br>\n" for row in body["text"]["content"].splitlines())
        elif part["file"]:
            self.write(part["file"], f"{part['body']}\n")
        elif part["language"] == "yaml":
            line = rf"(?m)^{part['body'].partition(':')[0]}: .*$"
            self.write("tasting.yaml", re.sub(line, part["body"], self.read("tasting.yaml")))
        else:
            text = f"```console\n{COMMAND.sub(self.run, part['body'])}\n```"
        return text

    def read(self, name: str) -> str:
        return (self.folder / "campaigns" / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        path = self.folder / "campaigns" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("http://127.0.0.1:PORT", self.sandbox.url), encoding="utf-8")
        if name == "regulars.yaml":
            self._write_list(path.with_suffix("") / "list.xlsx")

    def _write_list(self, path: Path) -> None:
        from openpyxl import Workbook

        openids = self.sandbox.openids()[:4]
        book = Workbook()
        assert book.active is not None
        rows = [("姓名", "openid"), *(("老顾客", one) for one in openids), ("新顾客", None)]
        for row in (*rows, ("老顾客", openids[0])):
            book.active.append(row)
        path.parent.mkdir(exist_ok=True)
        book.save(path)

    def run(self, command: re.Match[str]) -> str:
        """Run a command at its hour; it with what it prints."""
        hour, words, shown = command["hour"], command["words"], command["shown"]
        if edit := EDITS.get((self.day, hour)):
            name, before, after = edit
            assert before in self.read(name)
            self.write(name, self.read(name).replace(before, after))
        if words.startswith("hold "):
            self._begin_waiting()
        elif words != WAITING:
            self.set_clock(f"{hour}:00")
        begun = time.monotonic()
        running = self.waiting if words == WAITING else self.begin(words)
        out, err = running.communicate(timeout=120)
        if words != WAITING:
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
        printed = "\n".join(part for part in (err.rstrip(), out.rstrip()) if part)
        if shown.startswith("…\n"):
            begins = shown[2:5]
            _before, found, after = printed.partition(begins)
            printed = f"…\n{found}{after}"
        assert running.returncode == self.codes.pop(words, ExitCode.OK), printed
        return f"# {hour}\n$ campaign {words}\n{printed}"

    def set_clock(self, time_of_day: str) -> None:
        self.sandbox.control("POST", "clock", {"at": f"{self.day}T{time_of_day}+08:00"})

    def _begin_waiting(self) -> None:
        """Let a run wait for 19:30, up to the middle of its first call."""
        latency_s = min(max(LATENCY_S, HOLD * self.longest_s), MOST_S)
        self.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=latency_s, times=1)
        self.set_clock("19:29:50")
        self.waiting = self.begin(WAITING)
        while self.sandbox.control("GET", "faults")["faults"]:  # the first call takes it
            assert self.waiting.poll() is None, self.waiting.communicate()
            time.sleep(0.05)

    def begin(self, words: str) -> subprocess.Popen[str]:
        """Start a command in a process that has nothing but what it needs."""
        kept = ("PATH", "HOME", "PYTHONPATH", "CAMPAIGN_STATE_DIR")
        env = {name: os.environ[name] for name in kept if name in os.environ} | {
            "WECHAT_MAIN_SECRET": "0" * 32, "DUTY_ROBOT": self.robot, "USER": "duty",
            "COLUMNS": "110", "LC_ALL": self.locale,
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "wechat_campaigns", *words.split()],
            cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def normal(text: str) -> str:
    """Take out what differs between two runs: addresses, digests, seconds."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"digest [0-9a-f]{12}\b", "digest DIGEST", text)
    text = re.sub(r"(\d\d:\d\d):\d\d ", r"\1:00 ", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "locale"), [("week.md", "C.UTF-8"), ("week.zh-CN.md", "zh_CN.UTF-8")])
def test_week_of_the_docs_works_as_written(sandbox: Sandbox, tmp_path: Path, name: str, locale: str) -> None:
    """CAMPAIGN_UPDATE=1 writes into the page what is printed now."""
    page = DOCS / name
    text = page.read_text(encoding="utf-8")
    with robot(200) as (address, posted):
        week = Week(tmp_path, sandbox, locale, address, posted)
        followed = normal(PARTS.sub(week.follow, text))
    assert not week.days
    assert not week.codes
    texts = [job["content"]["text"] for job in sandbox.jobs() if "text" in job["content"]]
    assert len(texts) == len(set(texts)) == 5, "each message once"
    if os.environ.get("CAMPAIGN_UPDATE") == "1":
        page.write_text(followed, encoding="utf-8")
    assert followed == page.read_text(encoding="utf-8")
