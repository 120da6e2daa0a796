"""What every call passes: method, body, permission, record, faults."""

import json
import re
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.unit.sandbox.bodies import BODIES, SENDALL
from tests.unit.sandbox.client import SERVICE, WeChat, with_each_part_odd
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import HttpRequest
from wechat_sandbox.dispatcher import Dispatcher


def test_an_error_carries_the_platforms_text_and_a_rid(wechat: WeChat) -> None:
    answer = wechat.post("tags/update", {"tag": {"id": 900, "name": "x"}})
    assert re.fullmatch(r"invalid tag id rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}", answer["errmsg"])


@pytest.mark.parametrize("errcode", [40001, 40003, 40032, 40033, 44003, 45002, 45003, 47001])
def test_some_errors_have_been_recorded_with_a_hint(errcode: int) -> None:
    errmsg = ErrcodeError(errcode).answer("R")["errmsg"]
    assert re.search(r" hint: \[[0-9a-f]{14}\] rid: R$", errmsg)


def test_answers_are_compact_raw_utf8(wechat: WeChat) -> None:
    answer = wechat.http.get("/cgi-bin/tags/get", query_string={"access_token": wechat.token})
    assert "星标组".encode() in answer.data
    assert b'": ' not in answer.data
    assert answer.content_type == "application/json; encoding=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "errcode"),
    [
        ("POST", "user/get", 43001),
        ("GET", SENDALL, 43002),
        ("PUT", "tags/create", 43002),
    ],
)
def test_wrong_methods_and_paths(wechat: WeChat, method: str, path: str, errcode: int) -> None:
    assert wechat.raw(method, path)["errcode"] == errcode


@pytest.mark.parametrize(
    ("raw", "errcode"),
    [
        (b"", 44002),
        (b"{", 47001),
        (b"[1]", 47001),
        (b"[" * 100_000, 47001),
        (b'{"tag":{"name":"\\u4f1a"}}', 40033),
        ('{"tag":{"name":"会"}}'.encode("gbk"), 40033),
    ],
)
def test_bad_bodies(wechat: WeChat, raw: bytes, errcode: int) -> None:
    assert wechat.post("tags/create", raw)["errcode"] == errcode


@pytest.mark.deep
@pytest.mark.parametrize(("path", "body"), BODIES, ids=[f"{n}-{path}" for n, (path, _) in enumerate(BODIES)])
def test_no_odd_part_makes_the_sandbox_fail(wechat: WeChat, path: str, body: dict[str, object]) -> None:
    wechat.stock()
    for odd in with_each_part_odd(body):
        answer = wechat.post(path, odd)
        assert answer.get("errcode", 0) != -1, odd


