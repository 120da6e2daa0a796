"""Moments as people write them: `19:30`, `+5h`, a date with its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from wechat_campaigns.cli.options import read_moment
from wechat_campaigns.core.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str, now: str, zone: ZoneInfo = BERLIN) -> datetime:
    moment = read_moment("--for", text, now=datetime.fromisoformat(now), zone=zone)
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    "now", ["2027-03-28T01:30:00+01:00", "2027-10-31T00:30:00+02:00", "2026-12-01T12:00Z"]
)
@pytest.mark.parametrize(("text", "minutes"), [("4h", 240), ("+20m", 20), ("90m", 90)])
def test_a_duration_is_time_that_passes(text: str, minutes: int, now: str) -> None:
    passed = read(text, now).astimezone(UTC) - datetime.fromisoformat(now)
    assert passed == timedelta(minutes=minutes)


def test_the_hour_that_comes_twice_has_not_passed() -> None:
    moment = read("20m", "2027-10-31T02:50:00+02:00").astimezone(UTC)
    assert moment == datetime.fromisoformat("2027-10-31T01:10:00Z")


def test_a_time_of_day_is_the_next_one() -> None:
    assert read("19:30", "2026-12-01T12:00:00+01:00") == datetime.fromisoformat("2026-12-01T19:30:00+01:00")
    assert read("9:30", "2026-12-01T12:00:00+01:00") == datetime.fromisoformat("2026-12-02T09:30:00+01:00")


@pytest.mark.parametrize("text", ["soon", "25:00", "9999-12-31T23:59:59-12:00", "+0h", "2020-01-01T00:00"])
def test_what_is_no_time_to_come_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, "2026-12-01T12:00:00+01:00")
    assert caught.value.hint
