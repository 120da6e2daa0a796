"""An exception of the HTTP library in, host, cause and the variable that mends it out; never the URL."""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from wechat_campaigns.core.hosts import host_port
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.sessions import CERTIFICATE_VARIABLES, DeadlineError, is_socks, proxy_of

_PROXY_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
_SOCKS_ANSWER = re.compile(r"\b(0x[0-9A-F]{2}: [\w ]+)")


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """What happened, and what mends it; an empty hint leaves the usual one."""

    message: str
    hint: str = ""


def describe_fault(error: Exception, address: str) -> NetworkFault:
    """Tell apart name, connection, proxy, certificate and silence.

    Args:
        error: what the library raised; its own text holds the URL with the token, and is not repeated.
    """
    host = server_of(address)
    if isinstance(error, DeadlineError):
        return NetworkFault(_("no complete response within {seconds:g} s").format(seconds=error.seconds))
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_fault(_PROXY_STATUS.search(str(error)), address)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_fault(error, host)
    if isinstance(error, requests.ConnectTimeout):
        said = _("no connection to {host} within the time limit").format(host=host)
        return NetworkFault(said, _way_out(host))
    for cause in _causes(error):
        if isinstance(cause, NameResolutionError):
            said = _("DNS does not know the host name {host}").format(host=host)
            return NetworkFault(said, _way_out(host))
        if isinstance(cause, NewConnectionError) and is_socks(proxy_of(address)):
            return _proxy_fault(_SOCKS_ANSWER.search(str(cause)), address)
        if isinstance(cause, NewConnectionError):
            return _connection_fault(cause, host)
    if type(error) is OSError:
        name = next(filter(os.environ.get, CERTIFICATE_VARIABLES), CERTIFICATE_VARIABLES[0])
        said = _("the certificates that `{name}` points to cannot be read").format(name=name)
        return NetworkFault(
            said, _("point `{name}` to a readable PEM file, or unset the variable").format(name=name)
        )
    return NetworkFault(_simple_message(error))


def server_of(address: str) -> str:
    """Give host and port of an address for a message; never a user or a password."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    return host_port(parts.hostname or "", port)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from what requests raised to what urllib3 and Python had to say."""
    cause: object = error
    for _step in range(8):
        if not isinstance(cause, BaseException):
            return
        yield cause
        inner = cause.args[0] if cause.args else None
        cause = (
            getattr(cause, "reason", None)
            or getattr(cause, "original_error", None)
            or cause.__cause__
            or cause.__context__
            or inner
        )


def _connection_fault(error: NewConnectionError, host: str) -> NetworkFault:
    system = next((cause for cause in _causes(error) if type(cause) is not NewConnectionError), None)
    number = system.errno if isinstance(system, OSError) else None
    if number == errno.ECONNREFUSED:
        said = _("{host} refuses the connection").format(host=host)
        return NetworkFault(said, _("check the port and `api` of the environment: nothing listens there"))
    reason = os.strerror(number) if number else _("unknown reason")
    said = _("no connection to {host}: {reason}").format(host=host, reason=reason)
    return NetworkFault(said, _way_out(host))


def _proxy_fault(status: re.Match[str] | None, address: str) -> NetworkFault:
    proxy = server_of(proxy_of(address))
    said = _("the proxy {proxy} cannot be reached").format(proxy=proxy)
    hint = _("correct `HTTPS_PROXY`, or list {host} in `NO_PROXY`").format(host=server_of(address))
    if status is not None:
        said = _("the proxy {proxy} answers {status}").format(proxy=proxy, status=status[1])
        hint = _("let the proxy of `HTTPS_PROXY` connect to {host}").format(host=server_of(address))
        if status[1] == "407":
            hint = _("put user and password of the proxy into `HTTPS_PROXY`")
    return NetworkFault(said, hint)


def _tls_fault(error: Exception, host: str) -> NetworkFault:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = redact(cause.verify_message)
            said = _("the certificate of {host} is not trusted: {reason}").format(host=host, reason=reason)
            return NetworkFault(
                said,
                _(
                    "if a proxy of your company inspects TLS, set `REQUESTS_CA_BUNDLE` to the PEM file of "
                    "its authority; otherwise do not trust this network"
                ),
            )
    said = _("{host} does not complete a TLS handshake").format(host=host)
    return NetworkFault(
        said, _("check `api` of the environment and `HTTPS_PROXY`: another protocol may answer there")
    )


def _way_out(host: str) -> str:
    return _(
        "check the network; where only a proxy leads out, set `HTTPS_PROXY`; correct `api` if {host} is the "
        "wrong host"
    ).format(host=host)


def _simple_message(error: Exception) -> str:
    for kind, text in _MESSAGES:
        if isinstance(error, kind):
            return _(text)
    return _("the HTTP library failed ({error})").format(error=type(error).__name__)


_MESSAGES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (requests.ReadTimeout, N_("no response within the time limit")),
    (requests.exceptions.InvalidURL, N_("the api address is not a valid URL")),
    (
        (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema),
        N_("the api address must start with https:// or http://"),
    ),
    (requests.exceptions.ContentDecodingError, N_("the compressed data of the response is corrupt")),
    (
        (requests.ConnectionError, requests.exceptions.ChunkedEncodingError),
        N_("the connection was interrupted"),
    ),
)
