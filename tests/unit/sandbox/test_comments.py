"""Comments below articles: who writes them and when, and what an account may do with them."""

from typing import Any

from tests.unit.sandbox.client import SUBSCRIPTION, TEST, WeChat

EVERYONE = {"is_to_all": True}
MINUTES_10 = 600
CALLS = ("open", "close", "list", "markelect", "unmarkelect", "delete", "reply/add", "reply/delete")
OPEN = {"need_open_comment": 1, "only_fans_can_comment": 1}


def send(wechat: WeChat, *articles: dict[str, Any]) -> int:
    """Send articles to all sixty followers; its msg_data_id."""
    cover = wechat.material()
    drafts = [{"title": "茶", "content": "茶", "thumb_media_id": cover, **article} for article in articles]
    media_id = wechat.post("draft/add", {"articles": drafts})["media_id"]
    return int(wechat.sendall("mpnews", {"media_id": media_id}, filter=EVERYONE)["msg_data_id"])


def comment(wechat: WeChat, name: str, msg_data_id: object, **more: object) -> Any:
    return wechat.post(f"comment/{name}", {"msg_data_id": msg_data_id, **more})


def listed(wechat: WeChat, msg_data_id: int, **more: object) -> list[Any]:
    answer = comment(wechat, "list", msg_data_id, **{"begin": 0, "count": 49, "type": 0, **more})
    assert answer["errcode"] == 0, answer
    comments: list[Any] = answer["comment"]
    return comments


def test_readers_comment_as_the_clock_passes(wechat: WeChat) -> None:
    sent = send(wechat, OPEN)
    assert comment(wechat, "list", sent, begin=0, count=49, type=0) == {
        "errcode": 0, "errmsg": "ok", "total": 0, "comment": []
    }  # fmt: skip
    wechat.wait(MINUTES_10)
    (first,) = listed(wechat, sent)
    assert first.keys() == {"user_comment_id", "openid", "create_time", "content", "comment_type"}
    assert first["openid"] == wechat.openids()[0]
    assert first["comment_type"] == 0
    wechat.next_day()
    every = listed(wechat, sent)
    assert [one["user_comment_id"] for one in every] == [6, 5, 4, 3, 2, 1]
    assert {one["openid"] for one in every} == set(wechat.openids()[::10])


def test_comments_are_open_as_the_draft_has_it(wechat: WeChat) -> None:
    sent = send(wechat, {}, {"need_open_comment": 1}, OPEN)
    wechat.next_day()
    closed, for_all, for_fans = (listed(wechat, sent, index=index) for index in range(3))
    assert (len(closed), len(for_all), len(for_fans)) == (0, 7, 6)
    assert listed(wechat, sent) == closed
    assert ["openid" in one for one in for_all] == [False] + [True] * 6
    assert all("openid" in one for one in for_fans)


def test_only_a_send_that_succeeds_gets_comments(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "finish_after_s": 60})
    sent = send(wechat, OPEN)
    assert comment(wechat, "close", sent)["errcode"] == 88001
    wechat.wait(61)
    assert comment(wechat, "close", sent)["errcode"] == 0
    wechat.control("POST", "accounts", {"appid": wechat.appid, "verdict": "err(20001)"})
    wechat.next_day()
    failed = send(wechat, OPEN)
    wechat.wait(61)
    assert comment(wechat, "open", failed)["errcode"] == 88001


def test_opening_and_closing(wechat: WeChat) -> None:
    sent = send(wechat, OPEN)
    wechat.wait(2 * MINUTES_10)
    assert comment(wechat, "close", sent)["errcode"] == 0
    wechat.next_day()
    assert len(listed(wechat, sent)) == 2
    for _ in range(2):
        assert comment(wechat, "open", sent) == {"errcode": 0, "errmsg": "ok"}
    wechat.wait(MINUTES_10)
    assert len(listed(wechat, sent)) == 3
    wechat.next_day()
    assert len({one["openid"] for one in listed(wechat, sent)}) == 6


