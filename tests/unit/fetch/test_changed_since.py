"""A commit's files, written out without running anything of it."""

import os
from pathlib import Path

import pytest

from tests.support.commits import git
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.fetch.changed_since import resolve_ref, tree_at


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A campaigns folder inside a repository with one commit."""
    root = tmp_path / "repo" / "campaigns"
    (root / "春").mkdir(parents=True)
    git(root.parent, "init", "-q", "-b", "main")
    (root / "sale.yaml").write_bytes("内容: 一\n".encode())
    (root / "春" / "空.bin").write_bytes(b"")
    (root / "春" / "图.bin").write_bytes(bytes(range(256)) * 40)
    (root.parent / "secret.txt").write_text("outside")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "one")
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_commit_is_written_byte_for_byte(root: Path) -> None:
    before = files(root)
    (root / "sale.yaml").write_text("changed")
    (root / "new.yaml").write_text("new")
    with tree_at(root, resolve_ref(root, "main")) as target:
        assert files(target) == before
        assert target.name == root.name


def test_reading_a_commit_runs_nothing_of_the_repository(root: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (root / ".gitattributes").write_text("*.yaml filter=evil export-ignore export-subst\n")
    (root / "link.yaml").symlink_to("/etc/passwd")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    for name in ("smudge", "clean", "process"):
        git(root, "config", f"filter.evil.{name}", f"touch {mark}")
    git(root, "config", "core.fsmonitor", f"touch {mark}")
    with tree_at(root, resolve_ref(root, "HEAD")) as target:
        assert not mark.exists()
        assert (target / "sale.yaml").exists()
        assert not os.path.lexists(target / "link.yaml")
    assert not target.exists()


def test_folder_missing_in_the_commit_is_empty(root: Path) -> None:
    later = root.parent / "later"
    later.mkdir()
    with tree_at(later, resolve_ref(later, "main")) as target:
        assert files(target) == {}


@pytest.mark.parametrize(
    "ref", ["", "-h", "--output=x", "no-such", "main:campaigns", "a\nb", "@{upstream}", "HEAD~9"]
)
def test_name_that_is_not_a_commit_is_refused(root: Path, tmp_path: Path, ref: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_ref(root, ref)
    assert caught.value.hint
    with pytest.raises(UsageError):
        resolve_ref(tmp_path, ref or "main")
    assert not list(root.parent.rglob("x"))
