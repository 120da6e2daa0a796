"""The workflows, every script of them run here: pull request, comment, merge, one send, what is refused."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.actions_runner import PROJECT, ActionsRunner, Event, Job
from tests.support.approved_sends import KEY, ApprovedSends, go_through
from tests.support.code_hosts import FakeCodeHost, serve
from tests.support.hosted_repository import NEWS, SALE, SETTINGS, TOOLS, HostedRepository, command
from tests.support.playground import Sandbox
from tests.support.studio import open_studio
from wechat_campaigns.source.secret import SANDBOX_SECRET

pytestmark = [pytest.mark.deep, pytest.mark.xdist_group("workflows")]

WORKFLOW = PROJECT / ".github" / "workflows" / "campaigns.yml"
REPO = "shop/campaigns"
NIGHTLY = "37 22 * * *"


@dataclass
class GitHubRepository(HostedRepository):
    """A repository on GitHub, with the runner of its workflows."""

    code_host: FakeCodeHost = field(default_factory=FakeCodeHost)
    gates: list[str] = field(default_factory=list)
    actions: ActionsRunner = field(init=False)

    def propose(self, **campaigns: str) -> Event:
        """Open a pull request; the event of its run."""
        return self.pushed(self.request(**campaigns))

    def pushed(self, head: str) -> Event:
        """Return the event of a push to the newest pull request."""
        base = self.git("rev-parse", "origin/main")
        pull = {
            "number": self.requests,
            "head": {"sha": head, "ref": "$(touch hacked)"},
            "base": {"sha": base},
        }
        self.code_host.comments(REPO, self.requests)
        payload = {"pull_request": pull, "repository": {"default_branch": "main", "fork": False}}
        return Event("pull_request", payload, head, f"refs/pull/{self.requests}/merge")

    def merge(self, proposed: Event) -> Event:
        self.merge_commit(proposed.sha)
        return self.on_main("push")

    def on_main(self, name: str, **more: Any) -> Event:
        payload = {"repository": {"default_branch": "main", "fork": False}, **more}
        return Event(name, payload, self.git("rev-parse", "origin/main"), "refs/heads/main")

    def run(self, event: Event) -> dict[str, Job]:
        return self.actions.run(WORKFLOW, event)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner")


RAN: set[str] = set()


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox, installed: Path) -> Iterator[GitHubRepository]:
    """A repository with settings and no campaign, its ledger begun."""
    disk = installed / tmp_path.name
    disk.mkdir()
    (disk / "temp").symlink_to(installed)
    made = GitHubRepository(folder=tmp_path, sandbox=sandbox)
    made.begin()
    with serve(made.code_host):
        made.actions = ActionsRunner(
            remote=made.remote,
            folder=disk,
            env={"GITHUB_API_URL": made.code_host.url},
            token=made.code_host.writing_token,
            vars={"CAMPAIGNS_LIVE": "true"},
            secrets={"WECHAT_MAIN_SECRET": SANDBOX_SECRET},
            gate=made.gates.append,
            ran=RAN,
        )
        yield made


def test_from_pull_request_to_follower(repository: GitHubRepository) -> None:
    proposed = repository.propose(sale=SALE)
    planned = repository.run(proposed)
    assert planned["plan"].result == "success", planned["plan"].log
    assert [job.result for name, job in planned.items() if name != "plan"] == ["skipped"] * 6
    [comment] = repository.code_host.comments(REPO, 1)
    assert "今晚八点，会员全场八折。" in comment["body"]
    assert f"Head commit `{proposed.sha}`\n\n" in comment["body"]
    report = comment["body"].replace(f"Head commit `{proposed.sha}`\n\n", "")
    assert report.strip() == planned["plan"].summary.strip()
    assert repository.texts() == []

    event = repository.merge(proposed)
    sent = repository.run(event)
    assert sent["apply-approved"].result == "success", sent["apply-approved"].log
    assert sent["review"].outputs["plan_digest"] in comment["body"]
    assert repository.texts() == ["今晚八点，会员全场八折。"]
    assert sent["notify"].result == "success", sent["notify"].log
    gates = ["", "production-plan", "production-plan", "production-approval", "production", "production"]
    assert repository.gates == gates

    again = repository.run(event)
    assert (again["review"].outputs["due"], again["apply"].result) == ("0", "skipped")
    assert again["notify"].result == "skipped"
    assert len(repository.texts()) == 1
    night = repository.run(repository.on_main("schedule", schedule=NIGHTLY))
    assert night["status"].result == "success", night["status"].log
    assert night["review"].result == "skipped"

    assert repository.run(repository.propose(more=SALE.replace("八折", "七折")))["plan"].result == "success"
    [comment] = repository.code_host.comments(REPO, 2)
    assert re.search(r"followers: ~\d+", comment["body"])


def test_what_the_studio_sends_for_review_reaches_followers(repository: GitHubRepository) -> None:
    def reviewed(sentence: str) -> Event:
        branch = studio.write("/review", work=begun["work"], sentence=sentence)["branch"]
        head = repository.git("ls-remote", "origin", branch).split()[0]
        repository.git("fetch", "--quiet", "origin", branch)
        repository.git("push", "--quiet", "--force", "origin", f"{head}:refs/pull/1/head")
        return repository.pushed(head)

    def save(content: str, *more: dict[str, Any]) -> None:
        stamp = studio.get("/data/form", params=begun).json()["stamp"]
        changes = [{"path": ["content"], "value": content}, *more]
        studio.write("/save", **begun, seen=stamp, changes=changes)

    repository.requests = 1
    with open_studio(repository.folder / "author") as studio:
        found = studio.write("/begin", kind="text", words="会员日")
        begun = {"work": found["work"], "id": found["id"]}
        save("今晚八点，会员全场九折。", {"path": ["filter"], "value": {"tag": "会员"}})
        studio.write("/person", work=begun["work"], name="李梅", email="mei@example.invalid")
        assert repository.run(reviewed("会员日九折"))["plan"].result == "success"
        save("今晚八点，会员全场八折。")
        corrected = reviewed("是八折")
        assert repository.run(corrected)["plan"].result == "success"
        [comment] = repository.code_host.comments(REPO, 1)
        assert "今晚八点，会员全场八折。" in comment["body"]
        assert repository.texts() == []
        assert repository.run(repository.merge(corrected))["apply-approved"].result == "success"
        assert repository.texts() == ["今晚八点，会员全场八折。"]

        studio.write("/look")
        (row,) = studio.get("/data/campaigns").json()["campaigns"][0]["rows"].values()
        assert row["status"] == "sent"


def test_approval_comes_before_the_window_and_the_send_at_its_minute(repository: GitHubRepository) -> None:
    began = datetime.now(UTC)
    repository.run(repository.merge(repository.propose(news=NEWS)))
    opens_at = (datetime.now(UTC) + 2 * (datetime.now(UTC) - began)).replace(microsecond=0) + timedelta(
        seconds=5
    )
    window = f"not_before: {opens_at.isoformat(timespec='seconds')}\n"
    far = f"not_before: {(opens_at + timedelta(hours=5)).isoformat(timespec='seconds')}\n"
    approved: list[datetime] = []
    repository.actions.gate = lambda name: (
        approved.append(datetime.now(UTC)) if name == "production-approval" else None
    )
    jobs = repository.run(repository.merge(repository.propose(sale=SALE + window, far=SALE + far)))
    assert (jobs["review"].outputs["due"], jobs["review"].outputs["coming"]) == ("0", "1")
    assert jobs["apply"].result == "success", jobs["apply"].log
    assert len(approved) == 1
    assert approved[0] < opens_at
    assert repository.texts() == ["新客首单包邮。", "今晚八点，会员全场八折。"]
    late = datetime.now(UTC) - opens_at
    assert timedelta() < late < timedelta(minutes=2)


def test_a_pull_request_without_campaigns_passes_and_says_nothing(repository: GitHubRepository) -> None:
    """The check is there, so that it may be required for every merge; no plan, no comment."""
    repository.propose(sale=SALE)
    repository.git("checkout", "--quiet", "-B", "change-1", "origin/main")
    (repository.folder / "author" / "README.md").write_text("商店", encoding="utf-8")
    repository.git("add", "README.md")
    repository.git("commit", "--quiet", "-m", "Add a page")
    repository.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/1/head")
    head, base = repository.git("rev-parse", "HEAD"), repository.git("rev-parse", "origin/main")
    pull = {"number": 1, "head": {"sha": head, "ref": "page"}, "base": {"sha": base}}
    payload = {"pull_request": pull, "repository": {"default_branch": "main", "fork": False}}
    planned = repository.run(Event("pull_request", payload, head, "refs/pull/1/merge"))
    assert (planned["plan"].result, planned["plan"].summary) == ("success", "")
    assert repository.code_host.comments(REPO, 1) == []


def test_a_merge_queue_does_not_wait_for_ever(repository: GitHubRepository) -> None:
    """The queue's event starts the workflow, so that its required check is reported: a skipped job passes."""
    triggers = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))[True]  # what YAML 1.1 makes of `on`
    assert "merge_group" in triggers
    head = repository.propose(sale=SALE).sha
    queue = {"merge_group": {"head_sha": head}, "repository": {"default_branch": "main", "fork": False}}
    jobs = repository.run(Event("merge_group", queue, head, "refs/heads/gh-readonly-queue/main/pr-1"))
    assert {job.result for job in jobs.values()} == {"skipped"}


