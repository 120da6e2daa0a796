"""Write the words that every report shares: headings, statuses, to whom, what, when, how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.core.model import Audience, Filter, Send, recipients_word
from wechat_campaigns.core.spoken_time import zone_name

COUNTED = {
    "send": N_("{count} to send"),
    "hand_over": N_("{count} to hand over"),
    "resend": N_("{count} to resend"),
    "draft": N_("{count} being written"),
    "waits_for_approval": N_("{count} awaiting approval"),
    "conflict": N_("{count} in conflict"),
    "invalid": N_("{count} invalid"),
    "approval_needed": N_("{count} awaiting approval"),
    "held": N_("{count} held back"),
    "scheduled_missed": N_("{count} missed"),
    "run_refused": N_("{count} run refused"),
}
"""Codes that need more than their word beside a number."""


def recipients(recipient_filter: Filter) -> str:
    """Write a filter in words: `everyone`, `tag 会员`, `12 openids`."""
    if recipient_filter.openids:
        return _("{count} openids").format(count=len(recipient_filter.openids))
    return recorded_recipients(recipients_word(recipient_filter))


def recorded_recipients(record: str) -> str:
    """Write recipients from a report or the ledger: `everyone` or `all`, `tag 会员`, `12 openids`."""
    kind, _blank, name = record.partition(" ")
    if kind == "tag":
        return _("tag {name}").format(name=name)
    if name == "openids":
        return _("{count} openids").format(count=kind)
    words = {"everyone": _("everyone"), "all": _("everyone"), "openids": _("openids")}
    return words.get(record, record)


def headcount(audience: Audience) -> str:
    """Write a count: `1,204`; `?` when WeChat was not asked, a dash when it does not matter any more.

    `~1,204` is the count of an earlier send to the same recipients.
    """
    if audience.count is not None:
        return f"{audience.count:,}"
    if audience.last is not None:
        return f"~{audience.last.count:,}"
    return "?" if audience.source == "unknown offline" else "–"


def short_commit(commit: str, digits: int) -> str:
    """Shorten a commit, and name that files differ from it: `6280d5e5c4 with uncommitted changes`."""
    short = commit[:digits]
    return _("{commit} with uncommitted changes").format(commit=short) if commit.endswith("-dirty") else short


def window(send: Send, timezone: str) -> str:
    """Write when a send may be made, in a time zone; its name stands behind where it is not evident."""
    begin, end = send.not_before, send.not_after
    first, last, zone = moment(begin, timezone), moment(end, timezone), ZoneInfo(timezone)
    if begin is None and end is None:
        return _("any time")
    if begin is None:
        text = _("until {end}").format(end=last)
    elif end is None:
        text = _("from {begin}").format(begin=first)
    elif first[:10] == last[:10]:
        text = f"{first}–{last[11:]}"
    else:
        text = _("from {begin} to {end}").format(begin=first, end=last)
    is_evident = all(
        not zone_name(written, zone) and written.utcoffset() == written.astimezone(zone).utcoffset()
        for written in (begin, end)
        if written is not None
    )
    return text if is_evident else _("{what} ({detail})").format(what=text, detail=timezone)


def zoned_moment(value: datetime, timezone: str) -> str:
    """Write a moment to the minute, with the time zone where it is not China's."""
    text, name = moment(value, timezone), zone_name(value, ZoneInfo(timezone))
    return _("{what} ({detail})").format(what=text, detail=name) if name else text


def moment(value: datetime | None, timezone: str) -> str:
    """Write a moment in a time zone to the minute: `2026-12-01 19:00`."""
    return value.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") if value else _("never")


def sends(count: int) -> str:
    """Write `1 send`, `2 sends`."""
    return ngettext("{count:,} send", "{count:,} sends", count).format(count=count)


def status_counts(counts: Mapping[Any, int]) -> str:
    """Write how many sends there are of each status: `2 to send, 1 scheduled`."""
    parts = [
        _(COUNTED.get(str(code), N_("{count} {status}"))).format(count=n, status=status_word(code))
        for code, n in counts.items()
        if n
    ]
    return _(", ").join(parts)


def shortened(text: str, limit: int) -> str:
    """Cut a long text at a line's end, and write how much is missing."""
    if len(text) <= limit:
        return text
    start = text[:limit].rpartition("\n")[0] or text[:limit]
    missing = len(text) - len(start)
    more = ngettext("{count:,} more character", "{count:,} more characters", missing)
    return f"{start}\n… {more.format(count=missing)}"


def unverified_text(names: Iterable[str]) -> str:
    """Write whose events were shown as they stand: without the AppSecret anybody may have written them."""
    message = _("The events of {names} were not verified; `campaign plan` verifies them.")
    return message.format(names=_(", ").join(names))
