"""A plan of thousands of sends as text: a line for each, nothing left out, quickly."""

from __future__ import annotations

import time

import pytest

from tests.support.factories import make_send, plan_of, view_of
from wechat_campaigns.report.text import MAX_TABLE_ROWS, TextOptions, plan_text


def test_each_send_of_a_long_plan_has_its_line() -> None:
    sends = [make_send(f"s{number}", text=f"第 {number} 期\n一行") for number in range(MAX_TABLE_ROWS + 1)]
    text = plan_text(view_of(plan_of(*sends)), TextOptions())
    for number in (0, MAX_TABLE_ROWS):
        (line,) = [line for line in text.splitlines() if f" s{number} " in line]
        assert line.split()[:2] == ["send", f"s{number}"]
        assert f"text: 第 {number} 期" in line
        assert "tag 会员" in line
    assert f"Summary: {MAX_TABLE_ROWS + 1} to send" in text


def test_a_long_plan_hides_and_disarms_as_a_short_one() -> None:
    sends = [
        make_send(f"s{number}", text="\x1b[2J清屏" if number else "好")
        for number in range(MAX_TABLE_ROWS + 1)
    ]
    assert "\x1b" not in plan_text(view_of(plan_of(*sends)), TextOptions())


@pytest.mark.deep
def test_ten_thousand_lines_take_no_longer_than_they_are_read() -> None:
    plan = plan_of(*[make_send(f"s{number}", text=f"第 {number} 期") for number in range(10_000)])
    began = time.process_time()
    assert plan_text(view_of(plan), TextOptions()).count("\n") > 10_000
    assert time.process_time() - began < 10
