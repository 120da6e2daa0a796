"""Secrets are read from where the settings say they are, unless other users or a commit could show them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.factories import make_account
from wechat_campaigns.core.errors import SecretError
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.source.secret import AccountKey, read_account_secret, read_secret, run_command

HEX = "0123456789abcdef0123456789abcdef"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize("kept", ["00123", "00123\n", " 00123 ", "\t00123\u3000\r\n"])
def test_a_secret_is_read_without_the_blanks_around_it(tmp_path: Path, kept: str) -> None:
    """With them, no event of the ledger would be authentic. A secret of digits stays text."""
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(kept, encoding="utf-8")
    printing = python(f"import sys; sys.stdout.buffer.write({kept.encode()!r})")
    for place in (Secret(env="S"), Secret(command=printing), Secret(file=str(file))):
        assert read_secret(place, {"S": kept}) == "00123"


def test_secret_command_uses_no_shell() -> None:
    assert (
        run_command((*python("import sys; print(sys.argv[1])"), "$HOME;`id`"), hint="", location="")
        == "$HOME;`id`\n"
    )


def test_hanging_secret_command_is_killed() -> None:
    with pytest.raises(SecretError, match="did not end within"):
        run_command(python("import time; time.sleep(60)"), hint="", location="", timeout_s=0.2)


def test_the_sandbox_has_its_known_secret() -> None:
    assert read_secret(Secret(sandbox=True), {}) == "0" * 32


@pytest.mark.parametrize("environ", [{}, {"S_SECRET": ""}, {"S_SECRET": "\n"}])
def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    """Also once redacted: a name that ends in SECRET must not mask the sentence that follows it."""
    with pytest.raises(SecretError) as caught:
        read_secret(Secret(env="S_SECRET"), environ)
    assert redact(str(caught.value)) == "the environment variable S_SECRET is not set"
    assert caught.value.hint
    assert caught.value.exit_code == 9


def ending(stderr: str) -> tuple[str, ...]:
    return python(f"import sys; print('hunter2'); sys.stderr.write({stderr!r}); raise SystemExit(3)")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (ending(""), "ended with exit code 3$"),
        (ending("not hunter2"), r"ended with exit code 3: not \*\*\*$"),
        (ending("\n\nvault: permission denied\nGET /: hunter"), "exit code 3: vault: permission denied$"),
        (ending("curl: Authorization: Bearer hunter"), r"exit code 3: curl: Authorization: Bearer \*\*\*$"),
        (ending("sent with Bearer hunter"), r"exit code 3: sent with Bearer \*\*\*$"),
        (ending("> x-api-key: hunter"), r"exit code 3: > x-api-key: \*\*\*$"),
        (ending("> PRIVATE-TOKEN: hunter"), r"exit code 3: > PRIVATE-TOKEN: \*\*\*$"),
        (ending("> Cookie: a=hunter; b=hunter"), r"exit code 3: > Cookie: \*\*\*$"),
        (ending("the key hunter4ever is wrong"), r"exit code 3: the key \*\*\* is wrong$"),
        (ending("\033[31mno such entry\007"), r"exit code 3: \*\*\* such entry$"),
        (ending(f"leaked {HEX}"), r"exit code 3: leaked \*\*\*$"),
        (ending("token=abc123 expired"), r"exit code 3: token=\*\*\* expired$"),
        (ending("x " * 9000), "exit code 3: (x ){150}$"),
        (python("pass"), "printed nothing"),
        (python("import sys; sys.stdout.buffer.write(b'hunter2' + bytes([255]))"), "is not text"),
        (("no-such-program-here", "hunter2"), "program was not found"),
        (("/", "hunter2"), "cannot be started"),
    ],
)
def test_failed_secret_command_shows_a_first_line_and_no_secret(command: tuple[str, ...], told: str) -> None:
    with pytest.raises(SecretError) as caught:
        read_secret(Secret(command=command), {})
    assert re.search(told, caught.value.message)
    assert not re.search(f"hunter|{HEX}", str(caught.value) + caught.value.hint)
    assert caught.value.location == "secret.command"
    assert caught.value.__cause__ is None


# --- token and ledger_key of an account

GOOD = {"token": f"92_{'Ab-_' * 30}", "ledger_key": "5e" * 32, "secret": HEX}
WRONG: dict[AccountKey, tuple[str, ...]] = {
    "token": (
        "null",
        "None",
        '{{"access_token": "{good}"}}',
        '"{good}"',
        "{good} {good}",
        "Bearer {good}",
        "x" * 5000,
    ),
    "ledger_key": ("5e" * 31, "5e" * 33, "5E" * 32, "{good} ", "xy" * 32, '"{good}"'),
}


@pytest.mark.parametrize("key", GOOD)
def test_secrets_of_an_account_have_their_form(key: AccountKey) -> None:
    account = make_account(**{key: Secret(env="S")})
    assert read_account_secret(account, key, {"S": f" {GOOD[key]}\n"}) == GOOD[key]
    for wrong in WRONG.get(key, ()):
        value = wrong.format(good=GOOD[key])
        if value.strip() == GOOD[key]:
            continue
        with pytest.raises(SecretError) as caught:
            read_account_secret(account, key, {"S": value})
        shown = f"{caught.value} {caught.value.hint}"
        assert (GOOD[key] in shown, value in shown, key in caught.value.message) == (False, False, True)


@pytest.mark.parametrize("key", GOOD)
def test_program_of_an_account_is_named_by_its_key_alone(key: AccountKey) -> None:
    for code in ("print('a'); print('b')", "", f"print('{GOOD[key]}'); raise SystemExit('has {GOOD[key]}')"):
        account = make_account(**{key: Secret(command=python(code))})
        with pytest.raises(SecretError) as caught:
            read_account_secret(account, key, {})
        assert caught.value.location == f"{key}.command"
        assert GOOD[key] not in f"{caught.value} {caught.value.hint}"


# --- secret: {file: …}, such as a mounted one


def written(path: Path, data: bytes = HEX.encode() + b"\n", mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def read(path: Path) -> str:
    return read_secret(Secret(file=str(path)), {})


def refusal(path: Path) -> SecretError:
    """The error, which shows nothing of the file."""
    with pytest.raises(SecretError) as caught:
        read(path)
    assert HEX not in f"{caught.value} {caught.value.hint}"
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
    assert read(tmp_path / "secret") == HEX
    assert read_secret(Secret(file="~/secret"), {}) == HEX


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
    assert read(secret) == HEX
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
        (lambda file: written(file, f"{HEX}\n{HEX}\n".encode()), "one line"),
        (lambda file: written(file, HEX.encode() + b"\xff"), "one line"),
        (lambda file: written(file, HEX.encode() * 200), "one line"),
        (lambda file: written(file, HEX.encode() + b"\x00"), "one line"),
        (lambda _file: None, "No such file"),
        (lambda file: os.mkfifo(file, 0o600), "is not a file"),
        (lambda file: file.mkdir(), "is not a file"),
    ],
)
def test_what_is_no_file_with_a_secret_of_ones_own_is_refused(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "secret")
    assert words in refusal(tmp_path / "secret").message
