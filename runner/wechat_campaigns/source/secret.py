"""Finds secrets that were written into the settings, and reads them from where they belong."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from wechat_campaigns.core.diagnostics import Finding, KeyPath
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
_APPSECRET = re.compile(r"[0-9A-Fa-f]{32}")
_AES_KEY = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[0-9A-Za-z]{43}=?")
_NAME_OF_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[A-Za-z_]+")
"""What the name of a variable looks like; anything else may be the secret itself, and is not repeated."""
_SCP_PASSWORD = re.compile(r"[^/@\s]+:[^/@\s]+@[^/]")
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z_-]*[0-9.]{0,4}|.*[/\\.].*", re.DOTALL)
_TELLING_KEY = re.compile(
    r"(app|client)[_-]?secret|(encoding)?[_-]?aes[_-]?key|secret[_-]?key|passw(or)?d|((access|refresh)[_-]?)?token",
    re.I,
)


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


def written_secrets(data: object) -> list[Finding]:
    """Find secrets in the settings' data; a finding never repeats them."""
    found = dict.fromkeys(path for path, value in _leaves(data, ()) if _is_secret(path, value))
    return [Finding("written-secret", *_words(path), path) for path in found]


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


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict):
        for key, below in value.items():
            if _looks_like_one(key):
                yield path, key
            yield from _leaves(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _leaves(below, (*path, index))
    else:
        yield path, value


def _is_secret(path: KeyPath, value: object) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return False
    if isinstance(value, str) and (_looks_like_one(value) or _logs_in(path, value)):
        return True
    if "vars" in path:  # a campaign may call its coupon's word a password
        return False
    keys = [step for step in path if isinstance(step, str)]
    if keys[:1] == ["notify"] and keys[-1] == "url":  # whoever has a robot's address can write to the chat
        return True
    return keys[-1:] == ["secret"] or any(_TELLING_KEY.fullmatch(key) for key in keys[-1:])


def _looks_like_one(value: str) -> bool:
    return bool(_APPSECRET.fullmatch(value.strip()) or _AES_KEY.fullmatch(value.strip()))


def _logs_in(path: KeyPath, value: str) -> bool:
    """Return whether an address holds a password, or is https and has a user, who may be a token."""
    if "vars" in path and path[-1:] != ("ledger",):
        return _has_password(value)
    if path[-1:] == ("ledger",) and value.startswith("git:"):
        address = value.removeprefix("git:").partition("#")[0]
        return _has_password(address) or _has_user(address) or bool(_SCP_PASSWORD.match(address))
    return _has_password(value) or (path[-1:] in (("api",), ("ledger",)) and _has_user(value))


def _has_password(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        address = urlsplit(value)
        asked = {name.lower() for name, _value in parse_qsl(address.query, keep_blank_values=True)}
    except ValueError:
        return "@" in value
    return bool(address.password) or any(
        _TELLING_KEY.fullmatch(name) or name == "sslpassword" for name in asked
    )


def _has_user(value: str) -> bool:
    """Return whether an http address has a user at all; with git over ssh one is usual."""
    scheme, mark, rest = value.partition("://")
    return bool(mark) and scheme.lower() in ("http", "https") and "@" in rest.partition("/")[0]


def _words(path: KeyPath) -> tuple[str, str]:
    if path[-1:] == ("ledger",):
        hint = _("remove it; use PGPASSWORD or a .pgpass file, or, for a git ledger, CAMPAIGN_LEDGER_TOKEN")
        return _("this address contains a password or a token"), hint
    if path[-1:] == ("api",):
        return _("this address contains a password"), _("remove it; write only the address")
    key = path[-1] if path[-1:] in (("token",), ("aes_key",), ("url",)) else "secret"
    hint = _(
        "remove it, change the secret (the old one stays in the history of the file), and write "
        "`{key}: {{env: NAME}}`"
    ).format(key=key)
    return _("this file contains a secret"), hint
