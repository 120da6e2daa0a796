"""Rows on a terminal: a table where it fits, two lines a row where it does not, and no word torn."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    make_account,
    make_known,
    make_send,
    make_settings,
    plan_of,
    view_of,
)
from wechat_campaigns.report.terminal import columns, table
from wechat_campaigns.report.text import TextOptions, plan_text

HEADINGS = ("Status", "Send", "Followers", "Note")


def drawn(rows: list[tuple[str, ...]], width: int) -> list[str]:
    return table(HEADINGS, rows, width).split("\n")


def test_a_table_is_drawn_where_it_fits() -> None:
    assert drawn([("sent", "sale", "1,000", "arrived"), ("ok", "b", "7", "")], 60) == [
        "STATUS  SEND  FOLLOWERS  NOTE",
        "sent    sale      1,000  arrived",
        "ok      b             7",
    ]


def test_a_sentence_stands_below_where_the_table_does_not_fit() -> None:
    note = "followers received it, others were left out this month"
    assert drawn([("sent", "sale", "1,000", note), ("ok", "b", "7", "")], 40) == [
        "STATUS  SEND  FOLLOWERS",
        "sent    sale      1,000",
        "        followers received it, others",
        "        were left out this month",
        "ok      b             7",
    ]


def test_a_long_name_does_not_push_the_columns_apart() -> None:
    rows = [("sent", "2026/" + "long-name-" * 6, "1,000", ""), ("ok", "b", "7", "")]
    lines = drawn(rows, 40)
    assert lines[0] == "STATUS  SEND  FOLLOWERS"
    assert lines[-1] == "ok      b             7"
    assert lines[-2].strip() == "1,000"
    assert max(map(columns, lines)) <= 40


def test_a_cell_of_two_lines_stays_in_its_column() -> None:
    rows = [("sent", "sale", "1,000\nof 2,000", "followers received it this month"), ("ok", "b", "7", "")]
    assert drawn(rows, 40) == [
        "STATUS  SEND  FOLLOWERS",
        "sent    sale      1,000",
        "               of 2,000",
        "        followers received it this month",
        "ok      b             7",
    ]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_plan_of_two_accounts_takes_two_lines_a_send(width: int) -> None:
    shop, daily = make_account("shop"), make_account("daily", appid=SUBSCRIPTION)
    begin = NOW + timedelta(days=1)
    sends = [
        make_send(f"week/{name}", "周末茶席：两位同行，一位免单", account=name, not_before=begin,
                  not_after=begin + timedelta(hours=2))
        for name in ("shop", "daily")
    ]  # fmt: skip
    known = {"shop": make_known(), "daily": make_known()}
    view = view_of(plan_of(*sends, settings=make_settings(shop, daily), remote_facts=known))
    lines = plan_text(view, TextOptions(width=width)).split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("scheduled"))
    rows = " ".join(lines[start : start + 2]).split()
    assert rows[:3] == ["scheduled", "week/daily", "daily"]
    assert "12:00–14:00" in " ".join(rows)
    assert "window" not in " ".join(rows)
    assert max(map(columns, lines)) <= width


@pytest.mark.parametrize(
    "content", ["今晚八点在门店相见，带上朋友一起来", "今晚 八点 在门店 相见，带上 朋友"]
)
def test_dots_follow_the_last_sign(content: str) -> None:
    cut = []
    for width in range(60, 72):
        view = view_of(plan_of(make_send("sale", content * 4)))
        cut += [line for line in plan_text(view, TextOptions(width=width)).split("\n") if "…" in line]
    assert cut
    assert not [line for line in cut if " …" in line]


def test_each_send_of_a_long_plan_has_its_line() -> None:
    sends = [make_send(f"s{number}", text=f"第 {number} 期\n一行") for number in range(101)]
    text = plan_text(view_of(plan_of(*sends)), TextOptions())
    for number in (0, 100):
        (line,) = [line for line in text.splitlines() if f" s{number} " in line]
        assert line.split()[:2] == ["send", f"s{number}"]
        assert f"text: 第 {number} 期" in line
        assert "tag 会员" in line
    assert "Summary: 101 to send" in text


@pytest.mark.deep
def test_ten_thousand_lines_take_no_longer_than_they_are_read() -> None:
    plan = plan_of(*[make_send(f"s{number}", text=f"第 {number} 期" * 200) for number in range(10_000)])
    view = view_of(plan)
    began = time.process_time()
    assert plan_text(view, TextOptions()).count("\n") > 10_000
    assert time.process_time() - began < 10
