"""Turn the address of the settings into what libpq is told: no loose option, no password for a stranger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.hosts import is_loopback
from wechat_campaigns.core.i18n import _

NO_FILE: Final = "/dev/null/none"
"""A password file that cannot exist: libpq takes it for none, in silence."""
_ALLOWED: Final = frozenset({"host", "port", "user", "dbname", "options"})
_SEARCH_PATH = re.compile(r"-c ?search_path=[\w,]+", re.ASCII)


def conninfo(address: str, environ: Mapping[str, str], home: Path) -> str:
    """Make the connection string for libpq, which holds no password.

    The settings say where the database is, and nothing else: a pull request may change them. Passwords of
    this machine (`PGPASSWORD`, password files, services) are for the host that the machine names as
    `PGHOST`, or for the machine itself.

    Args:
        home: the user's home folder, where certificates are looked for; not absolute for a user without one.

    Raises:
        UsageError: the address cannot be read, says too much, or is not the host the password is for.
    """
    named = _parameters(address)
    hosts = str(named.get("host") or environ.get("PGHOST") or "").split(",")
    local = all(_is_local(host) for host in hosts)
    trusted = {host.strip().casefold() for host in environ.get("PGHOST", "").split(",")} - {""}
    bound = local or all(host.casefold() in trusted for host in hosts)
    if not bound and environ.get("PGPASSWORD"):
        raise UsageError(
            _("PGPASSWORD is not sent to {host}: PGHOST on this machine does not list that host").format(
                host=hosts[0]
            ),
            hint=_("where you set `PGPASSWORD`, also set `PGHOST` to the host of the ledger"),
            location="ledger",
        )
    extra: dict[str, str] = {"require_auth": _auth_methods(local=local, environ=environ)}
    if not bound:
        # Said in so many words, so that neither a variable nor a service file fills them in.
        extra |= {"password": "", "passfile": NO_FILE, "sslcert": NO_FILE, "sslkey": NO_FILE}
        extra |= {"gssencmode": "disable"}
    if not local:
        extra["sslmode"] = "verify-full"
        own = home / ".postgresql" / "root.crt"
        if not environ.get("PGSSLROOTCERT") and not (own.is_absolute() and own.exists()):
            extra["sslrootcert"] = "system"
    return make_conninfo("", **{**named, **extra})


def _parameters(address: str) -> dict[str, str]:
    try:
        named = {key: str(value) for key, value in conninfo_to_dict(address).items() if value is not None}
    except ProgrammingError as error:
        raise UsageError(
            _("the postgresql:// address of the ledger is not valid"),
            hint=_("write it as postgresql://USER@HOST:PORT/DATABASE"),
        ) from error
    if named.pop("password", None):
        raise UsageError(
            _("the ledger address contains a password, which everyone who can read the settings would see"),
            hint=_(
                "remove the password; provide it through `PGPASSWORD`, a password file or a "
                "connection service file"
            ),
        )
    for key in sorted(named):
        fine = key in _ALLOWED and (key != "options" or _SEARCH_PATH.fullmatch(named[key]))
        if not fine and (key, named[key]) != ("sslmode", "verify-full"):
            raise UsageError(
                _("the ledger address sets `{key}`, which only this machine may set").format(key=key),
                hint=_("remove `{key}` from the address; set it through the variables of libpq (PG…)").format(
                    key=key
                ),
                location="ledger",
            )
    return named


def _auth_methods(*, local: bool, environ: Mapping[str, str]) -> str:
    """Return the ways to log in: a password goes out by SCRAM alone, never in clear and never as MD5.

    `none` means that the server asks for nothing: a socket of this machine, or a client certificate.
    """
    return "scram-sha-256,none" if local or environ.get("PGSSLCERT") else "scram-sha-256"


def _is_local(host: str) -> bool:
    return not host or host.startswith(("/", "@")) or is_loopback(host)
