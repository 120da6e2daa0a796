"""What libpq says of a failed connection in, an error that says what to mend out.

libpq gives no SQLSTATE for a connection that was not made, so its words are read; they are English in the
libraries that this tool installs. Words of another kind count as a server that does not respond.
"""

from __future__ import annotations

import re
from typing import Final

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from wechat_campaigns.core.errors import LedgerError, LedgerLoginError, LedgerUnreachableError
from wechat_campaigns.core.hosts import host_port
from wechat_campaigns.core.i18n import N_, _

_FAULTS: Final[tuple[tuple[str, type[LedgerError], str, str], ...]] = (
    (
        r"could not translate host name|Name or service not known|failed to resolve host",
        LedgerUnreachableError,
        N_("DNS does not know the host of the database"),
        N_("correct the host in `ledger` or `PGHOST`, or the DNS of this machine"),
    ),
    (
        r"Connection refused|No such file or directory",
        LedgerUnreachableError,
        N_("the database refuses the connection"),
        N_("check host and port in `ledger`, `PGHOST` and `PGPORT`, and that the server runs"),
    ),
    (
        r"timeout expired|timed out|No route to host|Network is unreachable",
        LedgerUnreachableError,
        N_("the database does not respond"),
        N_("check the network and the firewall between this machine and the server"),
    ),
    (
        r"certificate|SSL error|does not support SSL",
        LedgerError,
        N_("the TLS connection to the database failed"),
        N_("set `PGSSLROOTCERT` to the PEM file of the authority; the certificate must name the host"),
    ),
    (
        r"password|authentication|no pg_hba.conf entry|role \"[^\"]*\" does not exist|peer",
        LedgerLoginError,
        N_("the database refuses the login"),
        N_(
            "set `PGPASSWORD` or a password file for this user, and `PGHOST` to the host that it is for; the "
            "server must use SCRAM"
        ),
    ),
    (
        r"database \"[^\"]*\" does not exist",
        LedgerError,
        N_("the database does not exist"),
        N_("create it, or correct its name in `ledger`"),
    ),
)


def connection_error(words: str, where: str) -> LedgerError:
    """Make the error of a connection that was not made, or that died.

    Args:
        words: the first line of what libpq said.
        where: the database, as `database_name` names it.
    """
    for pattern, kind, what, hint in _FAULTS:
        if re.search(pattern, words):
            said = _("{what}: {words}").format(what=_(what), words=words)
            return kind(said, hint=_(hint), location=where)
    return LedgerUnreachableError(
        _("the database is not reachable: {error}").format(error=words),
        hint=_("check the network and the server, then run the same command again; recorded events are kept"),
        location=where,
    )


def database_name(address: str) -> str:
    """Return a database for messages: user, host, port and name, also those of variables; no password."""
    defaults = {
        option.keyword.decode(): option.val.decode() for option in Conninfo.get_defaults() if option.val
    }
    parts = defaults | {key: str(value) for key, value in conninfo_to_dict(address).items() if value}
    server = host_port(parts.get("host", ""), parts.get("port"))
    place = f"postgresql://{server}/{parts.get('dbname', '')}"
    # Before an `@` it would be masked: there a user may be a token.
    return _("{database} as user {user}").format(database=place, user=parts.get("user") or "?")
