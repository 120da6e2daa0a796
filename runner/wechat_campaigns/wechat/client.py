"""Make the calls of one account: fetch its access_token, repeat what is safe to repeat, read the answer.

A read is tried up to three times. A write goes out once. Either gets one new token and one more try
when WeChat refuses the token, which it does before it looks at the request.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from urllib3.filepost import encode_multipart_formdata

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    ApiError,
    ExitCode,
    NoResponseError,
    NotSentError,
    PolicyError,
    SecretError,
    WeChatError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.core.sniff import CONTENT_TYPES, sniff
from wechat_campaigns.wechat.responses import (
    ApiResponse,
    no_response_error,
    parse_response,
    raise_for_errcode,
    require,
)
from wechat_campaigns.wechat.transport import Request, Transport

STABLE_TOKEN = "/cgi-bin/stable_token"  # noqa: S105  # a path
TRIES = 3
LIFE_S = 7200
"""Of a token, at most."""
_MARGIN = timedelta(seconds=60)
"""A token is dropped this long before its end, so that it does not end while a call is under way."""
DATED = Request(method="GET", path="/cgi-bin/getcallbackip", is_read=True)
"""Without a token: WeChat refuses it (41001), and its answer has a date."""
Result = TypeVar("Result")


class Tokens:
    """The access_token of one account, fetched when it is first needed and kept in memory; shared by threads.

    By `stable_token`, because a token of `cgi-bin/token` ends that of every other program of the account. An
    account's own token is renewed by another program, and is never fetched from WeChat here.

    Args:
        secret: returns the AppSecret, or the account's own token; called only when a token is needed.
        is_token: whether it returns the token.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        appid: str,
        secret: Callable[[], str],
        is_token: bool = False,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self._transport = transport
        self._appid = appid
        self._secret = secret
        self._is_token = is_token
        self._clock = clock
        self._sleep = sleep
        self.last_token = ""
        """The token fetched last, whether or not it is still valid; empty before the first one."""
        self.proven_token = ""
        """The token that proved its account last; empty before the first one."""
        self._expires_at: datetime | None = None
        self._turn = threading.Lock()

    def get(self) -> str:
        """Return a token that is valid now.

        Raises:
            ApiError: WeChat refuses one, for a reason that a repeat does not change.
            NotSentError: no token could be had; the call that needed it was not made.
            SecretError: its source does not give one, or again the one that WeChat has refused.
        """
        with self._turn:
            if self._expires_at is None or self._clock() >= self._expires_at:
                self._fetch()
            return self.last_token

    def invalidate(self, token: str) -> None:
        """Drop a token that WeChat has refused; one fetched since then stays."""
        with self._turn:
            if token == self.last_token:
                self._expires_at = None

    def _fetch(self) -> None:
        secret = self._secret()
        if self._is_token:
            self._take(secret)
            return
        asked_at = self._clock()
        try:
            answer = retry(lambda: self._query(secret), sleep=self._sleep)
        except NoResponseError as error:
            raise self._no_token_error(error) from error
        except ApiError as error:
            entry = lookup(error.errcode)
            if entry.is_documented and entry.errcode_class != "retry":
                raise
            raise self._no_token_error(error) from error
        self.last_token = answer["access_token"]
        life_s = answer.get("expires_in")
        if not isinstance(life_s, int) or not 0 < life_s < LIFE_S:
            life_s = LIFE_S  # one that ends sooner is refreshed when refused
        self._expires_at = asked_at + timedelta(seconds=life_s) - _MARGIN

    def _take(self, token: str) -> None:
        """Use a token of which only WeChat knows when it ends."""
        if token == self.last_token:
            raise SecretError(
                _("WeChat refused the access_token, and `token` still gives the same one"),
                hint=_("renew it where it is made; if it is new, check that it belongs to this AppID"),
                location=self._appid,
            )
        # Like a token call, it shows before an intent that WeChat answers, and what time it is there.
        try:
            retry(partial(self._transport.exchange, DATED), sleep=self._sleep)
        except NoResponseError as error:
            raise self._no_token_error(error) from error
        self.last_token, self._expires_at = token, datetime.max.replace(tzinfo=UTC)

    def _no_token_error(self, error: ApiError | NoResponseError) -> NotSentError:
        """Return the error for whatever needed the token: it certainly did not happen."""
        what = _("no access_token is available, so nothing else was sent: {what}")
        return NotSentError(what.format(what=error.message), hint=error.hint, location=error.location)

    def _query(self, secret: str) -> ApiResponse:
        """Request a token once. Source: getStableAccessToken (2026-11)."""
        body = encode_json({"grant_type": "client_credential", "appid": self._appid, "secret": secret})
        reply = self._transport.exchange(Request(method="POST", path=STABLE_TOKEN, body=body, is_read=True))
        if reply.status == HTTPStatus.NOT_FOUND:  # of a gateway; WeChat's own answer is 40066
            what = _("the server returned HTTP status {status}").format(status=reply.status)
            hint = lookup(40066, STABLE_TOKEN).hint
            raise no_response_error(STABLE_TOKEN, what, hint)
        answer = parse_response(STABLE_TOKEN, reply)
        raise_for_errcode(STABLE_TOKEN, answer, secrets=(secret,))
        require(STABLE_TOKEN, answer, "access_token")
        return answer


SharedTokens = MutableMapping[tuple[str, Secret | None], Tokens]
"""By appid, and by where its token or secret comes from."""