def test_review_cannot_write_the_ledger(repository: GitHubRepository) -> None:
    repository.actions.secrets = {**repository.actions.secrets, "CAMPAIGN_LEDGER_TOKEN": "writes"}
    tokens = {}
    for name, job in repository.run(repository.merge(repository.propose(sale=SALE))).items():
        tokens[name] = job.given.get("CAMPAIGN_LEDGER_TOKEN")
    token = repository.actions.token
    writing = dict.fromkeys(("notify", "approve", "apply", "apply-approved"), "writes")
    assert tokens == {"plan": None, "review": token, **writing, "status": None}
    assert repository.run(repository.propose(news=NEWS))["plan"].given == {}


def test_staging_sends_at_the_merge_and_production_after_its_reviewers(
    repository: GitHubRepository, tmp_path: Path
) -> None:
    page = (PROJECT / "docs" / "pull-requests.md").read_text(encoding="utf-8")
    [copy] = re.findall(r"^sed .*\n.*staging\.yml$", page, re.MULTILINE)
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(WORKFLOW, tmp_path / ".github" / "workflows")
    subprocess.run(["bash", "-euc", copy], cwd=tmp_path, check=True)
    staging = tmp_path / ".github" / "workflows" / "staging.yml"
    jobs = [yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values() for file in (WORKFLOW, staging)]
    groups = [{job["concurrency"]["group"] for job in of_one} for of_one in jobs]
    assert not groups[0] & groups[1]

    production = SETTINGS.format(url=repository.sandbox.url)
    _head, _line, block = production.partition("  production:\n")
    other = block.replace("wx0000000000000001", "wx0000000000000002").replace("service", "subscription")
    repository.change(_settings=f"{production}  staging:\n{other}")
    repository.git("push", "--quiet", "origin", "HEAD:main")
    command([str(TOOLS / "campaign"), "ledger", "init", "--env", "staging"], tmp_path / "author")
    proposed = repository.propose(sale=SALE)
    for file in (staging, WORKFLOW):
        assert repository.actions.run(file, proposed)["plan"].result == "success"
    bodies = [comment["body"] for comment in repository.code_host.comments(REPO, 1)]
    assert ["Campaign plan for `staging`" in body for body in bodies] == [True, False]
    event = repository.merge(proposed)
    assert repository.actions.run(staging, event)["apply"].result == "success"
    assert {job["appid"] for job in repository.sandbox.jobs()} == {"wx0000000000000002"}
    assert repository.actions.run(WORKFLOW, event)["apply"].result == "success"
    assert len(repository.texts()) == 2
    assert {"staging-plan", "staging-approval", "staging"} <= set(repository.gates)
    assert {"production-plan", "production-approval", "production"} <= set(repository.gates)


