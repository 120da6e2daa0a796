"""Pushes are believed only when they prove their origin; what they tell is kept once."""

import io
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from tests.support.factories import NOW, SERVICE, MemoryLedger, make_account
from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.wechat.callback import (
    MAX_BYTES,
    CallbackApp,
    CallbackRejectedError,
    Credentials,
    check_url,
    decrypt,
    entry_of,
    read_key,
    read_xml,
    signature,
)
from wechat_sandbox.callbacks import encrypt

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PLAIN = Credentials(appid=SERVICE, token="token")
SAFE = replace(PLAIN, aes_key=KEY)
STAMP = str(int(NOW.timestamp()))
EVENT = """<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o-helper]]></FromUserName>
<CreateTime>1</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[MASSSENDJOBFINISH]]></Event>
<MsgID>3147483648</MsgID><Status><![CDATA[err(30003)]]></Status><TotalCount>100</TotalCount>
<FilterCount>80</FilterCount><SentCount>75</SentCount><ErrorCount>5</ErrorCount>
<CopyrightCheckResult><Count>1</Count><ResultList><item><ArticleIdx>1</ArticleIdx>
<UserDeclareState>0</UserDeclareState><AuditState>2</AuditState>
<OriginalArticleUrl><![CDATA[http://mp.weixin.qq.com/s/x]]></OriginalArticleUrl></item></ResultList>
<CheckState>2</CheckState></CopyrightCheckResult>
<ArticleUrlResult><Count>2</Count><ResultList><item><ArticleIdx>2</ArticleIdx><ArticleUrl>http://b</ArticleUrl></item>
<item><ArticleIdx>1</ArticleIdx><ArticleUrl>http://a</ArticleUrl></item></ResultList></ArticleUrlResult></xml>"""


def signed(token: str = "token", stamp: str = STAMP, encrypted: str = "") -> dict[str, str]:
    query = {"timestamp": stamp, "nonce": "n1", "signature": signature(token, stamp, "n1")}
    if encrypted:
        query |= {"encrypt_type": "aes", "msg_signature": signature(token, stamp, "n1", encrypted)}
    return query


def sealed(text: str = EVENT, appid: str = SERVICE) -> tuple[dict[str, str], bytes]:
    encrypted = encrypt(text, KEY, appid)
    return signed(encrypted=encrypted), f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()


class Server:
    """The WSGI app with a ledger behind it."""

    def __init__(self, *credentials: Credentials, ledger: Any = None) -> None:
        self.ledger = ledger or MemoryLedger()
        named = {f"a{number}": known for number, known in enumerate(credentials)}
        self.app = CallbackApp(accounts=named, ledger=lambda: self.ledger, clock=lambda: NOW)

    def ask(
        self,
        query: dict[str, str],
        body: bytes = b"",
        method: str = "POST",
        path: str = "/wx/a0",
        **environ: str,
    ) -> tuple[int, str]:
        said: list[str] = []
        request = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": urlencode(query),
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), **environ,
        }  # fmt: skip
        text = b"".join(self.app(request, lambda status, _headers: said.append(status)))  # type: ignore[arg-type,return-value]
        return int(said[0].partition(" ")[0]), text.decode()


@pytest.fixture
def server() -> Server:
    return Server(PLAIN)


def test_the_url_check_is_answered(server: Server) -> None:
    assert server.ask({**signed(), "echostr": "8877"}, method="GET") == (200, "8877")
    assert server.ask({**signed("wrong"), "echostr": "8877"}, method="GET") == (403, "refused")


def test_an_event_is_kept_whole_and_once(server: Server) -> None:
    for _again in range(3):
        assert server.ask(signed(), EVENT.encode()) == (200, "success")
    (event,) = server.ledger.kept
    assert event.stream == SERVICE
    assert event.data == {
        "msg_id": 3147483648, "status": "err(30003)",
        "addressed": 100, "sent": 75, "left_out": 20, "failed": 5,
        "links": ["http://a", "http://b"],
        "originals": [{"article_idx": "1", "url": "http://mp.weixin.qq.com/s/x"}],
    }  # fmt: skip


def test_other_events_are_acknowledged_but_not_recorded(server: Server) -> None:
    body = "<xml><MsgType>text</MsgType><FromUserName>o-secret</FromUserName><Content>你好</Content></xml>"
    assert server.ask(signed(), body.encode()) == (200, "success")
    assert not server.ledger.kept


