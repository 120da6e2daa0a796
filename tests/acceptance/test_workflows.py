"""The workflows, every script of them run here: pull request, comment, merge, one send, what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_runner import PROJECT, ActionsRunner, Event, Job
from forges import FakeForge, serve
from hosted import NEWS, SALE, SETTINGS, Hosted
from playground import Sandbox

from wechat_campaigns.source.secret import SANDBOX_SECRET

pytestmark = pytest.mark.xdist_group("workflows")

WORKFLOW = PROJECT / ".github" / "workflows" / "campaigns.yml"
REPO = "shop/campaigns"
NIGHTLY = "37 22 * * *"


@dataclass
class World(Hosted):
    """A repository on GitHub, with the runner of its workflows."""

    forge: FakeForge = field(default_factory=FakeForge)
    gates: list[str] = field(default_factory=list)
    actions: ActionsRunner = field(init=False)

    def propose(self, *, again: bool = False, **campaigns: str) -> Event:
        """Open a pull request, or push to the last one; the event of its run."""
        base = self.git("rev-parse", "origin/main")
        head = self.request(again=again, **campaigns)
        pull = {
            "number": self.requests,
            "head": {"sha": head, "ref": "$(touch hacked)"},
            "base": {"sha": base},
        }
        self.forge.comments(REPO, self.requests)
        payload = {"pull_request": pull, "repository": {"default_branch": "main", "fork": False}}
        return Event("pull_request", payload, head, f"refs/pull/{self.requests}/merge")

    def merge(self, proposed: Event) -> Event:
        """Merge a pull request; the event of the run on main."""
        self.merge_commit(proposed.sha)
        return self.on_main("push")

    def on_main(self, name: str, **more: Any) -> Event:
        """Describe a run on main."""
        payload = {"repository": {"default_branch": "main", "fork": False}, **more}
        return Event(name, payload, self.git("rev-parse", "origin/main"), "refs/heads/main")

    def run(self, event: Event) -> dict[str, Job]:
        """Run the workflow for an event."""
        return self.actions.run(WORKFLOW, event)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's disk; the action is installed on it once."""
    return tmp_path_factory.mktemp("runner")


RAN: set[str] = set()


@pytest.fixture
def world(tmp_path: Path, sandbox: Sandbox, installed: Path) -> Iterator[World]:
    """A repository with settings and no campaign, its ledger begun."""
    disk = installed / tmp_path.name
    disk.mkdir()
    (disk / "temp").symlink_to(installed)
    made = World(folder=tmp_path, sandbox=sandbox)
    made.begin()
    with serve(made.forge):
        made.actions = ActionsRunner(
            remote=made.remote,
            folder=disk,
            env={"GITHUB_API_URL": made.forge.url},
            token=made.forge.writing_token,
            vars={"CAMPAIGNS_LIVE": "true"},
            secrets={"WECHAT_MAIN_SECRET": SANDBOX_SECRET},
            gate=made.gates.append,
            ran=RAN,
        )
        yield made


def test_from_pull_request_to_follower(world: World) -> None:
    """Reviewers see the message; merging sends it once; the next run sends nothing."""
    proposed = world.propose(sale=SALE)
    planned = world.run(proposed)
    assert planned["plan"].result == "success", planned["plan"].log
    assert [job.result for name, job in planned.items() if name != "plan"] == ["skipped"] * 3
    [comment] = world.forge.comments(REPO, 1)
    assert "今晚八点，会员全场八折。" in comment["body"]
    assert f"Head commit `{proposed.sha}`\n\n" in comment["body"]
    report = comment["body"].replace(f"Head commit `{proposed.sha}`\n\n", "")
    assert report.strip() == planned["plan"].summary.strip()
    assert world.texts() == []

    event = world.merge(proposed)
    sent = world.run(event)
    assert sent["apply"].result == "success", sent["apply"].log
    assert sent["review"].outputs["digest"] in comment["body"]
    assert world.texts() == ["今晚八点，会员全场八折。"]
    assert world.gates == ["", "production-plan", "production"]

    again = world.run(event)
    assert (again["review"].outputs["due"], again["apply"].result) == ("0", "skipped")
    assert len(world.texts()) == 1
    night = world.run(world.on_main("schedule", schedule=NIGHTLY))
    assert night["status"].result == "success", night["status"].log
    assert night["review"].result == "skipped"