def test_a_call_is_recorded_with_what_was_answered(wechat: WeChat) -> None:
    wechat.post("tags/create", {"tag": {"name": "会员"}})
    last = wechat.control("GET", "requests", limit=1)["requests"][0]
    assert (last["method"], last["path"], last["errcode"]) == ("POST", "/cgi-bin/tags/create", 45157)
    assert (last["body"], last["query"], last["appid"]) == ({"tag": {"name": "会员"}}, {}, SERVICE)
    assert wechat.control("GET", "requests", after=last["id"])["requests"] == []
    assert wechat.control("GET", "requests", path="/nix")["requests"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_is_not_served_says_so(wechat: WeChat, method: str) -> None:
    answer = wechat.http.open("/cgi-bin/menu/create", method=method)
    assert json.loads(answer.data)["errcode"] == 40066
    assert answer.headers["X-Sandbox"] == "not in this sandbox"
    assert "X-Sandbox" not in wechat.http.get("/cgi-bin/tags/get").headers
    assert [call["served"] for call in wechat.control("GET", "requests")["requests"]] == [False, True]
    assert wechat.control("GET", "version")["not_served"] == ["/cgi-bin/menu/create"]


# --- faults ------------------------------------------------------------------------------------


def order(wechat: WeChat, **fault: object) -> None:
    wechat.control("POST", "faults", {"endpoint": SENDALL, **fault})


def test_a_fault_for_a_path_that_is_not_served_is_refused(wechat: WeChat) -> None:
    for endpoint in ("tags/gett", "/cgi-bin/menu/create", "/datacube/nothing"):
        refused = wechat.control("POST", "faults", {"endpoint": endpoint, "kind": "html"})
        assert "does not serve" in refused["error"]
    for endpoint in ("*", "tags/get", "/cgi-bin/tags/get", "/datacube/getarticletotaldetail"):
        wechat.control("POST", "faults", {"endpoint": endpoint, "kind": "html"})
    assert len(wechat.control("GET", "faults")["faults"]) == 4


def test_an_ordered_errcode_comes_instead_of_the_effect(wechat: WeChat) -> None:
    order(wechat, kind="errcode", errcode=45009, times=2)
    assert "tags" in wechat.get("tags/get")
    codes = [wechat.sendall(clientmsgid=str(n))["errcode"] for n in range(3)]
    assert codes == [45009, 45009, 0]
    assert len(wechat.control("GET", "jobs")["jobs"]) == 1


def test_a_first_call_can_be_told_it_is_a_duplicate(wechat: WeChat) -> None:
    order(wechat, kind="errcode", errcode=45065, after=True)
    answer = wechat.sendall(clientmsgid="a")
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert (answer["errcode"], answer["msg_id"]) == (45065, job["msg_id"])


def test_skip_lets_calls_pass_first(wechat: WeChat) -> None:
    order(wechat, kind="errcode", errcode=-1, skip=1)
    assert [wechat.sendall(clientmsgid=str(n))["errcode"] for n in range(3)] == [0, -1, 0]


@pytest.mark.parametrize(
    ("kind", "status", "begins"),
    [("garbage", 200, b'{"errcode":0,"errm\xff'), ("html", 200, b"<html>"), ("http_500", 500, b"<html>")],
)
@pytest.mark.parametrize("after", [False, True])
def test_spoilt_answers(wechat: WeChat, kind: str, status: int, begins: bytes, after: bool) -> None:
    order(wechat, kind=kind, after=after)
    body = json.dumps({"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": "x"}})
    answer = wechat.http.post(f"/cgi-bin/{SENDALL}", data=body, query_string={"access_token": wechat.token})
    assert answer.status_code == status
    assert answer.data.startswith(begins)
    assert len(wechat.control("GET", "jobs")["jobs"]) == after


def test_latency_waits_and_answers(wechat: WeChat) -> None:
    waited: list[float] = []
    slow = Dispatcher(store=wechat.dispatcher.store, sleep=waited.append)
    incoming = HttpRequest(method="GET", path="/cgi-bin/tags/get", query={"access_token": wechat.token})
    order(wechat, kind="latency", latency_s=2.5, endpoint="*")
    answer, spoilt = slow.handle(incoming)
    assert waited == [2.5]
    assert spoilt is None
    assert isinstance(answer, dict)


@pytest.mark.parametrize("ahead_s", [3600, -90])
def test_an_answer_may_have_another_date(wechat: WeChat, ahead_s: int) -> None:
    wechat.control("POST", "clock", {"advance_s": 10**6})
    order(wechat, kind="clock", endpoint="tags/get", ahead_s=ahead_s)
    for expected_s in (ahead_s, 0):
        answer = wechat.http.get(f"/cgi-bin/tags/get?access_token={wechat.token}")
        assert answer.json["tags"]
        away_s = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        assert abs(away_s - expected_s) < 60


def test_faults_are_listed_and_cancelled(wechat: WeChat) -> None:
    order(wechat, kind="cut_after", times=None)
    (listed,) = wechat.control("GET", "faults")["faults"]
    assert (listed["kind"], listed["times"], listed["endpoint"]) == ("cut_after", None, f"/cgi-bin/{SENDALL}")
    assert wechat.control("DELETE", "faults") == {"faults": []}
