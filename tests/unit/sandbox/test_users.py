"""Followers: pages of them, what is known of each, the block list."""

from tests.unit.sandbox.client import WeChat


def test_followers_are_paged_to_an_empty_end(wechat: WeChat) -> None:
    page = wechat.get("user/get")
    assert (page["total"], page["count"], len(page["data"]["openid"])) == (60, 60, 60)
    assert all(len(openid) == 28 and openid[0] == "o" for openid in page["data"]["openid"])
    assert wechat.get("user/get", next_openid=page["next_openid"]) == {
        "total": 60, "count": 0, "next_openid": "",
    }  # fmt: skip
    rest = wechat.get("user/get", next_openid=page["data"]["openid"][49])
    assert rest["data"]["openid"] == page["data"]["openid"][50:]
    assert wechat.get("user/get", next_openid="o1")["errcode"] == 40003


def test_user_info_tells_no_names(wechat: WeChat) -> None:
    openid = wechat.openids()[0]
    told = wechat.get("user/info", openid=openid)
    assert (told["subscribe"], told["nickname"], told["headimgurl"]) == (1, "", "")
    wechat.control("POST", "followers", {"appid": wechat.appid, "openids": [openid], "subscribe": False})
    batch = wechat.post("user/info/batchget", {"user_list": [{"openid": openid}]})
    assert batch == {"user_info_list": [{"subscribe": 0, "openid": openid, "tagid_list": []}]}
    assert wechat.get("user/info", openid="o1")["errcode"] == 40003


def test_blocking(wechat: WeChat) -> None:
    some = wechat.openids()[:2]
    assert wechat.post("tags/members/batchblacklist", {"openid_list": some})["errcode"] == 0
    page = wechat.post("tags/members/getblacklist", {"begin_openid": ""})
    assert (page["data"]["openid"], page["next_openid"]) == (some, some[-1])
    after = wechat.post("tags/members/getblacklist", {"begin_openid": some[0]})
    assert (after["total"], after["data"]["openid"]) == (2, some[1:])
    wechat.post("tags/members/batchunblacklist", {"openid_list": some[:1]})
    assert wechat.post("tags/members/getblacklist")["total"] == 1
