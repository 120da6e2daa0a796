"""The GitLab template, each job's script run here with the variables GitLab would give."""

import json
import os
import subprocess
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.approved_sends import KEY, ApprovedSends, go_through
from tests.support.code_hosts import FakeCodeHost, serve
from tests.support.hosted_repository import SALE, TOOLS, HostedRepository
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.secret import SANDBOX_SECRET

pytestmark = pytest.mark.deep

TEMPLATE = yaml.safe_load(
    Path(__file__).parents[2].joinpath("docs/ci/gitlab.yml").read_text(encoding="utf-8")
)
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1"}
MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}


@pytest.fixture
def hosted(tmp_path: Path, sandbox: Sandbox) -> HostedRepository:
    made = HostedRepository(folder=tmp_path, sandbox=sandbox)
    made.begin()
    return made


def job(
    hosted: HostedRepository, name: str, commit: str, folder: str, part: str = "script", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a job's script in a checkout, as a runner does: every line must succeed."""
    checkout = hosted.checkout(folder, commit)
    env = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(hosted.folder),
        "GITLAB_CI": "true",
        "CI_DEFAULT_BRANCH": "main",
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": hosted.git("rev-parse", "origin/main"),
        **TEMPLATE["variables"],
        "GIT_CONFIG_VALUE_0": str(checkout),  # which GitLab expands
        **variables,
    }
    script = "\n".join(TEMPLATE[name][part]).replace("150m", variables.get("HORIZON", "150m"))
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=checkout,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_merge_request_to_follower(hosted: HostedRepository) -> None:
    head = hosted.request(sale=SALE)
    planned = job(hosted, "plan", head, "mr", **MERGE_REQUEST)
    assert planned.returncode == 0, planned.stderr
    report = hosted.folder / "mr" / "report"
    for path in [report / "plan.json", *TEMPLATE["plan"]["artifacts"]["reports"].values()]:
        assert (report.parent / path).exists()
    assert "今晚八点" in (report / "plan.md").read_text(encoding="utf-8")
    after = job(hosted, "plan", head, "mr", "after_script")
    assert after.returncode == 0, after.stderr
    assert (report / "phones").exists() or "no pictures of the phones" in after.stderr
    assert json.loads((report / "codequality.json").read_text(encoding="utf-8")) == []

    merged, secret = hosted.merge_commit(head), {"WECHAT_MAIN_SECRET": SANDBOX_SECRET}
    reviewed = job(hosted, "review", merged, "main", **MAIN, **secret)
    assert reviewed.returncode == 0, reviewed.stderr
    assert hosted.texts() == []
    for _ in range(2):
        applied = job(hosted, "apply-approved", merged, "main", **MAIN, **secret)
        assert applied.returncode == 0, applied.stderr
        assert hosted.texts() == ["今晚八点，会员全场八折。"]
    status = job(hosted, "status", merged, "main", **MAIN, **secret)
    assert status.returncode == 0, status.stderr
    doctor = job(hosted, "doctor", merged, "main", **MAIN, **secret)
    assert doctor.returncode == 0, doctor.stdout
    expired = job(hosted, "doctor", merged, "main", **MAIN, WECHAT_MAIN_SECRET="f" * 32)
    assert (expired.returncode, "AppSecret" in expired.stdout) == (ExitCode.LEDGER, True)


def test_each_parallel_job_sends_for_its_part_of_the_accounts(hosted: HostedRepository) -> None:
    """`main` is in the first of two parts, and none is left out of both."""
    merged = hosted.merge_commit(hosted.request(sale=SALE))
    variables = {**MAIN, "WECHAT_MAIN_SECRET": SANDBOX_SECRET, "CI_NODE_TOTAL": "2"}
    assert job(hosted, "review", merged, "main", **variables).returncode == 0
    for index, sent in (("2", 0), ("1", 1), ("1", 1)):
        applied = job(hosted, "apply-approved", merged, "main", **variables, CI_NODE_INDEX=index)
        assert applied.returncode == 0, applied.stderr
        assert len(hosted.texts()) == sent


def test_sends_that_are_held_back_fail_the_pipeline(hosted: HostedRepository) -> None:
    """Nothing is due, so no `apply` would say so."""
    everyone = "filter: {is_to_all: true}\nmsgtype: text\ncontent: 大家好\n"
    for text, code in ((SALE, 0), (everyone, 5)):
        merged = hosted.merge_commit(hosted.request(sale=text))
        variables = {**MAIN, "WECHAT_MAIN_SECRET": SANDBOX_SECRET}
        reviewed = job(hosted, "review", merged, f"main-{code}", **variables)
        assert reviewed.returncode == 0, reviewed.stderr
        # A pipeline of the day's schedule fails once a day for a cause, any other each time.
        for source, expected in (("push", code), ("push", code), ("schedule", 0)):
            variables["CI_PIPELINE_SOURCE"] = source
            told = job(hosted, "notify", merged, f"main-{code}", **variables)
            assert told.returncode == expected, told.stderr
    # In a rule, a job that somebody starts fails its pipeline unless the rule says otherwise.
    assert not any(rule.get("allow_failure") for one in TEMPLATE.values() for rule in rules_of(one))


def test_what_is_approved_goes_at_its_minute_and_only_what_changed_waits(
    hosted: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who approved the deployment is GitLab's word."""
    monkeypatch.setenv("WECHAT_MAIN_SECRET", SANDBOX_SECRET)
    secret = {"WECHAT_MAIN_SECRET": SANDBOX_SECRET, "HORIZON": "1m"}  # a job waits for real
    given = [{"user": {"username": "bob"}, "status": "approved"}]
    host = FakeCodeHost(
        lists={"/projects/7/deployments": [{"id": 5, "deployable": {"id": 91}}]},
        objects={"/projects/7/deployments/5": {"approvals": given}},
    )
    words = {"CI_ENVIRONMENT_NAME": "production-approval", "CI_JOB_ID": "91", "CAMPAIGN_APPROVAL_KEY": KEY}
    pipelines = count(1)

    def pipeline(approves: bool) -> dict[str, Any]:
        commit, folder = hosted.git("rev-parse", "origin/main"), f"main-{next(pipelines)}"
        asked = {"CI_API_V4_URL": host.url, "CAMPAIGN_REVIEW_TOKEN": host.reading_token}
        sending = ("approve", "apply", "apply-approved") if approves else ("apply",)
        for name in ("review", "notify", *sending):
            variables = {**words, **asked} if name == "approve" else secret
            done = job(hosted, name, commit, folder, **MAIN, **variables)
            assert done.returncode == 0, done.stderr
        plan = hosted.folder / folder / "reviewed" / "plan.json"
        data: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8"))
        return data

    with serve(host):
        sends = ApprovedSends(hosted, pipeline)
        go_through(sends)
    events = map(json.loads, sends.command("ledger", "log", "-o", "json").splitlines())
    assert {*chain(*(one["data"]["who"] for one in events if one["kind"] == "approved"))} == {"bob"}


def rules_of(part: object) -> list[dict[str, object]]:
    return part.get("rules", []) if isinstance(part, dict) else []