def test_the_comment_follows_the_pull_request(world: World) -> None:
    """A second push to it changes the comment there is."""
    world.run(world.propose(sale=SALE))
    world.run(world.propose(sale=SALE.replace("八折", "七折"), again=True))
    [comment] = world.forge.comments(REPO, 1)
    assert "七折" in comment["body"]
    assert "八折" not in comment["body"]


def test_a_dropped_run_is_made_good_by_the_next(world: World) -> None:
    """Two merges, one run: both messages go out, each once."""
    world.merge(world.propose(sale=SALE))
    event = world.merge(world.propose(news=NEWS))
    assert world.run(event)["apply"].result == "success"
    assert sorted(world.texts()) == sorted(["今晚八点，会员全场八折。", "新客首单包邮。"])


def test_an_old_run_started_again_sends_nothing(world: World) -> None:
    """Its campaigns are not those of main any more; the newer run is the one that sends."""
    old = world.merge(world.propose(sale=SALE))
    world.merge(world.propose(sale=SALE.replace("八折", "七折")))
    apply = world.run(old)["apply"]
    assert apply.result == "failure"
    assert "main holds other campaigns by now" in apply.log
    assert "exit code 5" in apply.log
    assert world.texts() == []


def test_a_stale_digest_is_refused(world: World) -> None:
    """A window that closes while the run waits for its reviewers changes what would be sent."""
    window = 'not_after: "2030-01-01T00:00:00+08:00"\n'
    event = world.merge(world.propose(sale=SALE + window))

    def wait(environment: str) -> None:
        if environment == "production":
            world.sandbox.advance(10 * 365 * 86400)

    world.actions.gate = wait
    apply = world.run(event)["apply"]
    assert apply.result == "failure"
    assert "exit code 5" in apply.log
    assert "not what was reviewed" in apply.log
    assert world.texts() == []


def test_another_plans_file_is_refused(world: World) -> None:
    """The file that is applied must have the digest that the run's own review gave out."""
    event = world.merge(world.propose(sale=SALE))

    def swap(environment: str) -> None:
        if environment == "production":
            [plan] = (world.actions.folder / "artifacts").rglob("plan.json")
            data = json.loads(plan.read_text(encoding="utf-8"))
            plan.write_text(json.dumps({**data, "plan_digest": "0" * 64}), encoding="utf-8")

    world.actions.gate = swap
    assert world.run(event)["apply"].result == "failure"
    assert world.texts() == []


APPROVALS = "    approvals: {approvers: [bob]}\n"


def reviewed(world: World, event: Event, *reviews: tuple[str, str]) -> None:
    """Let GitHub tell that ann's pull request brought the commit in, and what was said about it."""
    head = world.git("rev-parse", f"{event.sha}^2")
    base = {"ref": "main", "repo": {"full_name": REPO}}
    pull = {"number": 1, "merged_at": "2026-11-02T08:00:00Z", "merge_commit_sha": event.sha, "base": base}
    pull |= {"user": {"login": "ann"}, "head": {"sha": head}}
    found = [{"user": {"login": who}, "state": state, "commit_id": head} for who, state in reviews]
    world.forge.lists |= {
        f"/repos/{REPO}/commits/{event.sha}/pulls": [pull],
        f"/repos/{REPO}/pulls/1/reviews": found,
        f"/repos/{REPO}/pulls/1/commits": [{"author": {"login": "ann"}, "committer": {"login": "ann"}}],
    }


