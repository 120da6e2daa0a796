"""Days and moments as a person says them, in both languages."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.spoken_time import day_text, moment_text, rewritten_moment

CHINA = timezone(timedelta(hours=8))
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("day", "english", "chinese"),
    [
        (date(2026, 11, 23), "yesterday", "昨天"),
        (date(2026, 11, 24), "today", "今天"),
        (date(2026, 11, 25), "tomorrow", "明天"),
        (date(2026, 12, 1), "on 1 December", "12 月 1 日"),
        (date(2027, 1, 31), "on 31 January 2027", "2027 年 1 月 31 日"),
    ],
)
def test_a_day_is_named_by_its_distance(day: date, english: str, chinese: str) -> None:
    assert day_text(day, TODAY) == english
    set_language("zh")
    assert day_text(day, TODAY) == chinese
    assert getattr(day_text(day, TODAY), "english", "") == english


def test_a_moment_is_of_its_time_zone() -> None:
    now = datetime(2026, 11, 24, 15, 0, tzinfo=CHINA)
    late = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    assert moment_text(late, now, CHINA) == "tomorrow at 04:30"
    assert moment_text(late, now, UTC) == "today at 20:30 (UTC)"
    assert moment_text(late, now, ZoneInfo("Asia/Shanghai")) == "tomorrow at 04:30"
    assert moment_text(late, now, ZoneInfo("Asia/Tokyo")) == "tomorrow at 05:30 (Asia/Tokyo)"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-12-01 19：30", "2026-12-01 19:30"),
        ("2026/12/1 19:30", "2026-12-01 19:30"),
        ("2026.12.1 9:05", "2026-12-01 09:05"),
        ("2026年12月1日 19:30", "2026-12-01 19:30"),
        ("2026年12月1日19点30分", "2026-12-01 19:30"),
        ("２０２６－１２－０１ １９：３０", "2026-12-01 19:30"),
        ("2026年12月1日 22点", "2026-12-01 22:00"),
        ("2026/13/1 19:30", None),
        ("2026/12/1", None),
        ("明天晚上八点", None),
    ],
)
def test_a_moment_in_another_form_is_rewritten(written: str, meant: str | None) -> None:
    assert rewritten_moment(written) == meant
