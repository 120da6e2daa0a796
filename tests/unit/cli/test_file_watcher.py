"""`render --watch` sees every save, once, and rests in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wechat_campaigns.cli.file_watcher import INTERVAL_S, saves, snapshot


class EndedError(Exception):
    """No more steps: the watching ends here."""


def watched(root: Path, *steps: Callable[[], object]) -> tuple[int, list[float]]:
    """Watch while one step is done in each rest; how many saves were seen, and how long it rested."""
    rests: list[float] = []
    left = list(steps)

    def sleep(seconds: float) -> None:
        rests.append(seconds)
        if not left:
            raise EndedError
        left.pop(0)()

    seen = 0
    try:
        for _ in saves(root, sleep=sleep):
            seen += 1
    except EndedError:
        pass
    return seen, rests


def rest() -> None:
    """Nothing is saved."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tea").mkdir()
    (tmp_path / "news.yaml").write_text("a")
    (tmp_path / "tea" / "article.md").write_text("a")
    return tmp_path


def test_nothing_saved_is_nothing_seen(root: Path):
    """It only rests."""
    seen, rests = watched(root, rest, rest, rest)
    assert seen == 0
    assert min(rests) >= INTERVAL_S


def test_each_kind_of_save_is_seen(root: Path):
    """Edited, added, removed, replaced by another file of the same size and time: each once."""
    edited = root / "tea" / "article.md"

    def replaced() -> None:
        status = edited.stat()
        other = root / "tea" / ".article.swp"
        other.write_text("b" * status.st_size)
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.replace(edited)

    def edit() -> None:
        edited.write_text("abc")

    def add() -> None:
        (root / "cup.png").write_bytes(b"x")

    for step in (edit, add, (root / "news.yaml").unlink, replaced):
        seen, _ = watched(root, rest, step, rest, rest, rest)
        assert seen == 1, step


def test_save_in_several_steps_is_seen_once(root: Path):
    """What is still being written is waited for."""
    file = root / "news.yaml"
    writes = [lambda n=n: file.write_text("x" * n) for n in range(2, 6)]
    seen, _ = watched(root, *writes, rest, rest, rest)
    assert seen == 1


def test_save_before_the_first_look_is_seen(root: Path):
    """What is saved while the first page is made is not lost."""
    waiting = saves(root, sleep=lambda _s: None)
    (root / "news.yaml").write_text("saved meanwhile")
    assert next(waiting) is None


def test_hidden_files_do_not_count(root: Path):
    """Swap files of editors, and the folder of git."""
    (root / ".git").mkdir()
    (root / ".git" / "index").write_text("x")
    (root / ".news.yaml.swp").write_text("x")
    assert sorted(Path(name).name for name in snapshot(root)) == ["article.md", "news.yaml"]


def test_folder_that_is_gone_is_empty(tmp_path: Path):
    """It may be moved away while it is watched; a broken link is no file."""
    assert snapshot(tmp_path / "none") == {}
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert snapshot(tmp_path) == {}