def test_what_was_not_approved_is_not_sent(world: World) -> None:
    """The environment's own gate: refused until somebody else approved; who did is in the ledger."""
    settings = SETTINGS.format(url=world.sandbox.url).replace("    accounts:", f"{APPROVALS}    accounts:")
    proposed = world.propose(_settings=settings, sale=SALE)
    event = world.merge(proposed)
    refused = [((), "0 of 1 approvals"), ((("ann", "APPROVED"),), "0 of 1 approvals")]
    for reviews, words in [*refused, ((("bob", "CHANGES_REQUESTED"),), "bob asked for changes")]:
        reviewed(world, event, *reviews)
        jobs = world.run(event)
        # The settings came with it, so not even the plan that reads the secret is made.
        assert words in jobs["review"].log
        assert "exit code 5" in jobs["review"].log
        assert jobs["apply"].result == "skipped"
    assert world.texts() == []
    reviewed(world, event, ("bob", "APPROVED"))
    apply = world.run(event)["apply"]
    assert apply.result == "success", apply.log
    assert len(world.texts()) == 1
    world.git("fetch", "--quiet", "origin", "campaign-ledger")
    assert "#1 by bob" in world.git("grep", "-h", "#1 by bob", "FETCH_HEAD")


def test_a_pull_request_cannot_apply(world: World, tmp_path: Path) -> None:
    """Whoever changes the workflow in a pull request so that it applies is refused by the command itself."""
    text = WORKFLOW.read_text(encoding="utf-8").replace("command: plan", "command: apply", 1)
    changed = tmp_path / "changed.yml"
    changed.write_text(
        text.replace("CAMPAIGN_LEDGER_TOKEN: ${{ github.token }}", "X: ''", 1), encoding="utf-8"
    )
    job = world.actions.run(changed, world.propose(sale=SALE))["plan"]
    assert "a run of the event `pull_request` must not send" in job.log
    assert "exit code 5" in job.log
    assert world.texts() == []


def test_a_fork_has_its_plan_in_the_summary(world: World) -> None:
    """No secret, no right to comment: the plan is shown all the same, and the run is green."""
    world.actions.token, world.actions.secrets = world.forge.reading_token, {}
    planned = world.run(world.propose(sale=SALE))["plan"]
    assert planned.result == "success", planned.log
    assert "今晚八点，会员全场八折。" in planned.summary
    assert world.forge.comments(REPO, 1) == []


def test_an_invalid_campaign_fails_the_run_and_is_explained(world: World) -> None:
    """Red, with the place in the log and in the comment."""
    planned = world.run(world.propose(sale=SALE.replace("text", "txt", 1)))["plan"]
    assert planned.result == "failure"
    assert "exit code 3" in planned.log
    assert "::error file=campaigns/sale.yaml,line=2" in planned.log
    assert "sale.yaml" in world.forge.comments(REPO, 1)[0]["body"]


def test_campaign_text_gives_no_orders(world: World) -> None:
    """Commands, expressions, marks and mentions in a message stay a message, in log, comment and summary."""
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
    planned = world.run(world.propose(sale=text))["plan"]
    assert planned.result == "success", planned.log
    [comment] = world.forge.comments(REPO, 1)
    for shown in (comment["body"], planned.summary, planned.log):
        assert "##[error]owned" not in shown
        assert "${{" not in shown
        assert "\u200b" not in shown
        assert not [line for line in shown.splitlines() if line.startswith(("::error::", "::set-output"))]
    assert comment["body"].count("<!-- campaign:") == 1
    assert not list(world.folder.rglob("hacked"))


def test_every_script_was_run() -> None:
    """No `run:` block of the action or the workflow is left out above; this project's own are make's."""
    assert RAN, "run the whole module: this one looks at what the others did"
    action = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    steps = [*action["runs"]["steps"], *(step for job in jobs for step in job["steps"])]
    assert {step["run"] for step in steps if "run" in step} == RAN
    own = yaml.safe_load(WORKFLOW.with_name("ci.yml").read_text(encoding="utf-8"))["jobs"].values()
    for script in [step["run"] for job in own for step in job["steps"] if "run" in step]:
        subprocess.run([*script.split(), "--dry-run"], cwd=PROJECT, check=True, capture_output=True)
