"""A repository of campaigns as a code host keeps it: a bare remote, the author's clone, a ledger branch."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.playground import Sandbox

TOOLS = Path(sys.executable).parent
SETTINGS = """
default_environment: production
environments:
  production:
    api: {url}
    ledger: git
    protected: true
    accounts:
      main: {{kind: service, appid: wx0000000000000001, secret: {{env: WECHAT_MAIN_SECRET}}}}
"""
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点，会员全场八折。\n"
NEWS = "filter: {tag: 新客}\nmsgtype: text\ncontent: 新客首单包邮。\n"


@dataclass
class HostedRepository:
    """The repository in `folder`: `remote.git` and `author`; its campaigns go to the sandbox's followers."""

    folder: Path
    sandbox: Sandbox
    requests: int = 0
    """Pull or merge requests opened so far."""

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    def git(self, *arguments: str) -> str:
        """Run git as the author."""
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
        return command(["git", *identity, *arguments], self.folder / "author")

    def begin(self) -> None:
        """Make the repository, with settings and no campaign, and begin its ledger."""
        command(["git", "init", "--quiet", "--bare", "-b", "main", str(self.remote)], self.folder)
        command(["git", "clone", "--quiet", str(self.remote), "author"], self.folder)
        self.git("checkout", "--quiet", "-b", "main")
        self.change(_settings=SETTINGS.format(url=self.sandbox.url))
        self.git("push", "--quiet", "-u", "origin", "main")
        command([str(TOOLS / "campaign"), "ledger", "init"], self.folder / "author")

    def change(self, **campaigns: str) -> str:
        """Commit campaigns, by name; the commit."""
        folder = self.folder / "author" / "campaigns"
        folder.mkdir(exist_ok=True)
        for name, text in campaigns.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        self.git("add", "campaigns")
        self.git("commit", "--quiet", "-m", f"Change {', '.join(campaigns)}")
        return self.git("rev-parse", "HEAD")

    def request(self, **campaigns: str) -> str:
        """Open a pull or merge request that changes campaigns; its commit."""
        self.requests += 1
        self.git("checkout", "--quiet", "-B", f"change-{self.requests}", "origin/main")
        head = self.change(**campaigns)
        self.git("push", "--quiet", "origin", f"HEAD:refs/pull/{self.requests}/head")
        return head

    def merge_commit(self, head: str) -> str:
        """Merge a request's commit into main; the new head of main."""
        self.git("checkout", "--quiet", "-B", "main", "origin/main")
        self.git("merge", "--quiet", "--no-ff", "-m", "Merge", head)
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def checkout(self, folder: str, commit: str) -> Path:
        """Return a checkout of a commit beside the repository, made once, as a job of CI gets it."""
        path = self.folder / folder
        if not path.exists():
            command(["git", "clone", "--quiet", str(self.remote), folder], self.folder)
            command(["git", "fetch", "--quiet", "origin", "+refs/pull/*:refs/pull/*"], path)
            command(["git", "checkout", "--quiet", commit], path)
        return path

    def texts(self) -> list[str]:
        """What followers were sent, job by job."""
        return [job["body"]["text"]["content"] for job in self.sandbox.jobs()]


def command(arguments: list[str], folder: Path) -> str:
    """Run a command that must succeed; what it printed."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
