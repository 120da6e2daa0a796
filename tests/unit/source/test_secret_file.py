"""`secret: {file: …}` reads a mounted secret, and refuses what other users or a commit could show."""

import os
import subprocess
from collections.abc import Callable
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


def test_a_user_without_a_home_folder_has_no_file_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(SecretError):
        read(Path("~/secret"))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_of_this_user_is_read(tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a link, as Kubernetes mounts it, and by the short name of the home folder."""
    (tmp_path / "..data").mkdir()
    written(tmp_path / "..data" / "secret", mode=mode)
    (tmp_path / "secret").symlink_to("..data/secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(tmp_path / "secret") == VALUE
    assert read_secret(Secret(file="~/secret"), {}) == VALUE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """They could change it at any time."""
    os.chown(written(tmp_path / "secret"), 12345, 12345)
    assert "another user owns" in refusal(tmp_path / "secret").message


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        *(
            (lambda file, mode=mode: written(file, mode=mode), "other users")
            for mode in (0o604, 0o660, 0o602)
        ),
        (lambda file: written(file, b"\n"), "empty"),
        (lambda file: written(file, f"{VALUE}\n{VALUE}\n".encode()), "one line"),
        (lambda file: written(file, VALUE.encode() + b"\xff"), "one line"),
        (lambda file: written(file, VALUE.encode() * 200), "one line"),
        (lambda file: written(file, VALUE.encode() + b"\x00"), "one line"),
        (lambda _file: None, "No such file"),
        (lambda file: os.mkfifo(file, 0o600), "not an ordinary file"),
        (lambda file: file.mkdir(), "not an ordinary file"),
    ],
)
def test_what_is_no_file_with_a_secret_of_ones_own_is_refused(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "secret")
    assert words in refusal(tmp_path / "secret").message
