"""Followers, pages of them and what is known of each; tags, and the followers under them."""

from tests.unit.sandbox.client import SERVICE, TEST, WeChat
from wechat_sandbox.followers import DELETABLE_MEMBERS, save_members


def create(wechat: WeChat, name: object) -> dict[str, object]:
    return wechat.post("tags/create", {"tag": {"name": name}})  # type: ignore[no-any-return]


def test_at_most_a_hundred_tags(wechat: WeChat) -> None:
    codes = [create(wechat, f"t{n}").get("errcode", 0) for n in range(94)]
    assert codes == [0] * 93 + [45056]


def test_one_who_left_has_no_tags(wechat: WeChat) -> None:
    tagged = wechat.post("user/tag/get", {"tagid": 2})["data"]["openid"]
    wechat.control("POST", "followers", {"appid": wechat.appid, "openids": tagged[:1], "subscribe": False})
    body = {"tagid": 2, "openid_list": tagged[:2]}
    assert wechat.post("tags/members/batchtagging", body)["errcode"] == 40003
    assert wechat.post("tags/members/batchuntagging", body)["errcode"] == 40003
    assert wechat.post("tags/getidlist", {"openid": tagged[0]})["errcode"] == 40003
    assert wechat.post("user/tag/get", {"tagid": 2})["data"]["openid"] == tagged[1:]
    assert [tag["count"] for tag in wechat.get("tags/get")["tags"] if tag["id"] == 2] == [len(tagged) - 1]


def test_a_deleted_tag_is_gone_from_its_followers(wechat: WeChat) -> None:
    openid = wechat.post("user/tag/get", {"tagid": 101})["data"]["openid"][0]
    before = wechat.post("tags/getidlist", {"openid": openid})
    assert before == {"tagid_list": wechat.get("user/info", openid=openid)["tagid_list"]}
    assert wechat.post("tags/delete", {"tag": {"id": 101}})["errcode"] == 0
    left = [tag for tag in before["tagid_list"] if tag != 101]
    assert wechat.post("tags/getidlist", {"openid": openid})["tagid_list"] == left
    assert wechat.post("tags/delete", {"tag": {"id": 101}})["errcode"] == 45159
    assert len(wechat.openids()) == 60


def test_a_tag_of_many_followers_is_not_deleted(wechat: WeChat) -> None:
    for members, errcode in ((DELETABLE_MEMBERS + 1, 45057), (DELETABLE_MEMBERS, 0)):
        with wechat.dispatcher.store.transaction() as db:
            save_members(db, SERVICE, 100, (1 << members) - 1)
        assert wechat.post("tags/delete", {"tag": {"id": 100}})["errcode"] == errcode


def test_members_from_one_on(wechat: WeChat) -> None:
    everyone = wechat.post("user/tag/get", {"tagid": 2})
    assert everyone["count"] == len(everyone["data"]["openid"]) == 6
    after = wechat.post("user/tag/get", {"tagid": 2, "next_openid": everyone["data"]["openid"][3]})
    assert after["data"]["openid"] == everyone["data"]["openid"][4:]
    assert wechat.post("user/tag/get", {"tagid": 2, "next_openid": after["next_openid"]}) == {
        "count": 0, "next_openid": ""
    }  # fmt: skip


def test_a_follower_has_twenty_tags_at_most(wechat: WeChat) -> None:
    openid = wechat.openids()[1]
    ids = [create(wechat, f"t{n}")["tag"]["id"] for n in range(21)]  # type: ignore[index]
    have = len(wechat.get("user/info", openid=openid)["tagid_list"])
    codes = [
        wechat.post("tags/members/batchtagging", {"tagid": tag_id, "openid_list": [openid]})["errcode"]
        for tag_id in [*ids[: 21 - have], ids[0]]
    ]
    assert codes == [0] * (20 - have) + [45059, 0]


def test_unverified_accounts_have_no_tags(wechat: WeChat) -> None:
    assert "tags" in wechat.of(TEST).get("tags/get")
    wechat.control("POST", "accounts", {"appid": TEST, "kind": "unverified"})
    assert wechat.of(TEST).get("tags/get")["errcode"] == 48001


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


def test_followers_of_a_dense_set_and_of_a_sparse_one_are_listed_alike(wechat: WeChat) -> None:
    """A range of followers is read at once, single ones apart: those who left are in neither answer."""
    openids = wechat.openids()
    wechat.control("POST", "followers", {"appid": SERVICE, "openids": openids[10:13], "subscribe": False})
    assert wechat.get("user/get")["data"]["openid"] == [*openids[:10], *openids[13:]]
    wechat.control("POST", "followers", {"appid": SERVICE, "openids": openids[1:55], "subscribe": False})
    assert wechat.get("user/get")["data"]["openid"] == [openids[0], *openids[55:]]
    assert wechat.get("user/get", next_openid=openids[0])["data"]["openid"] == openids[55:]


def test_the_second_page_of_followers_begins_behind_the_first(wechat: WeChat) -> None:
    wechat.control("POST", "seed", {"accounts": [{"appid": SERVICE, "followers": 10_050}]})
    first = wechat.get("user/get")
    assert (first["total"], first["count"], len(first["data"]["openid"])) == (10_050, 10_000, 10_000)
    second = wechat.get("user/get", next_openid=first["next_openid"])
    assert second["count"] == 50
    assert not {*first["data"]["openid"]} & {*second["data"]["openid"]}
