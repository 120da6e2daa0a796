"""A third-party platform: from the ticket to a call for an account, and what stops each step."""

from xml.etree import ElementTree

import pytest
from wechatpy.crypto import WeChatCrypto

from tests.unit.sandbox.client import SERVICE, SUBSCRIPTION, WeChat
from tests.unit.sandbox.test_callbacks import AES_KEY, TOKEN, push, receiving
from wechat_sandbox import platforms
from wechat_sandbox.calls import ENDPOINTS
from wechat_sandbox.seeds import SECRET

PLATFORM = "wxplatform"
ALL = [2, 7, 11, 100]


def change(wechat: WeChat, **spec: object) -> dict[str, object]:
    told = wechat.control("POST", "platforms", {"appid": PLATFORM, **spec})
    assert "error" not in told, told
    (about,) = told["platforms"]
    return about  # type: ignore[no-any-return]


def component(wechat: WeChat, name: str, token: str | None, **body: object) -> dict[str, object]:
    query = {} if token is None else {"component_access_token": token}
    body = {"component_appid": PLATFORM, **body}
    return wechat.raw("POST", f"component/api_{name}", body, token=None, **query)  # type: ignore[no-any-return]


def token_of(wechat: WeChat, **changed: object) -> dict[str, object]:
    ticket = wechat.control("GET", "platforms")["platforms"][0]["component_verify_ticket"]
    spec = {"component_appsecret": SECRET, "component_verify_ticket": ticket, **changed}
    return component(wechat, "component_token", None, **spec)


def listed(wechat: WeChat, token: str) -> dict[str, str]:
    page = component(wechat, "get_authorizer_list", token, offset=0, count=500)
    return {one["authorizer_appid"]: one["refresh_token"] for one in page["list"]}  # type: ignore[attr-defined]


def behalf(wechat: WeChat, appid: str = SERVICE) -> str:
    """Return a token for calls in the name of an account, as a token server makes it."""
    ours = str(token_of(wechat)["component_access_token"])
    spec = {"authorizer_appid": appid, "authorizer_refresh_token": listed(wechat, ours)[appid]}
    return str(component(wechat, "authorizer_token", ours, **spec)["authorizer_access_token"])


def code(wechat: WeChat, token: str, path: str = "tags/get") -> object:
    return wechat.raw("POST", path, {}, token=token).get("errcode", 0)


def test_a_platform_sends_for_an_account_without_its_secret(wechat: WeChat) -> None:
    change(wechat, authorized={SERVICE: ALL})
    wechat.control("POST", "accounts", {"appid": SERVICE, "frozen": True})
    assert wechat.raw("POST", "stable_token", {"grant_type": "client_credential", "appid": SERVICE,
                                               "secret": SECRET}, token=None)["errcode"] == 40243  # fmt: skip
    wechat._token = behalf(wechat)
    assert wechat.sendall()["errcode"] == 0
    assert wechat.control("GET", "deliveries")["total"] == 6


def test_the_ways_from_a_code_and_from_a_refresh_token_agree(wechat: WeChat) -> None:
    change(wechat)
    ours = str(token_of(wechat)["component_access_token"])
    link = component(wechat, "create_preauthcode", ours)
    assert link["expires_in"] == 600
    change(wechat, authorized={SERVICE: [7, 11]}, unconfirmed=[11])
    (event,) = [one for one in wechat.control("GET", "events")["events"] if one["InfoType"] == "authorized"]
    assert event["PreAuthCode"] == link["pre_auth_code"]
    info = component(wechat, "query_auth", ours, authorization_code=event["AuthorizationCode"])
    granted = info["authorization_info"]
    assert [one["funcscope_category"]["id"] for one in granted["func_info"]] == [7, 11]  # type: ignore[index]
    assert granted["func_info"][1]["confirm_info"]["already_confirm"] == 0  # type: ignore[index]
    assert listed(wechat, ours) == {SERVICE: granted["authorizer_refresh_token"]}  # type: ignore[index]
    assert code(wechat, granted["authorizer_access_token"], "message/mass/get") == 40059  # type: ignore[index]
    about = component(wechat, "get_authorizer_info", ours, authorizer_appid=SERVICE)
    assert about["authorization_info"]["func_info"] == granted["func_info"]  # type: ignore[index]
    assert about["authorizer_info"]["nick_name"] == "示例服务号"  # type: ignore[index]
    unknown = component(wechat, "query_auth", ours, authorization_code="x")
    assert unknown["errcode"] == 61009
    wechat.wait(3601)
    late = component(wechat, "query_auth", ours, authorization_code=event["AuthorizationCode"])
    assert late["errcode"] == 61010


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [({"component_appid": "wx9"}, 61011), ({"component_appsecret": "x"}, 40125),
     ({"component_appsecret": ""}, 41004), ({"component_verify_ticket": "x"}, 61006)],
)  # fmt: skip
def test_what_a_platforms_token_is_refused_for(wechat: WeChat, changed: dict[str, str], errcode: int) -> None:
    change(wechat)
    assert token_of(wechat, **changed)["errcode"] == errcode


