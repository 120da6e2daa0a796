"""Read secrets from where the settings say they are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from wechat_campaigns.core.errors import SecretError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Secret

SANDBOX_SECRET: Final = "0" * 32
"""The AppSecret of the sandbox's own accounts: no secret at all."""

NO_BYTECODE: Final = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For a program of the repository: what it leaves there would be in no commit."""
_TIMEOUT_S: Final = 30
_STDERR_BYTES: Final = 4096
_STDERR_CHARS: Final = 300
_NAME_OF_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[A-Za-z_]+")
"""What the name of a variable looks like; anything else may be the secret itself, and is not repeated."""
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z_-]*[0-9.]{0,4}|.*[/\\.].*", re.DOTALL)


def read_secret(secret: Secret, environ: Mapping[str, str], *, name: str = "AppSecret") -> str:
    """Read an AppSecret, or another secret, from where the settings say it is.

    Args:
        name: what it is, for messages.

    Returns:
        The secret, without the blanks and line ends around it that come with copying.

    Raises:
        SecretError: the variable is not set, the file may not be used, or the command failed.
    """
    if secret.sandbox:
        return SANDBOX_SECRET
    if secret.env is not None:
        return _from_variable(secret.env, environ, name)
    if secret.file is not None:
        from wechat_campaigns.source.secret_file import read_secret_file  # it loads git, `validate` does not

        return read_secret_file(secret.file)
    value = run_command(secret.command).strip()
    if not value:
        raise SecretError(
            _("the command printed nothing"), hint=_by_hand(secret.command), location=_program(secret.command)
        )
    return value


def run_command(command: tuple[str, ...], *, timeout_s: float = _TIMEOUT_S) -> str:
    """Run a program without a shell and return what it printed.

    Raises:
        SecretError: it cannot be started, took too long, failed, or printed something that is no text.
    """
    import subprocess  # an offline plan never comes here

    hint = _by_hand(command)
    try:
        done = subprocess.run(  # noqa: S603 - the settings are the user's own
            command,
            check=False,
            capture_output=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env=os.environ | NO_BYTECODE,
        )
        printed = done.stdout.decode("utf-8")
    except FileNotFoundError:
        what, hint = _("the program was not found"), _("install it, or correct `command`")
    except OSError as error:
        what = _("the program cannot be started: {reason}").format(reason=error.strerror)
    except subprocess.TimeoutExpired:
        what = _("the program did not end within {seconds:g} s").format(seconds=timeout_s)
    except UnicodeDecodeError:
        what = _("the output of the program is not text")
    else:
        if not done.returncode:
            return printed
        what = _("the program ended with exit code {code}").format(code=done.returncode)
        if last_words := _last_line(done.stderr, printed):
            what = _("{what}: {words}").format(what=what, words=last_words)
    # Raised out here, so that no error that it came from can show what was printed.
    raise SecretError(what, hint=hint, location=_program(command))


def _from_variable(name: str, environ: Mapping[str, str], what: str) -> str:
    value = environ.get(name, "").strip()
    if not value and not _NAME_OF_VARIABLE.fullmatch(name):
        raise SecretError(
            _("the environment variable named in `env` is not set"),
            hint=_(
                "write the name of a variable in `env`, such as WECHAT_MAIN_SECRET, and set that variable"
            ),
        )
    if not value:
        raise SecretError(
            _("the environment variable {name} is not set").format(name=name),
            hint=_("set {name} to the {secret} (in CI, as a secret of the environment)").format(
                name=name, secret=what
            ),
        )
    return value


def _last_line(stderr: bytes, printed: str) -> str:
    """Return the last line of a failed command's standard error, without what looks secret or was printed."""
    from wechat_campaigns.core.redact import redact, redact_message  # a command that works does without

    text = stderr[-_STDERR_BYTES:].decode("utf-8", errors="replace")
    lines = ["".join(filter(str.isprintable, line)).strip() for line in text.splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return redact_message(redact(last, printed.split()))[:_STDERR_CHARS]


def _by_hand(command: tuple[str, ...]) -> str:
    return _("run `{program} …` by hand; it must print only the AppSecret").format(program=_program(command))


def _program(command: tuple[str, ...]) -> str:
    """Return a program for a message, unless it looks like the secret itself, written as a command."""
    return command[0] if len(command) > 1 or _PROGRAM.fullmatch(command[0]) else "…"
