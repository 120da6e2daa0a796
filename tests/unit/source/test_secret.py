"""Secrets are read from where the settings say they are."""

import sys
from pathlib import Path

import pytest

from wechat_campaigns.core.errors import SecretError
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.source.secret import read_secret, run_command

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


@pytest.mark.parametrize("environ", [{}, {"S": ""}, {"S": "\n"}])
def test_a_missing_variable_has_a_hint(environ: dict[str, str]) -> None:
    with pytest.raises(SecretError, match="variable S is not set") as caught:
        read_secret(Secret(env="S"), environ)
    assert "set S" in caught.value.hint
    assert caught.value.exit_code == 9


def test_a_command_prints_the_secret() -> None:
    assert read_secret(Secret(command=python("print('007')")), {}) == "007"


def test_secret_command_uses_no_shell() -> None:
    assert run_command((*python("import sys; print(sys.argv[1])"), "$HOME;`id`")) == "$HOME;`id`\n"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (python("print('hunter2'); raise SystemExit(3)"), "ended with exit code 3"),
        (python("import sys; print('hunter2'); sys.exit('not hunter2')"), r"exit code 1: not \*\*\*"),
        (python("pass"), "printed nothing"),
        (python("import sys; sys.stdout.buffer.write(b'hunter2' + bytes([255]))"), "is not text"),
        (("no-such-program-here", "hunter2"), "program was not found"),
        (("/", "hunter2"), "cannot be started"),
    ],
)
def test_failed_secret_command_does_not_show_its_output(command: tuple[str, ...], told: str) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        read_secret(Secret(command=command), {})
    assert "hunter2" not in str(caught.value) + caught.value.hint
    assert caught.value.location == "secret.command"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("loading\nvault: permission denied\n\n", "ended with exit code 3: vault: permission denied"),
        ("\033[31mno such entry\007", "ended with exit code 3: [31mno such entry"),
        (f"leaked {HEX}", "ended with exit code 3: leaked ***"),
        ("token=abc123 expired", "ended with exit code 3: token=*** expired"),
        ("x" * 9000, "ended with exit code 3: " + "x" * 300),
        ("", "ended with exit code 3"),
    ],
)
def test_the_last_line_of_a_failed_command_is_shown(stderr: str, words: str) -> None:
    code = f"import sys; sys.stderr.write({stderr!r}); raise SystemExit(3)"
    with pytest.raises(SecretError) as caught:
        run_command(python(code))
    assert caught.value.message == f"the program {words}"


@pytest.mark.slow
def test_hanging_secret_command_is_killed() -> None:
    with pytest.raises(SecretError, match="did not end within"):
        run_command(python("import time; time.sleep(60)"), timeout_s=0.2)


def test_the_sandbox_has_its_known_secret() -> None:
    assert read_secret(Secret(sandbox=True), {}) == "0" * 32


def test_redaction_keeps_the_message_of_a_missing_variable():
    """A name that ends in SECRET must not lead redaction to mask the sentence that follows it."""
    with pytest.raises(SecretError) as caught:
        read_secret(Secret(env="WECHAT_MAIN_SECRET"), {})
    assert redact(str(caught.value)) == "the environment variable WECHAT_MAIN_SECRET is not set"
