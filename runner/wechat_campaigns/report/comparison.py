"""Compare the sends of a report by campaign, month, account, hour or recipients, as far as counts carry it.

Figures grow for thirty days, so every send is taken as it stood on the third day; a younger one is only
counted. Followers of one send read it or not for the same reasons, so the sends are the sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.report.figures import ArticleRow, percent
from wechat_campaigns.report.past_sends import PastSend
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.spreadsheet import Cell
from wechat_campaigns.wechat.statistics import ArticleFigures

COMPARED_DAY: Final = 3
"""The day of figures that is compared: by then most readers have come."""
MIN_SENDS: Final = 5
"""Fewer sends of a group show nothing: their spread is not known."""
_STUDENT: Final = {4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 12: 2.179,
                   15: 2.131, 20: 2.086, 30: 2.042, 60: 2.0}  # fmt: skip
"""The 97.5 % points of Student's t by degrees of freedom; between two, the wider one is taken."""


class GroupBy(StrEnum):
    """By what sends are grouped."""

    SEND = "send"
    CAMPAIGN = "campaign"
    MONTH = "month"
    ACCOUNT = "account"
    HOUR = "hour"
    TAG = "tag"


class GroupVerdict(StrEnum):
    """What a comparison shows."""

    TOO_FEW = "too_few"
    NO_DIFFERENCE = "no_difference"
    HIGHEST = "highest"
    """One group has a higher read rate than each other one, beyond the spread of its sends."""


@dataclass(frozen=True, slots=True)
class ComparedSend:
    """One send as it stood on the third day."""

    delivered: int
    message_readers: int
    """Readers of the first article who came from the message."""
    readers: int
    """Of all articles, from everywhere."""
    shares: int
    new_followers: int


