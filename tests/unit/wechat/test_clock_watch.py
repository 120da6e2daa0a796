"""The clock is compared with the date of each answer, and no more is said than is certain."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.support.scripted_server import Raw, ScriptedServer
from wechat_campaigns.wechat.clock import ClockWatch, clock_skew
from wechat_campaigns.wechat.endpoints import TAGS_GET, WeChatApi

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def dated(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("told", "took", "error"),
    [
        (NOW, timedelta(), timedelta()),
        (NOW - SECOND, timedelta(), timedelta()),
        (NOW - 2 * SECOND, timedelta(), SECOND),
        (NOW + SECOND, timedelta(), -SECOND),
        (NOW - HOUR, timedelta(), HOUR - SECOND),
        (NOW + HOUR, timedelta(), -HOUR),
        (NOW - HOUR, MINUTE, HOUR - SECOND),
        (NOW + HOUR, MINUTE, MINUTE - HOUR),
        (NOW + 30 * SECOND, MINUTE, timedelta()),
    ],
)
def test_clock_error_is_the_smallest_that_explains_the_date(
    told: datetime, took: timedelta, error: timedelta
) -> None:
    assert clock_skew(dated(told), NOW, NOW + took) == error


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Nov 2026 12:00:00 GMT"])
def test_unreadable_date_is_ignored(date: str | None) -> None:
    assert clock_skew(date, NOW, NOW) is None
    watch = ClockWatch(lambda: NOW)
    watch.record(date, NOW)
    assert (watch.error, watch.current_skew()) == (None, timedelta())
    watch.record(dated(NOW + HOUR), NOW)
    watch.record(date, NOW)
    assert watch.error == -HOUR


def test_every_answer_is_looked_at(server: ScriptedServer, connected: Callable[..., WeChatApi]) -> None:
    watch = ClockWatch()
    api = connected(watch=watch)
    server.on(TAGS_GET, Raw(body=b"<html>", headers={"Date": dated(datetime.now(UTC) + HOUR)}))
    api.mass_ready()
    assert server.calls("/cgi-bin/stable_token")
    assert watch.error is not None
    assert abs(watch.error) < MINUTE
    with pytest.raises(Exception, match="tags"):
        api.tags_get()
    assert abs(watch.error + HOUR) < MINUTE
