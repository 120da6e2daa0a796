"""Accounts by the hundred: a command has as many files and connections open as it does at a time."""

import subprocess
import sys

import pytest

from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode

ACCOUNTS, MOST_OPEN = 90, 80


@pytest.mark.deep
def test_hundreds_of_accounts_need_few_open_files(make_shop: MakeShop) -> None:
    shop = make_shop(begin=False)
    appids = [f"wx{number:016x}" for number in range(0xD0, 0xD0 + ACCOUNTS)]
    seeds = [{"appid": one, "kind": "service", "followers": 3, "tags": ["会员"]} for one in appids]
    shop.sandbox.control("POST", "seed", {"accounts": seeds})
    file = shop.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0]
    keys = "kind: service, labels: [retail], secret: {env: WECHAT_MAIN_SECRET}"
    lines = "".join(f"      a{n}: {{appid: {one}, {keys}}}\n" for n, one in enumerate(appids))
    file.write_text(f"{head}    accounts:\n{lines}", encoding="utf-8")
    shop.write(sale=campaign_file("晚上好", "for_each: {accounts: {label: retail}}\n"))
    shop.succeed("ledger", "init")
    for words in ("plan --quiet", "apply --auto-approve --quiet", "status --quiet", "doctor"):
        command = f'ulimit -n {MOST_OPEN}; exec "$0" -m wechat_campaigns {words}'
        done = subprocess.run(
            ["sh", "-c", command, sys.executable],
            cwd=shop.folder, env=shop.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (ExitCode.OK, ""), words
    assert shop.posts() == ACCOUNTS
