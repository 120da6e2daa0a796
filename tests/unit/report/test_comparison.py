"""Groups of sends with a count beside every rate, and no conclusion that the numbers do not carry."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wechat_campaigns.plan.statistics import FiguresStatus
from wechat_campaigns.report.comparison import (
    GroupBy,
    GroupVerdict,
    SendComparison,
    compare_sends,
    comparisons_data,
    shown_group,
)
from wechat_campaigns.report.figures import ArticleRow
from wechat_campaigns.report.history import HistoryView, history_groups_csv
from wechat_campaigns.report.past_sends import PastSend
from wechat_campaigns.report.text import TextOptions, history_text
from wechat_campaigns.wechat.statistics import ArticleFigures, PublishedArticle

FIRST = date(2026, 12, 1)


def past_send(name: str, hour: int = 12, **more: Any) -> PastSend:
    """A send on the first of December, at an hour in China."""
    values: dict[str, Any] = {
        "moment": datetime(2026, 12, 1, hour, tzinfo=UTC) - timedelta(hours=8),
        "account": "main",
        "send": name,
        "revision": 1,
        "msgtype": "mpnews",
        "recipients": "tag 会员",
        "status": "sent",
        "may_have_reached": True,
        **dict.fromkeys(("audience", "addressed", "sent", "left_out", "failed", "msg_id")),
        "commit": "",
        "note": "",
        "links": (),
    }
    return PastSend(**{**values, **more})


def article(
    name: str, delivered: int, readers: int, *, index: int = 1, days: int = 3, **more: Any
) -> ArticleRow:
    """An article of a send, whose readers all come from the message, a third of them each day."""
    figures = tuple(
        ArticleFigures(
            day=FIRST + timedelta(days=number),
            readers=readers * (number + 1) // 3,
            sources={"message": readers * (number + 1) // 3},
            shares=readers // 10,
        )
        for number in range(days)
    )
    found = PublishedArticle(
        msg_data_id=more.pop("msg_data_id", 1), index=index, published=FIRST, publish_type=0, days=figures
    )
    values: dict[str, Any] = {
        "account": "main", "send": name, "revision": 1 if name else None, "msgtype": "mpnews",
        "status": FiguresStatus.COUNTING, "sent_on": FIRST, "article": found, "delivered": delivered,
        "delivery_rate": None,
    }  # fmt: skip
    return ArticleRow(**{**values, **more})


def by_hour(*hours: tuple[int, list[int]]) -> SendComparison:
    """Sends of 1000 followers each, at some hours, with these readers."""
    sends, rows = [], []
    for hour, readers in hours:
        for number, count in enumerate(readers):
            name = f"s{hour}-{number}"
            sends.append(past_send(name, hour))
            rows.append(article(name, 1000, count))
    return compare_sends(GroupBy.HOUR, sends, rows)


def test_the_highest_is_named_where_the_numbers_carry_it() -> None:
    """Five sends each, far apart: the interval of one lies above the other's."""
    found = by_hour((8, [60, 63, 57, 60, 60]), (20, [120, 126, 123, 120, 117]))
    assert found.verdict is GroupVerdict.HIGHEST
    assert found.highest is not None
    assert found.highest.name == "20:00"
    assert "20:00 has the highest read rate: 12.1% in 5 sends" in found.text
    assert "may be the cause" in found.text


@pytest.mark.parametrize(
    ("evening", "verdict"),
    [
        ([120, 126, 123, 120], GroupVerdict.TOO_FEW),
        ([30, 300, 60, 240, 30], GroupVerdict.NO_DIFFERENCE),
        ([60, 63, 57, 60, 60], GroupVerdict.NO_DIFFERENCE),
    ],
)
def test_no_conclusion_without_the_numbers_for_it(evening: list[int], verdict: GroupVerdict) -> None:
    """Four sends, however far apart; five that differ among themselves; two that are the same."""
    found = by_hour((8, [60, 63, 57, 60, 60]), (20, evening))
    assert (found.verdict, found.highest) == (verdict, None)
    assert "highest" not in found.text


