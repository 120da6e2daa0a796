"""The sandbox's own calls."""

import json
from typing import Any

import pytest

from tests.unit.sandbox.client import SERVICE, SUBSCRIPTION, WeChat, dump, with_each_part_odd
from wechat_sandbox.control import ROUTES

OPENID = "openid of the first follower"
JOB = 1000000001
"""The first to everyone."""

CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("GET", "deliveries", None, {"msg_id": 1, "limit": 5}),
    ("GET", "jobs", None, {"appid": SERVICE}),
    ("GET", "requests", None, {"after": 1}),
    ("GET", "events", None, {}),
    ("GET", "accounts", None, {}),
    ("POST", "accounts", {"appid": SERVICE, "protection": True, "ip_allow": ["127.0.0.1"], "callback": None,
                          "daily_limits": {"/cgi-bin/tags/get": 3}}, {}),
    ("GET", "followers", None, {"appid": SERVICE, "limit": 3, "search": "tester", "tag_id": 2}),
    ("POST", "followers", {"appid": SERVICE, "openids": [OPENID], "subscribe": False}, {}),
    ("GET", "phone", None, {"appid": SERVICE, "openid": OPENID}),
    ("GET", "sends", None, {"appid": SERVICE, "offset": 1}),
    ("GET", "version", None, {}),
    ("POST", "seed", {"accounts": [{"appid": "wx9", "kind": "test", "secret": "s", "followers": 3,
                                    "tags": ["会员", {"id": 120, "name": "北京"}], "options": {}},
                                   {"appid": "wx8", "followers": [{"openid": "o1", "tags": ["会员"]}]}]}, {}),
    ("POST", "media", {"appid": SERVICE, "kind": "image", "data_base64": "iVBORw0KGgo="}, {}),
    ("POST", "console", {"appid": SERVICE, "media_id": "draft-1", "tag_id": 100}, {}),
    ("POST", "admin", {"msg_id": JOB, "confirm": True}, {}),
    ("GET", "clock", None, {}),
    ("POST", "clock", {"at": "2027-01-01T00:00:00+08:00"}, {}),
    ("GET", "faults", None, {}),
    ("POST", "faults", [{"kind": "http_503", "endpoint": "tags/get", "times": None},
                        {"kind": "clock", "ahead_s": -60}], {}),
    ("DELETE", "faults", None, {}),
    ("POST", "reset", None, {}),
]  # fmt: skip


def test_every_call_is_tried_here() -> None:
    assert sorted((method, name) for method, name, _body, _query in CALLS) == sorted(ROUTES)


@pytest.mark.parametrize(("method", "name", "body", "query"), CALLS, ids=lambda value: str(value)[:20])
def test_calls_are_answered(wechat: WeChat, method: str, name: str, body: Any, query: dict[str, Any]) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "protection": name == "admin"})
    wechat.control("POST", "media", {"appid": SERVICE, "kind": "news", "media_id": "draft-1"})
    wechat.sendall(filter={"is_to_all": True})
    body, query = json.loads(json.dumps([body, query]).replace(OPENID, wechat.openids()[0]))
    data = b"" if body is None else dump(body)
    answer = wechat.http.open(f"/_sandbox/{name}", method=method, data=data, query_string=query)
    assert answer.status_code == 200, answer.text


@pytest.mark.deep
@pytest.mark.parametrize(("method", "name", "body"), [call[:3] for call in CALLS if call[2] is not None])
def test_no_odd_part_makes_a_control_call_fail(wechat: WeChat, method: str, name: str, body: object) -> None:
    for odd in with_each_part_odd(body):
        answer = wechat.control(method, name, odd)
        assert "errcode" not in answer, odd
        assert "accounts" in wechat.control("GET", "accounts"), odd


@pytest.mark.parametrize(
    "spec",
    [{}, [3], {"kind": "http_200"}, {"kind": "cut"}, {"kind": "errcode", "times": 0},
     {"kind": "html", "when": 1}],
    ids=str,
)  # fmt: skip
def test_a_fault_of_another_shape_is_refused(wechat: WeChat, spec: object) -> None:
    answer = wechat.http.post("/_sandbox/faults", data=dump(spec))
    assert (answer.status_code, list(answer.get_json())) == (400, ["error"])


