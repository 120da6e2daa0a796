"""Fetch the access_token of an account, and keep it in memory for as long as it is good.

Always by `stable_token`: a token of `cgi-bin/token` ends that of every other program of the account.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, NoResponseError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.wechat.responses import (
    ApiResponse,
    no_response_error,
    parse_response,
    raise_for_errcode,
    require,
)
from wechat_campaigns.wechat.retry import retry
from wechat_campaigns.wechat.transport import Request, Transport

STABLE_TOKEN = "/cgi-bin/stable_token"  # noqa: S105  # a path

# A token is given up this long before its end, so that it does not end while a call is under way.
_MARGIN = timedelta(seconds=60)


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
        self._turn = threading.Lock()

    def get(self) -> str:
        """Return a token that is good now.

        Raises:
            ApiError: WeChat refuses one, for a reason a repeat does not change.
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
        """Drop a token that WeChat has refused; one fetched since then stays."""
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
        """Ask once. Source: getStableAccessToken (2026-11)."""
        fields = {"grant_type": "client_credential", "appid": self._appid, "secret": secret}
        body = json.dumps(fields, ensure_ascii=False).encode()
        reply = self._transport.exchange(Request(method="POST", path=STABLE_TOKEN, body=body, is_read=True))
        if reply.status == HTTPStatus.NOT_FOUND:  # of a gateway; WeChat's own answer is 40066
            what = _("the server returned HTTP status {status}").format(status=reply.status)
            hint = lookup(40066, STABLE_TOKEN).hint
            raise no_response_error(STABLE_TOKEN, what, hint)
        answer = parse_response(STABLE_TOKEN, reply)
        raise_for_errcode(STABLE_TOKEN, answer, secrets=(secret,))
        require(STABLE_TOKEN, answer, "access_token")
        return answer | {"expires_in": _seconds(answer.get("expires_in"))}


def _seconds(expires_in: object) -> int:
    """WeChat's own two hours are the most; a token that ends sooner is refreshed when refused."""
    return min(expires_in, 7200) if isinstance(expires_in, int) and expires_in > 0 else 7200
