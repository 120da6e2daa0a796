"""Read secrets from where the settings say they are, and decide which hosts may receive one."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from wechat_campaigns.core.errors import PolicyError, SecretError, system_reason
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import APPID, Account, Secret

AccountKey = Literal["secret", "token", "ledger_key"]
"""The keys of an account that name a secret."""
SANDBOX_SECRET: Final = "0" * 32
"""The AppSecret of the sandbox's own accounts: no secret at all."""

NO_BYTECODE: Final = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For a program of the repository: what it leaves there would be in no commit."""
_BY_HAND: Final = N_("run the command by hand; it must print only the {secret}, in one line")
_TIMEOUT_S: Final = 30
_STDERR_BYTES: Final = 4096
_STDERR_CHARS: Final = 300
_NAME_OF_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[A-Za-z_]+")
"""What the name of a variable looks like; anything else may be the secret itself, and is not repeated."""
_MAX_FILE_BYTES: Final = 4096
_TOKEN = re.compile(r"[\w.~+/=!-]{16,4096}", re.ASCII)
"""An access_token; not JSON, nor the `null` or `None` of a program that found none.

Source: WeChat asks for room for 512 characters (getStableAccessToken, 2026-11).
"""
_KEY = re.compile("[0-9a-f]{64}")
_OTHERS: Final = stat.S_IWGRP | stat.S_IRWXO
"""Kubernetes lets a group read what it mounts (`fsGroup`); nobody else has a reason to."""
GATEWAYS: Final = "CAMPAIGN_API_HOSTS"
"""The variable of the machine that names further hosts, `HOST` or `HOST:PORT`, separated by commas."""
# Deliberately narrow: what two parsers of addresses could read in two ways is not accepted at all.
_HTTPS = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?P<port>:\d{1,5})?(?:/[\w.~/-]*)?", re.ASCII)
_LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?/?", re.ASCII)


def check_api_host(api: str, environ: Mapping[str, str]) -> None:
    """Refuse to hand a secret to a host that is neither WeChat's nor this machine's own.

    Settings come with a pull request, variables of the machine do not: a gateway has to be named there.

    Args:
        environ: the process's variables; `CAMPAIGN_API_HOSTS` may allow a gateway.

    Raises:
        PolicyError: the host may not receive a secret; none was read.
    """
    from wechat_campaigns.core.hosts import WECHAT_HOSTS  # an offline plan never comes here

    if _LOOPBACK.fullmatch(api):
        return
    address = _HTTPS.fullmatch(api.lower())
    if address is not None:
        host, port = address["host"], address["port"] or ":443"
        gateways = {name.strip().lower() for name in environ.get(GATEWAYS, "").split(",")}
        if f"{host}{port}" in gateways or (port == ":443" and host in WECHAT_HOSTS | gateways):
            return
    what = _("neither AppSecret nor token is sent to {address}: it is not a WeChat host").format(address=api)
    hint = _(
        "write `api: https://api.weixin.qq.com`, or add the gateway's host to the environment variable {name}"
    ).format(name=f"`{GATEWAYS}`")
    raise PolicyError(what, hint=hint, location="api")


def read_secret(
    secret: Secret, environ: Mapping[str, str], *, name: str = "AppSecret", key: str = "secret"
) -> str:
    """Read an AppSecret, or another secret, from where the settings say it is.

    Args:
        name: what it is, for messages.
        key: of the settings, for messages.

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
        return _from_file(secret.file)
    # The program could be the secret itself, written as a command: the place of a message is the key alone.
    hint, location = _(_BY_HAND).format(secret=name), f"{key}.command"
    value = run_command(secret.command, hint=hint, location=location).strip()
    if value and value.isprintable():
        return value
    what = _("the command printed more than one line") if value else _("the command printed nothing")
    raise SecretError(what, hint=hint, location=location)


def read_account_secret(account: Account, key: AccountKey, environ: Mapping[str, str]) -> str:
    """Read one of the secrets of an account; as `read_secret`. In its place `{appid}` is the account's AppID.

    Raises:
        SecretError: also where a token or key does not have its form.
    """
    place, name = getattr(account, key), "AppSecret" if key == "secret" else key
    command = tuple(word.replace(APPID, account.appid) for word in place.command)
    file = place.file and place.file.replace(APPID, account.appid)
    value = read_secret(replace(place, command=command, file=file), environ, name=name, key=key)
    if key == "token" and not _TOKEN.fullmatch(value):
        what = _("what `token` names is not an access_token alone in one line")
        hint = _("print or write only the value, as `jq -er .access_token` takes it out of JSON")
    elif key == "ledger_key" and not _KEY.fullmatch(value):
        what = _("what `ledger_key` names is not 64 digits 0-9 a-f")
        hint = _(
            "make a key with `openssl rand -hex 32`, and keep a copy: without it the ledger is unverified"
        )
    else:
        return value
    raise SecretError(what, hint=hint, location=_("account {name}").format(name=account.name))


