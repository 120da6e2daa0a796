"""A lock that a killed git left behind: out of the way, or named before anybody gets impatient."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode

pytestmark = pytest.mark.deep

PATIENCE_S = 30.0
IN_THE_WAY = "refs/heads/ledger.lock"
LEFT_OVER = ("packed-refs.lock", "index.lock", "shallow.lock", "HEAD.lock", "config.lock")


def test_branch_locked_by_a_killed_git_is_named(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = make_shop("git")
    shop.write(sale=campaign_file("今晚八点"))
    lock = tmp_path / "remote.git" / IN_THE_WAY
    lock.touch()
    for words in (("apply", "--auto-approve"), ("hold", "main", "--reason", "故障")):
        began = time.monotonic()
        code, said = shop.run(*words)
        assert time.monotonic() - began < PATIENCE_S
        assert code == ExitCode.LEDGER
        assert IN_THE_WAY in "".join(said.split())
    assert shop.run("plan")[0] == ExitCode.OK
    assert shop.posts() == 0
    lock.unlink()
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["今晚八点"]


@pytest.mark.parametrize("left", LEFT_OVER)
def test_other_locks_of_a_killed_git_block_nothing(make_shop: MakeShop, tmp_path: Path, left: str) -> None:
    """Neither at the remote nor in the local copy, which nobody else uses."""
    shop = make_shop("git")
    shop.write(sale=campaign_file("今晚八点"))
    copies = [head.parent for head in tmp_path.rglob("ledger-git/*/HEAD")]
    assert copies
    for repository in (tmp_path / "remote.git", *copies):
        (repository / left).touch()
    began = time.monotonic()
    assert shop.run("plan")[0] == ExitCode.OK
    assert shop.apply() == ExitCode.OK
    assert time.monotonic() - began < PATIENCE_S
    assert shop.texts() == ["今晚八点"]


def test_ctrl_c_leaves_git_alone_while_it_records_a_result(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = make_shop("git")
    shop.write(sale=campaign_file("sale"))
    slow = tmp_path / "slow/git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 0.2\nexec {shutil.which("git")} "$@"\n', encoding="utf-8")
    slow.chmod(0o755)
    path = f"{slow.parent}:{os.environ['PATH']}"
    running = shop.begin("apply", "--auto-approve", process_group=0, PATH=path)
    while not shop.texts():
        time.sleep(0.01)
    time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode == ExitCode.OK, said
    assert "1 accepted" in out
