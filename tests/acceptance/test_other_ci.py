"""The command lines of docs/pull-requests.md for a CI that the tool does not know, such as Jenkins."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.hosted_repository import SALE, TOOLS, HostedRepository
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.secret import SANDBOX_SECRET

pytestmark = pytest.mark.deep

PAGE = Path(__file__).parents[2] / "docs" / "pull-requests.md"
JENKINS = {"JENKINS_URL": "https://ci.example/", "BUILD_URL": "https://ci.example/job/campaigns/7/"}


def command_lines() -> list[str]:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Another CI")[2]
    block = section.partition("```text\n")[2].partition("```")[0]
    return block.split("\n\n")[0].splitlines() + block.split("\n\n")[1].splitlines()


def test_from_change_request_to_follower(sandbox: Sandbox, tmp_path: Path) -> None:
    hosted = HostedRepository(folder=tmp_path, sandbox=sandbox)
    hosted.begin()
    head = hosted.request(sale=SALE)
    plan, review, outputs, apply = command_lines()

    def run(line: str, folder: str, commit: str, **secrets: str) -> subprocess.CompletedProcess[str]:
        checkout = hosted.checkout(folder, commit)
        environ = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "HOME": str(tmp_path), **JENKINS, **secrets}
        done = subprocess.run(
            ["bash", "-c", line], cwd=checkout, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == ExitCode.OK, done.stderr
        return done

    assert "no copy of the ledger" not in run(plan, "change", head).stdout
    merged, secret = hosted.merge_commit(head), {"WECHAT_MAIN_SECRET": SANDBOX_SECRET}
    run(review, "main", merged, **secret)
    assert json.loads(run(outputs, "main", merged).stdout)["due"] == 1
    for _twice in range(2):
        run(apply, "main", merged, **secret)
        assert hosted.texts() == ["今晚八点，会员全场八折。"]
    log = run("campaign ledger log --env production -o json", "main", merged, **secret).stdout
    assert JENKINS["BUILD_URL"] in log
