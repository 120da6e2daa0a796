"""Which days of an account are queried, what is known of each send's figures, and what was sent by hand."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, SERVICE, intent_of, make_send, make_state, named
from wechat_campaigns.core.errors import ApiError, NoResponseError
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.plan.statistics import (
    MAX_CALLS_PER_DAY,
    FiguresStatus,
    article_days,
    by_msg_data_id,
    console_articles,
    due_days,
    is_final,
    refresh_statistics,
    sent_articles,
)
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.wechat.statistics import (
    DayOfArticles,
    PublishedArticle,
    read_answer,
    read_statistics,
    write_statistics,
)

TODAY = NOW.astimezone(CHINA).date()
YESTERDAY = TODAY - timedelta(days=1)
BODY = {"msgtype": "mpnews", "mpnews": {"media_id": "M"}}
DETAIL: dict[str, Any] = {
    "stat_date": "2026-11-30",
    "read_user": 3,
    "read_user_source": [
        {"user_count": 2, "scene_desc": "公众号消息"},
        {"user_count": 3, "scene_desc": "全部"},
        {"user_count": 1, "scene_desc": "一个新来源"},
    ],
    "read_delivery_rate": 0.0689655169845,
    "read_finish_rate": 1,
    "read_subscribe_user": 1,
}
PUBLISHED = {"ref_date": "2026-11-30", "publish_type": 0}
ANSWER = {
    "list": [
        {**PUBLISHED, "msgid": "7_1", "title": "春茶", "detail_list": [DETAIL]},
        {**PUBLISHED, "msgid": "7_2", "detail_list": []},
    ],
    "is_delay": False,
}


def day_of(*articles: PublishedArticle, at: datetime = NOW, is_delayed: bool = False) -> DayOfArticles:
    return DayOfArticles(queried_at=at, is_delayed=is_delayed, articles=articles)


def article(
    msg_data_id: int, index: int = 1, published: date = YESTERDAY, **changes: Any
) -> PublishedArticle:
    fields = {"publish_type": 0, "title": "春茶"} | changes
    return PublishedArticle(msg_data_id=msg_data_id, index=index, published=published, **fields)


def state_of(at: datetime = NOW - timedelta(days=1), body: Any = BODY, **accepted: Any) -> LedgerState:
    send = make_send()
    return make_state(
        (EventKind.INTENT, intent_of(send, at=at, body=body)), (EventKind.ACCEPTED, named(send, **accepted))
    )


def articles_of(state: LedgerState, days: Any) -> list[tuple[FiguresStatus, Any]]:
    (record,) = state.sends
    return sent_articles(record, days, by_msg_data_id(days), NOW)


class Answers:
    """Gives the same answer for every day, and keeps which were asked for."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.days = answer, list[date]()

    def datacube_getarticletotaldetail(self, day: date) -> Any:
        self.days.append(day)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refused(errcode: int) -> ApiError:
    return ApiError(endpoint="/x", errcode=errcode, errmsg="", rid=None, what="", hint="h", answer={})


def test_an_answer_is_read_and_kept(tmp_path: Path) -> None:
    """An unknown source is passed over, a whole rate may be an int; delivered follows from the rate."""
    day = read_answer(ANSWER, YESTERDAY, NOW)
    write_statistics(tmp_path / "kept", {YESTERDAY: day})
    assert read_statistics(tmp_path / "kept") == {YESTERDAY: day}
    first, second = day.articles
    (figures,) = first.days
    assert (first.msg_data_id, first.index, first.title) == (7, 1, "春茶")
    assert (figures.readers, figures.sources, figures.new_followers) == (3, {"message": 2}, 1)
    assert (figures.delivered, figures.finish_rate, figures.average_minutes) == (29, 1.0, None)
    assert (second.title, second.days) == ("", ())


@pytest.mark.parametrize("row", [{}, {"msgid": "x"}, {"msgid": "7_1", "detail_list": [{}]}, 1])
def test_an_answer_of_another_form_is_no_answer(row: Any) -> None:
    days = {YESTERDAY - timedelta(days=1): day_of()}
    with pytest.raises(NoResponseError):
        refresh_statistics(Answers({"list": [row]}), days, (), lambda: NOW)  # type: ignore[arg-type]
    assert list(days) == [YESTERDAY - timedelta(days=1)]


