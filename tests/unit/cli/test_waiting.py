"""What `--until` accepts, and what a waiting run prints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.factories import make_planned, make_send
from wechat_campaigns.cli.waiting import read_until, waiting_text
from wechat_campaigns.core.errors import UsageError

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 20, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("22:00", datetime(2026, 12, 1, 22, tzinfo=ZONE)),
        ("8:30", datetime(2026, 12, 2, 8, 30, tzinfo=ZONE)),
        ("2026-12-03", datetime(2026, 12, 3, tzinfo=ZONE)),
        ("2026-12-01T22:00", datetime(2026, 12, 1, 22, tzinfo=ZONE)),
        ("2026-12-01T22:00Z", datetime(2026, 12, 1, 22, tzinfo=UTC)),
        ("+5h", NOW + timedelta(hours=5)),
        ("+90m", NOW + timedelta(minutes=90)),
    ],
)
def test_until_is_read_as_people_write_it(text: str, moment: datetime) -> None:
    """A time of day is the next one; a moment without an offset is in the zone of the settings."""
    assert read_until(text, wait=True, now=NOW.astimezone(UTC), zone=ZONE) == moment


@pytest.mark.parametrize("text", ["", "soon", "25:00", "19:5", "+0h", "+5d", "-1h", "2026-12-01T19:00", "1"])
def test_other_words_are_refused(text: str) -> None:
    """What is no time, or has passed, is wrong usage."""
    with pytest.raises(UsageError):
        read_until(text, wait=True, now=NOW, zone=ZONE)


def test_until_needs_wait() -> None:
    """Without `--wait` it would do nothing."""
    with pytest.raises(UsageError):
        read_until("22:00", wait=False, now=NOW, zone=ZONE)
    assert read_until(None, wait=False, now=NOW, zone=ZONE) is None


def test_waiting_text_names_the_next_send_and_when() -> None:
    """A part of a minute counts as a whole one, so that nobody reads zero while it waits."""
    waiting = [make_planned(make_send("sale", not_before=NOW + timedelta(hours=2, seconds=30)))]
    assert waiting_text(waiting, NOW, ZONE) == "Waiting for sale, today at 22:00 (in 2 h 1 min)."
