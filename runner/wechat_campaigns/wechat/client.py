"""Takes a call, adds the access_token, gives WeChat's answer; repeats what is safe to repeat.

A read is tried up to three times. A write goes out once. Either gets one new token and one more try
when WeChat refuses the token, which it does before it looks at the request.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from pathlib import PurePath
from typing import Any, NamedTuple

from urllib3.filepost import encode_multipart_formdata

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ExitCode, NoResponseError, NotSentError, PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Account, Secret
from wechat_campaigns.source.secret import check_api_host
from wechat_campaigns.wechat.clock_watch import ClockWatch, own_clock
from wechat_campaigns.wechat.endpoints import READS, ReadOnlyApi, WeChatApi
from wechat_campaigns.wechat.responses import ApiResponse, parse_response, raise_for_errcode
from wechat_campaigns.wechat.retry import retry
from wechat_campaigns.wechat.token import Tokens
from wechat_campaigns.wechat.transport import Request, Timeouts, Transport, make_session

_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".mp3": "audio/mpeg",
    ".amr": "audio/amr",
    ".wav": "audio/wav",
    ".wma": "audio/x-ms-wma",
    ".mp4": "video/mp4",
}
SharedTokens = MutableMapping[tuple[str, Secret], Tokens]
"""By appid, and by where its secret comes from."""


class Client:
    """Calls on behalf of one account.

    Args:
        read_only: refuse every path that is not in `READS` before anything is sent.
    """

    def __init__(
        self,
        transport: Transport,
        tokens: Tokens,
        *,
        read_only: bool,
        sleep: Sleep,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._read_only = read_only
        self._sleep = sleep

    def get(self, path: str, query: Mapping[str, str] | None = None) -> ApiResponse:
        """GET a path; raises and returns as `post`."""
        return self._call(Request(method="GET", path=path, query=query or {}, is_read=path in READS))

    def post(self, path: str, body: Mapping[str, Any]) -> ApiResponse:
        """POST a JSON body.

        Args:
            path: `/cgi-bin/…`.
            body: sent as UTF-8 without escapes, which WeChat does not read (40033, 47002).

        Returns:
            The answer's object, with `errcode` 0.

        Raises:
            PolicyError: the client is read-only and the path is no read; nothing was sent.
            ApiError: WeChat answered with an errcode.
            NotSentError: the request certainly never reached WeChat.
            NoResponseError: it may have.
        """
        return self._call(Request(method="POST", path=path, body=encode_json(body), is_read=path in READS))

    def ready(self) -> None:
        """Have an access_token. Raises as `Tokens.get` says."""
        self._tokens.get()

    def post_once(self, path: str, body: Mapping[str, Any], before_body: Callable[[], None]) -> ApiResponse:
        """POST a JSON body with the token at hand, whatever comes of it; raises and returns as `post`.

        `ready` fetched it; nothing is asked in between, which could take until the call comes too late. A
        token that WeChat refuses is dropped and not renewed here: one intent stands for one call.
        """
        request = Request(method="POST", path=path, body=encode_json(body), before_body=before_body)
        self._refuse_writes(request)
        token = self._tokens.last_token
        if not token:
            raise NotSentError(
                _("no access_token was fetched before the call, so no call was made"),
                hint=_("run the same command again"),
                location=path,
            )
        answer = self._once(request, token)
        if answer["errcode"] != 0 and lookup(answer["errcode"], path).errcode_class == "token":
            self._tokens.invalidate(token)
        raise_for_errcode(path, answer, secrets=(token,))
        return answer

    def upload(self, path: str, *, query: Mapping[str, str], filename: str, data: bytes) -> ApiResponse:
        """POST a file in the field `media` of a multipart form. Raises as `post`."""
        suffix = PurePath(filename).suffix.lower()
        file = (filename, data, _CONTENT_TYPES.get(suffix, "application/octet-stream"))
        form, content_type = encode_multipart_formdata({"media": file})
        return self._call(
            Request(method="POST", path=path, query=query, body=form, content_type=content_type)
        )

    def _refuse_writes(self, request: Request) -> None:
        if self._read_only and request.path not in READS:
            raise PolicyError(
                _("a command that only reads tried to change something in WeChat; the request was not sent"),
                hint=_("use `campaign apply` to send; if you did not start a change, report this as a bug"),
                location=request.path,
            )

    def _call(self, request: Request) -> ApiResponse:
        self._refuse_writes(request)
        self._tokens.get()  # outside the repeats below, because fetching one has its own
        once = partial(self._with_token, request)
        if not request.is_read:
            return once()
        try:
            return retry(once, sleep=self._sleep)
        except NoResponseError as error:
            error.exit_code = ExitCode.NETWORK  # a lost answer of a read leaves nothing unknown
            raise

    def _with_token(self, request: Request) -> ApiResponse:
        token = self._tokens.get()
        answer = self._once(request, token)
        if answer["errcode"] != 0 and lookup(answer["errcode"], request.path).errcode_class == "token":
            self._tokens.invalidate(token)
            token = self._tokens.get()
            answer = self._once(request, token)
        raise_for_errcode(request.path, answer, secrets=(token,))
        return answer

    def _once(self, request: Request, token: str) -> ApiResponse:
        return parse_response(request.path, self._transport.exchange(request, {"access_token": token}))


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Encode a body as WeChat wants it: compact, UTF-8, no escapes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def connect(
    account: Account,
    api: str,
    *,
    secret: Callable[[], str],
    clock: Clock = own_clock,
    sleep: Sleep = time.sleep,
    timeouts: Timeouts | None = None,
    shared: SharedTokens | None = None,
    watch: ClockWatch | None = None,
) -> Connection:
    """Connect to WeChat as one account; no request is made before the first call.

    Args:
        api: base URL of the environment, `https://api.weixin.qq.com`.
        secret: gives the AppSecret; called only when a token is needed.
        timeouts: as `Transport` takes them.
        shared: access_tokens of all that connect within one run; one more is added when missing.
        watch: told the Date of each answer.

    Raises:
        PolicyError: the address may not receive a secret.
    """
    check_api_host(api, os.environ)
    transport = Transport(api, make_session(api), timeouts=timeouts, watch=watch)
    tokens = Tokens(transport, appid=account.appid, secret=secret, clock=clock, sleep=sleep)
    if shared is not None:
        # Another name of the same account may have another secret, which is not known to be right.
        tokens = shared.setdefault((account.appid, account.secret), tokens)
    return Connection(transport, tokens, sleep)


class Connection(NamedTuple):
    """The way to WeChat as one account."""

    transport: Transport
    tokens: Tokens
    sleep: Sleep

    def read_only(self) -> ReadOnlyApi:
        """Return the calls that change nothing; every other path is refused before anything is sent."""
        return ReadOnlyApi(Client(self.transport, self.tokens, read_only=True, sleep=self.sleep))

    def all_calls(self) -> WeChatApi:
        """Return all calls."""
        return WeChatApi(Client(self.transport, self.tokens, read_only=False, sleep=self.sleep))
