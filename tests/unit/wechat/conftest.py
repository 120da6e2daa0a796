"""A scripted server, and a client of it that neither sleeps nor waits long."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.support.scripted_server import ACCOUNT, ClientEnvironment, ScriptedServer
from tests.support.served import served
from wechat_campaigns.core.settings import Account
from wechat_campaigns.wechat.endpoints import WeChatApi, connect
from wechat_campaigns.wechat.transport import Timeouts


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server on loopback that knows only stable_token until told more."""
    with served(ScriptedServer()) as server:
        yield server
        server.released.set()


@pytest.fixture
def environment() -> ClientEnvironment:
    return ClientEnvironment()


@pytest.fixture
def connected(
    server: ScriptedServer, environment: ClientEnvironment, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., WeChatApi]:
    """Connect to the server; keyword arguments replace those of `connect`."""
    # A host without an address, allowed as a gateway: what becomes of a call that fails early.
    monkeypatch.setenv("CAMPAIGN_API_HOSTS", "api.weixin.invalid")

    def make(url: str = server.url, account: Account = ACCOUNT, **changes: object) -> WeChatApi:
        arguments = {
            "secret": environment.secret,
            "clock": environment.clock,
            "sleep": environment.slept_s.append,
            "timeouts": Timeouts(5, 5),
        }
        read_only = changes.pop("read_only", False)
        api = connect(account, url, **(arguments | changes))
        return Ready((api.read_only() if read_only else api)._client)

    return make


class Ready(WeChatApi):
    """Has a token before each mass call, as an attempt does."""

    def mass_sendall(self, body: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        if not self._client.read_only:
            self.mass_ready()
        return super().mass_sendall(body, **more)

    def mass_send(self, body: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        if not self._client.read_only:
            self.mass_ready()
        return super().mass_send(body, **more)
