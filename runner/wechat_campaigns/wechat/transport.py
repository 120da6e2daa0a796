"""Send one request and return the server's reply; never repeat anything."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from wechat_campaigns import __version__
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact_logs
from wechat_campaigns.core.sessions import Session, open_session
from wechat_campaigns.wechat.clock import ClockWatch
from wechat_campaigns.wechat.network_faults import describe_fault
from wechat_campaigns.wechat.responses import Reply, no_response_error, not_sent_error

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Longer answers count as lost."""
_CHUNK_BYTES = 64 * 1024


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
    """One server reached through one session.

    Args:
        base_url: scheme and host, with a path prefix when a gateway requires one.
        session: made by `make_session`.
        timeouts: of every request; None: those of a read for reads, the default for the others.
    """

    def __init__(
        self,
        base_url: str,
        session: Session,
        *,
        timeouts: Timeouts | None = None,
        watch: ClockWatch | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._session = session
        self._timeouts = timeouts
        self._watch = watch or ClockWatch()

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
        dated = self._watch.begin()
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
                dated(response.headers.get("Date"))
                return self._read(request.path, response)
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
        return Reply(status=response.status_code, body=bytes(content))


def make_session(base_url: str) -> Session:
    """Return the session of every call to WeChat: it has our agent name and repeats nothing."""
    redact_logs()
    session = open_session(base_url)
    session.headers["User-Agent"] = f"wechat-campaigns/{__version__}"
    return session


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
