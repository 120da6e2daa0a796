"""`files`: what campaigns name is read, and nothing outside the campaigns folder."""

import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.source.files import MAX_MEDIA_BYTES, MAX_TEXT_BYTES, FileError, Files

BASE = PurePosixPath("2026/sale.yaml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "campaigns"
    (folder / "2026/sale").mkdir(parents=True)
    (folder / "2026/sale/cover.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (folder / "2026/sale/message.txt").write_text("今晚\r\n开始\n", newline="")
    (folder / "shared.txt").write_text("shared")
    (tmp_path / "outside.txt").write_text("outside")
    return folder


def test_a_path_is_relative_to_the_file_that_names_it(root: Path) -> None:
    """`sale/cover.png` named in `2026/sale.yaml` is `2026/sale/cover.png`."""
    info = Files(root).info(BASE, "sale/cover.png")
    assert info.path == PurePosixPath("2026/sale/cover.png")
    assert info.format == "png"
    assert info.sha256 == hashlib.sha256(b"\x89PNG\r\n\x1a\nrest").hexdigest()
    assert Files(root).data(info.path) == b"\x89PNG\r\n\x1a\nrest"
    assert Files(root).text(BASE, "../shared.txt") == "shared"
    assert Files(root).text(BASE, "sale/message.txt") == "今晚\n开始\n", "whatever the checkout's line ends"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("../../outside.txt", "file-outside"),
        ("../../campaigns/../outside.txt", "file-outside"),
        ("/etc/passwd", "file-path"),
        ("C:/windows/win.ini", "file-path"),
        ("c:win.ini", "file-path"),
        ("sale\\cover.png", "file-path"),
        ("", "file-path"),
        ("  ", "file-path"),
        ("a\x00b", "file-path"),
        ("sale", "file-not-a-file"),
        ("..", "file-not-a-file"),
        ("sale/cover.pgn", "file-missing"),
        ("sale/cover.png/x", "file-missing"),
        ("nowhere/cover.png", "file-missing"),
        ("a" * 300, "file-unreadable"),
    ],
)
def test_a_path_that_cannot_be_used_is_refused(root: Path, path: str, rule: str) -> None:
    with pytest.raises(FileError) as caught:
        Files(root).info(BASE, path)
    assert caught.value.rule == rule
    assert caught.value.message
    assert caught.value.hint
    if path == "sale/cover.pgn":
        assert caught.value.hint == "did you mean `cover.png`?"


def test_a_link_above_the_campaigns_folder_is_fine(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root.parent)
    assert Files(tmp_path / "link" / root.name).text(BASE, "../shared.txt") == "shared"


def test_a_pipe_is_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "2026/pipe")
    with pytest.raises(FileError) as caught:
        Files(root).data(PurePosixPath("2026/pipe"))
    assert caught.value.rule == "file-not-a-file"


@pytest.mark.parametrize("kind", ["text", "media"])
def test_size_is_bounded(root: Path, kind: str) -> None:
    files, limit = Files(root), MAX_TEXT_BYTES if kind == "text" else MAX_MEDIA_BYTES
    read = files.text if kind == "text" else files.info
    (root / "2026/fits").write_bytes(b"x" * limit)
    (root / "2026/large").write_bytes(b"x" * (limit + 1))
    read(BASE, "fits")
    with pytest.raises(FileError) as caught:
        read(BASE, "large")
    assert caught.value.rule == "file-too-large"


def test_a_fault_inside_a_text_is_placed_there(root: Path) -> None:
    (root / "2026/gbk.txt").write_bytes("一\n二".encode("gbk"))
    naming = Location(file="campaigns/2026/sale.yaml", line=3, column=1)
    with pytest.raises(FileError) as caught:
        Files(root).text(BASE, "gbk.txt")
    assert caught.value.to_diagnostic(naming, ("content",)).location.file.endswith("2026/gbk.txt")
    with pytest.raises(FileError) as caught:
        Files(root).text(BASE, "missing.txt")
    assert caught.value.to_diagnostic(naming, ("content",)).location == naming


def test_a_file_is_described_once(root: Path) -> None:
    """What was described stays so for the run, so that plan and digest speak of the same bytes."""
    files = Files(root)
    before = files.info(BASE, "sale/cover.png")
    (root / "2026/sale/cover.png").write_bytes(b"changed")
    assert files.info(BASE, "sale/cover.png") is before


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "a", "/", "\\", "~", "会"])).map("/".join))
def test_no_path_leaves_the_folder(path: str) -> None:
    try:
        located = Files(Path("campaigns")).locate(BASE, path)
    except FileError:
        return
    assert not located.is_absolute()
    assert ".." not in located.parts


@pytest.mark.parametrize(
    ("target", "path"),
    [("../outside.txt", "link"), ("..", "link/outside.txt"), ("shared.txt", "link"), ("nowhere.txt", "link")],
)
def test_a_link_is_refused_wherever_it_leads(root: Path, target: str, path: str) -> None:
    (root / "2026/link").symlink_to(root / target)
    with pytest.raises(FileError) as caught:
        Files(root).text(BASE, path)
    assert caught.value.rule == "file-link"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.jpg", ["2.jpg", "10.jpg", "a[1].jpg"]),
        ("?.jpg", ["2.jpg"]),
        ("../pictures/a[1]*", ["../pictures/a[1].jpg"]),
        ("none/*.jpg", "file-missing"),
        ("*.gif", "file-missing"),
        ("*/1.jpg", "file-pattern"),
        ("../../*.jpg", "file-outside"),
        ("/etc/*", "file-path"),
        ("linked/*", "file-link"),
    ],
)
def test_a_pattern_names_the_files_of_a_folder(tmp_path: Path, pattern: str, found: list[str] | str) -> None:
    """In the order of their numbers, and nothing outside."""
    (tmp_path / "pictures/folder.jpg").mkdir(parents=True)
    for name in ("10.jpg", "2.jpg", "1.JPG", "a[1].jpg", ".hidden.jpg", "notes.txt"):
        (tmp_path / "pictures" / name).write_bytes(b"x")
    (tmp_path / "pictures/3.jpg").symlink_to("/etc/passwd")
    (tmp_path / "pictures/linked").symlink_to("/etc")

    def matching() -> list[str]:
        return list(Files(tmp_path).matching(PurePosixPath("pictures/post.yaml"), pattern))

    if isinstance(found, list):
        assert matching() == found
    else:
        with pytest.raises(FileError) as caught:
            matching()
        assert caught.value.rule == found
