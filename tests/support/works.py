"""A bare remote, the checkout of a person who is in the middle of something, and a colleague's clone.

As a script: a piece of work from begin to request, which prints what a person saw as saved.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support.commits import git
from wechat_campaigns.core.git_checkout import find_checkout
from wechat_campaigns.studio.work import Work, Works

FILES = {
    "README.md": "# 活动\n",
    "campaigns/_settings.yaml": "environments: {sandbox: {api: sandbox, ledger: sqlite}}\n",
    "campaigns/sale.yaml": "# 开头\nmsgtype: text\ncontent: 第一版\n",
    "campaigns/news.yaml": "msgtype: text\ncontent: 新闻\n",
    "campaigns/news/body.md": "正文\n",
}
NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


class TeamRepository:
    """The repository in `folder`: `remote.git`, the person's `shop`, the colleague's `other`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.remote = folder, folder / "remote.git"
        self.shop, self.other = folder / "shop", folder / "other"
        if self.remote.exists():
            self.works = self.open_works()
            return
        folder.mkdir(exist_ok=True)
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        git(folder, "clone", "--quiet", str(self.remote), "other")
        git(self.other, "checkout", "--quiet", "-B", "main")
        self.colleague(**FILES)
        git(folder, "clone", "--quiet", str(self.remote), "shop")
        self.works = self.open_works()

    def open_works(self, state: str = "state") -> Works:
        """Return the pieces of work, as a studio that was just started has them."""
        root = self.shop / "campaigns"
        checkout = find_checkout(root)
        assert checkout is not None
        return Works(checkout, root, self.folder / state, lambda: NOW)

    def named(self) -> Works:
        """The same, and who works there."""
        self.works.set_person("李梅", "mei@example.com")
        return self.works

    def colleague(self, *removed: str, branch: str = "main", **files: str) -> str:
        """Commit files to a branch of the remote; the commit."""
        git(self.other, "fetch", "--quiet", "--no-recurse-submodules", "origin")
        if git(self.other, "branch", "--remotes", "--list", f"origin/{branch}"):
            git(self.other, "checkout", "--quiet", "-B", branch, f"origin/{branch}")
        for name, text in files.items():
            (self.other / name).parent.mkdir(parents=True, exist_ok=True)
            (self.other / name).write_text(text, encoding="utf-8")
        for name in removed:
            (self.other / name).unlink()
        git(self.other, "add", "--all")
        git(self.other, "commit", "--quiet", "--message", "A colleague's")
        git(self.other, "push", "--quiet", "--force", "origin", f"HEAD:{branch}")
        return git(self.other, "rev-parse", "HEAD")

    def busy(self) -> None:
        """Leave the person's checkout in the middle of something: staged, edited, new, stashed."""
        (self.shop / "README.md").write_text("stashed\n")
        git(self.shop, "stash")
        git(self.shop, "checkout", "--quiet", "-b", "mine")
        (self.shop / "campaigns" / "sale.yaml").write_text("staged\n")
        git(self.shop, "add", "campaigns")
        (self.shop / "campaigns" / "sale.yaml").write_text("edited\n")
        (self.shop / "new.txt").write_text("new\n")

    def state_of_checkout(self) -> dict[str, bytes]:
        """Every byte of the person's checkout, and of git's own files but for objects and what is ours."""
        found = {}
        for place, folders, files in os.walk(self.shop):
            folders[:] = [one for one in folders if one not in ("objects", "worktrees", "campaign")]
            found |= {f"{place}/{name}": (Path(place) / name).read_bytes() for name in files}
        return found

    def pushed(self, work: Work, *words: str) -> str:
        """What the remote has of a piece of work, by `git show`."""
        return git(self.remote, "show", "--no-patch", *words, work.branch)

    def pushed_files(self, work: Work) -> list[str]:
        """The files by which the remote's branch of a piece of work differs from `main`."""
        listed = git(self.remote, "-c", "core.quotePath=no", "diff", "--name-only", f"main...{work.branch}")
        return listed.splitlines()


@contextmanager
def team_repository(folder: Path, settings: str = "") -> Iterator[TeamRepository]:
    """Make a repository; at the end the person's checkout has to be as it was, to the byte.

    Args:
        settings: more of git's settings in the checkout.
    """
    made = TeamRepository(folder)
    made.busy()
    with (made.shop / ".git" / "config").open("a") as file:
        file.write(settings)
    before = made.state_of_checkout()
    yield made
    assert made.state_of_checkout() == before


def journey(team: TeamRepository, number: str = "") -> None:
    """Write, commit, push and take in what others changed, as a person would; print what is seen as saved."""
    works = team.works.list()
    work = works[0] if works else team.works.create("春茶")

    def save(text: str) -> None:
        work.write("sale.yaml", text.encode(), seen=work.read("sale.yaml").stamp)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    save(f"{number} first")
    work.write("news/body.md", f"mine {number}".encode())
    work.commit("first")
    save(f"{number} second")
    for conflict in work.update():
        work.resolve(conflict.path, "theirs")
    save(f"{number} third")
    work.commit("second")
    work.push()


if __name__ == "__main__":
    journey(TeamRepository(Path(sys.argv[1])), sys.argv[2])
