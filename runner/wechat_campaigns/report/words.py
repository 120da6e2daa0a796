"""Sends in, the short phrases every report uses for them out: to whom, what, when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wechat_campaigns.core.model import (
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
from wechat_campaigns.core.words import _, ngettext


def receivers(receiver_filter: Filter) -> str:
    """Say a filter in words: `everyone`, `tag 会员`, `12 openids`."""
    if receiver_filter.is_to_all:
        return _("everyone")
    if receiver_filter.tag is not None:
        return _("tag {name}").format(name=receiver_filter.tag)
    if receiver_filter.tag_id is not None:
        return f"tag_id {receiver_filter.tag_id}"
    return _("{count} openids").format(count=len(receiver_filter.openids))


def receivers_told(known: str) -> str:
    """Say receivers as they are recorded: `everyone`, `tag 会员`, `tag_id 2`, `openids` or `12 openids`."""
    kind, _blank, name = known.partition(" ")
    if kind == "tag":
        return _("tag {name}").format(name=name)
    if name == "openids":
        return _("{count} openids").format(count=kind)
    return _("everyone") if known == "everyone" else known


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
            return _("{title} ({count} pictures)").format(title=content.title, count=len(content.images))
        case Draft():
            return _("draft {media_id}").format(media_id=content.media_id)
        case Voice() | Image():
            return media(content.media)
        case Images():
            return ", ".join(media(image) for image in content.images)
        case Mpvideo():
            return f"{content.title} ({media(content.media)})"
        case Wxcard():
            return _("card {card_id}").format(card_id=content.card_id)


def media(value: Media) -> str:
    """Name a MEDIA value the way its author wrote it."""
    if value.file is not None:
        return str(value.file.path)
    return value.name or f"media_id {value.media_id}"


def window(send: Send, timezone: str) -> str:
    """Say when a send may be made, in the policy's time zone."""
    begin, end = send.not_before, send.not_after
    if begin is None and end is None:
        return _("any time")
    if begin is None:
        return _("until {end}").format(end=moment(end, timezone))
    if end is None:
        return _("from {begin}").format(begin=moment(begin, timezone))
    return _("from {begin} to {end}").format(begin=moment(begin, timezone), end=moment(end, timezone))


def moment(value: datetime | None, timezone: str) -> str:
    """Write a moment in a time zone to the minute: `2026-12-01 19:00`."""
    from zoneinfo import ZoneInfo

    return value.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") if value else _("never")


def sends(count: int) -> str:
    """Write `1 send`, `2 sends`."""
    return ngettext("{count:,} send", "{count:,} sends", count).format(count=count)


def resends(count: int) -> str:
    """Write `1 resend`, `2 resends`: sends that are posted once more."""
    return ngettext("{count:,} resend", "{count:,} resends", count).format(count=count)


def calls(due: int, again: int) -> str:
    """Write `2 sends`, `1 resend` or `2 sends, 1 resend`."""
    told = [sends(due)] if due or not again else []
    return _(", ").join(told + ([resends(again)] if again else []))


def counted(counts: Mapping[Any, int]) -> str:
    """Write counts of statuses, actions, outcomes: `2 send, 1 wait`; those words are the same everywhere."""
    return _(", ").join(f"{count} {name}" for name, count in counts.items() if count)
