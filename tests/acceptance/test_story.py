"""One campaign from the first line to its recall, with the real command; docs/story.md is what it printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.playground import PICTURES, SERVICE, Sandbox

pytestmark = pytest.mark.deep

DOC = Path(__file__).parents[2] / "docs" / "story.md"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SECRETS = {"WECHAT_MAIN_SECRET": "0" * 32, "WECHAT_MAIN_TOKEN": "story-token", "WECHAT_MAIN_AES_KEY": KEY}
SETTINGS = """\
default_environment: production
vars: {brand: 山月茶铺}
environments:
  production:
    api: API
    protected: true
    accounts:
      main:
        kind: service
        appid: wx0000000000000001
        secret: {env: WECHAT_MAIN_SECRET}
        callback: {token: {env: WECHAT_MAIN_TOKEN}, aes_key: {env: WECHAT_MAIN_AES_KEY}}
policy:
  allow_to_all: true
  max_recipients: 100000
  audience_drift: {percent: 20}
  require_preview: true
  require_not_after: true
  allowed_links: [mp.weixin.qq.com]
  quiet_hours: "22:00-08:00"
testers:
  小李: {wxname: WXNAME}
"""
CAMPAIGN = """\
description: 周年庆，发给所有关注者
filter: {is_to_all: true}
msgtype: mpnews
content:
  articles:
    - title: "{{ brand }}周年庆：今晚八点开始"
      author: 阿茶
      body: anniversary/article.md
      cover: {file: anniversary/cover.png}
not_after: 2026-12-01T21:00:00+08:00
"""
ARTICLE = """\
谢谢你陪我们走过五年。今晚八点，所有新茶八折。

![茶杯](cup.png)

- 龙井、碧螺春、白毫银针
- 满 199 元包邮
"""


@dataclass
class Story:
    """Runs commands in a folder and writes down what a reader would see."""

    folder: Path
    sandbox: Sandbox
    pages: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.pages.append(text)

    def file(self, name: str, content: str) -> None:
        path = self.folder / "campaigns" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        language = {"yaml": "yaml", "md": "markdown"}[name.rpartition(".")[2]]
        self.pages.append(f"`campaigns/{name}`:\n\n```{language}\n{content.rstrip()}\n```")

    def at(self, clock: str) -> None:
        """Move the sandbox's clock, which the command follows in a rehearsal."""
        self.sandbox.control("POST", "clock", {"at": f"2026-12-01T{clock}+08:00"})

    def run(self, words: str, clock: str, *, expected: int = 0) -> str:
        self.at(clock if clock.count(":") == 2 else f"{clock}:00")
        done = subprocess.run(
            [sys.executable, "-m", "wechat_campaigns", *words.split()],
            cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        shown = "\n".join(part for part in (done.stderr.rstrip(), done.stdout.rstrip()) if part)
        self.pages.append(f"```console\n{clock[:5]} $ campaign {words}\n{shown}\n```")
        assert done.returncode == expected, shown
        return done.stdout


def environment() -> Mapping[str, str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "PYTHONPATH", "CAMPAIGN_STATE_DIR")
        if name in os.environ
    }
    return {**kept, **SECRETS, "COLUMNS": "110", "LC_ALL": "C.UTF-8", "USER": "shop"}


