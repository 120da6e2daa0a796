"""`secret: {file: …}` reads a mounted secret, and refuses what other users or a commit could show."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wechat_campaigns.core.errors import SecretError
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.source.secret import read_secret

VALUE = "0123456789abcdef0123456789abcdef"


def written(path: Path, data: bytes = VALUE.encode() + b"\n", mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def read(path: Path) -> str:
    return read_secret(Secret(file=str(path)), {})


def refusal(path: Path) -> SecretError:
    """The error, which shows nothing of the file."""
    with pytest.raises(SecretError) as caught:
        read(path)
    assert VALUE not in f"{caught.value} {caught.value.hint}"
    assert caught.value.location == str(path)
    return caught.value


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_of_this_user_is_read(tmp_path: Path, mode: int) -> None:
    assert read(written(tmp_path / "secret", mode=mode)) == VALUE


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    written(tmp_path / "..data" / "secret")
    (tmp_path / "secret").symlink_to("..data/secret")
    assert read(tmp_path / "secret") == VALUE


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "secret")
    assert read_secret(Secret(file="~/secret"), {}) == VALUE


def test_a_user_without_a_home_folder_has_no_file_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(SecretError):
        read(Path("~/secret"))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    error = refusal(written(tmp_path / "secret", mode=mode))
    assert "other users" in error.message
    assert "chmod 600" in error.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """They could change it at any time."""
    os.chown(written(tmp_path / "secret"), 12345, 12345)
    assert "another user owns" in refusal(tmp_path / "secret").message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (f"{VALUE}\n{VALUE}\n".encode(), "one line"),
        (VALUE.encode() + b"\xff", "one line"),
        (VALUE.encode() * 200, "one line"),
        (VALUE.encode() + b"\x00", "one line"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refusal(written(tmp_path / "secret", data)).message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "secret").message


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "not an ordinary file" in refusal(tmp_path / "pipe").message
    assert "not an ordinary file" in refusal(tmp_path).message


def test_a_file_in_a_checkout_must_be_ignored(tmp_path: Path) -> None:
    """The next `git add` would commit it; a file that is tracked is not ignored, whatever is listed."""
    top = tmp_path / "checkout"
    (top / "campaigns").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    secret = written(top / "campaigns" / "secret.txt")
    assert "does not ignore it" in refusal(secret).message
    (top / ".gitignore").write_text("secret.txt\n", encoding="utf-8")
    assert read(secret) == VALUE
    subprocess.run(["git", "-C", str(top), "add", "-f", str(secret)], check=True)
    assert "does not ignore it" in refusal(secret).message