def test_run_with_held_back_sends_fails_once_a_day_for_each_cause(repository: GitHubRepository) -> None:
    """What a schedule finds again is green and says so; a new cause, and whatever a merge finds, is red."""
    ended = f"not_after: {(datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec='seconds')}\n"
    everyone = SALE.replace("{tag: 会员}", "{is_to_all: true}")
    assert everyone != SALE
    hourly = repository.on_main("schedule", schedule="7 1-13 * * *")

    def ends(event: Event) -> tuple[str, str, str]:
        jobs = repository.run(event)
        for one in jobs.values():
            if one.result == "failure":
                assert "exit code 5" in one.log
        return jobs["review"].result, jobs["notify"].result, jobs["apply"].result

    merged = repository.merge(repository.propose(missed=SALE + ended))
    hourly = repository.on_main("schedule", schedule="7 1-13 * * *")
    assert ends(hourly) == ("success", "failure", "skipped")
    again = repository.run(hourly)["notify"]
    assert (again.result, "is still held back or was missed" in again.log) == ("success", True), again.log
    assert ends(merged) == ("success", "failure", "skipped")
    # The rest goes out, whatever fails.
    merged = repository.merge(repository.propose(missed=SALE, everyone=everyone))
    hourly = repository.on_main("schedule", schedule="7 1-13 * * *")
    assert ends(hourly) == ("success", "failure", "success")
    assert repository.texts() == ["今晚八点，会员全场八折。"]
    assert ends(hourly) == ("success", "success", "skipped")
    assert ends(merged) == ("success", "failure", "skipped")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SALE.replace("text", "txt", 1), ("exit code 3", "::error file=campaigns/sale.yaml,line=2")),
        (SALE.replace("{tag: 会员}", "{is_to_all: true}"), ("exit code 5", "1 send is held back: sale")),
    ],
    ids=["invalid", "blocked"],
)
def test_pull_request_that_cannot_be_sent_is_red(
    repository: GitHubRepository, text: str, words: tuple[str, ...]
) -> None:
    planned = repository.run(repository.propose(sale=text))["plan"]
    assert planned.result == "failure"
    assert [one for one in words if one not in planned.log] == []
    assert "sale" in repository.code_host.comments(REPO, 1)[0]["body"]


