"""The figures of an article that was sent, read by the real client from a sandbox whose clock moves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.support.factories import make_account
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ApiError
from wechat_campaigns.source.secret import SANDBOX_SECRET
from wechat_campaigns.wechat.connection import connect

FIRST, SECOND = date(2026, 12, 1), date(2026, 12, 2)


def statistics(sandbox: Sandbox, name: str, begin: date, end: date) -> dict[str, Any]:
    span = {"begin_date": begin.isoformat(), "end_date": end.isoformat()}
    answer: dict[str, Any] = sandbox.call(f"../datacube/{name}", span)
    return answer


def test_figures_of_a_send_grow_day_by_day(sandbox: Sandbox) -> None:
    sandbox.control("POST", "clock", {"at": "2026-12-01T20:00:00+08:00"})
    article = {"title": "春茶", "content": "茶", "need_open_comment": 1, "only_fans_can_comment": 1}
    sandbox.media("DRAFT", "news", articles=[article])
    body = {"filter": {"is_to_all": True}, "msgtype": "mpnews", "mpnews": {"media_id": "DRAFT"}}
    sent = sandbox.call("message/mass/sendall", body)
    connection = connect(
        make_account(),
        sandbox.url,
        secret=lambda: SANDBOX_SECRET,
        clock=lambda: datetime.now(UTC),
        sleep=lambda _s: None,
    )
    api = connection.read_only()

    sandbox.control("POST", "clock", {"at": "2026-12-02T07:30:00+08:00"})
    with pytest.raises(ApiError) as refused:
        api.datacube_getarticletotaldetail(FIRST)
    assert refused.value.errcode == 61503
    for other in ("getarticleread", "getarticleshare", "getbizsummary"):
        assert statistics(sandbox, other, FIRST, FIRST)["errcode"] == 61503

    sandbox.control("POST", "clock", {"at": "2026-12-02T08:00:01+08:00"})
    early = api.datacube_getarticletotaldetail(FIRST)
    assert early["is_delay"] is True
    assert [one["read_user"] for one in early["list"][0]["detail_list"]] == [0]

    sandbox.control("POST", "clock", {"at": "2026-12-03T09:00:00+08:00"})
    complete = api.datacube_getarticletotaldetail(FIRST)
    assert complete["is_delay"] is False
    (found,) = complete["list"]
    assert found["msgid"] == f"{sent['msg_data_id']}_1"
    figures = [(one["stat_date"], one["comment_count"]) for one in found["detail_list"]]
    assert figures == [("2026-12-01", 6), ("2026-12-02", 6)]
    first, second = (one["read_user"] for one in found["detail_list"])
    assert 0 < first < second
    days = statistics(sandbox, "getbizsummary", FIRST, SECOND)["list"]
    assert [day["detail"]["read_user"] for day in days] == [first, second - first]
    (read,) = statistics(sandbox, "getarticleread", SECOND, SECOND)["list"]
    assert read["detail"]["read_user"] == second - first
    shared = statistics(sandbox, "getarticleshare", SECOND, SECOND)["list"]
    assert sum(one["detail"]["share_user"] for one in shared) == days[1]["detail"]["share_user"]
