"""Sum past sends by account and month, and lay out bars of followers for months and for sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.ledger.records import SendStatus
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.report.figures import percent
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.past_sends import PastSend

PARTS = {"sent": N_("Sent"), "left-out": N_("Left out"), "failed": N_("Failed"), "addressed": N_("Addressed")}
"""What became of followers, in the order of a bar; `addressed` where no event counted them."""
WHOLE_MONTH = (1, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a bar."""

    name: str
    """Of `PARTS`."""
    count: int
    percent: float
    """Of the width of the chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One send or one month, with what stands beside its bar."""

    name: str
    note: str
    parts: tuple[Part, ...]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What one account sent in one month of China's calendar; counts are of sends with an event."""

    account: str
    month: str
    """`2026-11`."""
    sends: int
    counts: Mapping[str, int]
    """By the names of `PARTS`."""
    readers: int
    change: float | None
    """Of the followers reached, against the same days of the month before; None where no event
    counted them, or where these days reached nobody."""
    compared_days: tuple[int, int] | None = None
    """The first and the last of these days; None for whole months."""

    @property
    def delivery_rate(self) -> float | None:
        """Followers reached, of those addressed, in sends with an event."""
        total = sum(self.counts[name] for name in ("sent", "left-out", "failed"))
        return self.counts["sent"] / total if total else None


def months(view: HistoryView) -> tuple[Month, ...]:
    """Sum a report by account and month, each account's months in order."""
    groups: dict[tuple[str, str], list[PastSend]] = {}
    for row in view.rows:
        groups.setdefault((row.account, _month(china_day(row.moment))), []).append(row)
    readers: dict[tuple[str, str], int] = {}
    for article in view.articles:
        if article.latest is not None:
            key = article.account, _month(article.sent_on)
            readers[key] = readers.get(key, 0) + article.latest.readers
    found: list[Month] = []
    for account, month in sorted({*groups, *readers}):
        rows = groups.get((account, month), [])
        month_before = _month(date.fromisoformat(f"{month}-01") - timedelta(days=1))
        before = groups.get((account, month_before), [])
        days = _compared_days(view, month_before, month)
        counts = {name: sum(_counts(row).get(name, 0) for row in rows) for name in PARTS}
        found.append(
            Month(
                account=account,
                month=month,
                sends=len(rows),
                counts=counts,
                readers=readers.get((account, month), 0),
                change=_change(_reached(before, days), _reached(rows, days)),
                compared_days=None if days == WHOLE_MONTH else days,
            )
        )
    return tuple(found)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _compared_days(view: HistoryView, before: str, month: str) -> tuple[int, int]:
    """Name the days that the report has of both months: like is compared with like."""
    first, last = WHOLE_MONTH
    if _month(view.first_day) == before:
        first = view.first_day.day
    return first, view.last_day.day if _month(view.last_day) == month else last


def _reached(rows: Iterable[PastSend], days: tuple[int, int]) -> int | None:
    """Sum the followers that events counted on some days of a month; None when no event did."""
    first, last = days
    counts = [row.sent for row in rows if first <= china_day(row.moment).day <= last]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _change(before: int | None, now: int | None) -> float | None:
    return now / before - 1 if before and now is not None else None


def month_bars(rows: Sequence[Month]) -> tuple[Bar, ...]:
    """Lay out a bar for each month."""
    top = max((sum(row.counts.values()) for row in rows), default=0)
    return tuple(
        Bar(
            name=row.month, note=row.account, parts=_parts(row.counts, top),
            value=_value(row.counts),
        )
        for row in rows
    )  # fmt: skip


def send_bars(rows: Iterable[PastSend]) -> tuple[Bar, ...]:
    """Lay out a bar for each send, the newest first."""
    newest = sorted(rows, key=lambda row: row.moment, reverse=True)
    top = max((sum(_counts(row).values()) for row in newest), default=0)
    return tuple(
        Bar(
            name=row.send,
            note=f"{row.at} · {row.account} → {row.recipients_text}",
            parts=_parts(_counts(row), top),
            value=_value(_counts(row)),
        )
        for row in newest
    )


def _counts(row: PastSend) -> Mapping[str, int]:
    if row.sent is None:
        return {"addressed": row.addressed or 0}
    return {"sent": row.sent, "left-out": row.left_out or 0, "failed": row.failed or 0}


def _parts(counts: Mapping[str, int], top: int) -> tuple[Part, ...]:
    return tuple(
        Part(name=name, count=count, percent=100 * count / top) for name, count in counts.items() if count
    )


def _value(counts: Mapping[str, int]) -> str:
    """Write what a bar shows: followers reached, or those addressed where no event counted."""
    if counts.get("sent") or not counts.get("addressed"):
        return f"{counts.get('sent', 0):,}"
    return _("{count:,} addressed").format(count=counts["addressed"])


MONTH_HEADINGS = (
    "Account", N_("Month"), "Sends", "Sent", "Left out", "Failed", "Delivery rate", "Readers", N_("Trend"),
)  # fmt: skip
"""Of the table of months."""


def month_cells(row: Month) -> tuple[str | int | None, ...]:
    """List what stands below the headings `MONTH_HEADINGS`."""
    trend = "" if row.change is None else f"{row.change:+.0%}"
    if trend and row.compared_days is not None:
        first, last = row.compared_days
        trend = _("{trend} (days {first}–{last})").format(trend=trend, first=first, last=last)
    counted = row.delivery_rate is not None
    counts = (row.counts[name] if counted else None for name in ("sent", "left-out", "failed"))
    return row.account, row.month, row.sends, *counts, percent(row.delivery_rate), row.readers or None, trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number at the head of a report."""

    name: str
    value: str
    note: str = ""
    tone: str = ""
    """`good`, `look` or `bad`: how it is coloured."""


def figures(view: HistoryView) -> tuple[Figure, ...]:
    """Choose the numbers at the head of a report."""
    told = [row for row in view.rows if row.sent is not None]
    reached = sum(row.sent or 0 for row in told)
    addressed = sum(row.addressed or 0 for row in told)
    readers = [row.latest.readers for row in view.articles if row.latest is not None]
    unknown = sum(row.status == SendStatus.UNKNOWN for row in view.rows)
    failed = sum(row.status in (SendStatus.DELIVERY_FAILED, SendStatus.REJECTED) for row in view.rows)
    found = [Figure(name=_("Sends"), value=f"{len(view.rows):,}")]
    if told:
        rate = percent(reached / addressed) if addressed else ""
        found.append(Figure(name=_("Followers reached"), value=f"{reached:,}", note=rate, tone="good"))
    if readers:
        found.append(Figure(name=_("Readers"), value=f"{sum(readers):,}"))
    if len(told) < len(view.rows):
        found.append(Figure(name=_("Without a WeChat event"), value=f"{len(view.rows) - len(told):,}"))
    if unknown:
        found.append(Figure(name=_("Unknown"), value=f"{unknown:,}", tone="look"))
    if failed:
        found.append(Figure(name=_("Failed"), value=f"{failed:,}", tone="bad"))
    return tuple(found)