@dataclass(frozen=True, slots=True)
class SendGroup:
    """The sends of one campaign, month, account, hour or set of recipients."""

    name: str
    sends: int
    """All of them, those without figures too."""
    compared: tuple[ComparedSend, ...]

    def total(self, name: str) -> int:
        """Add up a count of the sends that are compared."""
        return sum(getattr(send, name) for send in self.compared)

    @property
    def read_rate(self) -> float | None:
        """Readers from the message, per follower who received it."""
        return _rate(self.total("message_readers"), self.total("delivered"))

    @property
    def share_rate(self) -> float | None:
        """Readers who shared, of all readers."""
        return _rate(self.total("shares"), self.total("readers"))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the read rate of such sends lies with 95 %; None for fewer than `MIN_SENDS`.

        The variance of a ratio of sums over sends: Cochran, Sampling Techniques, 3rd edition, section 6.4.
        """
        count, rate = len(self.compared), self.read_rate
        if count < MIN_SENDS or rate is None:
            return None
        squares = sum((send.message_readers - rate * send.delivered) ** 2 for send in self.compared)
        error = math.sqrt(squares * count / (count - 1)) / self.total("delivered")
        reach = error * _STUDENT[max(freedom for freedom in _STUDENT if freedom <= count - 1)]
        return max(0.0, rate - reach), min(1.0, rate + reach)


@dataclass(frozen=True, slots=True)
class SendComparison:
    """A table of groups, and what it shows."""

    by: GroupBy
    groups: tuple[SendGroup, ...]

    @property
    def highest(self) -> SendGroup | None:
        """The group whose interval lies above that of every other; None where intervals overlap."""
        ranked = sorted(self._measured(), key=lambda pair: pair[1][0], reverse=True)
        if len(ranked) < 2 or any(high >= ranked[0][1][0] for _group, (_low, high) in ranked[1:]):
            return None
        return ranked[0][0]

    @property
    def verdict(self) -> GroupVerdict:
        """What the groups show."""
        if len(self._measured()) < 2:
            return GroupVerdict.TOO_FEW
        return GroupVerdict.HIGHEST if self.highest is not None else GroupVerdict.NO_DIFFERENCE

    def _measured(self) -> list[tuple[SendGroup, tuple[float, float]]]:
        return [(group, group.interval) for group in self.groups if group.interval is not None]

    @property
    def title(self) -> str:
        """What is compared, in words."""
        return _(_TITLES[self.by])

    @property
    def text(self) -> str:
        """What the groups show, in words, and what they do not."""
        group = self.highest
        return _(_VERDICTS[self.verdict]).format(
            count=MIN_SENDS,
            name=group_name(self.by, group.name) if group is not None else "",
            rate=percent(group.read_rate) if group is not None else "",
            sends=len(group.compared) if group is not None else 0,
        )


_TITLES: Mapping[GroupBy, str] = {
    GroupBy.SEND: N_("Sends compared"),
    GroupBy.CAMPAIGN: N_("Campaigns compared"),
    GroupBy.MONTH: N_("Months compared"),
    GroupBy.ACCOUNT: N_("Accounts compared"),
    GroupBy.HOUR: N_("Hours compared (China time)"),
    GroupBy.TAG: N_("Recipients compared"),
}
_VERDICTS: Mapping[GroupVerdict, str] = {
    GroupVerdict.TOO_FEW: N_(
        "Too few sends for a conclusion: at least two groups need {count} sends each, with figures of three "
        "days"
    ),
    GroupVerdict.NO_DIFFERENCE: N_("No difference beyond chance: the intervals of the read rates overlap"),
    GroupVerdict.HIGHEST: N_(
        "{name} has the highest read rate: {rate} in {sends} sends, above the interval of every other "
        "group. Content and recipients may be the cause as well"
    ),
}
_COUNTS: Final = tuple(entry.name for entry in fields(ComparedSend))
GROUP_HEADINGS = (
    N_("Group"), N_("Sends"), N_("Compared"), "Delivered", N_("Readers from the message"), "Read rate",
    N_("Interval (95%)"), "Readers", "Shares", N_("Share rate"), "New followers",
)  # fmt: skip
"""Of a table."""
GROUP_FIGURES = ("Group", "Sends", "Compared", "Read rate", "Interval (95%)")
"""Those that stand on one line of a terminal; the others stand below."""
GROUP_CSV_HEADINGS = (
    N_("By"), *GROUP_HEADINGS[:6], N_("Interval from"), N_("Interval to"), *GROUP_HEADINGS[7:],
)  # fmt: skip
"""Of a spreadsheet, where each end of an interval is a number."""


def compare_sends(by: GroupBy, sends: Iterable[PastSend], articles: Iterable[ArticleRow]) -> SendComparison:
    """Group the sends that may have reached followers, and those by hand where they have such a group."""
    groups: dict[str, list[ComparedSend | None]] = {}
    by_send: dict[tuple[str, str, int | None], list[ArticleRow]] = {}
    by_hand: dict[tuple[str, int], list[ArticleRow]] = {}
    for row in articles:
        if row.send:
            by_send.setdefault((row.account, row.send, row.revision), []).append(row)
        elif row.article is not None:
            by_hand.setdefault((row.account, row.article.msg_data_id), []).append(row)
    for send in sends:
        if send.may_have_reached:
            rows = by_send.get((send.account, send.send, send.revision), [])
            groups.setdefault(_KEYS[by](send), []).append(_compared(rows))
    for rows in by_hand.values():
        if (name := _hand_key(by, rows[0])) is not None:
            groups.setdefault(name, []).append(_compared(rows))
    return SendComparison(
        by,
        tuple(
            SendGroup(name, len(found), tuple(send for send in found if send is not None))
            for name, found in sorted(groups.items())
        ),
    )


_KEYS: Mapping[GroupBy, Callable[[PastSend], str]] = {
    GroupBy.SEND: lambda send: send.send,
    GroupBy.CAMPAIGN: lambda send: SendId.parse(send.send).campaign,
    GroupBy.MONTH: lambda send: f"{send.moment.astimezone(CHINA):%Y-%m}",
    GroupBy.ACCOUNT: lambda send: send.account,
    GroupBy.HOUR: lambda send: f"{send.moment.astimezone(CHINA):%H}:00",
    GroupBy.TAG: lambda send: send.recipients,
}
BY_HAND: Final = "by hand (console)"


def _hand_key(by: GroupBy, row: ArticleRow) -> str | None:
    """Name the group of a send by hand; WeChat returns neither its hour nor its recipients."""
    if by is GroupBy.MONTH:
        return f"{row.sent_on:%Y-%m}"
    if by is GroupBy.ACCOUNT:
        return row.account
    return BY_HAND if by in (GroupBy.SEND, GroupBy.CAMPAIGN) else None


def _compared(rows: Sequence[ArticleRow]) -> ComparedSend | None:
    """Take a send as it stood on the third day; None where an article has no such figures."""
    figures = [_third_day(row) for row in rows]
    found = [one for one in figures if one is not None]
    first = next((row for row in rows if row.article is not None and row.article.index == 1), None)
    if not found or len(found) < len(rows) or first is None or not first.delivered:
        return None
    head = _third_day(first)
    return ComparedSend(
        delivered=first.delivered,
        message_readers=head.sources.get("message", 0) if head is not None else 0,
        readers=sum(one.readers for one in found),
        shares=sum(one.shares for one in found),
        new_followers=sum(one.new_followers for one in found),
    )


def _third_day(row: ArticleRow) -> ArticleFigures | None:
    if row.article is None:
        return None
    day = row.article.published + timedelta(days=COMPARED_DAY - 1)
    return next((one for one in row.article.days if one.day == day), None)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def group_name(by: GroupBy, name: str) -> str:
    """Write the name of a group for people."""
    if name == BY_HAND:
        return _(BY_HAND)
    return recorded_recipients(name) if by is GroupBy.TAG else name


def shown_group(comparison: SendComparison, group: SendGroup) -> tuple[str | int | None, ...]:
    """List what stands below the headings `GROUP_HEADINGS`: a count beside every rate."""
    delivered, message_readers, readers, shares, followers = (
        group.total(name) if group.compared else None for name in _COUNTS
    )
    between = "" if group.interval is None else "–".join(map(percent, group.interval))
    about = (group_name(comparison.by, group.name), group.sends, len(group.compared))
    rates = (delivered, message_readers, percent(group.read_rate), between)
    return *about, *rates, readers, shares, percent(group.share_rate), followers


def comparisons_data(comparisons: Iterable[SendComparison]) -> list[dict[str, Any]]:
    """Give comparisons as plain data: codes and numbers."""
    return [
        {
            "by": comparison.by.value,
            "verdict": comparison.verdict.value,
            "highest": comparison.highest.name if comparison.highest is not None else None,
            "groups": [
                {
                    "name": group.name,
                    "sends": group.sends,
                    "compared": len(group.compared),
                    **{name: group.total(name) for name in _COUNTS},
                    "read_rate": group.read_rate,
                    "interval": list(group.interval) if group.interval is not None else None,
                    "share_rate": group.share_rate,
                }
                for group in comparison.groups
            ],
        }
        for comparison in comparisons
    ]


def group_cells(comparison: SendComparison) -> list[list[Cell]]:
    """List the cells below `GROUP_CSV_HEADINGS`."""
    lines: list[list[Cell]] = []
    for group in comparison.groups:
        delivered, message_readers, readers, shares, followers = map(group.total, _COUNTS)
        about: list[Cell] = [
            comparison.title,
            group_name(comparison.by, group.name),
            group.sends,
            len(group.compared),
        ]
        low, high = group.interval or (None, None)
        rates: list[Cell] = [delivered, message_readers, group.read_rate, low, high]
        lines.append([*about, *rates, readers, shares, group.share_rate, followers])
    return lines
