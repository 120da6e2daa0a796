"""A week of an operator with the real command, in both languages; docs/week.md is what it printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_operating_commands import robot
from tests.support.playground import SERVICE, Sandbox
from tests.support.shop import SENDALL
from wechat_campaigns.core.errors import ExitCode

pytestmark = pytest.mark.deep

DOCS = Path(__file__).parents[2] / "docs"
LATENCY_S = 4.0
"""Of a call, while the duty manager writes a hold."""
SETTINGS = """\
default_environment: production
environments:
  production:
    api: API
    protected: true
    accounts:
      main: {kind: service, appid: wx0000000000000001, secret: {env: WECHAT_MAIN_SECRET}}
notify:
  - {kind: wecom, url: {env: DUTY_ROBOT}, when: [approval_needed, held, scheduled_missed, sent]}
"""
TASTING = """\
ready: false
msgtype: text
content: 今晚七点半，{{ shop }}新茶品鉴，入场 {{ price }} 元
for_each:
  beijing: {filter: {tag: 北京}, vars: {shop: 三里屯店, price: 59}}
  guangzhou: {filter: {tag: 广州}, vars: {shop: 天河店, price: 5}}
  shanghai: {filter: {tag: 上海}, vars: {shop: 静安店, price: 59}}
not_before: 2026-12-01 19:30
not_after: 2026-12-02 22:00
"""
REGULARS = """\
msgtype: text
content: 老朋友专享：本周到店，赠白毫银针一两
filter: {openids: {file: regulars/list.xlsx, column: openid}}
not_before: 2026-12-03 12:00
not_after: 2026-12-03 13:00
"""

Words = tuple[str, str]
"""A sentence in English and in Chinese."""
SUMMARY: Words = ("Summary:", "合计：")
LANGUAGES = {"en": (0, "C.UTF-8", "week.md"), "zh": (1, "zh_CN.UTF-8", "week.zh-CN.md")}


@dataclass
class Week:
    """Runs commands at their hour and writes down what a reader would see."""

    folder: Path
    sandbox: Sandbox
    language: str
    robot: str
    posted: list[dict[str, Any]]
    day: str = ""
    pages: list[str] = field(default_factory=list)

    def tell(self, *words: Words) -> None:
        self.pages += [sentence[LANGUAGES[self.language][0]] for sentence in words]

    def file(self, name: str, content: str) -> None:
        path = self.folder / "campaigns" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        self.pages.append(f"`campaigns/{name}`:\n\n```yaml\n{content.rstrip()}\n```")

    def change(self, name: str, before: str, after: str) -> None:
        """Edit a file as a person would; the page shows the line as it is then."""
        path = self.folder / "campaigns" / name
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def begin(self, words: str, clock: str = "") -> subprocess.Popen[str]:
        """Start a command, at an hour of the day, in a process that has nothing but what it needs."""
        if clock:
            self.sandbox.control("POST", "clock", {"at": f"{self.day}T{clock}+08:00"})
        kept = ("PATH", "HOME", "PYTHONPATH", "CAMPAIGN_STATE_DIR")
        env = {name: os.environ[name] for name in kept if name in os.environ} | {
            "WECHAT_MAIN_SECRET": "0" * 32, "DUTY_ROBOT": self.robot, "USER": "duty",
            "COLUMNS": "110", "LC_ALL": LANGUAGES[self.language][1],
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "wechat_campaigns", *words.split()],
            cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(
        self,
        running: subprocess.Popen[str],
        words: str,
        clock: str,
        expected: ExitCode,
        *,
        since: Words = ("", ""),
    ) -> None:
        """Wait for a command; the page leaves out what it printed before a word."""
        out, err = running.communicate(timeout=120)
        printed = "\n".join(part for part in (err.rstrip(), out.rstrip()) if part)
        if word := since[LANGUAGES[self.language][0]]:
            _before, found, after = printed.partition(word)
            assert found, printed
            printed = f"…\n{found}{after}"
        self._append(f"# {clock}\n$ campaign {words}\n{printed}")
        assert running.returncode == expected, printed

    def _append(self, shown: str) -> None:
        """Commands that follow each other stand in one block, each below its hour."""
        if self.pages[-1].startswith("```console"):
            self.pages[-1] = f"{self.pages[-1].removesuffix('```')}\n{shown}\n```"
        else:
            self.pages.append(f"```console\n{shown}\n```")

    def run(
        self, words: str, clock: str, expected: ExitCode = ExitCode.OK, *, since: Words = ("", "")
    ) -> None:
        self.end(self.begin(words, f"{clock}:00"), words, clock, expected, since=since)

    def robot_says(self, *words: Words) -> None:
        """Show the one message that came since."""
        self.tell(*words)
        (body,) = self.posted
        self.pages.append("\n".join(f"> {row}<br>" for row in body["text"]["content"].splitlines()))
        self.posted.clear()


def friday(week: Week) -> None:
    week.day = "2026-11-27"
    week.tell(
        ("## Friday: drafts", "## 周五：写稿"),
        (
            "Three cities share one file. While it says `ready: false`, `apply` does not send it.",
            "三个城市写在一个文件里。只要还写着 `ready: false`，`apply` 就不会发。",
        ),
    )
    week.file("_settings.yaml", SETTINGS.replace("API", week.sandbox.url))
    week.file("tasting.yaml", TASTING)
    week.tell(
        (
            "The shops keep the regulars in Excel: one row has no openid, one regular is there twice.",
            "老顾客名单是门店的 Excel：有一行没有 openid，有一位写了两遍。",
        )
    )
    write_list(week)
    week.file("regulars.yaml", REGULARS)
    week.run("validate", "16:00")
    week.run("plan", "16:01", since=SUMMARY)


def write_list(week: Week) -> None:
    from openpyxl import Workbook

    followers = week.sandbox.control("GET", "followers", appid=SERVICE)["followers"]
    openids = [follower["openid"] for follower in followers[:4]]
    book = Workbook()
    assert book.active is not None
    for row in (["姓名", "openid"], *(["老顾客", openid] for openid in openids)):
        book.active.append(row)
    book.active.append(["新顾客", None])
    book.active.append(["老顾客", openids[0]])
    (week.folder / "campaigns/regulars").mkdir()
    book.save(week.folder / "campaigns/regulars/list.xlsx")


def monday(week: Week) -> None:
    week.day = "2026-11-30"
    week.tell(
        ("## Monday: the approval", "## 周一：批准"),
        (
            "The draft is finished: `ready: false` is removed. Monday's plan file is what Tuesday may send.",
            "稿子定了，删掉 `ready: false`。周一晚上的计划文件，就是周二可以发的内容。",
        ),
    )
    week.change("tasting.yaml", "ready: false\n", "")
    week.run("plan tasting --horizon 24h --out plan.json", "20:00")
    week.run("ci notify plan.json", "20:01")
    week.robot_says(("The duty chat gets:", "值班群收到："))


def tuesday(week: Week) -> None:
    week.day = "2026-12-01"
    week.tell(
        ("## Tuesday: 19:30, and a hold", "## 周二：19:30 和一次暂停"),
        (
            "A job waits. Beijing is on its way when somebody sees the price of Guangzhou: 5, not 59.",
            "任务一直在等。北京正在发的时候，有人看到广州的价格：59 写成了 5。",
        ),
    )
    week.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=LATENCY_S, times=1)
    words = "apply tasting --plan plan.json --wait --auto-approve"
    waiting = week.begin(words, "19:29:50")
    while week.sandbox.control("GET", "faults")["faults"]:  # the first call takes it
        assert waiting.poll() is None, waiting.communicate()
        time.sleep(0.05)
    hold = "hold main --for 2h --reason 广州的价格写错了"
    week.end(week.begin(hold), hold, "19:30", ExitCode.OK)
    week.tell(
        (
            "The job finishes the call in hand and ends. Before 19:30 it would end without a call, and "
            "no release makes it go on.",
            "任务把手上这一条发完就结束。要是还没到 19:30，它一条不发就结束，恢复以后也不会接着发。",
        )
    )
    week.end(waiting, words, "19:29–19:30", ExitCode.POLICY, since=("Waiting for", "在等 "))
    week.robot_says()
    week.tell(
        (
            "The price is corrected, the hold released, the new plan approved, and a new run started: the "
            "others go out, once.",
            "改好价格，解除暂停，新的计划批准以后，重新运行，发剩下的；北京不会再发一遍。",
        )
    )
    week.change("tasting.yaml", "price: 5}", "price: 59}")
    week.run("unhold main --reason 改好了", "19:40")
    week.run("plan tasting --out plan.json", "19:41", since=SUMMARY)
    week.run("apply tasting --plan plan.json --auto-approve --quiet", "19:45")
    week.run("status --wait", "20:30")
    week.robot_says()


def wednesday(week: Week) -> None:
    week.day = "2026-12-02"
    week.tell(
        ("## Wednesday: one city again", "## 周三：一个城市重发"),
        (
            "Beijing moves to another shop. `revision: 2` in its entry sends this city alone once more.",
            "北京换了一家店。在它那一项写上 `revision: 2`，只重发这一个城市。",
        ),
    )
    line = "  beijing: {revision: 2, filter: {tag: 北京}, vars: {shop: 国贸店, price: 59}}"
    week.change("tasting.yaml", TASTING.splitlines()[4], line)
    week.pages.append(f"```yaml\n{line}\n```")
    week.run("plan tasting --out plan.json", "10:00", since=SUMMARY)
    week.run("apply tasting --plan plan.json --auto-approve --quiet", "10:05")


def thursday(week: Week) -> None:
    week.day = "2026-12-03"
    week.tell(
        ("## Thursday: a missed window", "## 周四：错过了时间窗"),
        (
            "The machine was off from 12:00 to 13:00. The first run after that reports it.",
            "12:00 到 13:00 机器关着。之后第一次运行就会报出来。",
        ),
    )
    week.run("plan regulars --out plan.json", "14:00", since=SUMMARY)
    week.run("apply regulars --plan plan.json --auto-approve --quiet", "14:00", ExitCode.FAILED)
    week.robot_says()
    week.tell(
        (
            "A later end, a new plan: the list goes out.",
            "结束时间往后改，再出计划，名单就发出去了。",
        )
    )
    week.change("regulars.yaml", "2026-12-03 13:00", "2026-12-03 18:00")
    week.run("plan regulars --out plan.json", "14:10", since=SUMMARY)
    week.run("apply regulars --plan plan.json --auto-approve --quiet", "14:15")


HEADS = {
    "en": (
        "# A week of sends\n\n[中文](week.zh-CN.md)\n\n"
        "What the command printed in a rehearsal against `campaign sandbox`, its clock moved from day to "
        "day.\nA test runs it again and compares; only ports, digests and seconds are made the same."
    ),
    "zh": (
        "# 一周的群发\n\n[English](week.md)\n\n"
        "以下是用 `campaign sandbox` 演练时命令打印的内容，沙箱的时钟一天一天往后拨。"
        "测试会重跑一遍并比较，只统一了端口、指纹和秒数。"
    ),
}


def normal(text: str) -> str:
    """Take out what differs between two runs: addresses, digests, seconds."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"digest [0-9a-f]{12}\b", "digest DIGEST", text)
    text = re.sub(r"(\d\d:\d\d):\d\d ", r"\1:00 ", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", LANGUAGES)
def test_week_of_the_docs_works_as_written(sandbox: Sandbox, tmp_path: Path, language: str) -> None:
    """Drafts, a list from Excel, an approval, a waiting job, a hold, one city again, a missed window.

    CAMPAIGN_UPDATE=1 writes docs/week.md and docs/week.zh-CN.md anew.
    """
    with robot(200) as (address, posted):
        week = Week(tmp_path, sandbox, language, address, posted)
        for part in (friday, monday, tuesday, wednesday, thursday):
            part(week)
    texts = [job["content"]["text"] for job in sandbox.jobs() if "text" in job["content"]]
    assert len(texts) == len(set(texts)) == 5, "each message once"
    text = normal("\n\n".join([HEADS[language], *week.pages]) + "\n")
    page = DOCS / LANGUAGES[language][2]
    if os.environ.get("CAMPAIGN_UPDATE") == "1":
        page.write_text(text, encoding="utf-8")
    assert text == page.read_text(encoding="utf-8")
