"""What is known of an account's articles in, which days to query out; and the queries, within the quota.

A day of publication is queried at most once a day, after 08:00 China time, until its thirty days are over:
one call returns every article of that day with its figures of all thirty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ApiError, NoResponseError
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import Clock, PlanAction, Send
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id, may_have_reached, sent_at
from wechat_campaigns.plan.plan import CALLING, COMPARED, Plan, PlannedSend
from wechat_campaigns.plan.quota import CHINA, bounds, china_day, counts, quota_limit, quota_used
from wechat_campaigns.plan.warnings import warning
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.wechat.endpoints import GETARTICLETOTALDETAIL, ReadOnlyApi
from wechat_campaigns.wechat.statistics import NOTIFIED, DayOfArticles, Days, PublishedArticle, read_answer

FIRST_DAY = date(2025, 11, 1)
"""WeChat has no figures before this day. Source: getarticletotaldetail (2026-11)."""
READY_HOUR = 8
"""When the figures of the day before are ready, in China."""
FOLLOWED_DAYS = 30
"""For how long WeChat counts an article."""
DELAY = timedelta(minutes=30)
"""How long incomplete figures are left alone."""
MAX_CALLS_PER_DAY = 200
"""Of one account. The daily limit of the call is not documented; one project counts on 1000."""
NOT_READY = 61503
ARTICLES = "mpnews"
"""The only msgtype that WeChat has figures for."""


class FiguresStatus(StrEnum):
    """What is known of the figures of a send."""

    NOT_COUNTED = "not_counted"
    """WeChat counts articles only."""
    NOT_READY = "not_ready"
    """The figures of its first day are ready at 08:00 of the next."""
    NOT_QUERIED = "not_queried"
    NOT_LISTED = "not_listed"
    """WeChat was queried and did not list it."""
    UNMATCHED = "unmatched"
    """The ledger has no msg_data_id of it, the only key to the figures."""
    INCOMPLETE = "incomplete"
    """WeChat said that its figures are late (`is_delay`)."""
    COUNTING = "counting"
    """The thirty days are not over."""
    FINAL = "final"


def last_ready_day(now: datetime) -> date:
    """Return the last day whose figures are ready."""
    local = now.astimezone(CHINA)
    return local.date() - timedelta(days=1 if local.hour >= READY_HOUR else 2)


def is_final(day: date, kept: DayOfArticles) -> bool:
    """Return whether another query of a day of publication would return the same."""
    if kept.is_delayed:
        return False
    return not kept.articles or last_ready_day(kept.queried_at) >= day + timedelta(days=FOLLOWED_DAYS - 1)


def due_days(days: Days, sent_on: Iterable[date], now: datetime) -> list[date]:
    """List the days of publication to query now, the newest first; none before 08:00 China time.

    Args:
        sent_on: days on which the ledger sent articles; older ones than thirty days are queried once.
    """
    if now.astimezone(CHINA).hour < READY_HOUR:
        return []
    last = last_ready_day(now)
    window = (last - timedelta(days=number) for number in range(FOLLOWED_DAYS))
    wanted = {day for day in (*window, *sent_on, *days) if FIRST_DAY <= day <= last}
    queried = sum(china_day(kept.queried_at) == china_day(now) for kept in days.values())
    due = [day for day in wanted if day not in days or _is_due(day, days[day], now)]
    return sorted(due, reverse=True)[: max(0, MAX_CALLS_PER_DAY - queried)]


def refresh_statistics(
    api: ReadOnlyApi, days: dict[date, DayOfArticles], sent_on: Iterable[date], clock: Clock
) -> None:
    """Query what is due of one account.

    Args:
        days: what is known; takes each answer as it arrives, so that an error leaves the earlier ones.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat refused, other than by "not ready"; or an answer is
            missing or malformed.
    """
    for day in due_days(days, sent_on, clock()):
        try:
            answer = api.datacube_getarticletotaldetail(day)
        except ApiError as error:
            if error.errcode != NOT_READY:
                raise
            continue
        days[day] = _readable(answer, day, clock())


def article_days(state: LedgerState, appid: str) -> set[date]:
    """List the days on which the ledger sent articles of an account, in China."""
    return {_day_of(record) for record in _article_sends(state, appid)}


def by_msg_data_id(days: Days) -> dict[int, list[PublishedArticle]]:
    """Sort what is known of an account's articles by the send that each was in."""
    found: dict[int, list[PublishedArticle]] = {}
    for kept in days.values():
        for article in kept.articles:
            found.setdefault(article.msg_data_id, []).append(article)
    return found


def sent_articles(
    record: SendState, days: Days, articles: Mapping[int, Sequence[PublishedArticle]], now: datetime
) -> list[tuple[FiguresStatus | None, PublishedArticle | None]]:
    """Return the articles of a send with the status of their figures; why, where WeChat has no article of it.

    Without either, it reached nobody, or waits for a person.

    Args:
        articles: of the same days, as `by_msg_data_id` gives them.
    """
    if not may_have_reached(record) or record.fate is Fate.HANDED_OVER:
        return [(None, None)]
    if msgtype_of(record) not in (ARTICLES, ""):
        return [(FiguresStatus.NOT_COUNTED, None)]
    if (msg_data_id := job_id(record, "msg_data_id")) is None:
        return [(FiguresStatus.UNMATCHED, None)]
    found = sorted(articles.get(msg_data_id, ()), key=lambda article: article.index)
    if not found:
        return [(_missing_status(_day_of(record), days, now), None)]
    return [(figures_status(one.published, days[one.published]), one) for one in found]


