"""What a person sends in the WeChat console: when it is overdue, and what speaks for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import SeenByHand, job_id
from wechat_campaigns.plan.hints import what_stops
from wechat_campaigns.plan.quota import CHINA, china_day, china_time
from wechat_campaigns.plan.statistics import DELAY, READY_HOUR, by_msg_data_id
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.protocol.state import Fate, SendState, draft_of
from wechat_campaigns.wechat.statistics import NOTIFIED, Days, PublishedArticle

AGAIN: Final = timedelta(minutes=1)
"""How much later a draft is looked for once more, before it counts as gone."""


def is_overdue(known: SendState, now: datetime) -> bool:
    """Return whether the figures of its last day are ready, and nothing shows that a person sent it.

    Without `not_after`, its last day is the one on which it was handed over.
    """
    ends = known.data.get("not_after")
    last = china_day(datetime.fromisoformat(ends) if ends is not None else known.at)
    ready = datetime.combine(last + timedelta(days=1), time(READY_HOUR), CHINA) + DELAY
    return known.fate is Fate.HANDED_OVER and now >= ready


def what_to_press(handed_over: Mapping[str, Any], now: datetime) -> str:
    """Write what a person has to send in the console, to whom and until when."""
    recipients, ends = str(handed_over.get("recipients", "")), handed_over.get("not_after")
    last = datetime.combine(china_day(datetime.fromisoformat(handed_over["at"])), time(23, 59), CHINA)
    text = _(
        "in the WeChat console, send the draft {title} as a mass message to {recipients}, until {until}; "
        "originality, rewards and topics can be added there"
    )
    tag = _("tag {name}").format(name=recipients.split(" ", 1)[-1])
    return text.format(
        title=next(iter(handed_over.get("titles", ())), ""),
        recipients=_("everyone") if recipients == "all" else tag,
        until=china_time(datetime.fromisoformat(ends) if ends is not None else last, now),
    )


def stopped_drafts(account: AccountState, now: datetime, env: str) -> list[dict[str, str]]:
    """List the drafts that people have in hand and must not send, each with what to do."""
    stops = ((known, what_stops(account, known, now, env)) for known in open_sends(account))
    return [
        {"send": known.send, "draft": draft_of(known.data), "note": stop.note, "hint": stop.hint}
        for known, stop in stops
        if stop.code
    ]


def stopped_lines(stopped: Sequence[Mapping[str, str]]) -> list[str]:
    """Write what `stopped_drafts` lists."""
    return [f"{one['send']}{_(': ')}{one['note']}\n→ {one['hint']}" for one in stopped]


def open_sends(account: AccountState) -> list[SendState]:
    """List what a person still has to send, or to settle, the earliest first."""
    mine = (one for one in account.all_sends() if one.fate is Fate.HANDED_OVER)
    return sorted(mine, key=lambda one: one.at)


def look(
    account: AccountState, known: SendState, days: Days, draft: str | None, now: datetime
) -> Entry | None:
    """Return what to record of one of `open_sends` that its account did not show before; None: nothing.

    Nothing of it ends the send, see `protocol.state`: another article may have its titles, and its draft may
    have been deleted.

    Args:
        draft: fingerprint of its draft as it is now; None if WeChat does not find it. One such answer may
            be a fault of the moment: it is gone once a later look finds none, either.
    """
    if known.origin is None:
        return None
    others = list(account.all_sends())
    numbers, known_jobs = ({job_id(one, name) for one in others} for name in ("msg_data_id", "msg_id"))
    before, count = account.seen(known), len(known.data.get("titles", ()))
    is_missing = draft is None and not before.used_by
    since = (before.missing_since or now.isoformat(timespec="seconds")) if is_missing else ""
    seen = SeenByHand(
        draft=draft or before.draft,
        is_gone=is_missing and now - datetime.fromisoformat(since) >= AGAIN,
        missing_since=since,
        used_by=before.used_by,
        published=tuple(
            (number, articles[0].published.isoformat())
            for number, articles in sorted(by_msg_data_id(days).items())
            if number not in numbers and _is_of(articles, known)
        ),
        jobs=tuple(
            one.msg_id
            for one in account.job_results.values()
            if one.msg_id not in known_jobs and len(one.links) == count and one.at >= known.at
            if one.status == "send success"
        ),
    )
    if seen == before:
        return None
    data = {"send": known.send, "revision": known.revision, "handed_over": known.origin.hash}
    data |= {"draft": seen.draft, "gone": seen.is_gone, "missing_since": seen.missing_since}
    data |= {"published": seen.published, "jobs": seen.jobs}
    return Entry(stream=account.stream, kind=LedgerKind.SEEN, data=data)


def _is_of(articles: Sequence[PublishedArticle], known: SendState) -> bool:
    # Articles that hardly anybody reads may be missing from the figures; the first is among them.
    titles, since = known.data.get("titles", ()), china_day(known.at)
    is_notified = all(one.publish_type == NOTIFIED and one.published >= since for one in articles)
    fits = all(titles[one.index - 1 : one.index] == [one.title] for one in articles)
    return is_notified and fits and any(one.index == 1 for one in articles)
