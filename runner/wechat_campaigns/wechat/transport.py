"""Send one request and return the server's reply, never repeating anything; explain why none came.

An explanation has host, cause and the variable to set, and never the URL.
"""

import io
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from wechat_campaigns import __version__
from wechat_campaigns.core.hosts import host_port
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact, redact_logs
from wechat_campaigns.core.sessions import (
    CERTIFICATE_VARIABLES,
    DeadlineError,
    is_socks,
    open_session,
    proxy_of,
)
from wechat_campaigns.wechat.clock import ClockWatch
from wechat_campaigns.wechat.responses import Reply, no_response_error, not_sent_error

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Longer answers count as lost."""
_CHUNK_BYTES = 64 * 1024
_PROXY_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
_SOCKS_ANSWER = re.compile(r"\b(0x[0-9A-F]{2}: [\w ]+)")
NetworkFault = tuple[str, str]
"""What happened, and what to do; an empty hint leaves the usual one."""


class Timeouts(NamedTuple):
    """How long an exchange may take, in seconds."""

    connect_s: float = 10.0
    part_s: float = 60.0
    """For each part of the answer."""
    whole_s: float = 240.0
    """From the first name that is resolved to the last byte; a call ends before a person may settle it."""


OF_A_READ = Timeouts(part_s=30.0, whole_s=90.0)
"""A read is repeated, so a server that says nothing ends a command after three times as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call before its access_token is added. Query and body may hold secrets, so repr leaves them out."""

    method: Literal["GET", "POST"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    before_body: Callable[[], None] = lambda: None
    """Called once, when the connection stands; if it raises, the body does not go out."""
    is_read: bool = False
    """It changes nothing, so it may be lost and repeated: reads that follow each other share a connection."""


class Transport:
    """One server reached through one session, which has our agent name and repeats nothing.

    Args:
        base_url: scheme and host, with a path prefix when a gateway requires one.
        timeouts: of every request; None: those of a read for reads, the default for the others.
    """

    def __init__(
        self, base_url: str, *, timeouts: Timeouts | None = None, watch: ClockWatch | None = None
    ) -> None:
        redact_logs()
        self._base_url = base_url.rstrip("/")
        self._session = open_session(base_url)
        self._session.headers["User-Agent"] = f"wechat-campaigns/{__version__}"
        self._timeouts = timeouts
        self._watch = watch or ClockWatch()
        self.observe: Callable[[Request, Reply], None] = lambda _request, _reply: None
        """Gets each request, without the access_token, and its reply."""

    def close(self) -> None:
        """Close the connections that are kept; another call would open one again."""
        self._session.close()

    def exchange(self, request: Request, extra_query: Mapping[str, str] | None = None) -> Reply:
        """Send the request once and read the whole answer.

        Args:
            extra_query: parameters added to the request's own, such as the access_token.

        Raises:
            NotSentError: WeChat certainly did not get the request.
            NoResponseError: it may have.
        """
        body = _WatchedBody(request.body, request.before_body) if request.body is not None else None
        headers = {"Content-Type": request.content_type} if body else {}
        if not request.is_read:
            # A server may close a kept connection just as a send goes out, and nobody could then tell
            # whether it arrived: whatever changes something has a connection of its own.
            self._session.close()
            headers["Connection"] = "close"
        asked = self._watch.clock()
        timeouts = self._timeouts or (OF_A_READ if request.is_read else Timeouts())
        try:
            with (
                self._session.within(timeouts.whole_s),
                self._session.request(
                    request.method,
                    self._base_url + request.path,
                    params={**request.query, **(extra_query or {})},
                    data=body,
                    headers=headers,
                    timeout=(timeouts.connect_s, timeouts.part_s),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                self._watch.record(response.headers.get("Date"), asked)
                reply = self._read(request.path, response)
                self.observe(request, reply)
                return reply
        except (OSError, HTTPError, UnicodeError) as error:
            is_unsent = not body.is_started if body else _failed_before_sending(error)
            fault, hint = describe_fault(error, self._base_url)
        finally:
            if not request.is_read:
                self._session.close()
        # Raised outside the handler: the library's exception carries the URL, and with it the token.
        error_of = not_sent_error if is_unsent else no_response_error
        raise error_of(request.path, fault, hint)

    def _read(self, path: str, response: requests.Response) -> Reply:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                limit = _("the response is longer than {count} bytes")
                raise no_response_error(path, limit.format(count=MAX_ANSWER_BYTES))
        content_type = response.headers.get("Content-Type", "")
        return Reply(status=response.status_code, body=bytes(content), content_type=content_type)


class _WatchedBody(io.BytesIO):
    """A body that records whether reading began: WeChat cannot act on one that was never sent."""

    is_started = False

    def __init__(self, body: bytes, before: Callable[[], None]) -> None:
        super().__init__(body)
        self._before = before

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_started:
            self._before()
            self.is_started = True
        return super().read(size)


def _failed_before_sending(error: Exception) -> bool:
    """Return whether a request without a body failed early: only reads have none: a wrong guess is safe."""
    early = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, early) or isinstance(reason, NewConnectionError)


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