@dataclass(frozen=True)
class Listener:
    """`campaign listen` in a process of its own."""

    url: str
    pid: int

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Stop the process where it stands: what is pushed meanwhile waits, so each telling is the same."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def listening(folder: Path) -> Iterator[Listener]:
    """Run `campaign listen` on a port of its own."""
    command = [sys.executable, "-m", "wechat_campaigns", "listen", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        try:
            yield Listener(line.removeprefix("listening on ").strip(), started.pid)
        finally:
            started.terminate()
            started.communicate(timeout=60)


def normal(text: str) -> str:
    """Take out what differs between two runs: addresses, digests, seconds."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"digest [0-9a-f]{12}\b", "digest DIGEST", text)
    text = re.sub(r"(\d\d:\d\d):\d\d ", r"\1:00 ", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def tell(story: Story, listener: Listener) -> None:
    """The whole story; each command must end as it should."""
    sandbox, campaign = story.sandbox, "anniversary"
    story.tell("## Writing it")
    wxname = sandbox.control("GET", "followers", appid=SERVICE)["followers"][0]["wxname"]
    story.file("_settings.yaml", SETTINGS.replace("API", sandbox.url).replace("WXNAME", wxname))
    story.file("anniversary.yaml", CAMPAIGN)
    story.file("anniversary/article.md", ARTICLE)
    for name in ("cover.png", "cup.png"):
        (story.folder / "campaigns" / campaign / name).write_bytes((PICTURES / "cup.png").read_bytes())
    story.run("validate", "10:00")
    story.tell("## It was not previewed on a phone\n\nThe plan says what is missing.")
    story.run("plan", "10:02")
    story.run(f"preview {campaign} --to 小李", "10:05")
    story.tell("The tester has looked at it. This plan is what the reviewer approves.")
    story.run("plan --out plan.json", "10:10")
    story.tell("## Sending it\n\nWithout the reviewed plan a protected environment sends nothing.")
    story.run("apply --auto-approve", "10:19", expected=5)
    story.run("apply --plan plan.json --auto-approve", "10:20")
    story.tell("Running it again sends nothing again.")
    story.run("apply --plan plan.json --auto-approve", "10:20:30")
    assert len(sandbox.jobs()) == 1
    story.tell("## Waiting for the administrator\n\nThe account has API 群发保护, and this goes to everyone.")
    assert "30 of 30" in " ".join(story.run("status", "10:20:45").split())
    assert "16 of 30" in " ".join(story.run("status", "10:34:30").split())
    story.tell("The administrator confirms on the phone; the job then takes its time.")
    story.at("10:36:00")
    sandbox.control("POST", "admin", {"msg_id": sandbox.jobs()[0]["msg_id"], "decision": "confirm"})
    with listener.halted():
        story.run("status --wait", "10:36")
    story.tell(
        "## What became of it\n\n`campaign listen` has received WeChat's event since: "
        "the counts and the article's link are in the ledger."
    )
    wait_for_event(story)
    story.run("status", "10:40")
    story.run("report", "10:45")
    story.run("calendar", "10:46")
    story.tell("## Taking it back")
    story.run(f"recall {campaign} --auto-approve", "11:00")
    story.run("status", "11:01")
    story.run("ledger verify", "11:02")
    assert listener.url not in "".join(story.pages)


def wait_for_event(story: Story) -> None:
    import time

    for _ in range(600):
        states = {event["state"] for event in story.sandbox.control("GET", "events")["events"]}
        if states == {"delivered"}:
            return
        time.sleep(0.1)
    raise AssertionError(story.sandbox.control("GET", "events"))


@pytest.mark.timeout(180)
def test_story_of_the_docs_works_as_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """write → validate → preview → plan → apply twice → confirmation → status → event → report → recall.

    CAMPAIGN_UPDATE=1 writes docs/story.md anew.
    """
    story = Story(folder=tmp_path, sandbox=sandbox)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "_settings.yaml").write_text(
        SETTINGS.replace("API", sandbox.url).replace("WXNAME", "tester1"), encoding="utf-8"
    )
    story.at("09:59:00")
    subprocess.run(
        [sys.executable, "-m", "wechat_campaigns", "ledger", "log"], cwd=tmp_path, env=environment(),
        check=True, capture_output=True,
    )  # fmt: skip
    with listening(tmp_path) as listener:
        callback = {"url": f"{listener.url}/main", "token": SECRETS["WECHAT_MAIN_TOKEN"], "aes_key": KEY}
        switches = {"appid": SERVICE, "protection": True, "finish_after_s": 10, "callback": callback}
        sandbox.control("POST", "accounts", switches)
        tell(story, listener)
    text = normal("\n\n".join([HEAD, *story.pages]) + "\n")
    for secret in SECRETS.values():
        assert secret not in text.replace("wx0000000000000001", "")
    if os.environ.get("CAMPAIGN_UPDATE") == "1":
        DOC.write_text(text, encoding="utf-8")
    assert text == DOC.read_text(encoding="utf-8")


HEAD = """\
# A campaign from its first line to its recall

What the command printed in a rehearsal against `campaign sandbox`, its clock moved from step to step.
A test runs it again and compares; only ports, digests and seconds are made the same."""
