"""A repository with approvals on a code host of ours: who merged and approved what; one run of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.code_hosts import FakeCodeHost
from tests.support.hosted_repository import HostedRepository, command
from tests.support.playground import Sandbox

REPO = "shop/campaigns"
SECRET = "0" * 32
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点，会员全场八折。\n"
APPROVALS = "approvals: {approvers: [bob]}"


def settings(
    sandbox: Sandbox, *more: str, secret: str = "{env: WECHAT_MAIN_SECRET}", policy: str = ""
) -> str:
    """Settings of a production environment whose platform is the sandbox."""
    lines = "".join(f"    {line}\n" for line in more)
    return (
        "default_environment: production\nenvironments:\n  production:\n"
        f"    api: {sandbox.url}\n    ledger: git\n{lines}"
        f"    accounts:\n      main: {{kind: service, appid: wx0000000000000001, secret: {secret}}}\n{policy}"
    )


@dataclass
class Repository(HostedRepository):
    """The repository; what was merged is told to the code host, with who wrote it and who approved it."""

    code_host: FakeCodeHost = field(default_factory=FakeCodeHost)
    merged: int = 0

    def start(self, **campaigns: str) -> None:
        """Make the repository and its ledger with these campaigns on main, brought in by nobody's request."""
        for line in (["init", "--quiet", "--bare", "-b", "main", str(self.remote)],
                        ["clone", "--quiet", str(self.remote), "author"]):  # fmt: skip
            subprocess.run(["git", *line], cwd=self.folder, check=True, capture_output=True)
        self.git("checkout", "--quiet", "-b", "main")
        self.change(**campaigns)
        self.git("push", "--quiet", "-u", "origin", "main")
        assert self.run("ledger", "init", ci=False).returncode == 0

    def clone(self, *options: str) -> None:
        """Make the author's clone once more, as a job checks it out."""
        command(["git", "clone", "--quiet", *options, f"file://{self.remote}", "author"], self.folder)

    def push(self) -> str:
        """Push what was committed straight to main: no request, no approval."""
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.told(None)

    def told(self, request: dict[str, Any] | None, *approved: str) -> str:
        """Let the code host say by which request main's head came, and who approved it."""
        head = self.git("rev-parse", "HEAD")
        self.code_host.lists[f"/repos/{REPO}/commits/{head}/pulls"] = [] if request is None else [request]
        return head

    def merge(self, *approved: str, author: str = "ann", **campaigns: str) -> str:
        """Merge one commit by a request of its own, approved by these people."""
        self.git("checkout", "--quiet", "main")
        for name, text in campaigns.items():
            path = self.folder / "author" / "campaigns" / f"{name}.yaml"
            path.write_text(text, encoding="utf-8")
        return self.merge_index(*approved, author=author)

    def merge_index(self, *approved: str, author: str = "ann") -> str:
        """Merge what lies in the working tree, as `merge`."""
        self.git("add", "-A", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"Change {self.merged + 1}")
        return self.merge_head(*approved, author=author)

    def merge_head(self, *approved: str, author: str = "ann", head: str = "") -> str:
        """Make the commit that is checked out the branch's newest, by a request, as `merge`.

        Args:
            head: the request's newest commit, which was approved; empty for the commit itself.
        """
        self.merged += 1
        merged = self.git("rev-parse", "HEAD")
        head = head or merged
        commits = self.git("rev-list", "--reverse", f"origin/main..{head}").split()
        brought = {*commits, *self.git("rev-list", "origin/main..HEAD").split()}
        self.git("push", "--quiet", "origin", "HEAD:main")
        base = {"ref": "main", "repo": {"full_name": REPO}}
        number, writer = 100 + self.merged, {"login": author}
        pull = {
            "number": number,
            "merged_at": "2026-11-02T08:00:00Z",
            "merge_commit_sha": merged,
            "base": base,
        }
        pull |= {"user": writer, "head": {"sha": head}}
        self.code_host.lists |= {f"/repos/{REPO}/commits/{one}/pulls": [pull] for one in brought}
        self.code_host.lists |= {
            f"/repos/{REPO}/pulls/{number}/commits": [
                {"sha": one, "author": writer, "committer": writer} for one in commits
            ],
            f"/repos/{REPO}/issues/{number}/events": [],
        }
        self.review(number, head, *approved)
        return merged

    def review(self, number: int, head: str, *approved: str, at: str = "2026-11-02T07:00:00Z") -> None:
        """Let the code host say who approved a commit of a request, and when."""
        self.code_host.lists[f"/repos/{REPO}/pulls/{number}/reviews"] = [
            {"user": {"login": who}, "state": "APPROVED", "commit_id": head, "submitted_at": at}
            for who in approved
        ]

    def run(
        self,
        *arguments: str,
        ci: bool = True,
        event: str = "push",
        given: str | None = None,
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run the command in the author's clone, in a clean environment, as a run of GitHub's if asked."""
        return subprocess.run(
            [sys.executable, "-m", "wechat_campaigns", *arguments],
            cwd=self.folder / "author",
            env=self.environ(ci=ci, event=event) | variables,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def environ(self, *, ci: bool, event: str = "push") -> dict[str, str]:
        """The variables of a run of GitHub's, or of a person's machine."""
        event_file = self.folder / "event.json"
        event_file.write_text(json.dumps({"repository": {"default_branch": "main"}}), encoding="utf-8")
        run_of = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(event_file),
            "GITHUB_REF": "refs/heads/main" if event == "push" else "refs/pull/1/merge",
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_API_URL": self.code_host.url,
            "CAMPAIGN_REVIEW_TOKEN": self.code_host.reading_token,
        }
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "WECHAT_MAIN_SECRET": SECRET,
            **(run_of if ci else {}),
        }

    def apply(self, *arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
        """Apply without asking, in a run of main."""
        return self.run("apply", "--auto-approve", *arguments, **how)

    @property
    def campaigns(self) -> Path:
        return self.folder / "author" / "campaigns"