def test_a_ticket_comes_every_ten_minutes_and_lives_for_twelve_hours(wechat: WeChat) -> None:
    first = change(wechat)["component_verify_ticket"]
    wechat.wait(599)
    assert change(wechat)["component_verify_ticket"] == first
    wechat.wait(2)
    assert change(wechat)["component_verify_ticket"] != first
    assert "component_access_token" in token_of(wechat, component_verify_ticket=first)
    wechat.wait(12 * 3600)
    assert token_of(wechat, component_verify_ticket=first)["errcode"] == 61005
    assert "component_access_token" in token_of(wechat)


@pytest.mark.parametrize(
    ("permissions", "unconfirmed", "path", "errcode"),
    [([2, 11], [], "message/mass/get", 61007), ([7], [], "draft/count", 61007),
     ([7], [], "tags/get", 61007), ([100], [], "tags/get", 0), ([100], [], "draft/count", 0),
     ([7], [7], "message/mass/get", 61016), ([2, 100], [2], "tags/get", 0),
     ([], [], "getcallbackip", 0), ([100], [], "user/info/batchget", 61007)],
)  # fmt: skip
def test_permission_sets(
    wechat: WeChat, permissions: list[int], unconfirmed: list[int], path: str, errcode: int
) -> None:
    change(wechat, authorized={SERVICE: permissions}, unconfirmed=unconfirmed)
    assert code(wechat, behalf(wechat), path) == errcode


def test_every_call_of_an_account_has_its_permission_set() -> None:
    free = [path for path, endpoint in ENDPOINTS.items() if endpoint.needs_token
            and not path.startswith(tuple(platforms.PERMISSION_SETS))]  # fmt: skip
    assert free == ["/cgi-bin/getcallbackip", "/cgi-bin/openapi/quota/get"]


def test_what_is_withdrawn_ends_at_once_and_comes_back_with_another_refresh_token(wechat: WeChat) -> None:
    change(wechat, authorized={SERVICE: ALL, SUBSCRIPTION: ALL})
    ours = str(token_of(wechat)["component_access_token"])
    before, token = listed(wechat, ours)[SERVICE], behalf(wechat)
    change(wechat, authorized={SERVICE: [2]})
    assert (code(wechat, token), code(wechat, token, "draft/count")) == (0, 61007)
    change(wechat, authorized={SERVICE: None})
    assert code(wechat, token) == 61003
    ours = str(token_of(wechat)["component_access_token"])
    assert [*listed(wechat, ours)] == [SUBSCRIPTION]
    refreshed = {"authorizer_appid": SERVICE, "authorizer_refresh_token": before}
    assert component(wechat, "authorizer_token", ours, **refreshed)["errcode"] == 61003
    change(wechat, authorized={SERVICE: ALL})
    assert component(wechat, "authorizer_token", ours, **refreshed)["errcode"] == 61023
    assert code(wechat, token) == 40001
    assert code(wechat, behalf(wechat)) == 0


def test_tokens_live_as_long_as_the_platform_says(wechat: WeChat) -> None:
    change(wechat, authorized={SERVICE: ALL}, token_life_s=5)
    token = behalf(wechat)
    ours = token_of(wechat)
    assert ours["expires_in"] == 5
    wechat.wait(4)
    assert code(wechat, token) == 0
    wechat.wait(2)
    assert code(wechat, token) == 42001
    assert component(wechat, "create_preauthcode", str(ours["component_access_token"]))["errcode"] == 42001
    assert code(wechat, behalf(wechat)) == 0