def test_nightly_run_keeps_one_issue(repository: GitHubRepository) -> None:
    issues = repository.code_host.issues(REPO)
    ended = f"not_after: {(datetime.now(UTC) - timedelta(days=3)).isoformat(timespec='seconds')}\n"
    repository.merge(repository.propose(missed=SALE + ended))
    for _night in range(2):
        night = repository.run(repository.on_main("schedule", schedule=NIGHTLY))["status"]
        assert (night.result, "exit code 13" in night.log) == ("failure", True)
        assert "missed" in night.summary
        [issue] = issues
        assert (issue["title"], issue["state"]) == ("1 send of production needs attention", "open")
    later = f"not_after: {(datetime.now(UTC) + timedelta(days=3)).isoformat(timespec='seconds')}\n"
    repository.merge(repository.propose(missed=SALE + later))
    assert repository.run(repository.on_main("schedule", schedule=NIGHTLY))["status"].result == "success"
    assert [issue["state"] for issue in issues] == ["closed"]


def test_a_secret_that_expired_shows_the_night_before(repository: GitHubRepository) -> None:
    """No send has to be asked about, so `status` needs no secret and sees nothing."""
    repository.actions.secrets["WECHAT_MAIN_SECRET"] = "f" * 32
    night = repository.run(repository.on_main("schedule", schedule=NIGHTLY))["status"]
    assert night.result == "failure"
    assert "40125" in night.log
    assert "exit code" in night.log


def test_each_job_of_a_matrix_sends_for_its_part_of_the_accounts(repository: GitHubRepository) -> None:
    seed = {"appid": "wx0000000000000003", "kind": "service", "followers": 5, "tags": ["会员"]}
    repository.sandbox.control("POST", "seed", {"accounts": [seed]})
    account = "{kind: service, appid: wx0000000000000003, secret: {env: WECHAT_MAIN_SECRET}}"
    settings = f"{SETTINGS.format(url=repository.sandbox.url)}      shop: {account}\n"
    proposed = repository.propose(
        _settings=settings,
        main=f"account: main\n{SALE}",
        shop=f"account: shop\n{NEWS.replace('新客', '会员')}",
    )
    event = repository.merge(proposed)
    command([str(TOOLS / "campaign"), "ledger", "init"], repository.folder / "author")
    main, shop = "wx0000000000000001", seed["appid"]
    for parts, sent_from in (('["2/2"]', [shop]), ('["1/2", "2/2"]', [main, shop])):
        repository.actions.vars = {**repository.actions.vars, "CAMPAIGN_PARTS": parts}
        repository.gates.clear()
        sent = repository.run(event)["apply"]
        assert sent.result == "success", sent.log
        assert repository.gates.count("production") == 2 * len(sent_from), (
            "what is approved, and what was now"
        )
        assert sorted(job["appid"] for job in repository.sandbox.jobs()) == sent_from


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("", []),
        ("2/4", ["--shard=2/4"]),
        (" shop-* 北京\n2/4\t", ["--accounts=shop-*", "--accounts=北京", "--shard=2/4"]),
        ("* ? ~", ["--accounts=*", "--accounts=?", "--accounts=~"]),
        ("--env=x -h", ["--accounts=--env=x", "--accounts=-h"]),
        ("$(id) `id` ;id \\n", ["--accounts=$(id)", "--accounts=`id`", "--accounts=;id", "--accounts=\\n"]),
        ("'a b\"", ["--accounts='a", '--accounts=b"']),
    ],
)
def test_a_selection_is_words_and_never_code(tmp_path: Path, select: str, words: list[str]) -> None:
    action = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
    (step,) = (step for step in action["runs"]["steps"] if step.get("id") == "run")
    python = tmp_path / "campaign/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    given = {"COMMAND": "doctor", "DIRECTORY": "campaigns", "SELECT": select, "RUNNER_TEMP": str(tmp_path)}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **dict.fromkeys(step["env"], ""), **given},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[2:] == ["doctor", "--dir", "campaigns", *words]


