"""Lay out a bar of followers for each past send, and choose the totals at the head of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.ledger.records import SendStatus
from wechat_campaigns.report.figures import percent
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.past_sends import PastSend

PARTS = {"sent": N_("Sent"), "left-out": N_("Left out"), "failed": N_("Failed"), "addressed": N_("Addressed")}
"""What became of followers, in the order of a bar; `addressed` where no event counted them."""


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
    """One send, with what stands beside its bar."""

    name: str
    note: str
    parts: tuple[Part, ...]
    value: str


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
