"""Call counters, and what a rid stands for."""

import pytest

from tests.unit.sandbox.client import NOON, SERVICE, SUBSCRIPTION, WeChat


def test_a_rid_explains_its_call_for_a_week(wechat: WeChat) -> None:
    rid = wechat.post("tags/create", {"tag": {"name": "会员"}})["errmsg"].rsplit(" ", 1)[1]
    told = wechat.post("openapi/rid/get", {"rid": rid})["request"]
    assert "会员" in told["request_body"]
    assert told["request_url"] == f"access_token={wechat.token}"
    assert int(rid.partition("-")[0], 16) == int(NOON)
    assert "45157" in told["response_body"]
    assert wechat.of(SUBSCRIPTION).post("openapi/rid/get", {"rid": rid})["errcode"] == 76003
    assert wechat.post("openapi/rid/get", {"rid": "0-0-0"})["errcode"] == 76001
    assert {wechat.post("openapi/rid/get", {"rid": odd})["errcode"] for odd in (1, "", "x")} == {76002}
    wechat.wait(8 * 86400)
    wechat._token = ""
    assert wechat.post("openapi/rid/get", {"rid": rid})["errcode"] == 76004


@pytest.mark.slow
def test_call_counters_are_told_and_set_back(wechat: WeChat) -> None:
    wechat.sendall()
    ask = {"cgi_path": "/cgi-bin/message/mass/sendall"}
    assert wechat.post("openapi/quota/get", ask)["quota"] == {"daily_limit": 100, "used": 1, "remain": 99}
    assert wechat.post("openapi/quota/get", {"cgi_path": "/nix"})["errcode"] == 76021
    assert wechat.post("clear_quota", {"appid": SUBSCRIPTION})["errcode"] == 40013
    assert [wechat.post("clear_quota", {"appid": SERVICE})["errcode"] for _ in range(11)] == [0] * 10 + [
        48006
    ]
    assert wechat.post("openapi/quota/get", ask)["quota"]["used"] == 0
    wechat.sendall(clientmsgid="b")
    codes = [wechat.post("openapi/quota/clear", ask)["errcode"] for _ in range(51)]
    assert codes == [0] * 50 + [48006]
    assert wechat.post("openapi/quota/get", ask)["quota"]["used"] == 0
