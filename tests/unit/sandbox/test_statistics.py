"""Statistics of articles: which days, which articles, and the join to a send."""

from datetime import datetime
from typing import Any

import pytest

from tests.unit.sandbox.client import TEST, WeChat
from wechat_sandbox import clock
from wechat_sandbox.statistics import ACTIONS, MESSAGE, SOURCES, PublicArticle

PATH = "/datacube/getarticletotaldetail"
DAY = {"begin_date": "2026-12-01", "end_date": "2026-12-01"}


def ask(wechat: WeChat, body: Any = DAY) -> Any:
    return wechat.http.post(PATH, json=body, query_string={"access_token": wechat.token}).get_json()


def test_articles_of_a_day_are_followed_for_thirty_days(wechat: WeChat) -> None:
    sent = wechat.sendall("mpnews", {"media_id": wechat.draft("春茶")}, filter={"is_to_all": True})
    wechat.sendall()
    wechat.next_day()
    wechat.next_day()
    told = ask(wechat)
    assert told == ask(wechat)
    assert told["is_delay"] is False
    (first,) = told["list"]
    assert (first["msgid"], first["publish_type"]) == (f"{sent['msg_data_id']}_1", 0)
    assert first["title"] == "春茶"
    assert first["content_url"].startswith("http://mp.weixin.qq.com/s/")
    days = first["detail_list"]
    assert [one["stat_date"] for one in days] == ["2026-12-01", "2026-12-02"]
    assert 0 < days[0]["read_user"] < days[1]["read_user"]
    for day in days:
        sources = {one["scene_desc"]: one["user_count"] for one in day["read_user_source"]}
        assert sources.pop("全部") == day["read_user"] == sum(sources.values())
        assert day["read_delivery_rate"] == sources["公众号消息"] / 60
        assert sum(one["rate"] for one in day["read_jump_position"]) == pytest.approx(1)
    for _ in range(40):
        wechat.next_day()
    assert len(ask(wechat)["list"][0]["detail_list"]) == 30


@pytest.mark.parametrize(
    ("begin", "end", "errcode"),
    [
        ("2026-12-1x", "2026-12-01", 61500),
        (None, "2026-12-01", 61500),
        ("2026-12-01", "2026-12-02", 61501),
        ("2026-12-02", "2026-12-01", 61501),
        ("2026-12-03", "2026-12-03", 61501),
        ("2025-10-31", "2025-10-31", 61501),
        ("2025-11-01", "2025-11-01", None),
        ("2026-12-02", "2026-12-02", 61503),
    ],
)
def test_days_that_are_refused(wechat: WeChat, begin: object, end: str, errcode: int | None) -> None:
    wechat.control("POST", "clock", {"at": "2026-12-03T07:59:00+08:00"})
    answer = ask(wechat, {"begin_date": begin, "end_date": end})
    assert answer.get("errcode") == errcode


def test_the_call_is_for_verified_accounts_and_a_thousand_times_a_day(wechat: WeChat) -> None:
    wechat.next_day()
    assert ask(wechat.of(TEST))["errcode"] == 48001
    quota = {"cgi_path": PATH}
    assert wechat.post("openapi/quota/get", quota)["quota"]["daily_limit"] == 1000
    wechat.control("POST", "accounts", {"appid": wechat.appid, "daily_limits": {PATH: 2}})
    assert [ask(wechat).get("errcode") for _ in range(3)] == [None, None, 45009]


def test_figures_of_yesterday_are_not_ready_then_incomplete(wechat: WeChat) -> None:
    wechat.sendall("mpnews", {"media_id": wechat.draft()}, filter={"is_to_all": True})
    wechat.control("POST", "clock", {"at": "2026-12-02T07:59:59+08:00"})
    wechat._token = ""
    assert ask(wechat)["errcode"] == 61503
    wechat.wait(1)
    early = ask(wechat)
    assert early["is_delay"] is True
    wechat.wait(1799)
    assert ask(wechat)["is_delay"] is True
    wechat.wait(1)
    ready = ask(wechat)
    assert ready["is_delay"] is False
    assert early["list"] != ready["list"]


def test_readers_comment_where_they_may(wechat: WeChat) -> None:
    wechat.control("POST", "seed", {"accounts": [{"appid": wechat.appid, "followers": 2000}]})
    for title, is_open in (("关", 0), ("开", 1)):
        article = wechat.draft(title, need_open_comment=is_open)
        wechat.sendall("mpnews", {"media_id": article}, filter={"is_to_all": False, "tag_id": 100})
    wechat.wait(20 * 86400)
    last = {one["title"]: one["detail_list"][-1] for one in ask(wechat)["list"]}
    assert last["关"]["comment_count"] == 0 < last["开"]["comment_count"] <= last["开"]["read_user"]


@pytest.mark.parametrize("delivered", [0, 1, 60, 5000])
def test_counts_never_fall_and_stay_within_the_followers(delivered: int) -> None:
    for number in range(20):
        sent_at, before = datetime(2026, 12, 1, 20, tzinfo=clock.CHINA).timestamp(), {}
        one = PublicArticle(msgid=f"{2247483648 + number}_1", sent_at=sent_at, delivered=delivered)
        for day in range(-1, 31):
            counts = one.counts(sent_at + day * 86400)
            assert SOURCES.keys() | ACTIONS.keys() < counts.keys()
            assert counts[MESSAGE] <= delivered
            assert max(counts[name] for name in ACTIONS) <= counts["read_user"]
            assert counts["read_subscribe_user"] <= counts["read_user"] - counts[MESSAGE]
            assert all(count >= before.get(name, 0) for name, count in counts.items())
            before = counts
            if day < 1:
                assert not any(before.values()), "nobody reads before it was sent"