def test_event_that_cannot_be_recorded_is_not_acknowledged() -> None:
    class Gone(MemoryLedger):
        def append(self, entry: Any) -> Any:
            raise LedgerError("the disk is full", hint="make room")

    assert Server(PLAIN, ledger=Gone()).ask(signed(), EVENT.encode()) == (503, "not kept")


OTHER_BODY = sealed("<xml><Event>x</Event></xml>")[1]


@pytest.mark.parametrize(
    ("credentials", "query", "body", "environ", "status"),
    [
        (PLAIN, signed(), EVENT.encode(), {"path": "/wx/other"}, 404),
        (PLAIN, signed("guess"), EVENT.encode(), {}, 403),
        (PLAIN, {}, EVENT.encode(), {}, 403),
        (PLAIN, signed(stamp="１２３"), EVENT.encode(), {}, 403),
        (PLAIN, signed(stamp="9" * 400), EVENT.encode(), {}, 403),
        (PLAIN, signed(), b"no xml", {}, 403),
        (SAFE, signed(), EVENT.encode(), {}, 403),  # safe mode cannot be left by the sender
        (SAFE, sealed()[0], OTHER_BODY, {}, 403),
        (SAFE, *sealed(appid="wx0000000000000009"), {}, 403),
    ],
)
def test_a_push_that_proves_no_origin_is_refused(
    credentials: Credentials, query: dict[str, str], body: bytes, environ: dict[str, str], status: int
) -> None:
    """`tests/hostile/test_callback_hostile.py` has odd lengths, methods and moments."""
    server = Server(credentials)
    assert server.ask(query, body, **environ)[0] == status
    assert not server.ledger.kept


@pytest.mark.parametrize(("minutes", "status"), [(-11, 403), (-9, 200), (9, 200), (11, 403)])
def test_an_old_push_is_a_replay(server: Server, minutes: int, status: int) -> None:
    stamp = str(int((NOW + timedelta(minutes=minutes)).timestamp()))
    assert server.ask(signed(stamp=stamp), EVENT.encode())[0] == status


@given(text=st.text(min_size=1, max_size=200))
def test_push_encrypted_by_another_implementation_is_read(text: str) -> None:
    sent = WeChatCrypto("token", KEY, SERVICE).encrypt_message(text, "n1", STAMP)
    encrypted = read_xml(sent.encode()).findtext("Encrypt", "")
    assert decrypt(encrypted, SAFE).decode() == text
    told = read_xml(sent.encode()).findtext("MsgSignature", "")
    assert told == signature("token", STAMP, "n1", encrypted)


@given(data=st.binary(max_size=80))
def test_garbage_in_safe_mode_is_refused(data: bytes) -> None:
    import base64

    with pytest.raises(CallbackRejectedError):
        decrypt(base64.b64encode(data).decode(), SAFE)
    with pytest.raises(CallbackRejectedError):
        decrypt("%" + data.hex(), SAFE)


@pytest.mark.parametrize("key", ["", "short", "%" * 43])
def test_a_wrong_key_is_named(key: str) -> None:
    with pytest.raises(CallbackRejectedError, match="43 letters"):
        read_key(key)


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><xml>&a;</xml>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><xml/>',
        "<a>" * 40 + "</a>" * 40,
        "<xml>",
        "",
        "<xml>\x00</xml>",
        '<?xml version="1.0" encoding="no-such"?><xml/>',
        "<xml>" + " " * MAX_BYTES + "</xml>",
    ],
)
def test_xml_declares_nothing(body: str) -> None:
    with pytest.raises(CallbackRejectedError):
        read_xml(body.encode())


@pytest.mark.parametrize("count", ["", "-1", "x", "9" * 30])
def test_an_event_without_numbers_is_refused(count: str) -> None:
    event = read_xml(EVENT.replace("<SentCount>75", f"<SentCount>{count}").encode())
    with pytest.raises(CallbackRejectedError, match="SentCount"):
        entry_of(event, SERVICE)


def test_secrets_stay_out_of_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "wechat_campaigns.callback"):
        Server(SAFE).ask({**signed("guess"), "echostr": "e"}, EVENT.encode())
        Server(PLAIN).ask(signed(), EVENT.encode())
    assert "refused" in caplog.text
    for secret in (KEY, "token", signature("guess", STAMP, "n1"), "o-helper"):
        assert secret not in caplog.text
    assert KEY not in repr(SAFE)
    assert check_url({**signed(), "echostr": "1"}, PLAIN, NOW) == "1"
    assert make_account().callback is None
