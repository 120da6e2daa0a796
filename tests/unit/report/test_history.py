"""What was sent is reported whole, in every form, and nothing in it is obeyed by a reader's program."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, intent_of, make_account, make_send, make_state, named
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.history import (
    CSV_HEADINGS,
    HistoryView,
    history_csv,
    history_data,
    history_view,
)
from wechat_campaigns.report.html import history_html
from wechat_campaigns.report.send_status import StatusRow
from wechat_campaigns.report.spreadsheet import BOM
from wechat_campaigns.report.terminal import columns
from wechat_campaigns.report.text import TextOptions, history_text

TOLD = {"status": "send success", "addressed": 100, "sent": 75, "left_out": 20, "failed": 5}


def steps(send_id: str, msg_id: int, hours: float, *, told: bool = True, **data: Any) -> list[Any]:
    send = make_send(send_id)
    at = NOW - timedelta(hours=hours)
    found: list[Any] = [
        (
            EventKind.INTENT,
            intent_of(send, at=at, account="main", actor={"commit": "c" * 40}, audience={"count": 90}),
        ),
        (EventKind.ACCEPTED, named(send, msg_id=msg_id)),
        (LedgerKind.STATUS, named(send, msg_id=msg_id)),
    ]
    return [*found, (LedgerKind.CALLBACK, {**TOLD, "msg_id": msg_id, **data})] if told else found


def history(*groups: list[Any], **limits: Any) -> Sequence[StatusRow]:
    state = make_state(*(step for group in groups for step in group))
    return history_view(state, {"main": make_account()}, {}, now=NOW, **limits).rows


def viewed(*groups: list[Any]) -> HistoryView:
    return HistoryView(history(*groups))


TWO = history(
    steps("新品", 7, 30, links=["http://mp.weixin.qq.com/s/a"]), steps("sale[北京]", 8, 2, told=False)
)


def test_sends_are_in_order_of_time() -> None:
    assert [one.known.send for one in history(steps("b", 8, 1), steps("a", 7, 5))] == ["a", "b"]


def test_without_events_nobody_is_said_to_have_been_missed() -> None:
    text = viewed(steps("a", 7, 5, told=False)).total
    assert "Sends: 1. No WeChat event has arrived yet" in text
    assert "0 followers" not in text


def test_a_stretch_of_time_is_half_open() -> None:
    groups = [steps("a", 7, 2), steps("b", 8, 1)]
    two, one = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    assert [p.known.send for p in history(*groups, since=two, until=one)] == ["a"]


def test_other_accounts_and_baselines_stay_out() -> None:
    assert not history([(EventKind.BASELINE, {"send": "old", "revision": 1})])
    state = make_state(*steps("a", 7, 1))
    other = {"other": make_account("other", appid="wx0000000000000009")}
    assert not history_view(state, other, {}, now=NOW).rows
    assert not history_view(LedgerState(), {"main": make_account()}, {}, now=NOW).rows


def test_counts_come_from_the_event() -> None:
    first, second = history_data(HistoryView(TWO))["sends"]
    assert (first["addressed"], first["sent"], first["left_out"], first["failed"]) == (100, 75, 20, 5)
    assert (second["addressed"], second["sent"], second["left_out"], second["failed"]) == (
        90,
        None,
        None,
        None,
    )
    assert first["links"] == ["http://mp.weixin.qq.com/s/a"]
    assert first["commit"] == "c" * 12


def test_csv_is_read_back() -> None:
    text = history_csv(HistoryView(TWO))
    assert text.startswith(BOM)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))
    assert list(rows[0]) == list(CSV_HEADINGS)
    assert [row["Send"] for row in rows] == ["新品", "sale[北京]"]
    assert (rows[0]["Sent"], rows[1]["Sent"]) == ("75", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_a_spreadsheet_runs_nothing(start: str) -> None:
    """A cell that a spreadsheet would take for a formula is quoted."""
    (row,) = csv.DictReader(io.StringIO(history_csv(viewed(steps(f"{start}cmd", 7, 1)))))
    assert not row["Send"].startswith(("=", "+", "-", "@", "\t"))


def test_html_fetches_and_runs_nothing() -> None:
    page = history_html(viewed(steps("<img src=x onerror=1>", 7, 1, links=["javascript:alert(1)"])))
    assert "<img" not in page
    assert "href" not in page
    assert "&lt;img" in page


def test_html_leads_to_the_articles() -> None:
    page = history_html(viewed(steps("a", 7, 1, links=["http://mp.weixin.qq.com/s/a"])))
    assert '<a href="https://mp.weixin.qq.com/s/a" rel="noopener noreferrer">' in page


def test_an_empty_report_says_so() -> None:
    assert history_text(HistoryView(()), TextOptions()) == "Nothing was sent in this period."
    page = history_html(HistoryView(()))
    assert "Choose an earlier day" in page


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_the_report_is_a_table(width: int) -> None:
    table = history_text(HistoryView(TWO), TextOptions(width=width)).splitlines()
    assert table[0].startswith("Sends: 2. Followers reached: 75")
    assert table[2].split() == ["STATUS", "SEND", "ACCOUNT", "TO", "FOLLOWERS", "TIME"]
    assert table[3].split()[:6] == ["sent", "新品", "main", "tag", "会员", "100"]
    assert "75 of 100" in table[4]
    assert table[-1] == "新品: http://mp.weixin.qq.com/s/a"
    assert not any("|" in line or "`" in line for line in table)
    address = f"http://mp.weixin.qq.com/s?{'x' * 200}"
    assert history_text(viewed(steps("a", 7, 1, links=[address])), TextOptions(width=width)).endswith(address)
    assert max(map(columns, table)) <= width


def test_only_known_accounts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert TWO[0].account == "main"
