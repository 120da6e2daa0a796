"""Takes appid and AppSecret, gives an access_token, kept in memory for as long as it is good."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, NoResponseError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.interfaces import Clock, Sleep
from wechat_campaigns.wechat.responses import ApiResponse, Reply, parse_response, raise_for_errcode, require
from wechat_campaigns.wechat.retry import retry
from wechat_campaigns.wechat.transport import Request, Transport

STABLE_TOKEN = "/cgi-bin/stable_token"  # noqa: S105  # a path
TOKEN = "/cgi-bin/token"  # noqa: S105  # a path

# A token is given up this long before its end, so that it does not end while a call is under way.
_MARGIN = timedelta(seconds=60)
# 40066 (invalid url) and 404 come from servers and gateways that predate stable_token, 48001 from
# gateways that let only chosen paths through.
_NO_SUCH_ENDPOINT = (40066, 48001)


class Tokens:
    """The access_token of one account, fetched when it is first needed; shared by threads.

    Args:
        secret: gives the AppSecret; called only when a token has to be fetched.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        appid: str,
        secret: Callable[[], str],
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self._transport = transport
        self._appid = appid
        self._secret = secret
        self._clock = clock
        self._sleep = sleep
        self._token = ""
        self._expires_at: datetime | None = None
        self._endpoint = STABLE_TOKEN
        self._turn = threading.Lock()  # an older endpoint ends the token before with each new one

    def get(self) -> str:
        """Give a token that is good now.

        Raises:
            ApiError: the platform refuses one, for a reason a repeat does not change.
            NotSentError: none could be had; the call it was needed for was not made.
        """
        with self._turn:
            if self._expires_at is None or self._clock() >= self._expires_at:
                self._fetch()
            return self._token

    @property
    def last_token(self) -> str:
        """The token fetched last, whether or not it is still good; empty before the first one."""
        return self._token

    def invalidate(self, token: str) -> None:
        """Drop a token that the platform has refused; one fetched since then stays."""
        with self._turn:
            if token == self._token:
                self._expires_at = None

    def _fetch(self) -> None:
        secret = self._secret()
        asked_at = self._clock()
        try:
            answer = retry(lambda: self._ask(secret), sleep=self._sleep)
        except NoResponseError as error:
            raise self._no_token_error(error) from error
        except ApiError as error:
            entry = lookup(error.errcode)
            if entry.is_documented and entry.errcode_class != "retry":
                raise
            raise self._no_token_error(error) from error
        self._token = answer["access_token"]
        self._expires_at = asked_at + timedelta(seconds=answer["expires_in"]) - _MARGIN

    def _no_token_error(self, error: ApiError | NoResponseError) -> NotSentError:
        """Nothing but the token was asked for, so whatever needed it certainly has not happened."""
        what = _("no access_token is available, so nothing else was sent: {what}")
        return NotSentError(what.format(what=error.message), hint=error.hint, location=error.location)

    def _ask(self, secret: str) -> ApiResponse:
        """Ask once, at the endpoint that has proved to exist.

        Source: getStableAccessToken, getAccessToken (2026-11).
        """
        reply = self._transport.exchange(self._request(secret))
        if self._endpoint == STABLE_TOKEN and _unknown_endpoint(reply):
            self._endpoint = TOKEN
            reply = self._transport.exchange(self._request(secret))
        answer = parse_response(self._endpoint, reply)
        raise_for_errcode(self._endpoint, answer, secrets=(secret,))
        require(self._endpoint, answer, "access_token")
        return answer | {"expires_in": _seconds(answer.get("expires_in"))}

    def _request(self, secret: str) -> Request:
        fields = {"grant_type": "client_credential", "appid": self._appid, "secret": secret}
        if self._endpoint == TOKEN:
            return Request(method="GET", path=TOKEN, query=fields, is_read=True)
        body = json.dumps(fields, ensure_ascii=False).encode()
        return Request(method="POST", path=STABLE_TOKEN, body=body, is_read=True)


def _unknown_endpoint(reply: Reply) -> bool:
    return reply.status == 404 or parse_response(STABLE_TOKEN, reply)["errcode"] in _NO_SUCH_ENDPOINT


def _seconds(expires_in: object) -> int:
    """The platform's own two hours are the most; a token that ends sooner is refreshed when refused."""
    return min(expires_in, 7200) if isinstance(expires_in, int) and expires_in > 0 else 7200
