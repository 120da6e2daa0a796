"""Pieces of work whose process is killed, or whose disk is full: what was seen as saved is there."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.small_disk import small_disk
from tests.support.source import ROOT
from tests.support.works import TeamRepository, journey, team_repository
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.git_work import clone

pytestmark = pytest.mark.deep

KILLER = """\
#!/bin/sh
for word in "$@"; do case $word in
  --git-dir=*/worktrees/*) index=${{word#--git-dir=}}/index.lock;;
  refs/campaign/*|refs/heads/campaign/*) ref={shop}/.git/$word.lock;;
  read-tree|update-index|write-tree|commit-tree|update-ref|worktree|checkout|rm|fetch|push) command=$word;;
esac; done
[ -n "$command" ] && echo >> {calls}
[ -n "$command" ] && [ "$(wc -l < {calls})" -eq {at} ] || exec {git} "$@"
case {how} in
  during) [ $command = update-ref ] && mkdir -p "${{ref%/*}}" && touch "$ref"; touch $index; kill -9 $PPID;;
  after) {git} "$@"; kill -9 $PPID;;
  orphan) kill -9 $PPID; sleep 0.1; exec {git} "$@";;
esac
"""
"""A git that kills its caller: in the middle, its locks left; after its end; or before it goes on alone."""


def killed_at(team: TeamRepository, at: int, how: str) -> tuple[str, bool]:
    """Go the journey to a call of git that writes; the last text seen as saved, and whether it died."""
    calls, folder = team.folder / "calls", team.folder / "bin"
    calls.write_text("")
    folder.mkdir(exist_ok=True)
    text = KILLER.format(git=shutil.which("git"), shop=team.shop, calls=calls, at=at, how=how)
    (folder / "git").write_text(text)
    (folder / "git").chmod(0o755)
    command = [sys.executable, "-m", "tests.support.works", str(team.folder), str(at)]
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.stdout.strip().rpartition("\n")[2], done.returncode != 0


@pytest.mark.parametrize("how", ["during", "after", "orphan"])
def test_killed_at_each_call_of_git_nothing_is_lost(tmp_path: Path, how: str) -> None:
    with team_repository(tmp_path / "team") as team:
        team.named()
        is_killed, at, saved = True, 0, ""
        while is_killed:
            at += 1
            team.colleague(**{"campaigns/news/body.md": f"theirs {at}", "campaigns/news.yaml": f"newer {at}"})
            seen, is_killed = killed_at(team, at, how)
            saved = seen or saved
            if saved:
                found = team.open_works().list()[0].read("sale.yaml").text
                steps = [f"{n} {step}" for n in (at - 1, at) for step in ("first", "second", "third")]
                assert found in steps[steps.index(saved) :][:2], (at, saved)  # the next one was in hand
        assert at > 30
        team.colleague(**{"campaigns/news/body.md": "theirs at last"})
        journey(team, "last")
        (work,) = team.works.list()
        assert work.read("news/body.md").text == "theirs at last"
        for name, text in {"sale": "last third", "news": f"newer {at}"}.items():
            assert git(team.remote, "show", f"{work.branch}:campaigns/{name}.yaml") == text
        assert team.pushed_files(work) == ["campaigns/sale.yaml"]


WRITER = """\
import sys
from pathlib import Path
from tests.support.works import TeamRepository
work = TeamRepository(Path(sys.argv[1])).works.list()[0]
for number in range(1000):
    work.write("sale.yaml", f"{number} ".encode() * 100_000)
    print(number, flush=True)
"""


def test_killed_while_it_writes_the_file_is_whole(tmp_path: Path) -> None:
    with team_repository(tmp_path / "team") as team:
        work = team.named().create("x")
        for number in range(5):
            command = [sys.executable, "-c", WRITER, str(team.folder)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
                assert writer.stdout is not None
                seen = [writer.stdout.readline() for _ in range(3 + number)]
                writer.kill()
                seen += writer.stdout.readlines()
            words = work.read("sale.yaml").text.split()
            assert len(words) == 100_000
            assert {*words} <= {seen[-1].strip(), str(len(seen))}
        work.commit("x")
        work.push()
        assert team.pushed_files(work) == ["campaigns/sale.yaml"]


def fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_is_said_and_costs_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk, team_repository(disk / "team") as team:
        work = team.named().create("x")
        work.write("sale.yaml", b"saved")
        fill(disk / "ballast")
        steps = {
            "write": lambda: work.write("sale.yaml", b"more" * 10_000),
            "new": lambda: work.write("a/new.md", b"more" * 10_000),
            "commit": lambda: work.commit("x"),
            "create": lambda: team.works.create("y"),
            "discard": lambda: team.works.discard(work.name),
            "clone": lambda: clone(str(team.remote), disk / "clone"),
        }
        for step in steps.values():
            with pytest.raises(CampaignError) as found:
                step()
            assert found.value.hint.startswith("free some disk space"), found.value.text
        assert not [
            path for path in work.root.rglob("*") if path.name.startswith(".") or path.name == "new.md"
        ]
        (disk / "ballast").unlink()
        (again,) = team.open_works().list()
        assert again.read("sale.yaml").text == "saved"
        again.write("sale.yaml", b"more" * 10_000)
        assert again.commit("x")
        again.push()
        assert team.works.create("y").read("sale.yaml")
