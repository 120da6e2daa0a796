"""Uses wechatpy's client of third-party platforms, 1.8 or 2.0; SANDBOX is for control calls only.

Run with HTTPS_PROXY and REQUESTS_CA_BUNDLE, so that https://api.weixin.qq.com is the sandbox.
"""

import os
import queue
import sys

import wechatpy
from callback_server import Push, control, listen
from wechatpy import WeChatComponent
from wechatpy.exceptions import WeChatClientException

SANDBOX = os.environ["SANDBOX"]
PLATFORM, SECRET, ACCOUNT = "wx00000000000000f1", "0" * 32, "wx0000000000000001"
TOKEN, AES_KEY = "a-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def change(**spec: object) -> None:
    control(SANDBOX, "platforms", {"appid": PLATFORM, "secret": SECRET, **spec})


def receive(component: WeChatComponent, pushes: "queue.Queue[Push]") -> object:
    """Return the next push as the client reads it; it fetches the tokens of an account itself."""
    query, body = pushes.get(timeout=60)
    return component.parse_message(body, query["msg_signature"], query["timestamp"], query["nonce"])


def refusal(client: object) -> int:
    """Return the errcode of a send in the name of the account; 0 without one."""
    tag = "tag_or_users" if wechatpy.__version__ >= "2" else "group_or_users"
    try:
        client.message.send_mass_text(content="你好", **{tag: 2})  # type: ignore[attr-defined]
    except WeChatClientException as refused:
        return int(refused.errcode)
    return 0


def main() -> None:
    url, pushes = listen(lambda _query: True)
    change(callback={"url": url, "token": TOKEN, "aes_key": AES_KEY})
    component = WeChatComponent(PLATFORM, SECRET, TOKEN, AES_KEY)
    assert receive(component, pushes).verify_ticket == component.component_verify_ticket
    link = component.get_pre_auth_url("https://example.com/done")
    change(authorized={ACCOUNT: [2, 7, 11]})
    authorized = receive(component, pushes)
    assert (authorized.type, authorized.authorizer_appid) == ("authorized", ACCOUNT)
    assert f"pre_auth_code={authorized.pre_auth_code}&" in link
    granted = component.query_auth(authorized.authorization_code)["authorization_info"]
    assert [one["funcscope_category"]["id"] for one in granted["func_info"]] == [2, 7, 11]
    listed = component.get_authorizer_list()
    assert (listed["total_count"], listed["list"][0]["authorizer_appid"]) == (1, ACCOUNT)
    assert component.get_authorizer_info(ACCOUNT)["authorizer_info"]["nick_name"] == "示例服务号"
    client = component.get_client_by_appid(ACCOUNT)
    assert len(list(client.user.iter_followers())) == 60
    assert refusal(client) == 0
    control(SANDBOX, "clock", {"advance_s": 25 * 3600})
    assert receive(component, pushes).verify_ticket == component.component_verify_ticket
    assert refusal(client) == 0  # its token has ended: it refreshes it, and the platform's own
    change(authorized={ACCOUNT: [2, 11]})
    assert receive(component, pushes).type == "updateauthorized"
    assert refusal(client) == 61007
    change(authorized={ACCOUNT: None})
    assert receive(component, pushes).type == "unauthorized"
    assert refusal(client) == 61003
    sys.stdout.write("ok\n")


main()
