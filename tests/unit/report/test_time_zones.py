"""A time names its zone where a reader would take it for another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tests.support.factories import NOW, make_send
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.report.phrases import window, zoned_moment

CHINA = timezone(timedelta(hours=8))
OPENS, CLOSES = datetime(2026, 12, 1, 19, 30, tzinfo=CHINA), datetime(2026, 12, 1, 22, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Shanghai", "2026-12-01 19:30–22:00"),
        ("Asia/Hong_Kong", "2026-12-01 19:30–22:00"),
        ("Asia/Tokyo", "2026-12-01 20:30–23:00 (Asia/Tokyo)"),
        ("America/New_York", "2026-12-01 06:30–09:00 (America/New_York)"),
    ],
)
def test_window_names_a_zone_that_is_not_chinas(zone: str, expected: str) -> None:
    opens, closes = (moment.astimezone(ZoneInfo(zone)) for moment in (OPENS, CLOSES))
    assert window(make_send(not_before=opens, not_after=closes), zone) == expected


def test_window_names_the_zone_if_its_file_wrote_another() -> None:
    """Who wrote 11:30Z must not take 19:30 for it."""
    send = make_send(not_before=OPENS.astimezone(UTC))
    assert window(send, "Asia/Shanghai") == "from 2026-12-01 19:30 (Asia/Shanghai)"
    assert window(make_send(), "Asia/Tokyo") == "any time"


def test_a_moment_names_its_zone() -> None:
    assert zoned_moment(OPENS, "Asia/Shanghai") == "2026-12-01 19:30"
    assert zoned_moment(OPENS, "Asia/Tokyo") == "2026-12-01 20:30 (Asia/Tokyo)"
    assert moment_text(OPENS, NOW, ZoneInfo("Asia/Shanghai")) == "today at 19:30"
    assert moment_text(OPENS, NOW, ZoneInfo("Asia/Tokyo")) == "today at 20:30 (Asia/Tokyo)"
    assert moment_text(OPENS, NOW, CHINA) == "today at 19:30"
