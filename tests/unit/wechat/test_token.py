"""One token is fetched when needed, kept while good, and never lost in a loop."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from tests.support.scripted_server import (
    ACCOUNT,
    SECRET,
    TOKEN,
    ClientEnvironment,
    Raw,
    ScriptedServer,
    cut,
)
from wechat_campaigns.core.errors import ApiError, NotSentError, SecretError, WeChatError
from wechat_campaigns.core.settings import Secret
from wechat_campaigns.wechat.client import STABLE_TOKEN, SharedTokens, Tokens
from wechat_campaigns.wechat.endpoints import MASS_SENDALL, TAGS_GET, WeChatApi
from wechat_campaigns.wechat.responses import Reply
from wechat_campaigns.wechat.transport import Request, Transport

Connected = Callable[..., WeChatApi]


@pytest.fixture(autouse=True)
def _tags(server: ScriptedServer) -> None:
    server.on(TAGS_GET, {"tags": []})


def test_a_token_is_asked_for_once_and_in_normal_mode(
    server: ScriptedServer, connected: Connected, environment: ClientEnvironment
) -> None:
    """Forcing a refresh would end the token of every other runner; a secret may be a command to run."""
    api = connected()
    assert environment.secrets_read == 0
    api.tags_get()
    api.tags_get()
    assert environment.secrets_read == 1
    (call,) = server.calls(STABLE_TOKEN)
    expected = {"grant_type": "client_credential", "appid": ACCOUNT.appid, "secret": SECRET}
    assert (call.method, call.query, json.loads(call.body)) == ("POST", {}, expected)
    assert server.calls(TAGS_GET)[0].query == {"access_token": [TOKEN]}


@pytest.mark.parametrize(
    ("expires_in", "seconds_later", "fetched"),
    [
        (7200, 7139, 1),
        (7200, 7140, 2),  # it must not end while a call is under way
        (None, 7139, 1),  # an odd lifetime counts as WeChat's two hours
        ("7200", 7140, 2),
        (-1, 7139, 1),
        (10**12, 7140, 2),
    ],
)
def test_a_token_is_kept_until_a_minute_before_its_end(
    server: ScriptedServer,
    connected: Connected,
    environment: ClientEnvironment,
    expires_in: object,
    seconds_later: int,
    fetched: int,
) -> None:
    server.on(STABLE_TOKEN, {"access_token": TOKEN, "expires_in": expires_in})
    api = connected()
    api.tags_get()
    environment.now += timedelta(seconds=seconds_later)
    api.tags_get()
    assert len(server.calls(STABLE_TOKEN)) == fetched


@pytest.mark.parametrize(
    "unknown", [Raw(status=404), {"errcode": 40066, "errmsg": "invalid url"}, {"errcode": 48001}]
)
def test_gateway_without_stable_token_is_told_what_to_let_through(
    server: ScriptedServer, connected: Connected, unknown: object
) -> None:
    """Another way to a token would end that of every other program of the account."""
    server.on(STABLE_TOKEN, unknown)
    with pytest.raises(WeChatError) as caught:
        connected().tags_get()
    assert "`/cgi-bin/stable_token`" in caught.value.hint
    assert {call.path for call in server.seen} == {STABLE_TOKEN}


@pytest.mark.parametrize(
    ("errcode", "word"), [(40001, "AppSecret"), (40013, "appid"), (40125, "AppSecret"), (40243, "frozen")]
)
def test_wrong_credentials_end_the_call_at_once(
    server: ScriptedServer, connected: Connected, errcode: int, word: str
) -> None:
    server.on(STABLE_TOKEN, {"errcode": errcode, "errmsg": "no rid: 1-2-3"})
    with pytest.raises(ApiError, match=word) as caught:
        connected().tags_get()
    assert caught.value.endpoint == STABLE_TOKEN
    assert len(server.calls(STABLE_TOKEN)) == 1
    assert server.calls(TAGS_GET) == []


@pytest.mark.parametrize(
    "fault", [cut, Raw(status=502), {"errcode": -1}, {"errcode": 123456}, {"token": "?"}]
)
def test_no_token_means_that_nothing_was_sent(
    server: ScriptedServer, connected: Connected, fault: object
) -> None:
    server.on(STABLE_TOKEN, fault)
    with pytest.raises(NotSentError, match="nothing else was sent"):
        connected().mass_sendall({"clientmsgid": "c"})
    assert len(server.calls(STABLE_TOKEN)) in (1, 3)
    assert server.calls(MASS_SENDALL) == []


def test_token_call_is_retried_after_a_passing_fault(server: ScriptedServer, connected: Connected) -> None:
    """A send is not given up because its token came at the second try."""
    server.on(STABLE_TOKEN, cut, {"access_token": TOKEN, "expires_in": 7200})
    assert connected().tags_get() == []


# --- shared -------------------------------------------------------------------------------------


class Asked:
    """Counts how often a token is asked for; each is another, and takes a moment to come."""

    def __init__(self) -> None:
        self.count = 0

    def exchange(self, _request: Request) -> Reply:
        self.count += 1
        told = json.dumps({"access_token": f"T{self.count}", "expires_in": 7200}).encode()
        time.sleep(0.05)
        return Reply(status=200, body=told)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def tokens(asked: Asked, environment: ClientEnvironment) -> Tokens:
    return Tokens(
        cast(Transport, asked), appid="wx1", secret=environment.secret, clock=environment.clock,
        sleep=environment.slept_s.append,
    )  # fmt: skip


def test_threads_that_share_a_token_fetch_one(tokens: Tokens, asked: Asked) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _n: tokens.get(), range(4)))
    assert (found, asked.count) == (["T1"] * 4, 1)


def test_late_rejection_keeps_the_newer_token(tokens: Tokens, asked: Asked) -> None:
    refused = tokens.get()
    tokens.invalidate(refused)
    newer = tokens.get()
    tokens.invalidate(refused)
    assert (tokens.get(), asked.count) == (newer, 2)


@pytest.mark.deep
def test_another_secret_of_the_same_account_is_tried(server: ScriptedServer, connected: Connected) -> None:
    shared: SharedTokens = {}
    connected(shared=shared).tags_get()
    connected(shared=shared).tags_get()
    assert len(server.calls(STABLE_TOKEN)) == 1
    server.on(STABLE_TOKEN, {"errcode": 40125, "errmsg": "invalid appsecret"})
    other = replace(ACCOUNT, name="other", secret=Secret(env="WECHAT_OTHER_SECRET"))
    with pytest.raises(ApiError, match="AppSecret"):
        connected(account=other, shared=shared).tags_get()


# --- a token that somebody else renews --------------------------------------------------------------------

OWN = replace(ACCOUNT, secret=None, token=Secret(env="T"), ledger_key=Secret(env="K"))


def giving(*values: str) -> Callable[[], str]:
    left = list(values)
    return lambda: left.pop(0)


@pytest.mark.parametrize("errcode", [40001, 42001])
def test_own_token_is_read_once_more_when_refused_and_never_fetched(
    server: ScriptedServer, connected: Connected, environment: ClientEnvironment, errcode: int
) -> None:
    server.on(TAGS_GET, {"tags": []}, {"errcode": errcode}, {"tags": []})
    api = connected(account=OWN, secret=giving("T1", "T2"))
    api.tags_get()
    environment.now += timedelta(days=30)  # who renews it knows when it ends
    api.tags_get()
    assert [call.query["access_token"] for call in server.calls(TAGS_GET)] == [["T1"], ["T1"], ["T2"]]
    assert server.calls(STABLE_TOKEN) == []


def test_own_token_that_is_refused_and_stays_is_not_used_again(
    server: ScriptedServer, connected: Connected
) -> None:
    server.on(TAGS_GET, {"errcode": 42001, "errmsg": "access_token expired"})
    api = connected(account=OWN, secret=giving("T1", "T1", "T1", "T2"))
    for _again in "12":
        with pytest.raises(SecretError, match="still gives the same one"):
            api.tags_get()
    server.on(TAGS_GET, {"tags": []})
    assert api.tags_get() == []
    assert [call.query["access_token"] for call in server.calls(TAGS_GET)] == [["T1"], ["T2"]]


def test_threads_that_meet_a_refused_token_read_one_more(
    asked: Asked, environment: ClientEnvironment
) -> None:
    tokens = Tokens(
        cast(Transport, asked), appid="wx1", secret=giving("T1", "T2"), is_token=True,
        clock=environment.clock, sleep=environment.slept_s.append,
    )  # fmt: skip

    assert tokens.get() == "T1"

    def after_its_refusal(_thread: int) -> str:
        tokens.invalidate("T1")
        return tokens.get()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(after_its_refusal, range(4))) == ["T2"] * 4
    assert asked.count == 2, "one question for the time with each token"