def test_the_clock_moves_and_comes_back(wechat: WeChat) -> None:
    start = wechat.control("GET", "clock")
    assert start == {"now": "2026-12-01T12:00:00+08:00", "offset_s": 0}
    wechat.wait(90)
    assert wechat.control("GET", "clock")["now"] == "2026-12-01T12:01:30+08:00"
    wechat.control("POST", "clock", {"at": "2027-01-01T00:00:00+08:00"})
    assert wechat.control("GET", "clock")["now"] == "2027-01-01T00:00:00+08:00"
    assert wechat.control("POST", "clock", {"reset": True}) == start


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "$"),
        ({"advance_s": "1"}, "$.advance_s"),
        ({"at": "2027-01-01T00:00:00"}, "offset"),
        ({"at": "soon"}, "soon"),
        ([], "object"),
    ],
)
def test_a_wrong_clock_call_is_explained(wechat: WeChat, body: object, says: str) -> None:
    assert says in wechat.control("POST", "clock", body)["error"]


def test_reset_begins_anew(wechat: WeChat) -> None:
    wechat.sendall()
    wechat.wait(100)
    wechat.control("POST", "seed", {"accounts": [{"appid": "wx9", "followers": 3}]})
    assert set(wechat.control("POST", "reset")["followers"]) == {f"wx000000000000000{n}" for n in (1, 2, 3)}
    assert wechat.control("GET", "jobs")["jobs"] == []
    assert wechat.control("GET", "clock")["offset_s"] == 0
    assert wechat.get("tags/get")["errcode"] == 40001  # clients fetch another


def test_media_can_have_a_chosen_id(wechat: WeChat) -> None:
    for kind in ("image", "voice", "mpvideo", "news"):
        told = wechat.control("POST", "media", {"appid": SERVICE, "media_id": f"M-{kind}", "kind": kind})
        assert told["media_id"] == f"M-{kind}"
    for n, (key, kind) in enumerate(
        {"image": "image", "voice": "voice", "mpvideo": "mpvideo", "mpnews": "news"}.items()
    ):
        assert wechat.sendall(key, {"media_id": f"M-{kind}"}, clientmsgid=str(n))["errcode"] == 0
    assert "$.kind" in wechat.control("POST", "media", {"appid": SERVICE, "kind": "x"})["error"]
    bad = {"appid": SERVICE, "kind": "image", "data_base64": "%"}
    assert "base64" in wechat.control("POST", "media", bad)["error"]


WRONG_SWITCHES: list[dict[str, object]] = [
    {"colour": 1},
    {"quota": "no"},
    {"daily_limits": {"/x": "y"}},
    {"callback": {"url": 3, "token": "t"}},
    {"kind": "x"},
    {"appid": "wx9"},
]


def test_switches(wechat: WeChat) -> None:
    told = wechat.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 3, "protection": True})
    assert (told["options"]["finish_after_s"], told["options"]["protection"]) == (3, True)
    assert "secret" not in told
    for wrong in WRONG_SWITCHES:
        assert "error" in wechat.control("POST", "accounts", {"appid": SERVICE, **wrong})


