"""Connect to WeChat as one account, for reads only or for every call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Account
from wechat_campaigns.source.secret import check_api_host
from wechat_campaigns.wechat.client import Client, SharedTokens, Tokens
from wechat_campaigns.wechat.clock import ClockWatch, own_clock
from wechat_campaigns.wechat.endpoints import READS, TAGS_GET, ReadOnlyApi, WeChatApi
from wechat_campaigns.wechat.transport import Request, Timeouts, Transport, make_session


class Connection(NamedTuple):
    """The way to WeChat as one account."""

    transport: Transport
    tokens: Tokens
    sleep: Sleep

    def read_only(self) -> ReadOnlyApi:
        """Return the calls that change nothing; every other path is refused before anything is sent."""
        return ReadOnlyApi(self._client(read_only=True))

    def all_calls(self) -> WeChatApi:
        """Return all calls."""
        return WeChatApi(self._client(read_only=False))

    def _client(self, *, read_only: bool) -> Client:
        return Client(self.transport, self.tokens, reads=READS, read_only=read_only, sleep=self.sleep)

    def close(self) -> None:
        """Close the connections that are kept."""
        self.transport.close()


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
        secret: returns the AppSecret; called only when a token is needed.
        timeouts: as `Transport` takes them.
        shared: access_tokens of all that connect within one run; one more is added when missing.
        watch: gets the Date of each answer.

    Raises:
        PolicyError: the address may not receive a secret.
    """
    check_api_host(api, os.environ)
    transport = Transport(api, make_session(api), timeouts=timeouts, watch=watch)
    tokens = Tokens(transport, appid=account.appid, secret=secret, clock=clock, sleep=sleep)
    if shared is not None:
        # Another name of the same account may have another secret, which may be wrong.
        tokens = shared.setdefault((account.appid, account.secret), tokens)
    return Connection(transport, tokens, sleep)


def query_clock(base_url: str, watch: ClockWatch, timeout_s: float) -> None:
    """Make a call without a token, for the Date of its answer, which `watch` gets; raises as `exchange`."""
    limits = Timeouts(timeout_s, timeout_s, timeout_s)
    with closing(Transport(base_url, make_session(base_url), timeouts=limits, watch=watch)) as transport:
        transport.exchange(Request(method="GET", path=TAGS_GET, is_read=True))