def test_no_token_or_code_stands_in_for_another(wechat: WeChat) -> None:
    change(wechat, authorized={SERVICE: ALL})
    ticket = str(wechat.control("GET", "platforms")["platforms"][0]["component_verify_ticket"])
    token = behalf(wechat)
    ours = str(token_of(wechat)["component_access_token"])
    link = str(component(wechat, "create_preauthcode", ours)["pre_auth_code"])
    (event,) = [one for one in wechat.control("GET", "events")["events"] if one["InfoType"] == "authorized"]
    for stranger in (ticket, link, listed(wechat, ours)[SERVICE], event["AuthorizationCode"]):
        assert code(wechat, stranger) == 40001
        assert component(wechat, "create_preauthcode", stranger)["errcode"] == 40001
    assert code(wechat, ours) == 48001
    assert component(wechat, "create_preauthcode", token)["errcode"] == 61014
    assert component(wechat, "create_preauthcode", wechat.token)["errcode"] == 61014
    assert component(wechat, "create_preauthcode", ours, component_appid="wx9")["errcode"] == 40013
    assert wechat.raw("POST", "component/api_create_preauthcode", {"component_appid": PLATFORM}, token=ours)[
        "expires_in"
    ]  # the newer pages name the parameter access_token


def test_a_platform_has_addresses_of_its_own(wechat: WeChat) -> None:
    change(wechat, authorized={SERVICE: ALL})
    token = behalf(wechat)
    wechat.control("POST", "accounts", {"appid": SERVICE, "ip_allow": ["10.0.0.0/8"]})
    assert code(wechat, token) == 0
    change(wechat, ip_allow=["10.0.0.0/8"])
    assert code(wechat, token) == 61004
    assert token_of(wechat)["errcode"] == 61004


def test_pushes_are_encrypted_for_the_platform(wechat: WeChat) -> None:
    crypto = WeChatCrypto(TOKEN, AES_KEY, PLATFORM)
    with receiving() as receiver:
        told = change(wechat, callback={"url": receiver.url, "token": TOKEN, "aes_key": AES_KEY})
        for permissions in (None, ALL, ALL, [7], [7], None, None):
            change(wechat, authorized={SERVICE: permissions})
        push(wechat)
    assert {ElementTree.fromstring(body).findtext("AppId") for _query, body in receiver.pushed} == {PLATFORM}
    events = [
        ElementTree.fromstring(
            crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        )
        for query, body in receiver.pushed
    ]
    kinds = ["component_verify_ticket", "authorized", "updateauthorized", "unauthorized"]
    assert [event.findtext("InfoType") for event in events] == kinds
    assert events[0].findtext("ComponentVerifyTicket") == told["component_verify_ticket"]
    assert AES_KEY not in str(told)


@pytest.mark.parametrize(
    "spec",
    [{"appid": SERVICE}, {"authorized": {"wx9": []}}, {"ip_allow": ["x"]}, {"token_life_s": 0},
     {"callback": {"url": "u", "token": "t", "aes_key": "short"}}, {"callback": {"url": "u", "token": "t"}}],
    ids=str,
)  # fmt: skip
def test_a_platform_that_cannot_be_is_refused(wechat: WeChat, spec: dict[str, object]) -> None:
    assert [*wechat.control("POST", "platforms", {"appid": PLATFORM, **spec})] == ["error"]
    assert wechat.control("GET", "platforms") == {"platforms": []}


def test_a_seed_has_platforms_and_a_reset_brings_them_back(wechat: WeChat) -> None:
    accounts = [{"appid": f"wx{number}"} for number in range(3)]
    granted = {one["appid"]: ALL for one in accounts}
    wechat.control(
        "POST", "seed", {"accounts": accounts, "platforms": [{"appid": PLATFORM, "authorized": granted}]}
    )
    assert code(wechat, behalf(wechat, "wx2")) == 0
    (kept,) = wechat.control("GET", "requests", path="/cgi-bin/component/api_authorizer_token")["requests"]
    assert [*kept["query"], *kept["body"]] == ["component_appid", "authorizer_appid"]
