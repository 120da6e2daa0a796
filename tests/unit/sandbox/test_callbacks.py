"""Callback events: their XML, their signature, their encryption, and the way they are pushed."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import HTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from wechatpy.utils import check_signature

from tests.support.served import QuietHandler, served
from tests.unit.sandbox.client import SERVICE, SUBSCRIPTION, WeChat
from wechat_sandbox import callbacks
from wechat_sandbox.accounts import Callback

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TOKEN = "token"


@dataclass
class Receiver:
    """An account's own server: answers the check, keeps what is pushed, fails as often as told."""

    url: str = ""
    echoes: bool = True
    failures: int = 0
    says: str = "success"
    pushed: list[tuple[dict[str, str], str]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.answer(200, self.query["echostr"] if receiver.echoes else "hello")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.pushed.append((self.query, body))
            receiver.failures -= 1
            self.answer(200 if receiver.failures < 0 else 500, receiver.says)

        @property
        def query(self) -> dict[str, str]:
            return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}

        def answer(self, status: int, text: str) -> None:
            check_signature(TOKEN, *(self.query[key] for key in ("signature", "timestamp", "nonce")))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/wx?own=1"
        yield receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def listen(wechat: WeChat, receiver: Receiver, **more: str) -> dict[str, object]:
    callback = {"url": receiver.url, "token": TOKEN, **more}
    return wechat.control("POST", "accounts", {"appid": SERVICE, "callback": callback})  # type: ignore[no-any-return]


def push(wechat: WeChat) -> None:
    callbacks.push_due(wechat.dispatcher.transaction, time.time(), lambda _seconds: None)


def test_a_finished_job_is_pushed_once_and_signed(wechat: WeChat, receiver: Receiver) -> None:
    listen(wechat, receiver)
    msg_id = wechat.sendall("mpnews", {"media_id": wechat.draft()})["msg_id"]
    push(wechat)
    push(wechat)
    ((query, body),) = receiver.pushed
    assert query["own"] == "1"
    xml = ElementTree.fromstring(body)
    told = {item.tag: item.text for item in xml}
    assert (told["Event"], told["MsgType"], told["MsgID"]) == ("MASSSENDJOBFINISH", "event", str(msg_id))
    assert (told["Status"], told["TotalCount"], told["FilterCount"], told["SentCount"]) == (
        "send success", "6", "6", "6",
    )  # fmt: skip
    assert re.fullmatch(r"o[0-9a-f]{27}", told["FromUserName"] or "")
    assert xml.findtext("ArticleUrlResult/ResultList/item/ArticleUrl", "").startswith("http://mp.weixin")
    (event,) = wechat.control("GET", "events")["events"]
    assert (event["state"], event["attempts"]) == ("delivered", 1)


ENVELOPE = "<ToUserName><FromUserName><CreateTime><MsgType><Event><MsgID><Status>"
COUNTS = "<TotalCount><FilterCount><SentCount><ErrorCount>"


def test_the_fields_of_an_event_and_their_order(wechat: WeChat, receiver: Receiver) -> None:
    listen(wechat, receiver)
    wechat.sendall("mpnews", {"media_id": wechat.draft()})
    push(wechat)
    ((_, body),) = receiver.pushed
    opened = "".join(f"<{name}>" for name in re.findall(r"<(\w+)>", body))
    assert opened == (
        f"<xml>{ENVELOPE}{COUNTS}<CopyrightCheckResult><Count><ResultList><CheckState>"
        "<ArticleUrlResult><Count><ResultList><item><ArticleIdx><ArticleUrl>"
    )


def test_a_text_has_both_results_empty(wechat: WeChat, receiver: Receiver) -> None:
    listen(wechat, receiver)
    wechat.sendall()
    push(wechat)
    ((_, body),) = receiver.pushed
    nothing = "<Count>0</Count><ResultList></ResultList>"
    assert body.endswith(
        f"<CopyrightCheckResult>{nothing}<CheckState>0</CheckState></CopyrightCheckResult>"
        f"<ArticleUrlResult>{nothing}</ArticleUrlResult></xml>"
    )


@pytest.mark.parametrize(("failures", "attempts", "state"), [(1, 2, "delivered"), (9, 4, "failed")])
def test_three_retries(wechat: WeChat, receiver: Receiver, failures: int, attempts: int, state: str) -> None:
    listen(wechat, receiver)
    receiver.failures = failures
    wechat.sendall()
    push(wechat)
    assert len(receiver.pushed) == attempts
    (event,) = wechat.control("GET", "events")["events"]
    assert (event["state"], event["attempts"]) == (state, attempts)


@pytest.mark.parametrize(("says", "attempts"), [("", 1), ("<xml></xml>", 1), ("ok", 4)])
def test_what_counts_as_an_answer(wechat: WeChat, receiver: Receiver, says: str, attempts: int) -> None:
    listen(wechat, receiver)
    receiver.says = says
    wechat.sendall()
    push(wechat)
    assert len(receiver.pushed) == attempts


def test_a_url_that_does_not_echo_is_not_taken(wechat: WeChat, receiver: Receiver) -> None:
    receiver.echoes = False
    assert "echostr" in str(listen(wechat, receiver)["error"])
    assert "aes_key" in str(listen(wechat, receiver, aes_key="short")["error"])
    receiver.url = "http://127.0.0.1:9/"
    assert "could not be reached" in str(listen(wechat, receiver)["error"])
    assert wechat.control("GET", "accounts")["accounts"][0]["options"]["callback"] is None


def pushed_as_xml(appid: str, status: str = "") -> ElementTree.Element:
    event = {"appid": appid, "created_at": 0.0, "fields": json.dumps({"Status": status})}
    _url, body = callbacks.push_request(event, Callback(url="u", token=TOKEN), 0)
    return ElementTree.fromstring(body)


def test_events_come_from_an_openid_of_their_account() -> None:
    froms = [pushed_as_xml(appid).findtext("FromUserName") for appid in (SERVICE, SERVICE, SUBSCRIPTION)]
    assert froms[0] == froms[1] != froms[2]


def test_text_cannot_leave_its_element() -> None:
    nasty = "]]><x>&</x>"
    assert pushed_as_xml("wx9", nasty).findtext("Status") == nasty


def test_token_and_key_are_never_told(wechat: WeChat, receiver: Receiver) -> None:
    told = listen(wechat, receiver, aes_key=AES_KEY)
    assert AES_KEY not in str(told) + str(wechat.control("GET", "accounts"))
    assert told["options"]["callback"] == {"url": receiver.url}  # type: ignore[index]
    assert AES_KEY not in repr(Callback(url="x", token="secret-word", aes_key=AES_KEY))


def test_addresses_are_told(wechat: WeChat) -> None:
    assert wechat.get("getcallbackip") == wechat.post("getcallbackip") == {"ip_list": ["127.0.0.1"]}