def test_a_stale_digest_is_refused(repository: GitHubRepository) -> None:
    """A window that closes while the run waits for its reviewers changes what would be sent."""
    closes_at = datetime.now(UTC) + timedelta(hours=2)
    window = f"not_after: {closes_at.isoformat(timespec='seconds')}\n"
    event = repository.merge(repository.propose(sale=SALE + window))

    def wait(environment: str) -> None:
        if environment == "production-approval":
            repository.sandbox.advance(3 * 3600)

    repository.actions.gate = wait
    apply = repository.run(event)["apply"]
    assert apply.result == "failure"
    assert "exit code 5" in apply.log
    assert "the reviewed plan cannot be applied" in apply.log
    assert repository.texts() == []


APPROVERS = f"/repos/{REPO}/actions/runs/{{}}/approvals"


def test_what_is_approved_goes_at_its_minute_and_only_what_changed_waits(
    repository: GitHubRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_MAIN_SECRET", SANDBOX_SECRET)
    actions = repository.actions
    actions.secrets = {**actions.secrets, "CAMPAIGN_APPROVAL_KEY": KEY}
    actions.vars = {**actions.vars, "CAMPAIGN_HORIZON": "1m"}  # a job waits for real
    asked: list[str] = []

    def pipeline(approves: bool) -> dict[str, Any]:
        def gate(environment: str) -> bool:
            if environment != "production-approval":
                return True
            row = {"state": "approved", "user": {"login": "bob"}, "environments": [{"name": environment}]}
            repository.code_host.lists[APPROVERS.format(actions.runs)] = [row]
            asked.append(environment)
            return approves

        actions.gate = gate
        jobs = repository.run(repository.on_main("workflow_dispatch"))
        assert [job.log for job in jobs.values() if job.result == "failure" and job.log] == []
        plan = actions.folder / "artifacts" / str(actions.runs) / "reviewed-plan" / "plan.json"
        data: dict[str, Any] = json.loads(plan.read_text(encoding="utf-8"))
        return data

    go_through(ApprovedSends(repository, pipeline))
    assert len(asked) == 5, "a run in which nothing waits asks nobody"


def test_pull_request_of_a_fork_shows_its_plan_in_the_summary(repository: GitHubRepository) -> None:
    repository.actions.token, repository.actions.secrets = repository.code_host.reading_token, {}
    planned = repository.run(repository.propose(sale=SALE))["plan"]
    assert planned.result == "success", planned.log
    assert "今晚八点，会员全场八折。" in planned.summary
    assert repository.code_host.comments(REPO, 1) == []


def test_campaign_text_in_a_workflow_is_never_executed(repository: GitHubRepository) -> None:
    evil = "\n".join(
        [
            "::set-output name=digest::0",
            "::error::owned",
            "##[error]owned",
            "<!-- campaign:plan environment=production -->",
            "``` @everyone ${% raw %}{{ secrets.WECHAT_MAIN_SECRET }}{% endraw %} $(touch hacked) \u200b",
        ]
    )
    text = f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: {json.dumps(evil)}\n"
    planned = repository.run(repository.propose(sale=text))["plan"]
    assert planned.result == "success", planned.log
    [comment] = repository.code_host.comments(REPO, 1)
    for shown in (comment["body"], planned.summary, planned.log):
        assert "##[error]owned" not in shown
        assert "${{" not in shown
        assert "\u200b" not in shown
        assert not [line for line in shown.splitlines() if line.startswith(("::error::", "::set-output"))]
    assert comment["body"].count("<!-- campaign:") == 1
    assert not list(repository.folder.rglob("hacked"))


def test_every_script_of_the_workflow_was_run() -> None:
    assert RAN, "run the whole module: this one looks at what the others did"
    action = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    steps = [*action["runs"]["steps"], *(step for job in jobs for step in job["steps"])]
    assert {step["run"] for step in steps if "run" in step} <= RAN
    own = yaml.safe_load(WORKFLOW.with_name("ci.yml").read_text(encoding="utf-8"))["jobs"].values()
    for script in [step["run"] for job in own for step in job["steps"] if "run" in step]:
        subprocess.run([*script.split(), "--dry-run"], cwd=PROJECT, check=True, capture_output=True)