def run_command(command: tuple[str, ...], *, hint: str, location: str, timeout_s: float = _TIMEOUT_S) -> str:
    """Run a program without a shell and return what it printed.

    Args:
        hint: what to do where nothing better is known.

    Raises:
        SecretError: it cannot be started, took too long, failed, or printed bytes that are not text.
    """
    import subprocess  # an offline plan never comes here

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
        what = _("the program cannot be started: {reason}").format(reason=system_reason(error))
    except subprocess.TimeoutExpired:
        what = _("the program did not end within {seconds:g} s").format(seconds=timeout_s)
    except UnicodeDecodeError:
        what = _("the output of the program is not text")
    else:
        if not done.returncode:
            return printed
        what = _("the program ended with exit code {code}").format(code=done.returncode)
        if words := _first_line(done.stderr, printed):
            what = _(": ").join((what, words))
    # Raised out here, so that no error that it came from can show what was printed.
    raise SecretError(what, hint=hint, location=location)


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


def _from_file(written: str) -> str:
    """Read a secret's file.

    Args:
        written: an absolute path, or one that begins with `~/`. Links are followed: Kubernetes makes them.

    Raises:
        SecretError: the file is missing, is not one line of text, is open to other users, or lies in a git
            checkout that does not ignore it.
    """
    path = Path(os.path.realpath(os.path.expanduser(written)))  # noqa: PTH111 (a user may have no home folder)
    try:
        # Without waiting: a FIFO would hold the run for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = _("`{name}` cannot be read: {reason}").format(name=written, reason=system_reason(error))
        hint = _("add the file, or correct the path")
        raise SecretError(what, hint=hint, location=written) from None
    try:
        _check_access(os.fstat(descriptor), written)
        _check_place(path, written)
        data = os.read(descriptor, _MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    return _one_line(data, written)


def _check_access(state: os.stat_result, written: str) -> None:
    what, hint = "", _("make it a file of this user or of root: `chown USER FILE && chmod 600 FILE`")
    if not stat.S_ISREG(state.st_mode):
        what = _("`{name}` is not a file").format(name=written)
    elif state.st_uid not in (0, os.geteuid()):
        what = _("another user owns the secret's file")
    elif state.st_mode & _OTHERS:
        what = _("other users can read or change the secret's file")
        hint = _("run `chmod 600 FILE`; in Kubernetes, set `defaultMode: 0400`")
    if what:
        raise SecretError(what, hint=hint, location=written)


def _check_place(path: Path, written: str) -> None:
    """Refuse a file that the next `git add` would commit.

    Raises:
        SecretError: git does not ignore it, or cannot tell.
    """
    from wechat_campaigns.core.git_checkout import find_checkout, run_in_checkout  # `validate` needs no git

    if find_checkout(path) is None:
        return
    if run_in_checkout(path.parent, "check-ignore", "--quiet", "--", str(path), lazily=False).code != 0:
        what = _("the secret's file is in a git checkout that does not ignore it")
        hint = _("move the file outside the checkout, or add it to `.gitignore`")
        raise SecretError(what, hint=hint, location=written)


def _one_line(data: bytes, written: str) -> str:
    value = data.decode("utf-8", errors="replace").strip()
    if not value:
        what = _("the file is empty")
    elif len(data) > _MAX_FILE_BYTES or "\ufffd" in value or not value.isprintable():
        what = _("the secret's file must hold one line of text, the secret itself")
    else:
        return value
    # Raised out here, so that no error shows what was read.
    raise SecretError(what, hint=_("write only the secret into the file"), location=written)


def _first_line(stderr: bytes, printed: str) -> str:
    """Return the first line of a failed command's standard error, without what may be a value or was printed.

    What a program writes last is often what it sent: the headers of a request.
    """
    from wechat_campaigns.core.redact import redact_errmsg  # a command that works does without

    text = stderr[:_STDERR_BYTES].decode("utf-8", errors="replace")
    lines = ("".join(filter(str.isprintable, line)).strip() for line in text.splitlines())
    return redact_errmsg(next(filter(None, lines), ""), printed.split())[:_STDERR_CHARS]