def test_first_the_last_thirty_days_and_those_of_the_ledger() -> None:
    """Days before November 2025 have no figures; no day is asked for that WeChat would refuse."""
    old = date(2026, 3, 1)
    due = due_days({}, (old, date(2025, 10, 31), TODAY), NOW)
    assert due == [YESTERDAY - timedelta(days=number) for number in range(30)] + [old]
    early = datetime(2026, 12, 1, 7, 59, tzinfo=CHINA)
    assert due_days({}, (), early) == [], "WeChat has yesterday's figures at eight"
    assert due_days({}, (), early + timedelta(minutes=1))[0] == YESTERDAY


@pytest.mark.parametrize(
    ("kept", "again"),
    [
        (day_of(at=NOW - timedelta(days=1)), False),
        (day_of(article(7), at=NOW - timedelta(days=1)), True),
        (day_of(article(7), at=NOW - timedelta(hours=1)), False),
        (day_of(at=NOW - timedelta(minutes=29), is_delayed=True), False),
        (day_of(at=NOW - timedelta(minutes=30), is_delayed=True), True),
    ],
)
def test_a_day_is_due_again(kept: DayOfArticles, again: bool) -> None:
    assert (YESTERDAY in due_days({YESTERDAY: kept}, (), NOW)) is again


def test_the_thirtieth_day_is_the_last() -> None:
    published = TODAY - timedelta(days=30)
    kept = day_of(article(7, published=published))
    assert is_final(published, kept)
    assert not is_final(published + timedelta(days=1), kept)
    assert published not in due_days({published: kept}, (published,), NOW + timedelta(days=1))


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_day_has_a_limit_of_calls(old: int, asked: int) -> None:
    sent_on = [date(2025, 11, 1) + timedelta(days=number % 390) for number in range(old)]
    days = {date(2025, 11, 1) + timedelta(days=number % 390): day_of(at=NOW) for number in range(asked)}
    assert len(due_days(days, sent_on, NOW)) + len(days) <= max(MAX_CALLS_PER_DAY, len(days))


@pytest.mark.parametrize(("errcode", "stops"), [(61503, False), (45009, True), (48001, True)])
def test_not_ready_is_no_error(errcode: int, stops: bool) -> None:
    """Other refusals would meet the next day as well."""
    api, days = Answers(refused(errcode)), dict[date, DayOfArticles]()
    if stops:
        with pytest.raises(ApiError):
            refresh_statistics(api, days, (), lambda: NOW)  # type: ignore[arg-type]
    else:
        refresh_statistics(api, days, (), lambda: NOW)  # type: ignore[arg-type]
    assert (len(api.days), days) == (1 if stops else 30, {})


@pytest.mark.parametrize(
    ("state", "days", "status"),
    [
        ({"body": {"msgtype": "text"}}, {}, FiguresStatus.NOT_COUNTED),
        ({}, {}, FiguresStatus.UNMATCHED),
        ({"at": NOW, "msg_data_id": 7}, {}, FiguresStatus.NOT_READY),
        ({"msg_data_id": 7}, {}, FiguresStatus.NOT_QUERIED),
        ({"msg_data_id": 7}, {YESTERDAY: day_of()}, FiguresStatus.NOT_LISTED),
        ({"msg_data_id": 7}, {YESTERDAY: day_of(is_delayed=True)}, FiguresStatus.INCOMPLETE),
        ({"msg_data_id": 7}, {TODAY: day_of(article(7, published=TODAY))}, FiguresStatus.COUNTING),
    ],
)
def test_what_is_known_of_a_send(state: dict[str, Any], days: Any, status: FiguresStatus) -> None:
    assert articles_of(state_of(msg_id=1, **state), days)[0][0] is status


def test_every_article_of_a_send_is_found_in_order() -> None:
    days = {YESTERDAY: day_of(article(7, 2), article(8, 1), article(7, 1))}
    found = articles_of(state_of(msg_id=1, msg_data_id=7), days)
    assert [one.index for _status, one in found] == [1, 2]


def test_what_the_ledger_did_not_send_was_sent_by_hand() -> None:
    days = {YESTERDAY: day_of(article(7), article(8), article(9, publish_type=1))}
    assert [one.msg_data_id for one in console_articles(LedgerState(), SERVICE, days)] == [7, 8]
    known = state_of(msg_id=1, msg_data_id=7)
    assert [one.msg_data_id for one in console_articles(known, SERVICE, days)] == [8]
    assert article_days(known, SERVICE) == {YESTERDAY}
    assert console_articles(state_of(msg_id=1), SERVICE, days) == []
    assert console_articles(state_of(NOW - timedelta(days=2), msg_id=1), SERVICE, days) == []
    assert len(console_articles(state_of(NOW - timedelta(days=3), msg_id=1), SERVICE, days)) == 2