def test_the_interval_is_that_of_a_ratio_over_sends() -> None:
    """By hand: rates 0.1 and 0.2 in turn, of 1000 each; s² = Σ(y - r x)² · n / (n - 1) / (Σx)²."""
    (group,) = by_hour((8, [99, 201, 99, 201, 150])).groups
    squares = 2 * 51**2 + 2 * 51**2
    error = (squares * 5 / 4) ** 0.5 / 5000
    assert group.read_rate == pytest.approx(0.15)
    assert group.interval == pytest.approx((0.15 - 2.776 * error, 0.15 + 2.776 * error))


def test_every_send_is_taken_as_it_stood_on_the_third_day() -> None:
    """One with two days is counted, not compared; of one with thirty the third day counts."""
    rows = [article("young", 1000, 300, days=2), article("old", 1000, 300, days=30)]
    found = compare_sends(GroupBy.ACCOUNT, [past_send("young"), past_send("old"), past_send("text")], rows)
    (group,) = found.groups
    assert (group.sends, len(group.compared), group.total("readers")) == (3, 1, 300)


def test_a_send_of_two_articles_counts_once() -> None:
    """The read rate is that of its first article; readers and shares are those of both."""
    rows = [article("two", 1000, 300), article("two", 1000, 30, index=2)]
    (group,) = compare_sends(GroupBy.SEND, [past_send("two")], rows).groups
    assert (group.total("message_readers"), group.total("readers"), group.total("shares")) == (300, 330, 33)
    assert (group.read_rate, group.interval) == (0.3, None)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (GroupBy.SEND, ["by hand (console)", "sale[a]", "sale[b]"]),
        (GroupBy.CAMPAIGN, ["by hand (console)", "sale"]),
        (GroupBy.MONTH, ["2026-12"]),
        (GroupBy.ACCOUNT, ["main"]),
        (GroupBy.HOUR, ["08:00", "20:00"]),
        (GroupBy.TAG, ["everyone", "tag 会员"]),
    ],
)
def test_groups(by: GroupBy, names: list[str]) -> None:
    """A rejected send is in none; one by hand has neither hour nor recipients."""
    sends = [
        past_send("sale[a]", 8),
        past_send("sale[b]", 20, recipients="everyone"),
        past_send("lost", 9, may_have_reached=False),
    ]
    found = compare_sends(by, sends, [article("", 100, 30)])
    assert [group.name for group in found.groups] == names
    (data,) = comparisons_data([found])
    assert data["by"] == by.value
    assert all(len(shown_group(found, group)) == 11 for group in found.groups)
    lines = list(
        csv.DictReader(io.StringIO(history_groups_csv(HistoryView((), (), [found])).removeprefix("\ufeff")))
    )
    assert sum(int(one["Sends"]) for one in lines) == sum(group.sends for group in found.groups)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_on_a_terminal_no_line_is_torn(width: int) -> None:
    """A group is a line of figures, its other counts below; nothing for a group without compared sends."""
    rows = [article(f"s{number}", 123456, 23456) for number in range(6)]
    sends = [*(past_send(f"s{number}", 8) for number in range(6)), past_send("text", 20)]
    found = compare_sends(GroupBy.HOUR, sends, rows)
    lines = history_text(HistoryView((), (), [found]), TextOptions(width=width)).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[3].split() == ["GROUP", "SENDS", "COMPARED", "READ", "RATE", "INTERVAL", "(95%)"] + (
        ["DETAILS"] if width == 200 else []
    )
    assert "08:00  6      6         19.0%      19.0%–19.0%" in lines[4]
    whole = " ".join(" ".join(lines).split())
    assert "Delivered 740,736, Readers from the message 140,736, Readers 140,736, Shares 14,070" in whole
    (evening,) = (line for line in lines if line.startswith("20:00"))
    assert evening.split() == ["20:00", "1", "0"]
