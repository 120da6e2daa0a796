"""A repository with approvals on a code host of ours: who merged and approved what; one run of a command."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.hostile.process import COMMAND, Done, environment
from tests.support.code_hosts import FakeCodeHost, serve
from tests.support.hosted_repository import SALE, HostedRepository, command
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key

REPO = "shop/campaigns"
SECRET = "0" * 32
BOB = "b" * 64
APPROVALS = f"approvals: {{approvers: {{bob: {public_key(BOB)}}}}}"
EVIL = SALE.replace("八折", "零折")


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


def text_of(words: str, *more: str) -> str:
    return "\n".join(["filter: {tag: 会员}", "msgtype: text", f"content: {words}", *more, ""])


def opening(seconds: float) -> str:
    return f"not_before: {(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec='seconds')}\n"


@dataclass
class Repository(HostedRepository):
    """The repository; what was merged is told to the code host, with who wrote it and who approved it."""

    code_host: FakeCodeHost = field(default_factory=FakeCodeHost)
    merged: int = 0

    @property
    def author(self) -> Path:
        return self.folder / "author"

    @property
    def campaigns(self) -> Path:
        return self.author / "campaigns"

    def start(self, **campaigns: str) -> None:
        """Make the repository and its ledger with these campaigns on main, brought in by nobody's request."""
        command(["git", "init", "--quiet", "--bare", "-b", "main", str(self.remote)], self.folder)
        command(["git", "clone", "--quiet", str(self.remote), "author"], self.folder)
        self.git("checkout", "--quiet", "-b", "main")
        self.change(**campaigns)
        self.git("push", "--quiet", "-u", "origin", "main")
        self.succeed("ledger", "init", ci=False)

    def copy(self, folder: Path) -> Repository:
        """Return the same repository and its ledger in another folder."""
        for name in ("remote.git", "author", "state"):
            if (self.folder / name).exists():
                shutil.copytree(self.folder / name, folder / name, symlinks=True)
        made = Repository(folder, self.sandbox)
        made.git("remote", "set-url", "origin", str(made.remote))
        return made

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commit(self, message: str = "Work", *, amend: bool = False, **campaigns: str) -> str:
        """Commit everything in the working tree, and these campaigns."""
        for name, text in campaigns.items():
            (self.campaigns / f"{name}.yaml").write_text(text, encoding="utf-8")
        self.git("add", "-A", ".")
        self.git("commit", "--quiet", "--allow-empty", *(["--amend"] if amend else []), "-m", message)
        return self.head()

    def checkout(self, *words: str) -> None:
        self.git("checkout", "--quiet", *words)

    def merge(self, **campaigns: str) -> str:
        """Make the working tree and these campaigns the newest of main."""
        if campaigns:
            self.checkout("main")
        commit = self.commit("Change", **campaigns)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return commit

    def approve(self, key: str = BOB, **how: Any) -> None:
        """Approve what a plan of a person's machine shows, also rules alone."""
        self.run("plan", "--out", "plan.json", **{"ci": False, **how})
        self.succeed("approve", "plan.json", "--auto-approve", ci=False, CAMPAIGN_APPROVAL_KEY=key)

    def run(
        self, *words: str, ci: bool = True, event: str = "push", given: str | None = None, **variables: str
    ) -> Done:
        """Run the command in the author's clone, in a clean environment, as a run of GitHub's if asked."""
        environ = self.environ(ci=ci, event=event) | variables
        return subprocess.run(
            [*COMMAND, *words], cwd=self.author, env=environ, input=given, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

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
        return environment(self.folder, WECHAT_MAIN_SECRET=SECRET, **(run_of if ci else {}))

    def succeed(self, *words: str, **how: Any) -> Done:
        """Run a command that must succeed."""
        done = self.run(*words, **how)
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
        return done

    def plan(self, *words: str, **how: Any) -> dict[str, Any]:
        """Return the plan, of a person's machine unless told otherwise."""
        found: dict[str, Any] = json.loads(
            self.succeed("plan", "--format", "json", *words, **{"ci": False, **how}).stdout
        )
        return found

    def expected(self, *words: str) -> tuple[str, str]:
        """Return the option that states the reviewed plan."""
        return "--expect-digest", self.plan(*words)["plan_digest"]

    def apply(self, *words: str, **how: Any) -> Done:
        """Apply without asking, in a run of main."""
        return self.run("apply", "--auto-approve", *words, **how)

    def assert_sends(self, count: int, *words: str, **how: Any) -> None:
        """Apply; it must succeed, and this many texts have been sent from the beginning on."""
        done = self.apply(*words, **how)
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
        assert len(self.texts()) == count

    def assert_refused(self, *words: str, **how: Any) -> str:
        """Apply; it must be refused and send nothing. Return what it printed."""
        before = self.texts()
        done = self.apply(*words, **how)
        assert self.texts() == before, done.stdout + done.stderr
        assert done.returncode == ExitCode.POLICY, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@contextmanager
def hosted(folder: Path, sandbox: Sandbox, **campaigns: str) -> Iterator[Repository]:
    """A repository with these campaigns, whose code host answers."""
    made = Repository(folder, sandbox)
    with serve(made.code_host):
        made.start(**campaigns)
        yield made
