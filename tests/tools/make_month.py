"""Make two months of sends in a sandbox whose clock moves, and the pages of what came of them.

Run `python -m tests.tools.make_month FOLDER`: report, calendar and archive in each language, to be looked at.
Two accounts send, readers are drawn by a seed, and `campaign listen` receives the events.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from tests.support.console import add_draft, send_by_hand, set_clock
from tests.support.playground import SERVICE, SUBSCRIPTION, Sandbox
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import LANGUAGES
from wechat_sandbox.server import embedded

EXAMPLE = Path(__file__).parents[2] / "campaigns" / "tea" / "spring-tea"
FIRST, TODAY = date(2026, 10, 9), date(2026, 11, 27)
SETTINGS = """\
default_environment: shop
environments:
  shop:
    api: {url}
    ledger: sqlite
    accounts:
      main:
        kind: service
        appid: wx0000000000000001
        secret: {{env: SECRET}}
        callback: {{token: {{env: TOKEN}}}}
      daily:
        kind: subscription
        appid: wx0000000000000002
        secret: {{env: SECRET}}
        callback: {{token: {{env: TOKEN}}}}
    default_account: main
vars: {{brand: 山月茶铺, discount: 8, price_east: 128, price_north: 158, price_top: 198}}
policy: {{allow_to_all: true}}
links: {{utm_source: wechat}}
"""
SEED = {
    "accounts": [
        {"appid": SERVICE, "kind": "service", "name": "山月茶铺", "followers": 6000},
        {"appid": SUBSCRIPTION, "kind": "subscription", "name": "山月日报", "followers": 2500},
    ]
}
TITLES = ("秋茶上市", "一杯茶的路", "冷泡的三个误区", "茶席上的朋友", "山里的早晨", "会员日清单")
TAGS = ("会员", "北京", "上海", "广州")


@contextlib.contextmanager
def month(folder: Path) -> Iterator[str]:
    """Send on days drawn by a seed, then write the pages below a folder that does not exist.

    Yields:
        The address of the sandbox, which runs as long as the block, on the last day.
    """
    folder.mkdir(parents=True)
    secrets = {"SECRET": "0" * 32, "TOKEN": "token", "CAMPAIGN_STATE_DIR": f"{folder.absolute()}.state"}
    os.environ |= secrets
    with contextlib.chdir(folder), embedded() as url, _listening(url):
        sandbox = Sandbox(url)
        draw = random.Random(20261127)
        for number in range((TODAY - FIRST).days):
            _day(sandbox, FIRST + timedelta(days=number), draw)
        _coming()
        set_clock(sandbox, TODAY, "10:00")
        for words in (["status"], ["report", "--refresh"]):
            command(*words)
        for language in LANGUAGES:
            _pages(language)
        yield url


@contextlib.contextmanager
def _listening(url: str) -> Iterator[None]:
    """Run `campaign listen`, and let the sandbox push events to it."""
    Path("campaigns").mkdir()
    Path("campaigns/_settings.yaml").write_text(SETTINGS.format(url=url), encoding="utf-8")
    shutil.copytree(EXAMPLE, Path("campaigns/spring-tea"))
    sandbox = Sandbox(url)
    sandbox.control("POST", "seed", SEED)
    command("ledger", "init")
    listen = [sys.executable, "-m", "wechat_campaigns", "listen", "--port", "0"]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        for appid, name in ((SERVICE, "main"), (SUBSCRIPTION, "daily")):
            callback = {"url": f"{address}/{name}", "token": "token"}
            sandbox.control("POST", "accounts", {"appid": appid, "callback": callback, "readers_seed": 7})
        try:
            yield
        finally:
            process.terminate()


def _day(sandbox: Sandbox, day: date, draw: random.Random) -> None:
    """Send what is drawn for a day, each at its hour."""
    if draw.random() < 0.4:
        _send(sandbox, day, "08:00", "daily", "is_to_all: true", _articles(day, 1))
    if day.isoweekday() == 4:
        content = _articles(day, draw.choice((1, 2)))
        _send(sandbox, day, "20:00", "main", f"tag: {TAGS[day.day % len(TAGS)]}", content)
    if day.isoweekday() == 6 and draw.random() < 0.5:
        text = f"msgtype: text\ncontent: 周末茶席，回复“我来”报名：https://shop.example.com/{day:%m%d}\n"
        _send(sandbox, day, "12:00", "main", "tag: 会员", text)
    if day == date(2026, 11, 11):
        set_clock(sandbox, day, "21:30")
        add_draft(sandbox, "HAND", "双十一，最后两小时")
        send_by_hand(sandbox, "HAND")


def _send(sandbox: Sandbox, day: date, hour: str, account: str, recipients: str, content: str) -> None:
    set_clock(sandbox, day, hour)
    about = f"account: {account}\nfilter: {{{recipients}}}\ndescription: 日常内容\nowner: 小李\n"
    name = f"{account}-{day:%m%d}-{hour[:2]}"
    Path(f"campaigns/{name}.yaml").write_text(about + content, encoding="utf-8")
    command("apply", "--auto-approve", "--quiet", name)
    while any(one["state"] == "due" for one in sandbox.control("GET", "events")["events"]):
        time.sleep(0.05)


def _articles(day: date, count: int) -> str:
    titles = (f"{TITLES[(day.toordinal() + number) % len(TITLES)]}（{day:%m%d}）" for number in range(count))
    one = (
        "    - {{title: {title}, author: 内容组, body: spring-tea/article.md,"
        " cover: {{file: spring-tea/images/cover.jpg}}}}\n"
    )
    return "msgtype: mpnews\ncontent:\n  articles:\n" + "".join(one.format(title=title) for title in titles)


def _coming() -> None:
    """Write two campaigns that are still to be sent."""
    for begin, tag in (("2026-11-29T20:00", "会员"), ("2026-11-30T12:00", "深圳")):
        Path(f"campaigns/main-{begin[:10]}.yaml").write_text(
            f"account: main\nfilter: {{tag: {tag}}}\nmsgtype: text\ncontent: 茶会明天开席\n"
            f"not_before: {begin}:00+08:00\nnot_after: 2026-11-30T22:00:00+08:00\n",
            encoding="utf-8",
        )


def _pages(language: str) -> None:
    command("--lang", language, "report", "--report", f"html=report.{language}.html")
    command("--lang", language, "calendar", "--report", f"html=calendar.{language}.html")
    command("--lang", language, "archive", "--since", "2026-11-01", "--out", f"archive.{language}")


def command(*words: str) -> None:
    """Run a command quietly.

    Raises:
        RuntimeError: it failed.
    """
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = run(list(words))
    if code != ExitCode.OK:
        raise RuntimeError(f"{' '.join(words)}: {code}\n{out.getvalue()}")


if __name__ == "__main__":
    with month(Path(sys.argv[1])):
        pass
