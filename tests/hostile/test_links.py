"""A link in or as the campaigns folder reads nothing: it is refused by name, wherever it leads."""

import json
from pathlib import Path

import pytest

from tests.hostile.process import Done, campaign, git
from wechat_campaigns.core.errors import ExitCode

SECRET = "s3cret-of-the-machine"
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
FROM_FILE = "filter: {tag: 会员}\nmsgtype: text\ncontent_file: PATH\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout with campaigns, and secrets beside them."""
    repo = tmp_path / "clone"
    (repo / "campaigns").mkdir(parents=True)
    (repo / "campaigns" / "sale.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (repo / ".env").write_text(f"TOKEN={SECRET}\n")
    git(repo, "init", "--quiet")
    with (repo / ".git" / "config").open("a") as config:
        config.write(f'[http]\nextraHeader = "{SECRET}"\n')
    return repo


def problems(done: Done) -> set[tuple[str, str]]:
    return {(one["rule"], one["file"]) for one in json.loads(done.stdout)["problems"]}


@pytest.mark.parametrize("target", [".", ".git", "elsewhere", "nowhere"])
def test_a_linked_campaigns_folder_is_refused(repo: Path, target: str) -> None:
    """`campaigns` as a link to the checkout itself would read `.env`; one to `.git` its settings."""
    (repo / "campaigns").rename(repo / "elsewhere")
    (repo / "x.yaml").write_text(FROM_FILE.replace("PATH", ".env"), encoding="utf-8")
    (repo / "campaigns").symlink_to(target)
    for folder in ("campaigns", "./campaigns/."):
        done = campaign(repo, "validate", "--format", "json", "--dir", folder)
        assert done.returncode == ExitCode.INVALID, done.stdout + done.stderr
        assert problems(done) == {("file-link", "campaigns")}
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [("plan", "--offline"), ("apply", "--auto-approve"), ("calendar",), ("render", "x")],
    ids=" ".join,
)
def test_no_command_follows_a_linked_campaigns_folder(repo: Path, words: tuple[str, ...]) -> None:
    (repo / "x.yaml").write_text(FROM_FILE.replace("PATH", ".env"), encoding="utf-8")
    (repo / "campaigns").rename(repo / "elsewhere")
    (repo / "campaigns").symlink_to(".")
    report = repo.parent / "report"
    output = ("--report", f"markdown={report}") if words[0] in ("plan", "apply") else ()
    done = campaign(repo, *words, *output)
    shown = done.stdout + done.stderr + (report.read_text() if report.exists() else "")
    assert done.returncode == ExitCode.INVALID, shown
    assert "campaigns" in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("more.yaml", "../.env"),
        ("a.txt", "../.git/config"),
        ("_settings.yaml", "sale.yaml"),
        ("_partials", ".."),
        (".hidden/x", "nowhere"),
        ("2026/b", "b"),
        ("c.png", "/etc/hostname"),
        ("d.txt", "/proc/self/environ"),
        ("e.txt", "/dev/zero"),
        ("loop.txt", "loop.txt"),
        ("out", "../.."),
        ("round", "."),
    ],
)
def test_a_link_below_is_refused(repo: Path, place: str, target: str) -> None:
    link = repo / "campaigns" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)
    for select in ((), ("sale",)):
        done = campaign(repo, "validate", *select, "--format", "json")
        assert done.returncode == ExitCode.INVALID, done.stdout + done.stderr
        assert problems(done) == {("file-link", f"campaigns/{place}")}
        assert SECRET not in done.stdout + done.stderr


def test_a_link_above_the_checkout_is_fine(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    through = tmp_path / "link" / "clone"
    for folder, cwd in (
        (through / "campaigns", tmp_path),
        (Path("campaigns"), through),
        (Path(), through / "campaigns"),
    ):
        done = campaign(cwd, "validate", "--dir", str(folder), home=tmp_path)
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr


def test_a_link_above_the_campaigns_that_a_commit_may_carry_is_refused(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "private" / "campaigns").mkdir(parents=True)
    (tmp_path / "private" / "campaigns" / "x.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (repo / "shop").symlink_to(tmp_path / "private")
    done = campaign(repo, "validate", "--dir", "shop/campaigns", "--format", "json")
    assert done.returncode == ExitCode.INVALID
    assert problems(done) == {("file-link", "shop")}


def test_an_editor_s_lock_is_no_link_of_the_campaigns(repo: Path) -> None:
    (repo / "campaigns" / ".#sale.yaml").symlink_to("person@laptop.1234:1700000000")
    assert campaign(repo, "validate").returncode == ExitCode.OK


def test_a_link_hides_no_problem_of_the_other_files(repo: Path) -> None:
    """The others are checked as if it was not there, limits and all; nothing of it is read."""
    (repo / "campaigns" / "linked.yaml").symlink_to("../.env")
    (repo / "campaigns" / "long.yaml").write_text(CAMPAIGN.replace("你好", "字" * 5000), encoding="utf-8")
    (repo / "campaigns" / "typo.yaml").write_text(CAMPAIGN + "owenr: 我\n", encoding="utf-8")
    done = campaign(repo, "validate", "--format", "json")
    assert problems(done) >= {("file-link", "campaigns/linked.yaml"), ("unknown-key", "campaigns/typo.yaml")}
    assert {file for _rule, file in problems(done)} == {
        f"campaigns/{name}.yaml" for name in ("linked", "long", "typo")
    }
    assert SECRET not in done.stdout + done.stderr
