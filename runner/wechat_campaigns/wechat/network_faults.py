"""Explain an exception of the HTTP library: host, cause and the variable to set; never the URL."""

import os
import re
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from wechat_campaigns.core.hosts import host_port
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.sessions import CERTIFICATE_VARIABLES, DeadlineError, is_socks, proxy_of

_PROXY_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
_SOCKS_ANSWER = re.compile(r"\b(0x[0-9A-F]{2}: [\w ]+)")


NetworkFault = tuple[str, str]
"""What happened, and what to do; an empty hint leaves the usual one."""


def describe_fault(error: Exception, address: str) -> NetworkFault:
    """Return what happened: a wrong name, no connection, a proxy, a certificate or silence.

    Args:
        error: what the library raised; its own text holds the URL with the token, and is not repeated.
    """
    host = server_of(address)
    if isinstance(error, DeadlineError):
        return _("no complete response within {seconds:g} s").format(seconds=error.seconds), ""
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_fault(_PROXY_STATUS.search(str(error)), address)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_fault(error, host)
    if isinstance(error, requests.ConnectTimeout):
        return _no_connection(host, _("no response within the time limit"))
    cause = next((one for one in _causes(error) if isinstance(one, NewConnectionError)), None)
    if isinstance(cause, NameResolutionError):
        return _no_connection(host, _("DNS does not know this host name"))
    if cause is not None and is_socks(proxy_of(address)):
        return _proxy_fault(_SOCKS_ANSWER.search(str(cause)), address)
    if cause is not None:
        return _no_connection(host, _system_reason(cause))
    if type(error) is OSError:
        name = next(filter(os.environ.get, CERTIFICATE_VARIABLES), CERTIFICATE_VARIABLES[0])
        message = _("the certificates that `{name}` points to cannot be read").format(name=name)
        hint = _("point `{name}` to a readable PEM file, or unset the variable").format(name=name)
        return message, hint
    return _interruption(error), ""


def _interruption(error: Exception) -> str:
    if isinstance(error, requests.ReadTimeout):
        return _("no response within the time limit")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _("the connection was interrupted")
    return _("the HTTP library failed ({error})").format(error=type(error).__name__)


def server_of(address: str) -> str:
    """Return host and port of an address for a message; never a user or a password."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    return host_port(parts.hostname or "", port)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what requests raised, then the causes that urllib3 and Python raised."""
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


def _no_connection(host: str, reason: str) -> NetworkFault:
    hint = _(
        "check the network; where only a proxy leads out, set `HTTPS_PROXY`; correct `api` if {host} is the "
        "wrong host"
    ).format(host=host)
    return _("no connection to {host}: {reason}").format(host=host, reason=reason), hint


def _system_reason(error: NewConnectionError) -> str:
    system = next((cause for cause in _causes(error) if type(cause) is not NewConnectionError), None)
    number = system.errno if isinstance(system, OSError) else None
    return os.strerror(number) if number else _("unknown reason")


def _proxy_fault(status: re.Match[str] | None, address: str) -> NetworkFault:
    proxy, host = server_of(proxy_of(address)), server_of(address)
    if status is None:
        message = _("the proxy {proxy} cannot be reached").format(proxy=proxy)
        return message, _("correct `HTTPS_PROXY`, or list {host} in `NO_PROXY`").format(host=host)
    message = _("the proxy {proxy} answers {status}").format(proxy=proxy, status=status[1])
    if status[1] == "407":
        return message, _("put user and password of the proxy into `HTTPS_PROXY`")
    return message, _("let the proxy of `HTTPS_PROXY` connect to {host}").format(host=host)


def _tls_fault(error: Exception, host: str) -> NetworkFault:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = redact(cause.verify_message)
            message = _("the certificate of {host} is not trusted: {reason}").format(host=host, reason=reason)
            hint = _(
                "if a proxy of your company inspects TLS, set `REQUESTS_CA_BUNDLE` to the PEM file of its "
                "authority; otherwise do not trust this network"
            )
            return message, hint
    message = _("{host} does not complete a TLS handshake").format(host=host)
    hint = _("check `api` of the environment and `HTTPS_PROXY`: another protocol may answer there")
    return message, hint
