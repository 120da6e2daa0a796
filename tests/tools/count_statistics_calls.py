"""Print how many calls `campaign status` and `campaign report --refresh` make each night of a month.

Usage: `python -m tests.tools.count_statistics_calls [ACCOUNTS …]`, by default 1 10 50. Half of the accounts
send an article a week, half one a day, in a sandbox whose clock moves.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from tests.support.console import add_draft, send_by_hand, set_clock
from tests.support.playground import Sandbox
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_sandbox.server import embedded

FIRST = date(2026, 12, 1)
DAYS = 31
SETTINGS = """\
default_environment: shop
environments: {{shop: {{api: {url}, ledger: sqlite, accounts: {{{accounts}}}}}}}
policy: {{allow_to_all: true, max_sends_per_apply: 1000}}
"""
CALLS = ("/cgi-bin/stable_token", "/cgi-bin/message/mass/get", "/datacube/getarticletotaldetail")


def appid(number: int) -> str:
    """The AppID of an account, from 0."""
    return f"wx{number:015d}f"


def main(counts: list[int]) -> None:
    """Print a line for each number of accounts."""
    print(
        f"{'accounts':>8}  {'night':<10}{'token':>7}{'mass/get':>10}{'figures':>9}"
        f"{'per account':>13}{'seconds':>9}"
    )
    for accounts in counts:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), embedded() as url:
            os.environ |= {"CAMPAIGN_STATE_DIR": f"{folder}.state", "WECHAT_MAIN_SECRET": "0" * 32}
            for night, calls, seconds in month(Sandbox(url), accounts):
                token, status, figures = (calls[path] for path in CALLS)
                print(
                    f"{accounts:>8}  {night:<10}{token:>7}{status:>10}{figures:>9}"
                    f"{figures / accounts:>13.1f}{seconds:>9.1f}"
                )


def month(sandbox: Sandbox, accounts: int) -> Iterator[tuple[str, Counter[str], float]]:
    """Send for a month; what the first, an ordinary and the last night called, and how long they took."""
    seeds = [{"appid": appid(n), "kind": "subscription", "followers": 20} for n in range(accounts)]
    sandbox.control("POST", "seed", {"accounts": seeds})
    named = ", ".join(
        f"a{n}: {{kind: subscription, appid: {appid(n)}, secret: {{env: WECHAT_MAIN_SECRET}}}}"
        for n in range(accounts)
    )
    Path("campaigns").mkdir()
    Path("campaigns/_settings.yaml").write_text(
        SETTINGS.format(url=sandbox.url, accounts=named), encoding="utf-8"
    )
    for day in range(DAYS):
        set_clock(sandbox, FIRST + timedelta(days=day), "12:00")
        send(sandbox, day, [n for n in range(accounts) if n % 2 or day % 7 == 0])
        newest, began = last_id(sandbox), time.perf_counter()
        set_clock(sandbox, FIRST + timedelta(days=day + 1), "09:00")
        with contextlib.redirect_stdout(io.StringIO()):
            assert run(["status"]) == ExitCode.OK
            assert run(["report", "--refresh"]) == ExitCode.OK
        if day in (0, 7, DAYS - 1):
            name = f"{day + 1}."
            yield name, calls_after(sandbox, newest), time.perf_counter() - began


def send(sandbox: Sandbox, day: int, numbers: list[int]) -> None:
    """Send an article from each account; by the tool, but for half of the days, which are by hand."""
    for number in numbers:
        media_id = f"DRAFT-{day}-{number}"
        add_draft(sandbox, media_id, f"第 {day} 天", appid=appid(number))
        if day % 2:
            send_by_hand(sandbox, media_id, appid(number))
        else:
            content = f"filter: {{is_to_all: true}}\nmsgtype: mpnews\ncontent: {{media_id: {media_id}}}\n"
            path = Path(f"campaigns/d{day}-{number}.yaml")
            path.write_text(f"account: a{number}\n{content}", encoding="utf-8")
    if day % 2 == 0:
        with contextlib.redirect_stdout(io.StringIO()):
            assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.OK


def last_id(sandbox: Sandbox) -> int:
    """Return the id of the newest call that the sandbox recorded."""
    newest = sandbox.control("GET", "requests", limit=1)["requests"]
    return int(newest[-1]["id"]) if newest else 0


def calls_after(sandbox: Sandbox, newest: int) -> Counter[str]:
    """Count the calls after one, by path; the sandbox keeps the latest 5000."""
    page = sandbox.control("GET", "requests", after=newest, limit=5000)["requests"]
    return Counter(one["path"] for one in page)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 10, 50])
