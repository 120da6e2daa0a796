"""Sends in, the short phrases every report uses for them out: to whom, what, when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from runner.model import (
    Articles,
    Audience,
    Content,
    Draft,
    Filter,
    Image,
    Images,
    Media,
    Mpvideo,
    Newspic,
    Send,
    Text,
    Voice,
    Wxcard,
)


def receivers(receiver_filter: Filter) -> str:
    """Say a filter in words: `everyone`, `tag 会员`, `12 openids`."""
    if receiver_filter.is_to_all:
        return "everyone"
    if receiver_filter.tag is not None:
        return f"tag {receiver_filter.tag}"
    if receiver_filter.tag_id is not None:
        return f"tag_id {receiver_filter.tag_id}"
    return f"{len(receiver_filter.openids)} openids"


def headcount(audience: Audience) -> str:
    """Say how many: `1,204`; `?` when nobody was asked, a dash when it does not matter any more."""
    if audience.count is not None:
        return f"{audience.count:,}"
    return "?" if audience.source == "unknown offline" else "–"


def summary(content: Content) -> str:
    """Say what a follower would see, in one line."""
    match content:
        case Text():
            return " ".join(content.content.split())
        case Articles():
            more = f" (+{len(content.articles) - 1})" if len(content.articles) > 1 else ""
            return content.articles[0].title + more
        case Newspic():
            return f"{content.title} ({len(content.images)} pictures)"
        case Draft():
            return f"draft {content.media_id}"
        case Voice() | Image():
            return media(content.media)
        case Images():
            return ", ".join(media(image) for image in content.images)
        case Mpvideo():
            return f"{content.title} ({media(content.media)})"
        case Wxcard():
            return f"card {content.card_id}"


def media(value: Media) -> str:
    """Name a MEDIA value the way its author wrote it."""
    if value.file is not None:
        return str(value.file.path)
    return value.name or f"media_id {value.media_id}"


def window(send: Send, timezone: str) -> str:
    """Say when a send may be made, in the policy's time zone."""
    begin, end = send.not_before, send.not_after
    if begin is None and end is None:
        return "any time"
    if begin is None:
        return f"until {moment(end, timezone)}"
    return f"from {moment(begin, timezone)}" + (f" to {moment(end, timezone)}" if end else "")


def moment(value: datetime | None, timezone: str) -> str:
    """Write a moment in a time zone to the minute: `2026-12-01 19:00`."""
    return value.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") if value else "never"


def plural(count: int, noun: str) -> str:
    """Write `1 send`, `2 sends`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