def test_sends_that_share_an_article_share_its_comments(wechat: WeChat) -> None:
    people, media_id = wechat.openids(), wechat.draft(**OPEN)
    body = {"msgtype": "mpnews", "mpnews": {"media_id": media_id}}
    sent = [
        wechat.post("message/mass/send", {**body, "touser": people[n : n + 2]})["msg_data_id"] for n in (0, 2)
    ]
    assert len(set(sent)) == 1
    wechat.wait(MINUTES_10)
    assert {one["openid"] for one in listed(wechat, sent[0])} == {people[0], people[2]}
    comment(wechat, "close", sent[0])
    wechat.post("message/mass/send", {**body, "touser": people[4:6]})
    wechat.wait(MINUTES_10)
    assert len(listed(wechat, sent[0])) == 2


def test_pages_and_types(wechat: WeChat) -> None:
    sent = send(wechat, OPEN)
    wechat.next_day()
    page = comment(wechat, "list", str(sent), index="0", begin=4, count=4, type=0)
    assert (page["total"], [one["user_comment_id"] for one in page["comment"]]) == (6, [2, 1])
    assert comment(wechat, "list", sent, begin=6, count=4, type=0)["comment"] == []
    comment(wechat, "markelect", sent, user_comment_id=3)
    assert [one["user_comment_id"] for one in listed(wechat, sent, type=1)] == [6, 5, 4, 2, 1]
    (elected,) = listed(wechat, sent, type=2)
    assert (elected["user_comment_id"], elected["comment_type"]) == (3, 1)
    comment(wechat, "unmarkelect", sent, user_comment_id=3)
    assert listed(wechat, sent, type=2) == []


def test_replies(wechat: WeChat) -> None:
    sent = send(wechat, OPEN)
    wechat.wait(MINUTES_10)
    (one,) = listed(wechat, sent)
    who = {"user_comment_id": one["user_comment_id"]}
    for bad in ("", None, 7, "长" * 601):
        assert comment(wechat, "reply/add", sent, **who, content=bad)["errcode"] == 88007
    assert comment(wechat, "reply/add", sent, **who, content="谢谢")["errcode"] == 0
    assert comment(wechat, "reply/add", sent, **who, content="谢谢")["errcode"] == 88005
    (one,) = listed(wechat, sent)
    assert one["reply"]["content"] == "谢谢"
    assert one["reply"]["create_time"] == one["create_time"]
    assert comment(wechat, "reply/delete", sent, **who)["errcode"] == 0
    assert "reply" not in listed(wechat, sent)[0]
    assert comment(wechat, "reply/delete", sent, **who)["errcode"] == 87009
    assert comment(wechat, "delete", sent, **who)["errcode"] == 0
    assert listed(wechat, sent) == []
    for name in ("markelect", "unmarkelect", "delete", "reply/add", "reply/delete"):
        assert comment(wechat, name, sent, **who, content="x")["errcode"] == 88008


def test_at_most_a_hundred_elected(wechat: WeChat) -> None:
    wechat.control("POST", "seed", {"accounts": [{"appid": wechat.appid, "followers": 1200}]})
    sent = send(wechat, {"need_open_comment": 1})
    wechat.next_day()
    ids = [one["user_comment_id"] for begin in (0, 49, 98) for one in listed(wechat, sent, begin=begin)]
    codes = [comment(wechat, "markelect", sent, user_comment_id=n)["errcode"] for n in [*ids, ids[0]]]
    assert codes == [0] * 100 + [88003, 0]


def test_who_may_use_comments(wechat: WeChat) -> None:
    sent = send(wechat, {})
    assert comment(wechat.of(SUBSCRIPTION), "open", sent)["errcode"] == 88001
    assert comment(wechat.of(TEST), "open", sent)["errcode"] == 48001
    published = wechat.post("freepublish/submit", {"media_id": wechat.draft()})["msg_data_id"]
    assert comment(wechat, "open", published)["errcode"] == 88001
    wechat.control("POST", "accounts", {"appid": wechat.appid, "comments": False})
    assert {comment(wechat, name, sent)["errcode"] for name in CALLS} == {88000}
