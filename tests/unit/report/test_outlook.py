"""A plan with a scheduled send says when it opens and what to run; a horizon lists what becomes due."""

from __future__ import annotations

from datetime import timedelta

from tests.support.factories import NOW, make_send, plan_of
from wechat_campaigns.report.outlook import MOST_NAMED, coming_lines

HOUR = timedelta(hours=1)
PLAN = plan_of(
    make_send("now", "一"),
    make_send("noon", "二", not_before=NOW + HOUR),
    make_send("late", "三", not_before=NOW + 30 * HOUR),
)


def lines(**more: object) -> tuple[str, ...]:
    return coming_lines(PLAN, timezone="Asia/Shanghai", **more)  # type: ignore[arg-type]


def test_next_send_is_named_with_what_to_run() -> None:
    (line,) = lines()
    assert line.startswith("Next: noon, today at 13:00.")
    assert "`campaign apply --wait`" in line


def test_command_is_the_one_of_the_environment() -> None:
    (line,) = lines(command="campaign apply --plan FILE")
    assert "run `campaign apply --plan FILE` at that time, or `campaign apply --plan FILE --wait`" in line


def test_horizon_lists_what_becomes_due() -> None:
    assert lines(horizon=NOW + 2 * HOUR)[0] == (
        "Due before the horizon, today at 14:00: noon (today at 13:00)."
    )
    assert lines(horizon=NOW + HOUR / 2)[0] == "Nothing becomes due before the horizon, today at 12:30."
    assert "late (tomorrow at 18:00)" in lines(horizon=NOW + 48 * HOUR)[0]


def test_what_a_run_has_sent_is_not_named_as_next() -> None:
    _now, noon, late = (one.key for one in PLAN.sends)
    assert lines(without={noon, late}) == ()
    assert lines(without={noon})[0].startswith("Next: late")


def test_hundred_sends_make_one_sentence() -> None:
    sends = [make_send(f"s{n:03}", str(n), not_before=NOW + HOUR) for n in range(MOST_NAMED + 3)]
    (first, _next) = coming_lines(plan_of(*sends), timezone="Asia/Shanghai", horizon=NOW + 2 * HOUR)
    assert first.endswith("s019 (today at 13:00) and 3 more.")
