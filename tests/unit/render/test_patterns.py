"""A pattern names the pictures of a post by name, and the memory of `validate` notices a new one."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from wechat_campaigns.source.files import FileError, Files

BASE = PurePosixPath("tea/post.yaml")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "tea/pictures").mkdir(parents=True)
    for name in ("10.jpg", "2.jpg", "1.JPG", "a[1].jpg", ".hidden.jpg", "notes.txt"):
        (tmp_path / "tea/pictures" / name).write_bytes(b"x")
    (tmp_path / "tea/pictures/folder.jpg").mkdir()
    (tmp_path / "tea/pictures/3.jpg").symlink_to("/etc/passwd")
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("pictures/*.jpg", ["pictures/2.jpg", "pictures/10.jpg", "pictures/a[1].jpg"]),
        ("pictures/?.jpg", ["pictures/2.jpg"]),
        ("../tea/pictures/a[1]*", ["../tea/pictures/a[1].jpg"]),
    ],
)
def test_files_come_in_the_order_of_their_names(files: Files, pattern: str, names: list[str]) -> None:
    assert list(files.matching(BASE, pattern)) == names


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("none/*.jpg", "file-missing"),
        ("pictures/*.gif", "file-missing"),
        ("*/1.jpg", "file-pattern"),
        ("../../*.jpg", "file-outside"),
        ("/etc/*", "file-path"),
    ],
)
def test_a_pattern_reaches_nothing_outside(files: Files, pattern: str, rule: str) -> None:
    with pytest.raises(FileError) as caught:
        files.matching(BASE, pattern)
    assert caught.value.rule == rule


def test_a_linked_folder_is_refused(files: Files, tmp_path: Path) -> None:
    (tmp_path / "tea/etc").symlink_to("/etc")
    with pytest.raises(FileError) as caught:
        files.matching(BASE, "etc/*")
    assert caught.value.rule == "file-link"
