"""Statistics of articles: which days, which articles, and the join to a send."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.client import TEST, WeChat

DAY = {"begin_date": "2026-12-01", "end_date": "2026-12-01"}


def ask(wechat: WeChat, name: str, body: Any = DAY) -> Any:
    return wechat.http.post(
        f"/datacube/{name}", json=body, query_string={"access_token": wechat.token}
    ).get_json()


def test_articles_of_a_day_are_followed_for_thirty_days(wechat: WeChat) -> None:
    """Sent and published ones, joined by msg_data_id and number; figures grow up to yesterday."""
    sent = wechat.sendall("mpnews", {"media_id": wechat.draft("春茶")}, filter={"is_to_all": True})
    published = wechat.post("freepublish/submit", {"media_id": wechat.draft("公开")})
    wechat.sendall()
    wechat.next_day()
    wechat.next_day()
    told = ask(wechat, "getarticletotaldetail")
    assert told["is_delay"] is False
    first, second = told["list"]
    assert (first["msgid"], first["publish_type"]) == (f"{sent['msg_data_id']}_1", 0)
    assert (second["msgid"], second["publish_type"]) == (f"{published['msg_data_id']}_1", 1)
    assert first["title"] == "春茶"
    assert first["content_url"].startswith("http://mp.weixin.qq.com/s/")
    assert [(one["stat_date"], one["read_user"]) for one in first["detail_list"]] == [
        ("2026-12-01", 6), ("2026-12-02", 12)
    ]  # fmt: skip
    assert first["detail_list"][0]["read_delivery_rate"] == 0.1
    for _ in range(40):
        wechat.next_day()
    assert len(ask(wechat, "getarticletotaldetail")["list"][0]["detail_list"]) == 30


def test_days_are_read_shared_and_summed(wechat: WeChat) -> None:
    """Each day for itself; a day without anything is an empty list or zeros."""
    sent = wechat.sendall("mpnews", {"media_id": wechat.draft()}, filter={"is_to_all": True})
    for _ in range(6):
        wechat.next_day()
    (read,) = ask(wechat, "getarticleread")["list"]
    assert (read["msgid"], read["detail"]["read_user"]) == (f"{sent['msg_data_id']}_1", 6)
    assert ask(wechat, "getarticleshare")["list"] == []
    assert ask(wechat, "getarticleread", {"begin_date": "2026-12-05", "end_date": "2026-12-05"})["list"] == []
    days = ask(wechat, "getbizsummary", {"begin_date": "2026-12-01", "end_date": "2026-12-05"})["list"]
    assert [(day["detail"]["read_user"], day["detail"]["send_page_count"]) for day in days] == [
        (6, 1), (6, 0), (6, 0), (0, 0), (0, 0)
    ]  # fmt: skip


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
    """One day up to yesterday, from November 2025 on; yesterday's are ready at eight."""
    wechat.control("POST", "clock", {"at": "2026-12-03T07:59:00+08:00"})
    answer = ask(wechat, "getarticletotaldetail", {"begin_date": begin, "end_date": end})
    assert answer.get("errcode") == errcode


def test_the_calls_before_2025_are_switched_off(wechat: WeChat) -> None:
    """47009; and statistics are for verified accounts."""
    assert ask(wechat, "getarticlesummary")["errcode"] == 47009
    assert ask(wechat.of(TEST), "getarticletotaldetail")["errcode"] == 48001
