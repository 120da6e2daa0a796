"""A plan and the articles that the ledger did not send in, the plan with warnings out; its digest stays.

The figures arrive a day late, so these warnings never block a send.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import Articles, Draft, Newspic, PlanAction, Send, visible_content
from wechat_campaigns.core.names import quoted
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import CALLING, PENDING, Plan, PlannedSend
from wechat_campaigns.plan.quota import allowance, bounds, china_day, counts
from wechat_campaigns.plan.statistics import console_articles
from wechat_campaigns.wechat.statistics import Days, PublishedArticle

COMPARED = PENDING | {PlanAction.INVALID}
"""Sends whose titles are compared; one whose draft is gone is invalid: it was perhaps sent by hand."""


def with_console_warnings(
    plan: Plan, accounts: Mapping[str, Days], state: LedgerState, now: datetime
) -> Plan:
    """Warn of pending sends that were perhaps sent by hand, and of what those by hand took of the quota.

    Args:
        accounts: what is known of each account's articles, by AppID.
    """
    by_hand = {appid: console_articles(state, appid, days) for appid, days in accounts.items()}

    def warned(one: PlannedSend) -> PlannedSend:
        articles = by_hand.get(one.account.appid, [])
        if one.action not in COMPARED or not articles:
            return one
        found = _title_warning(one.send, articles, plan.environment)
        return one.with_warnings([*found, *_quota_warning(one, articles, state, now)])

    return replace(plan, sends=tuple(map(warned, plan.sends)))


def titles(send: Send) -> frozenset[str]:
    """List the titles that followers would see of a send's articles; of a draft, as far as they are known."""
    match visible_content(send.content):
        case Articles(articles=articles):
            return frozenset(article.title.strip() for article in articles)
        case Newspic(title=title) | Draft(title=title):
            return frozenset({title.strip()})
        case _:
            return frozenset()


def same_title(send: Send, articles: Iterable[PublishedArticle]) -> PublishedArticle | None:
    """Find the latest article with a title of a send."""
    wanted = titles(send)
    found = [article for article in articles if article.title.strip() in wanted and article.title.strip()]
    return max(found, key=lambda article: article.published, default=None)


def baseline_hint(send: Send, environment: str) -> str:
    """Write what records a send as made by hand; the command takes whole campaigns."""
    hint = _("if it is the same message, record it as sent: `{command}`")
    if send.id != send.campaign:
        hint = _(
            "if it is the same message, record it as sent: `{command}`; this records every send of the "
            "campaign that is not sent yet"
        )
    command = f"campaign ledger baseline {quoted(send.campaign)} --env {environment} --reason 'sent by hand'"
    return hint.format(command=command)


def messages(articles: Iterable[PublishedArticle]) -> int:
    """Count the messages that articles were sent in."""
    return len({article.msg_data_id for article in articles})


def _title_warning(send: Send, articles: Sequence[PublishedArticle], environment: str) -> list[Diagnostic]:
    article = same_title(send, articles)
    if article is None:
        return []
    message = _("an article with the same title was sent by hand (console) on {day}: {title}")
    return [
        Diagnostic(
            location=send.location,
            rule="sent-by-hand",
            message=message.format(day=article.published.isoformat(), title=article.title),
            hint=baseline_hint(send, environment),
            level="warning",
        )
    ]


def _quota_warning(
    one: PlannedSend, articles: Sequence[PublishedArticle], state: LedgerState, now: datetime
) -> list[Diagnostic]:
    kind = one.account.kind
    uses_quota = counts(kind, one.send.filter.is_to_all) and one.action in (*CALLING, PlanAction.BLOCKED)
    # Of a 订阅号 the period is today, and today's figures are not there yet.
    if not uses_quota or kind is not AccountKind.SERVICE:
        return []
    begins = china_day(bounds(kind, now)[0])
    number = messages(article for article in articles if article.published >= begins)
    if not number:
        return []
    known = allowance(one.account.appid, kind, state, now)
    message = ngettext(
        "{count} send of this month was made by hand (console): of {limit} sends to everyone, only {left} "
        "may be left",
        "{count} sends of this month were made by hand (console): of {limit} sends to everyone, only {left} "
        "may be left",
        number,
    )
    left = max(0, known.remaining - number)
    return [
        Diagnostic(
            location=one.send.location,
            rule="quota-by-hand",
            message=message.format(count=number, limit=known.limit, left=left),
            hint=_("check the sends left in the WeChat console: the figures arrive a day late"),
            level="warning",
        )
    ]
