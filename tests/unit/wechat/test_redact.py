"""No token, AppSecret or openid is readable anywhere: texts, logs, exceptions, reprs."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted_server import SECRET, TOKEN, Raw, ScriptedServer, cut, reset, stall
from wechat_campaigns.core.errors import WeChatError
from wechat_campaigns.core.redact import redact
from wechat_campaigns.wechat.client import STABLE_TOKEN
from wechat_campaigns.wechat.endpoints import MASS_SENDALL, TAGS_GET, WeChatApi
from wechat_campaigns.wechat.transport import Request, Timeouts

Connected = Callable[..., WeChatApi]

SECRETS = st.text(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~", min_size=8, max_size=512
)
CARRIERS = (
    "GET /cgi-bin/tags/get?access_token={}&next=1 HTTP/1.1",
    "https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid=wx1&secret={}",
    "https%3A%2F%2Fx%2Fy%3Faccess_token%3D{}",
    '{{"access_token":"{}","expires_in":7200}}',
    "{{'appid': 'wx1', 'secret': '{}'}}",
    "AppSecret: {}",
    "app_secret = {}, appid = wx1",
    "ACCESS_TOKEN={}",
    "ledger_key: {}",
    "LEDGER_KEY={}",
)


@given(
    secret=SECRETS, carrier=st.sampled_from(CARRIERS), before=st.text(max_size=20), after=st.text(max_size=20)
)
def test_a_named_secret_is_masked_wherever_it_stands(
    secret: str, carrier: str, before: str, after: str
) -> None:
    redacted = redact(f"{before} {carrier.format(secret)} {after}")
    assert secret not in redacted.replace(before, "", 1).replace(after, "", 1)
    assert "***" in redacted


@given(
    secret=st.text("0123456789abcdef+/=%&密", min_size=6, max_size=80),
    around=st.text("会员周年庆 ", max_size=30),
)
def test_a_known_secret_is_masked_without_a_name(secret: str, around: str) -> None:
    redacted = redact(f"{around}{secret}{around}{quote(secret, safe='')}", secrets=(secret,))
    assert redacted == f"{around}***{around}***"


@given(st.from_regex(r"o[A-Za-z0-9_-]{27}", fullmatch=True))
def test_openids_are_masked(openid: str) -> None:
    assert redact(f'invalid openid hint "{openid}"。') == 'invalid openid hint "o***"。'


@pytest.mark.parametrize(
    "text",
    [
        "周年庆今晚 20:00 开始",
        "msg_id 3147483730",
        "clientmsgid 0123456789abcdef0123456789abcdef",
        "",
        "a secret of ours",
    ],
)
def test_other_text_stays(text: str) -> None:
    """Masking must not eat what a reader needs."""
    assert redact(text) == text


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    with caplog.at_level(logging.DEBUG):
        yield lambda: "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


def chain(error: BaseException) -> Iterator[BaseException]:
    while True:
        yield error
        following = error.__cause__ or error.__context__
        if following is None:
            return
        error = following


ECHO = {
    "errcode": 40001,
    "errmsg": f"invalid credential [{TOKEN}] access_token={TOKEN} o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
}
ECHO_SECRET = {"errcode": 40125, "errmsg": f"invalid appsecret {SECRET}"}
FAULTS = [cut, reset, stall, Raw(status=500), Raw(body=TOKEN.encode()), ECHO, {"errcode": -1}]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [TAGS_GET, MASS_SENDALL, STABLE_TOKEN])
def test_no_fault_of_a_call_shows_token_or_secret(
    server: ScriptedServer, connected: Connected, logged: Callable[[], str], fault: object, path: str
) -> None:
    server.on(path, ECHO_SECRET if (path, fault) == (STABLE_TOKEN, ECHO) else fault)
    api = connected(timeouts=Timeouts(0.1, 0.1))
    with pytest.raises(WeChatError) as caught:
        api.mass_sendall({"clientmsgid": "c"}) if path == MASS_SENDALL else api.tags_get()
    assert path == STABLE_TOKEN or STABLE_TOKEN in logged()
    assert_clean(caught.value, logged())


def assert_clean(error: BaseException, log: str) -> None:
    shown = [
        text for link in chain(error) for text in (str(link), repr(link), repr(link.args), repr(vars(link)))
    ]
    shown += [log, "".join(traceback.format_exception(error))]
    for text in shown:
        assert TOKEN not in text
        assert SECRET not in text
        assert "o6_bmjrPTlm6_2sgVt7hMZOPfL2M" not in text


def test_no_object_shows_a_secret_in_its_repr(server: ScriptedServer, connected: Connected) -> None:
    api = connected()
    with suppress(WeChatError):
        api.tags_get()
    request = Request(method="GET", path="/x", query={"secret": SECRET}, body=SECRET.encode())
    for part in (api, api._client, api._client.tokens, api._client.transport, request):
        assert SECRET not in repr(part)
        assert TOKEN not in repr(part)
