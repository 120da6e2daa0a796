"""Whatever a command writes is opened in one place, which follows no link that a commit may carry."""

import ast
import os
from itertools import product
from pathlib import Path

import pytest

from tests.support.source import PACKAGE, trees
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

OF_STATE = {
    "core/files.py",
    "core/fence.py",  # the null device
    "cli/output.py",  # the null device
    "cli/ci.py",  # a folder of its own for Chromium
    "fetch/changed_since.py",  # a folder of its own for an older commit
    "core/git_work.py",  # lock files
    "translations/hatch_build.py",  # runs when the package is built
}
"""What writes elsewhere: in the state folder, or in a folder of this run."""
WRITERS = {
    "--report": ("plan", "--offline", "--report", "html=FILE"),
    "--out": ("plan", "--offline", "--out", "FILE"),
    "export": ("ledger", "export", "--out", "FILE"),
    "outputs": ("ci", "outputs", "plan.json"),
}
STARTS = ("repo", ".", "alias")
PLACES = (
    "repo/link", "repo/dangling", "repo/folder/victim", "repo/a/b/mine/victim", "alias/link",
    "alias/folder/new", "repo/.git/info/grafts", "repo/.GIT/hooks/post-checkout", "repo/a/../.git/config",
)  # fmt: skip
"""A commit carries links to a file and to folders of others; git obeys its own files."""


def writes(call: ast.Call) -> bool:
    """Whether a call opens a file to write to it, or may."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name != "open":
        return name in ("write_text", "write_bytes")
    words = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    names = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return bool({"w", "wb", "a", "ab", "x", "xb"} & words or {"O_CREAT", "O_WRONLY"} & names)


def test_files_are_opened_to_write_in_one_place() -> None:
    """A writer of its own would have a rule of its own about links."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path, tree in trees().items()
        if path.is_relative_to(PACKAGE) and any(isinstance(n, ast.Call) and writes(n) for n in ast.walk(tree))
    }
    assert found <= OF_STATE


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that only this user may change."""
    repo, mine = tmp_path / "repo", tmp_path / "mine"
    (repo / ".git").mkdir(parents=True)
    mine.mkdir()
    (mine / "victim").write_text("mine", encoding="utf-8")
    (repo / "link").symlink_to(mine / "victim")
    (repo / "dangling").symlink_to(mine / "new")
    (repo / "folder").symlink_to(mine)
    (repo / "a").mkdir()
    (repo / "a" / "b").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(repo)
    return mine / "victim"


@pytest.mark.parametrize("writer", WRITERS)
def test_no_link_of_a_checkout_is_written_through(
    victim: Path, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = victim.parent.parent
    monkeypatch.chdir(top)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(top / "state"))
    monkeypatch.setenv("CAMPAIGN_DIR", str(top / "repo" / "campaigns"))
    assert run(["init", "repo"]) == ExitCode.OK
    assert run(["plan", "--offline", "--quiet", "--out", "plan.json"]) == ExitCode.OK
    (top / "repo" / "plan.json").write_bytes(Path("plan.json").read_bytes())
    for start, place in product(STARTS, PLACES):
        monkeypatch.chdir(top / start)
        file = os.path.relpath(top, top / start) + f"/{place}" if start != "alias" else f"{top}/{place}"
        monkeypatch.setenv("GITHUB_OUTPUT", file)
        words = [
            one.replace("FILE", file).replace("plan.json", f"{top}/plan.json") for one in WRITERS[writer]
        ]
        assert run(words) == ExitCode.USAGE, (start, place)
        assert victim.read_text(encoding="utf-8") == "mine", (start, place)
        assert [path.name for path in victim.parent.iterdir()] == ["victim"], (start, place)
        assert [path.name for path in (top / "repo" / ".git").iterdir()] == [], (start, place)
    monkeypatch.chdir(top)
    (top / "linked").symlink_to(top / "state")  # outside the checkout, the user's own
    assert run(["plan", "--offline", "--quiet", "--out", "linked/plan.json"]) == ExitCode.OK
