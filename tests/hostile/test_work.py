"""What a checkout and its remote carry neither runs nor leads a piece of work out of its folder."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.works import TeamRepository, team_repository
from wechat_campaigns.core.errors import CampaignError, UsageError
from wechat_campaigns.core.git_work import GitError, clone

HOOKS = (
    "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "post-merge",
    "pre-push", "post-index-change", "reference-transaction", "post-rewrite", "fsmonitor-watchman",
)  # fmt: skip
PROGRAMS = {
    "filter.evil": ("clean", "smudge", "process"), "diff.evil": ("textconv", "command"), "gpg": ("program",),
    "merge.evil": ("driver",), "diff": ("external",), "core": ("fsmonitor", "editor", "pager", "askPass"),
}  # fmt: skip
"""Settings of git that are commands."""
MORE = """
[filter "evil"]\nrequired = true\n[commit]\ngpgSign = true\n[push]\ngpgSign = if-asked\nfollowTags = true
[submodule]\nrecurse = true\n[color]\nui = always\n[merge]\nff = only\n[core]\nsparseCheckout = true
[fetch]\nprune = true\n[worktree]\nuseRelativePaths = true\n[diff]\nnoprefix = true\nrelative = true
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[str]:
    """Settings with every program that git can run; at the end none of them has run."""
    mark, hooks = tmp_path / "mark", tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {mark}\n")
        (hooks / name).chmod(0o755)
    settings = f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {hooks.parent}\n{MORE}"
    for section, names in PROGRAMS.items():
        settings += re.sub(r"\.(.*)", r' "\1"', f"[{section}") + "]\n"
        settings += "".join(f'{name} = "echo {section}.{name} >> {mark}; cat"\n' for name in names)
    yield settings
    assert not mark.exists(), mark.read_text()


@pytest.fixture
def team(tmp_path: Path, hostile: str) -> Iterator[TeamRepository]:
    """Campaigns whose `.gitattributes` ask for these programs."""
    with team_repository(tmp_path / "team", hostile) as made:
        made.named()
        submodule = '[submodule "x"]\npath = campaigns/x\nurl = ../x\nfetchRecurseSubmodules = true\n'
        made.colleague(**{".gitattributes": "* filter=evil diff=evil merge=evil\n", ".gitmodules": submodule})
        git(made.other, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},campaigns/x")
        git(made.other, "commit", "--quiet", "-m", "a submodule")
        git(made.other, "push", "--quiet", "origin", "HEAD:main")
        yield made


def test_no_program_of_the_settings_runs(
    team: TeamRepository, hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = team.works.create("x")
    work.write("sale.yaml", b"mine")
    with pytest.raises(UsageError, match="git ignores"):
        work.write("x/y.md", b"in a submodule")
    assert work.changed() == ("sale.yaml",)
    assert work.commit("mine")
    work.push()
    team.colleague(**{"campaigns/sale.yaml": "theirs", "campaigns/news.yaml": "theirs"})
    assert work.update()
    assert work.resolve("sale.yaml", "theirs") == ()
    assert work.read("news.yaml").text == "theirs"
    work.push()
    team.works.discard(work.name)
    (team.folder / "gitconfig").write_text(hostile)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(team.folder / "gitconfig"))
    clone(str(team.remote), team.folder / "clone")
    assert (team.folder / "clone" / "campaigns" / "news.yaml").read_text() == "theirs"


@pytest.mark.parametrize("link", ["sale.yaml", "news", "."])
def test_no_link_is_read_or_written_through(team: TeamRepository, link: str) -> None:
    outside = team.folder / "outside"
    outside.mkdir()
    for name in ("sale.yaml", "body.md"):
        (outside / name).write_text("private")
    work = team.works.create("x")
    place = work.root / link
    place.rename(team.folder / "away")
    place.symlink_to(outside / link if link.endswith("yaml") else outside)
    path = {"news": "news/body.md"}.get(link, "sale.yaml")
    steps: list[Callable[[], object]] = [
        lambda: work.read(path), lambda: work.write(path, b"x"), lambda: work.write(path, b"x", seen=""),
    ]  # fmt: skip
    if link == "news":
        steps.append(lambda: dict(work.files_below("news")))
    for step in steps:
        with pytest.raises(CampaignError, match="link"):
            step()
    assert {path.read_text() for path in outside.iterdir()} == {"private"}


def test_a_link_that_others_commit_is_taken_in_and_not_followed(team: TeamRepository) -> None:
    work = team.works.create("x")
    work.write("sale.yaml", b"mine")
    (team.other / "campaigns" / "sale.yaml").unlink()
    (team.other / "campaigns" / "sale.yaml").symlink_to(team.folder / "private")
    (team.other / "campaigns" / "away").symlink_to("/etc")
    team.colleague()
    (team.folder / "private").write_text("private")
    (conflict,) = work.update()
    assert conflict.theirs == str(team.folder / "private")
    work.resolve("sale.yaml", "theirs")
    for path in ("sale.yaml", "away/hosts.txt"):
        with pytest.raises(CampaignError, match="link"):
            work.write(path, b"x")
    assert (team.folder / "private").read_text() == "private"


def test_settings_that_lie_in_the_checkout_are_refused(tmp_path: Path) -> None:
    with team_repository(tmp_path / "team") as team:
        work = team.named().create("x")
    (team.shop / "team.gitconfig").write_text(f'[core]\nsshCommand = "touch {tmp_path / "mark"}"\n')
    git(team.shop, "config", "include.path", "../team.gitconfig")
    steps: list[Callable[[], object]] = [
        work.changed, work.update, lambda: work.commit("x"), lambda: team.works.create("y"),
    ]  # fmt: skip
    for step in steps:
        with pytest.raises(UsageError, match=r"team\.gitconfig"):
            step()


@pytest.mark.parametrize("address", ["ext::touch {mark}", "--upload-pack=touch {mark}"])
def test_an_address_that_names_a_program_runs_none(tmp_path: Path, address: str) -> None:
    team = TeamRepository(tmp_path / "team")
    team.named()
    git(team.shop, "config", "remote.origin.url", address.format(mark=tmp_path / "mark"))
    work = team.works.create("x")
    for step in (work.push, work.update):
        with pytest.raises(GitError):
            step()
    assert not (tmp_path / "mark").exists()
