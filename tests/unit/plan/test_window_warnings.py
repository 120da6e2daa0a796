"""A window for another day, of another year or at night is a warning of the plan."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.support.factories import NOW, make_send, plan_of, view_of
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.plan.warnings import window_warnings

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NIGHT = Policy(quiet_hours="22:00-08:00")


def china(day: int, hour: float) -> datetime:
    """A moment of December 2026 by China's clocks; `NOW` is noon of the first."""
    return NOW + (day - 1) * DAY + (hour - 12) * HOUR


@pytest.mark.parametrize(
    ("opens", "closes", "rules"),
    [
        (china(1, 19), china(1, 22), []),
        (china(1, 10), None, []),
        (NOW - 25 * HOUR, None, ["window-old"]),
        (NOW - 25 * HOUR, NOW + HOUR, ["window-old"]),
        (NOW - 25 * HOUR, NOW - HOUR, []),  # over: the plan says so itself
        (NOW + 370 * DAY, None, ["window-year"]),
        (NOW - 350 * DAY, NOW - 349 * DAY, ["window-year"]),
        (None, NOW - 360 * DAY, ["window-year"]),
        (NOW + 200 * DAY, None, []),
        (NOW - 800 * DAY, NOW - 799 * DAY, []),  # an archive
        (china(2, 22), china(3, 8), ["window-quiet"]),
        (china(3, 1), china(3, 7), ["window-quiet"]),
        (china(2, 21.5), china(2, 23), []),
        (china(3, 7), china(3, 9), []),
        (china(2, 23), china(3, 23), []),
    ],
)
def test_window_that_looks_wrong_is_a_warning(
    opens: datetime | None, closes: datetime | None, rules: list[str]
) -> None:
    send = make_send(not_before=opens, not_after=closes)
    assert [found.rule for found in window_warnings(send, NIGHT, NOW)] == rules


def test_plan_shows_the_warning_of_a_send_that_waits_or_is_over() -> None:
    """Both are a mistake that nobody sees otherwise."""
    late = make_send("next", "一", not_before=NOW + 370 * DAY)
    over = make_send("last", "二", not_after=NOW - 360 * DAY)
    lines = [line for line in view_of(plan_of(late, over)).attention if "check the year" in line]
    assert sorted(line[:4] for line in lines) == ["last", "next"]