def test_a_verdict_can_be_ordered(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": SUBSCRIPTION, "verdict": "err(20001)"})
    account = wechat.of(SUBSCRIPTION)
    msg_id = account.sendall(clientmsgid="a")["msg_id"]
    assert account.post("message/mass/get", {"msg_id": msg_id})["msg_status"] == "SEND_FAIL"
    assert wechat.control("GET", "deliveries")["total"] == 0
    assert account.sendall(clientmsgid="b")["errcode"] == 0


def test_deliveries_are_limited_but_counted_whole(wechat: WeChat) -> None:
    wechat.sendall(filter={"is_to_all": True})
    told = wechat.control("GET", "deliveries", limit=5)
    assert (len(told["deliveries"]), told["total"]) == (5, 60)
    assert wechat.control("GET", "deliveries", appid=SUBSCRIPTION)["total"] == 0
    assert "number" in wechat.control("GET", "deliveries", msg_id="x")["error"]


def test_events_are_kept_even_when_nobody_wants_them(wechat: WeChat) -> None:
    wechat.sendall("mpnews", {"media_id": wechat.draft()})
    (event,) = wechat.control("GET", "events", appid=SERVICE)["events"]
    assert event["Event"] == "MASSSENDJOBFINISH"
    assert (event["Status"], event["TotalCount"], event["SentCount"]) == ("send success", 6, 6)
    assert event["ArticleUrlResult"]["Count"] == 1
    assert event["state"] == "unwanted"


def test_unknown_control_calls_list_the_known(wechat: WeChat) -> None:
    answer = wechat.http.get("/_sandbox/nix")
    assert answer.status_code == 404
    assert all(f"{method} {name}" in answer.json["error"] for method, name in ROUTES)


def test_a_call_without_an_account_names_the_parameter(wechat: WeChat) -> None:
    assert "`appid` names no account: ''" in wechat.control("GET", "followers")["error"]
    assert "`appid` names no account: 'wx8'" in wechat.control("GET", "followers", appid="wx8")["error"]


def test_deliveries_read_no_more_jobs_than_they_list(wechat: WeChat) -> None:
    """And a phone no more messages than it shows, however many there were."""
    openid, statements = wechat.openids()[0], list[str]()
    few, many = ("deliveries", {"limit": 5}), ("phone", {"appid": SERVICE, "openid": openid})

    def count(name: str, query: dict[str, Any]) -> int:
        db = wechat.dispatcher.store._db
        statements.clear()
        db.set_trace_callback(statements.append)
        assert "error" not in wechat.control("GET", name, **query)
        db.set_trace_callback(None)
        return len(statements)

    wechat.control("POST", "accounts", {"appid": SERVICE, "quota": False})
    for number in range(70):
        wechat.sendall(value={"content": f"{number}"})
        if number == 55:
            before = count(*few), count(*many)
    assert (count(*few), count(*many)) == before
    shown = wechat.control("GET", *many[:1], **many[1])
    assert (len(shown["messages"]), shown["earlier"]) == (50, True)
    assert shown["messages"][-1]["summary"] == "69"


def test_deliveries_tell_titles_and_not_whole_articles(wechat: WeChat) -> None:
    wechat.sendall("mpnews", {"media_id": wechat.draft("春天")})
    told = wechat.control("GET", "deliveries", limit=1)["deliveries"][0]
    assert told["content"] == {"articles": [{"title": "春天"}]}
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert job["content"]["articles"][0]["content"] == "<p>正文</p>"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("deliveries", {"limit": "9" * 40}),
        ("deliveries", {"limit": "x"}),
        ("deliveries", {"msg_id": "-1"}),
        ("requests", {"after": "²"}),
        ("followers", {"msg_id": "二"}),
        ("sends", {"limit": "9" * 40}),
    ],
)
def test_odd_numbers_in_the_query_are_explained(wechat: WeChat, name: str, query: dict[str, str]) -> None:
    answer = wechat.http.get(f"/_sandbox/{name}", query_string={"appid": SERVICE, **query})
    assert (answer.status_code, "is a number" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("step", ["1e300", "NaN", "-Infinity", "1e12"])
def test_the_clock_does_not_leave_its_century(wechat: WeChat, step: str) -> None:
    answer = wechat.http.post("/_sandbox/clock", data=f'{{"advance_s": {step}}}')
    assert answer.status_code == 400
    assert wechat.control("GET", "clock")["offset_s"] == 0


def test_a_person_sends_a_draft_in_the_console(wechat: WeChat) -> None:
    """The draft is used up, and so is the quota."""
    wechat.control("POST", "media", {"appid": SERVICE, "kind": "news", "media_id": "draft-1"})
    sent = wechat.control("POST", "console", {"appid": SERVICE, "media_id": "draft-1"})
    (job,) = wechat.control("GET", "jobs")["jobs"]
    assert (job["msg_id"], job["msg_data_id"]) == (sent["msg_id"], sent["msg_data_id"])
    wechat.control("POST", "media", {"appid": SERVICE, "kind": "news", "media_id": "draft-2"})
    answer = wechat.control("POST", "console", {"appid": SERVICE, "media_id": "draft-2"})
    assert "45028" in answer["error"]
