"""The client repeats what is safe, nothing else, and says what may have happened."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.factories import NOW, FakeWorkspace, MemoryLedger, make_account
from tests.support.scripted_server import (
    TOKEN,
    ClientEnvironment,
    Raw,
    ScriptedServer,
    cut,
    drip,
    reset,
    stall,
    tags_and_close,
    timeouts_for,
)
from wechat_campaigns.core.errors import ApiError, NoResponseError, NotSentError, PolicyError, WeChatError
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.attempt import BEGIN_WITHIN
from wechat_campaigns.protocol.decide import ARRIVES_WITHIN
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.wechat.endpoints import (
    DRAFT_ADD,
    MASS_SEND,
    MASS_SENDALL,
    TAGS_GET,
    ReadOnlyApi,
    WeChatApi,
)
from wechat_campaigns.wechat.responses import Reply, parse_response
from wechat_campaigns.wechat.transport import Timeouts

Connected = Callable[..., WeChatApi]

SEND = {
    "filter": {"is_to_all": False, "tag_id": 2},
    "text": {"content": "周年庆今晚八点 🎉"},
    "msgtype": "text",
}
ACCEPTED = {"errcode": 0, "errmsg": "send job submission success", "msg_id": 3147483730}

LOST = {
    "cut": cut,
    "reset": reset,
    "no answer in time": stall,
    "500": Raw(status=500, body=b"<html>oops</html>"),
    "502 with JSON": Raw(status=502, body=b'{"errcode":0,"msg_id":1}'),
    "407": Raw(status=407),
    "403 of a proxy": Raw(status=403, body=b"<html>blocked</html>"),
    "redirect": Raw(status=302, headers={"Location": "http://127.0.0.1:1/login"}),
    "HTML": Raw(body="<html>请登录</html>".encode()),
    "empty": Raw(),
    "truncated": Raw(body=b'{"errcode":0,"msg_id":31474', claimed_length=60),
    "half JSON": Raw(body=b'{"errcode":0,"msg_id":31474'),
    "a list": Raw(body=b"[1]"),
    "deep": Raw(body=b"[" * 100_000),
    "errcode in words": {"errcode": "none"},
    "errcode null": {"errcode": None},
    "id as a float": Raw(body=b'{"errcode":0,"msg_id":3.1e9}'),
    "no msg_id": {"errcode": 0, "errmsg": "ok"},
    "broken gzip": Raw(body=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.deep
@pytest.mark.parametrize("answer", LOST.values(), ids=LOST.keys())
def test_send_without_a_usable_answer_is_lost_and_never_retried(
    server: ScriptedServer, connected: Connected, answer: object
) -> None:
    server.on(MASS_SENDALL, answer)
    with pytest.raises(NoResponseError) as caught:
        connected(timeouts=timeouts_for(answer)).mass_sendall(SEND)
    assert len(server.calls(MASS_SENDALL)) == 1
    assert caught.value.location == MASS_SENDALL
    assert "unknown" in caught.value.message
    assert caught.value.hint


def test_endless_answer_is_lost(server: ScriptedServer, connected: Connected) -> None:
    server.on(MASS_SENDALL, Raw(body=b" " * (33 * 1024 * 1024)))
    with pytest.raises(NoResponseError, match="longer than"):
        connected().mass_sendall(SEND)


def test_a_fault_before_the_body_is_certainly_not_sent(server: ScriptedServer, connected: Connected) -> None:
    """`test_network_faults.py` has each of them."""
    api = connected()
    api.mass_ready()
    api._client.transport._base_url = "http://no-such-host.invalid"
    with pytest.raises(NotSentError, match="DNS"):
        api.mass_sendall(SEND)
    assert server.calls(MASS_SENDALL) == []


@pytest.mark.parametrize("place", ["{url}/elsewhere", "http://[fe80::1", "http://x:port/", "//", "\x7f"])
def test_a_redirect_is_not_followed(server: ScriptedServer, connected: Connected, place: str) -> None:
    """The token in the query must not travel to wherever an answer points, and nobody reads where that is."""
    server.on(MASS_SENDALL, Raw(status=307, headers={"Location": place.format(url=server.url)}))
    with pytest.raises(NoResponseError, match="307"):
        connected().mass_sendall(SEND)
    assert server.calls("/elsewhere") == []


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_drips_has_an_end(server: ScriptedServer, connected: Connected, part: str) -> None:
    server.on(MASS_SENDALL, drip(part))
    server.on(TAGS_GET, drip(part))
    api = connected(timeouts=Timeouts(5, 5, whole_s=0.2))
    for call, times in ((lambda: api.mass_sendall(SEND), 1), (api.tags_get, 3)):
        begun = time.monotonic()
        with pytest.raises(NoResponseError, match=r"0\.2 s"):
            call()
        assert time.monotonic() - begun < 60, "the answer itself never ends"
        assert len(server.calls(MASS_SENDALL if times == 1 else TAGS_GET)) == times


def test_each_of_several_exchanges_has_its_own_end(server: ScriptedServer, connected: Connected) -> None:
    """One that ends early neither waits for one that began before it, nor ends that one."""
    server.on(MASS_SENDALL, drip("body"))
    server.on(MASS_SEND, stall)
    ended: list[str] = []

    def call(name: str, call: Callable[[], object]) -> None:
        with pytest.raises(NoResponseError):
            call()
        ended.append(name)

    calls = (
        ("late", partial(connected(timeouts=Timeouts(5, 5, whole_s=2.0)).mass_sendall, SEND)),
        ("early", partial(connected(timeouts=Timeouts(5, 5, whole_s=0.2)).mass_send, SEND)),
    )
    threads = [threading.Thread(target=call, args=one) for one in calls]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert ended == ["early", "late"]


def test_no_exchange_starts_a_thread_of_its_own(
    server: ScriptedServer, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on(MASS_SENDALL, ACCEPTED)
    api, started = connected(), []
    start = threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        if "process_request_thread" not in thread.name:  # the server's
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counted)
    for _number in range(5):
        api.mass_sendall(SEND)
    assert len(started) <= 1


def test_a_call_has_ended_before_a_person_may_settle_it() -> None:
    assert BEGIN_WITHIN + timedelta(seconds=Timeouts().whole_s) < ARRIVES_WITHIN


TAGS = {"tags": []}


@pytest.mark.parametrize(
    ("answers", "pauses_s", "error"),
    [
        ((cut, cut, TAGS), (1, 2), None),
        ((Raw(status=503), {"errcode": 268487001}, TAGS), (1, 2), None),
        ((cut,), (1, 2), NoResponseError),
        (({"errcode": "-1"},), (1, 2), ApiError),
        (({"errcode": 45011, "errmsg": "reach minute limit"},), (60,), ApiError),
        (({"errcode": 48001},), (), ApiError),
    ],
)
def test_a_read_is_tried_again_as_its_fault_allows(
    server: ScriptedServer,
    connected: Connected,
    environment: ClientEnvironment,
    answers: tuple[object, ...],
    pauses_s: tuple[int, ...],
    error: type[WeChatError] | None,
) -> None:
    server.on(TAGS_GET, *answers)
    with pytest.raises(error) if error else nullcontext():
        assert connected().tags_get() == []
    assert len(server.calls(TAGS_GET)) == len(pauses_s) + 1
    for slept_s, pause_s in zip(environment.slept_s, pauses_s, strict=True):
        assert pause_s / 2 <= slept_s <= pause_s * 1.5


@pytest.mark.parametrize("busy", [-1, 45011, 45066, 61450])
def test_write_is_not_retried_when_the_platform_is_busy(
    server: ScriptedServer, connected: Connected, environment: ClientEnvironment, busy: int
) -> None:
    server.on(MASS_SENDALL, {"errcode": busy, "errmsg": "system error"})
    with pytest.raises(ApiError):
        connected().mass_sendall(SEND)
    assert len(server.calls(MASS_SENDALL)) == 1
    assert environment.slept_s == []


@pytest.mark.parametrize("stale", [40001, 40014, 42001, 40420, 41001, 48012])
def test_rejected_token_is_renewed_once_and_the_call_made_again(
    server: ScriptedServer, connected: Connected, stale: int
) -> None:
    server.on("/cgi-bin/stable_token", {"access_token": TOKEN, "expires_in": 7200}, {"access_token": "NEW"})
    server.on(DRAFT_ADD, {"errcode": stale, "errmsg": "invalid credential"}, {"media_id": "D"})
    assert connected().draft_add([]) == "D"
    first, second = server.calls(DRAFT_ADD)
    assert first.query["access_token"] == [TOKEN]
    assert second.query["access_token"] == ["NEW"]
    assert first.body == second.body != b""


@pytest.mark.parametrize("path", [MASS_SENDALL, MASS_SEND])
@pytest.mark.parametrize("stale", [40001, 40014, 42001, 40420, 41001, 48012])
def test_mass_call_is_made_once_whatever_happens_to_the_token(
    server: ScriptedServer, connected: Connected, path: str, stale: int
) -> None:
    server.on("/cgi-bin/stable_token", {"access_token": TOKEN, "expires_in": 7200}, {"access_token": "NEW"})
    server.on(path, {"errcode": stale, "errmsg": "invalid credential"}, ACCEPTED)
    api = connected()
    call = api.mass_sendall if path == MASS_SENDALL else api.mass_send
    with pytest.raises(ApiError):
        call(SEND)
    assert [seen.query["access_token"] for seen in server.calls(path)] == [[TOKEN]]
    assert call(SEND)["msg_id"] == 3147483730
    assert [seen.query["access_token"] for seen in server.calls(path)] == [[TOKEN], ["NEW"]]


def test_mass_call_needs_a_cached_token(server: ScriptedServer, connected: Connected) -> None:
    """To fetch one now could take until the call comes too late."""
    with pytest.raises(NotSentError):
        WeChatApi(connected()._client).mass_sendall(SEND)
    assert server.seen == []


def test_call_that_comes_too_late_when_it_is_connected_is_not_made(
    server: ScriptedServer, connected: Connected
) -> None:
    server.on(MASS_SENDALL, ACCEPTED)
    times = [NOW, NOW + timedelta(days=1)]
    workspace: Any = FakeWorkspace(None, MemoryLedger(), clock=lambda: times.pop(0))
    calls = AccountWriter(workspace, make_account())
    calls.begin(connected(), LedgerState())
    calls.ensure_token()
    with pytest.raises(NotSentError):
        calls.post_once(SEND, begin_by=NOW + timedelta(seconds=60))
    assert [seen.body for seen in server.calls(MASS_SENDALL) if seen.body] == []


def test_token_is_fetched_before_a_mass_call(server: ScriptedServer, connected: Connected) -> None:
    server.on(MASS_SENDALL, ACCEPTED)
    api = connected()
    api.mass_ready()
    assert len(server.calls("/cgi-bin/stable_token")) == 1
    api.mass_sendall(SEND)
    assert len(server.calls("/cgi-bin/stable_token")) == 1
    server.on("/cgi-bin/stable_token", {"errcode": 40013, "errmsg": "invalid appid"})
    with pytest.raises(ApiError):
        connected().mass_ready()


def test_token_rejected_twice_is_not_renewed_again(server: ScriptedServer, connected: Connected) -> None:
    server.on(DRAFT_ADD, {"errcode": 40001, "errmsg": "invalid credential"})
    server.on(TAGS_GET, {"errcode": 42001, "errmsg": "access_token expired"})
    api = connected()
    with pytest.raises(ApiError):
        api.draft_add([])
    with pytest.raises(ApiError):
        api.tags_get()
    assert len(server.calls(DRAFT_ADD)) == 2
    assert len(server.calls(TAGS_GET)) == 2


def test_reads_share_a_connection_and_each_send_has_its_own(
    server: ScriptedServer, connected: Connected
) -> None:
    """A kept connection may die under a send, which would leave its outcome unknown for nothing."""
    server.on(TAGS_GET, TAGS)
    server.on(MASS_SENDALL, ACCEPTED)
    api = connected()
    for call in (api.tags_get, api.tags_get, lambda: api.mass_sendall(SEND)) * 2:
        call()
    token, first, again, send, *later = (seen.port for seen in server.seen)
    assert token == first == again
    assert later[0] == later[1]
    assert len({token, send, *later}) == 4


def test_connection_that_was_closed_meanwhile_is_replaced(
    server: ScriptedServer, connected: Connected
) -> None:
    server.on(TAGS_GET, tags_and_close)
    api = connected()
    for _ in range(3):
        assert api.tags_get() == []
    assert len({seen.port for seen in server.calls(TAGS_GET)}) == 3


def test_bodies_are_raw_utf8(server: ScriptedServer, connected: Connected) -> None:
    server.on(MASS_SENDALL, ACCEPTED)
    connected().mass_sendall(SEND)
    (call,) = server.calls(MASS_SENDALL)
    assert "周年庆今晚八点 🎉".encode() in call.body
    assert b"\\u" not in call.body
    assert json.loads(call.body) == SEND
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["User-Agent"].startswith("wechat-campaigns/")


@pytest.mark.parametrize(
    ("errcode", "errmsg", "shown", "rid"),
    [
        ("45065", "clientmsgid exist rid: 6745a1b2-0c1d2e3f", "clientmsgid exist", "6745a1b2-0c1d2e3f"),
        (
            45028,
            "invalid credential  hint: [iUYDYa0150e532!]   rid: 65d5-3134",
            "invalid credential",
            "65d5-3134",
        ),
        (45028, "invalid credential hint: [iUYDYa0150e532!]", "invalid credential", None),
        (999999, "新的错误 rid: 1-2-3", "新的错误", "1-2-3"),
    ],
)
def test_an_error_shows_number_text_and_rid_and_keeps_the_answer(
    server: ScriptedServer,
    connected: Connected,
    errcode: int | str,
    errmsg: str,
    shown: str,
    rid: str | None,
) -> None:
    server.on(MASS_SENDALL, {"errcode": errcode, "errmsg": errmsg, "msgid": "3147483730"})
    with pytest.raises(ApiError) as caught:
        connected().mass_sendall(SEND)
    error = caught.value
    assert (error.errcode, error.errmsg, error.rid) == (int(errcode), shown, rid)
    assert (error.answer["errmsg"], error.answer["msg_id"]) == (errmsg, 3147483730)
    assert all(part in error.message for part in (str(errcode), shown, rid or ""))
    assert "hint:" not in error.message


def test_40164_names_the_ip_to_add(server: ScriptedServer, connected: Connected) -> None:
    errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2-3"
    server.on("/cgi-bin/stable_token", {"errcode": 40164, "errmsg": errmsg})
    with pytest.raises(ApiError) as caught:
        connected().tags_get()
    assert "add the IP 203.0.113.7 to the IP allow list (IP白名单)" in caught.value.hint


def write_calls(api: WeChatApi) -> list[Callable[[], Any]]:
    """One call of each write."""
    return [
        lambda: api.material_add_material("image", "a.png", b"x"),
        lambda: api.media_upload("video", "a.mp4", b"x"),
        lambda: api.media_uploadimg("a.png", b"x"),
        lambda: api.media_uploadvideo("M", "t", "d"),
        lambda: api.draft_add([]),
        lambda: api.mass_sendall(SEND),
        lambda: api.mass_send(SEND),
        lambda: api.mass_preview(SEND),
        lambda: api.mass_delete(1),
    ]


def test_a_read_only_client_sends_no_write(server: ScriptedServer, connected: Connected) -> None:
    for call in write_calls(connected(read_only=True)):
        with pytest.raises(PolicyError):
            call()
    assert server.seen == []


def test_what_plans_get_has_no_write() -> None:
    writes = {name for name in vars(WeChatApi) if not name.startswith("_")}
    assert {"mass_send", "mass_sendall", "mass_delete", "draft_add"} <= writes
    assert not writes & set(dir(ReadOnlyApi))


def test_half_an_emoji_becomes_a_question_mark() -> None:
    """A name cut in the middle of a character must not end a run whose send was made."""
    body = b'{"errcode":45028,"errmsg":"bad \\ud83d","tags":[{"name":"\\ud83c\\udf75\\ud83d"}]}'
    answer = parse_response("/cgi-bin/x", Reply(status=200, body=body))
    assert answer["errmsg"] == "bad ?"
    assert answer["tags"] == [{"name": "🍵?"}]
