"""Finds secrets that were written into the settings, and reads them from where they belong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from runner.errors import KeyPath, SecretError
from runner.schemas.phrases import Finding
from runner.settings.records import Secret
from runner.words import _

Run = Callable[[tuple[str, ...]], str]
"""Runs a program and returns what it printed; raises `SecretError` when it fails."""

SANDBOX_SECRET: Final = "0" * 32
"""The AppSecret of the sandbox's own accounts: no secret at all."""

_TIMEOUT_S: Final = 30
_APPSECRET = re.compile(r"[0-9a-f]{32}")
_TELLING_KEY = re.compile(
    r"(app|client)[_-]?secret|(encoding)?[_-]?aes[_-]?key|secret[_-]?key|passw(or)?d|((access|refresh)[_-]?)?token",
    re.I,
)


def read_secret(
    secret: Secret, environ: Mapping[str, str], run: Run | None = None, *, name: str = "AppSecret"
) -> str:
    """Read an AppSecret, or another secret, from where the settings say it is.

    Args:
        secret: the place.
        environ: the environment variables.
        run: what runs a `command`; default: the program itself, without a shell, for at most 30 s.
        name: what it is, for messages.

    Returns:
        The secret, exactly as stored but for line ends after it.

    Raises:
        SecretError: the variable is not set, or the command failed or printed nothing.
    """
    if secret.sandbox:
        return SANDBOX_SECRET
    if secret.env is not None:
        return _from_variable(secret.env, environ, name)
    value = (run or run_command)(secret.command).rstrip("\r\n")
    if not value:
        raise SecretError(
            _("the command printed nothing"), remedy=_by_hand(secret.command), where=secret.command[0]
        )
    return value


def run_command(command: tuple[str, ...], *, timeout_s: float = _TIMEOUT_S) -> str:
    """Run a program without a shell and return what it printed.

    Args:
        command: the program and its arguments.
        timeout_s: seconds it may take.

    Raises:
        SecretError: it cannot be started, took too long, failed, or printed something that is no text.
    """
    import subprocess  # an offline plan never comes here

    remedy = _by_hand(command)
    try:
        done = subprocess.run(  # noqa: S603 - the settings are the user's own
            command, check=False, capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
        printed = done.stdout.decode("utf-8")
    except FileNotFoundError:
        what, remedy = _("there is no such program"), _("install it, or correct `command`")
    except OSError as error:
        what = _("it cannot be started: {reason}").format(reason=error.strerror)
    except subprocess.TimeoutExpired:
        what = _("it did not end within {seconds:g} s").format(seconds=timeout_s)
    except UnicodeDecodeError:
        what = _("it printed something that is no text")
    else:
        if not done.returncode:
            return printed
        what = _("it ended with code {code}").format(code=done.returncode)
    # Raised out here, so that no error that it came from can show what was printed.
    raise SecretError(what, remedy=remedy, where=command[0])


def written_secrets(data: object) -> list[Finding]:
    """Find secrets in the settings' data; a finding never repeats them.

    Args:
        data: the settings as read.

    Returns:
        One finding for each.
    """
    found = dict.fromkeys(path for path, value in _leaves(data, ()) if _is_secret(path, value))
    return [_finding(path) for path in found]


def _from_variable(name: str, environ: Mapping[str, str], what: str) -> str:
    value = environ.get(name, "").rstrip("\r\n")
    if not value:
        raise SecretError(
            _("the environment variable {name} is not set").format(name=name),
            remedy=_("set {name} to the {secret} (in CI: a secret of the environment)").format(
                name=name, secret=what
            ),
        )
    return value


def _by_hand(command: tuple[str, ...]) -> str:
    return _("run `{program} …` by hand; it must print the AppSecret and nothing else").format(
        program=command[0]
    )


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict):
        for key, below in value.items():
            if _APPSECRET.fullmatch(key):
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
    if isinstance(value, str) and (_APPSECRET.fullmatch(value.strip()) or _has_password(value)):
        return True
    if "vars" in path:  # a campaign may call its coupon's word a password
        return False
    keys = [step for step in path if isinstance(step, str)]
    if keys[:1] == ["notify"] and keys[-1] == "url":  # whoever has a robot's address can write to the chat
        return True
    return keys[-1:] == ["secret"] or any(_TELLING_KEY.fullmatch(key) for key in keys[-1:])


def _has_password(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        address = urlsplit(value)
    except ValueError:
        return False
    return bool(address.password) or "password=" in address.query


def _finding(path: KeyPath) -> Finding:
    what, remedy = _words(path)
    return Finding(path=path, rule="written-secret", what=what, remedy=remedy)


def _words(path: KeyPath) -> tuple[str, str]:
    if path[-1:] == ("ledger",):
        remedy = _("remove it; set PGPASSWORD or use a .pgpass file")
        return _("a password is written in this address"), remedy
    if path[-1:] == ("api",):
        return _("a password is written in this address"), _("remove it; write the address alone")
    key = path[-1] if path[-1:] in (("token",), ("aes_key",), ("url",)) else "secret"
    remedy = _(
        "take it out, change it (it is in the history of the file), and write `{key}: {{env: NAME}}`"
    ).format(key=key)
    return _("a secret is written in this file"), remedy