def console_articles(state: LedgerState, appid: str, days: Days) -> list[PublishedArticle]:
    """List the articles that followers were notified of and that the ledger did not send, the oldest first.

    An article is left out if the ledger has, of that day or the day before, a send of articles without
    msg_data_id: it may be that send.
    """
    sends = _article_sends(state, appid)
    ours = {job_id(record, "msg_data_id") for record in sends}
    unmatched = {_day_of(record) for record in sends if job_id(record, "msg_data_id") is None}
    # An administrator may have confirmed it after midnight.
    doubtful = unmatched | {day + timedelta(days=1) for day in unmatched}
    return [
        article
        for day, kept in sorted(days.items())
        if day not in doubtful
        for article in kept.articles
        if article.publish_type == NOTIFIED and article.msg_data_id not in ours
    ]


def msgtype_of(record: SendState) -> str:
    """Return the msgtype that was posted; empty where the ledger does not have it."""
    return str(record.data.get("body", {}).get("msgtype", ""))


def _readable(answer: dict[str, Any], day: date, now: datetime) -> DayOfArticles:
    try:
        return read_answer(answer, day, now)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoResponseError(
            _("WeChat returned figures in a form that is not documented"),
            hint=_("report it with the output of `campaign doctor`; the figures kept so far stay"),
            location=GETARTICLETOTALDETAIL,
        ) from error


def _article_sends(state: LedgerState, appid: str) -> list[SendState]:
    return [
        record
        for record in state.stream(appid).all_sends()
        if may_have_reached(record)
        and (record.intent or job_id(record, "msg_data_id"))
        and msgtype_of(record) in (ARTICLES, "")
    ]


def _day_of(record: SendState) -> date:
    return china_day(sent_at(record))


def _is_due(day: date, kept: DayOfArticles, now: datetime) -> bool:
    if is_final(day, kept):
        return False
    if kept.is_delayed and now - kept.queried_at >= DELAY:
        return True
    return china_day(kept.queried_at) < china_day(now)


def figures_status(day: date, kept: DayOfArticles) -> FiguresStatus:
    """Return how complete the figures of a day of publication are."""
    if kept.is_delayed:
        return FiguresStatus.INCOMPLETE
    return FiguresStatus.FINAL if is_final(day, kept) else FiguresStatus.COUNTING


def _missing_status(day: date, days: Days, now: datetime) -> FiguresStatus:
    if day > last_ready_day(now):
        return FiguresStatus.NOT_READY
    if day in days:
        return FiguresStatus.INCOMPLETE if days[day].is_delayed else FiguresStatus.NOT_LISTED
    return FiguresStatus.NOT_QUERIED


def with_console_warnings(
    plan: Plan, accounts: Mapping[str, Days], state: LedgerState, now: datetime
) -> Plan:
    """Warn of pending sends that were perhaps sent by hand, and of what those by hand took of the quota.

    Args:
        accounts: what is known of each account's articles, by AppID.
    """
    by_hand = {appid: console_articles(state, appid, days) for appid, days in accounts.items() if days}
    if not by_hand:
        return plan

    def warned(one: PlannedSend) -> PlannedSend:
        articles = by_hand.get(one.account.appid, [])
        if one.action not in COMPARED or not articles:
            return one
        found = _title_warning(one.send, articles, plan.environment)
        return one.with_warnings([*found, *_quota_warning(one, articles, state, now)])

    return replace(plan, sends=tuple(map(warned, plan.sends)))


def _title_warning(send: Send, articles: Sequence[PublishedArticle], environment: str) -> list[Diagnostic]:
    wanted = {title.strip() for title in send.content.visible.titles()} - {""}
    found = [article for article in articles if article.title.strip() in wanted]
    if not found:
        return []
    article = max(found, key=lambda one: one.published)
    what = _("an article with the same title was sent by hand (console) on {day}: {title}")
    what = what.format(day=article.published.isoformat(), title=article.title)
    name = quoted(str(replace(SendId.parse(send.id), batch=None)))  # its whole openid list with it
    command = f"campaign ledger baseline {name} --env {environment} --reason 'sent by hand'"
    hint = _("if it is the same message, record it as sent: `{command}`").format(command=command)
    return [warning(send, "sent-by-hand", what, hint, path="$")]


def _quota_warning(
    one: PlannedSend, articles: Sequence[PublishedArticle], state: LedgerState, now: datetime
) -> list[Diagnostic]:
    kind = one.account.kind
    uses_quota = counts(kind, one.send.filter.is_to_all) and one.action in (*CALLING, PlanAction.BLOCKED)
    # Of a 订阅号 the period is today, and today's figures are not there yet.
    if not uses_quota or kind is not AccountKind.SERVICE:
        return []
    begins = china_day(bounds(kind, now)[0])
    number = len({article.msg_data_id for article in articles if article.published >= begins})
    if not number:
        return []
    limit, used = quota_limit(kind), quota_used(one.account.appid, kind, state, now)
    what = ngettext(
        "{count} send of this month was made by hand (console): of {limit} sends to everyone, only {left} "
        "may be left",
        "{count} sends of this month were made by hand (console): of {limit} sends to everyone, only {left} "
        "may be left",
        number,
    )
    what = what.format(count=number, limit=limit, left=max(0, limit - used - number))
    hint = _("check the sends left in the WeChat console: the figures arrive a day late")
    return [warning(one.send, "quota-by-hand", what, hint, path="$")]
