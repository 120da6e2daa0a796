"""Reports and plan files: no link of the checkout decides where they are written."""

from pathlib import Path

import pytest

from tests.hostile.process import Done, campaign, git
from wechat_campaigns.core.errors import ExitCode

SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 'import os'\n"


def plan(checkout: Path, *words: str) -> Done:
    return campaign(checkout, "plan", "--offline", *words)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "campaigns").mkdir(parents=True)
    (folder / "campaigns" / "sale.yaml").write_text(SALE, encoding="utf-8")
    git(folder, "init", "--quiet")
    return folder


@pytest.mark.parametrize("option", ["--out", "--report"])
@pytest.mark.parametrize("shape", ["file", "folder", "dangling", "deeper"])
def test_a_link_of_the_checkout_is_not_written_through(checkout: Path, option: str, shape: str) -> None:
    outside = checkout.parent / "outside"
    outside.mkdir()
    victim = outside / "plan.json"
    victim.write_text("mine", encoding="utf-8")
    report = checkout / "report"
    if shape == "file":
        report.mkdir()
        (report / "plan.json").symlink_to(victim)
    elif shape == "dangling":
        report.mkdir()
        (report / "plan.json").symlink_to(outside / "new.json")
    elif shape == "folder":
        report.symlink_to(outside)
    else:
        (checkout / "a").mkdir()
        (checkout / "a" / "b").symlink_to(outside.parent)
        report = checkout / "a" / "b" / "outside"
    target = report.relative_to(checkout) / "plan.json"
    done = plan(checkout, option, str(target) if option == "--out" else f"json={target}")
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert victim.read_text(encoding="utf-8") == "mine"
    assert {path.name for path in outside.iterdir()} == {"plan.json"}


@pytest.mark.parametrize("target", [".git/info/grafts", ".GIT/hooks/post-checkout", "report/../.git/config"])
def test_git_s_own_files_are_not_written(checkout: Path, target: str) -> None:
    done = plan(checkout, "--out", target)
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert not (checkout / ".git" / "info" / "grafts").exists()


def test_a_link_outside_the_checkout_is_the_user_s_own(checkout: Path) -> None:
    real = checkout.parent / "real"
    real.mkdir()
    (checkout.parent / "linked").symlink_to(real)
    done = plan(checkout, "--out", str(checkout.parent / "linked" / "plan.json"))
    assert done.returncode == ExitCode.OK, done.stderr
    assert (real / "plan.json").exists()
