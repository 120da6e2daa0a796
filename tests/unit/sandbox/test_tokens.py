"""Both token spaces, as clients meet them; call counters."""

import json

import pytest

from tests.unit.sandbox.client import SERVICE, SUBSCRIPTION, TEST, WeChat, dump
from wechat_sandbox.seeds import SECRET

STABLE = {"grant_type": "client_credential", "appid": SERVICE, "secret": SECRET}


def classic(wechat: WeChat, **changed: str) -> dict[str, object]:
    return wechat.raw("GET", "token", token=None, **{**STABLE, **changed})  # type: ignore[no-any-return]


def stable(wechat: WeChat, **changed: object) -> dict[str, object]:
    return wechat.raw("POST", "stable_token", {**STABLE, **changed}, token=None)  # type: ignore[no-any-return]


def code(wechat: WeChat, token: object) -> object:
    return wechat.raw("GET", "tags/get", token=str(token)).get("errcode", 0)


def test_a_second_token_call_ends_the_first(wechat: WeChat) -> None:
    first, second = classic(wechat), classic(wechat)
    assert second.keys() == {"access_token", "expires_in"}
    assert second["expires_in"] == 7200
    assert code(wechat, first["access_token"]) == 40001
    assert code(wechat, second["access_token"]) == 0


def test_the_two_spaces_do_not_touch_each_other(wechat: WeChat) -> None:
    ours = stable(wechat)["access_token"]
    theirs = classic(wechat)["access_token"]
    assert (code(wechat, ours), code(wechat, theirs)) == (0, 0)


def test_a_stable_token_stays_until_five_minutes_before_its_end(wechat: WeChat) -> None:
    first = stable(wechat)
    wechat.wait(6000)
    assert stable(wechat) == {"access_token": first["access_token"], "expires_in": 1200}
    wechat.wait(1000)
    second = stable(wechat)
    assert second["access_token"] != first["access_token"]
    assert code(wechat, first["access_token"]) == 0
    wechat.wait(201)
    assert code(wechat, first["access_token"]) == 42001
    assert code(wechat, second["access_token"]) == 0


def test_force_refresh(wechat: WeChat) -> None:
    first = stable(wechat)["access_token"]
    second = stable(wechat, force_refresh=True)["access_token"]
    assert second != first
    assert code(wechat, first) == 40001
    assert stable(wechat, force_refresh=True)["access_token"] == second
    for _ in range(19):
        wechat.wait(31)
        assert "access_token" in stable(wechat, force_refresh=True)
    wechat.wait(31)
    assert stable(wechat, force_refresh=True)["errcode"] == 45009


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx9"}, 40013),
        ({"secret": "1" * 32}, 40125),
    ],
)
def test_wrong_credentials(wechat: WeChat, changed: dict[str, str], errcode: int) -> None:
    assert classic(wechat, **changed)["errcode"] == errcode
    assert stable(wechat, **changed)["errcode"] == errcode


@pytest.mark.parametrize(
    ("address", "allowed", "mapped"),
    [
        ("127.0.0.1", "10.0.0.1", "::ffff:127.0.0.1"),
        ("::1", "10.0.0.0/24", "::1"),
        ("10.0.1.7", "10.0.0.0/24", "::ffff:10.0.1.7"),
        ("10.0.0.7", "10.0.0.0/24", ""),
    ],
)
def test_the_list_of_addresses_names_the_one_it_refuses(
    wechat: WeChat, address: str, allowed: str, mapped: str
) -> None:
    token = stable(wechat)["access_token"]
    switches = {"ip_allow": ["192.168.1.1", allowed]}
    wechat.control("POST", "accounts", {"appid": SERVICE, **switches})
    where = {"REMOTE_ADDR": address}
    answers = [
        wechat.http.post("/cgi-bin/stable_token", data=dump(STABLE), environ_base=where),
        wechat.http.get(f"/cgi-bin/tags/get?access_token={token}", environ_base=where),
    ]
    refused = [bool(mapped), bool(mapped)]
    assert [json.loads(answer.data).get("errcode") == 40164 for answer in answers] == refused
    if mapped:
        errmsg = json.loads(answers[0].data)["errmsg"]
        assert errmsg.startswith(f"invalid ip {address} ipv6 {mapped}, not in whitelist rid: ")


def test_an_address_that_is_none_is_refused(wechat: WeChat) -> None:
    answer = wechat.control("POST", "accounts", {"appid": SERVICE, "ip_allow": ["here"]})
    assert "here" in answer["error"]


@pytest.mark.parametrize(("appid", "limit"), [(SERVICE, 2000), (TEST, 200)])
def test_token_calls_are_counted_like_others(wechat: WeChat, appid: str, limit: int) -> None:
    ask = {"cgi_path": "/cgi-bin/token"}
    assert classic(wechat, appid=appid).keys() == {"access_token", "expires_in"}
    told = wechat.of(appid).post("openapi/quota/get", ask)["quota"]
    assert told == {"daily_limit": limit, "used": 1, "remain": limit - 1}
    wechat.control("POST", "accounts", {"appid": appid, "daily_limits": {"/cgi-bin/token": 1}})
    assert classic(wechat, appid=appid)["errcode"] == 45009
    wechat.control("POST", "accounts", {"appid": appid, "quota": False})
    assert "access_token" in classic(wechat, appid=appid)


def test_stable_tokens_are_fetched_ten_thousand_times_a_minute(wechat: WeChat) -> None:
    asked = wechat.post("openapi/quota/get", {"cgi_path": "/cgi-bin/stable_token"})
    assert (asked["quota"]["daily_limit"], asked["rate_limit"]["call_count"]) == (500_000, 10_000)
    with wechat.dispatcher.store.transaction() as db:
        db.execute("UPDATE counter SET used = 10000 WHERE name = '/cgi-bin/stable_token'")
    assert stable(wechat)["errcode"] == 45011


def test_calls_need_a_token(wechat: WeChat) -> None:
    assert wechat.raw("GET", "tags/get", token=None)["errcode"] == 41001
    assert code(wechat, "nonsense") == 40001
    assert code(wechat, f"92_{'a' * 134}") == 40001


def test_a_token_is_its_accounts(wechat: WeChat) -> None:
    wechat.post("tags/create", {"tag": {"name": "只在这里"}})
    names = [tag["name"] for tag in wechat.of(SUBSCRIPTION).get("tags/get")["tags"]]
    assert "只在这里" not in names


def test_neither_token_nor_secret_is_recorded(wechat: WeChat) -> None:
    token = classic(wechat)["access_token"]
    stable(wechat)
    code(wechat, token)
    wechat.raw("POST", "clear_quota/v2", token=None, appid=SERVICE, appsecret=SECRET)
    recorded = str(wechat.control("GET", "requests"))
    assert str(token) not in recorded
    assert wechat.token not in recorded
    assert SECRET not in recorded


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("tags/create", 100),
        ("tags/members/batchtagging", 1000),
        ("media/upload", 500),
        ("user/get", 100),
        ("user/info", 500_000),
        ("draft/add", 1000),
    ],
)
def test_a_test_account_has_smaller_counters(wechat: WeChat, path: str, limit: int) -> None:
    asked = wechat.of(TEST).post("openapi/quota/get", {"cgi_path": f"/cgi-bin/{path}"})
    assert asked["quota"]["daily_limit"] == limit


def test_call_counters_are_told(wechat: WeChat) -> None:
    wechat.sendall()
    ask = {"cgi_path": "/cgi-bin/message/mass/sendall"}
    assert wechat.post("openapi/quota/get", ask)["quota"] == {"daily_limit": 100, "used": 1, "remain": 99}