def retry(call: Callable[[], Result], *, sleep: Sleep) -> Result:
    """Make a call, again after a passing fault; never use it for a call that changes something.

    Raises:
        WeChatError: of the last try.
    """
    attempt = 1
    while True:
        try:
            return call()
        except WeChatError as error:
            # Runners that failed together do not return together.
            pause_s = retry_delay_s(error, attempt, random.random())  # noqa: S311 (no secret)
            if pause_s is None:
                raise
        sleep(pause_s)
        attempt += 1


def retry_delay_s(error: WeChatError, attempt: int, jitter: float) -> float | None:
    """Return the seconds to wait before another try; None where another try cannot help.

    A code that asks for a wait of its own (45011: a minute) gets one more try after it.
    """
    if isinstance(error, ApiError):
        entry = lookup(error.errcode, error.endpoint)
        if entry.errcode_class != "retry":
            return None
        if entry.wait_s is not None:
            return float(entry.wait_s) if attempt == 1 else None
    backoff_s: float = 2 ** (attempt - 1) * (0.5 + jitter)
    return backoff_s if attempt < TRIES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Calls on behalf of one account."""

    transport: Transport
    tokens: Tokens
    reads: frozenset[str]
    """The paths that change nothing."""
    read_only: bool = False
    """Refuse every other path before anything is sent."""
    prove: Callable[[Client], None] | None = None
    """Raises unless the token is of this account, by what it reads; None where WeChat binds the two."""
    sleep: Sleep

    def get(self, path: str, query: Mapping[str, str] | None = None) -> ApiResponse:
        """GET a path; raises and returns as `post`."""
        return self._call(Request(method="GET", path=path, query=query or {}, is_read=path in self.reads))

    def post(self, path: str, body: Mapping[str, Any]) -> ApiResponse:
        """POST a JSON body.

        Args:
            path: `/cgi-bin/…`.
            body: sent as UTF-8 without escapes, which WeChat does not read (40033, 47002).

        Returns:
            The answer's object, with `errcode` 0.

        Raises:
            PolicyError: the client is read-only and the path changes something; nothing was sent.
            ApiError: WeChat answered with an errcode.
            NotSentError: the request certainly never reached WeChat.
            NoResponseError: it may have.
        """
        is_read = path in self.reads
        return self._call(Request(method="POST", path=path, body=encode_json(body), is_read=is_read))

    def post_once(self, path: str, body: Mapping[str, Any], before_body: Callable[[], None]) -> ApiResponse:
        """POST a JSON body with the token at hand, whatever comes of it; raises and returns as `post`.

        It was fetched before; nothing is queried in between, which could take until the call comes too late.
        A token that WeChat refuses is dropped and not renewed here: one intent stands for one call.
        """
        request = Request(method="POST", path=path, body=encode_json(body), before_body=before_body)
        self._refuse_writes(request)
        token = self.tokens.last_token
        if not token or (self.prove is not None and token != self.tokens.proven_token):
            raise NotSentError(
                _("no access_token was fetched before the call, so no call was made"),
                hint=_("run the same command again"),
                location=path,
            )
        answer = self._once(request, token)
        if answer["errcode"] != 0 and lookup(answer["errcode"], path).errcode_class == "token":
            self.tokens.invalidate(token)
        raise_for_errcode(path, answer, secrets=(token,))
        return answer

    def upload(self, path: str, *, query: Mapping[str, str], filename: str, data: bytes) -> ApiResponse:
        """POST a file in the field `media` of a multipart form. Raises as `post`."""
        file = (filename, data, CONTENT_TYPES.get(sniff(data), "application/octet-stream"))
        form, content_type = encode_multipart_formdata({"media": file})
        return self._call(
            Request(method="POST", path=path, query=query, body=form, content_type=content_type)
        )

    def ready(self) -> str:
        """Return a token under which something may be changed: it is valid, and of this account.

        Raises:
            CampaignError: no token could be had, or it belongs to another account.
        """
        while (token := self.tokens.get()) != self.tokens.proven_token and self.prove is not None:
            self.prove(self)
            if token == self.tokens.last_token:  # not one that was fetched for the proof
                self.tokens.proven_token = token
        return token

    def _token(self, request: Request) -> str:
        return self.tokens.get() if request.is_read else self.ready()

    def _refuse_writes(self, request: Request) -> None:
        if self.read_only and request.path not in self.reads:
            raise PolicyError(
                _("a command that only reads tried to change something in WeChat; the request was not sent"),
                hint=_("use `campaign apply` to send; if you did not start a change, report this as a bug"),
                location=request.path,
            )

    def _call(self, request: Request) -> ApiResponse:
        self._refuse_writes(request)
        self._token(request)  # outside the repeats below, because fetching one has its own
        once = partial(self._with_token, request)
        if not request.is_read:
            return once()
        try:
            return retry(once, sleep=self.sleep)
        except NoResponseError as error:
            error.exit_code = ExitCode.NETWORK  # a lost answer of a read leaves nothing unknown
            raise

    def _with_token(self, request: Request) -> ApiResponse:
        token = self._token(request)
        answer = self._once(request, token)
        if answer["errcode"] != 0 and lookup(answer["errcode"], request.path).errcode_class == "token":
            self.tokens.invalidate(token)
            token = self._token(request)
            answer = self._once(request, token)
        raise_for_errcode(request.path, answer, secrets=(token,))
        return answer

    def _once(self, request: Request, token: str) -> ApiResponse:
        return parse_response(request.path, self.transport.exchange(request, {"access_token": token}))


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Encode a body as WeChat reads it: compact, UTF-8, no escapes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
