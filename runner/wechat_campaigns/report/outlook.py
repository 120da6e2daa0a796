"""Write what each account of a plan may still send, and what of the plan is sent later."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.plan.plan import Plan, SendKey
from wechat_campaigns.plan.quota import Budget

APPLY = "campaign apply"
MOST_NAMED = 20
"""Sends that a sentence names; it counts the others."""
ACCOUNT_KINDS = {
    AccountKind.SERVICE: N_("service account (服务号)"),
    AccountKind.SUBSCRIPTION: N_("subscription account (订阅号)"),
    AccountKind.TEST: N_("test account (测试号)"),
}


def console_quota() -> str:
    """Write what no ledger can know about a quota."""
    return _("Sends made in the WeChat console use the same quota and are not counted here.")


def account_line(budget: Budget) -> str:
    """Write what an account may still send, the account before it."""
    account, template = budget.account, _("Account {name}, {kind}, {appid}: {quota}")
    kind = _(ACCOUNT_KINDS[account.kind])
    return template.format(name=account.name, kind=kind, appid=account.appid, quota=quota_text(budget))


def quota_text(budget: Budget) -> str:
    """Write what an account has used and may still send."""
    template = _("{used} of {limit} sends used today (from the ledger)")
    if budget.account.kind is AccountKind.SERVICE:
        template = _("{used} of {limit} sends to everyone used this month (from the ledger)")
    text = template.format(used=budget.used, limit=budget.limit)
    text += _(", {count} more by this plan").format(count=budget.uses) if budget.uses else ""
    text += _(", {count} more scheduled").format(count=budget.scheduled) if budget.scheduled else ""
    if budget.calls_left is not None:
        left = _("; {left} of {limit} API sends left today")
        text += left.format(left=budget.calls_left, limit=budget.calls_limit)
    return text


def coming_lines(
    plan: Plan,
    *,
    timezone: str,
    command: str = APPLY,
    horizon: datetime | None = None,
    without: Collection[SendKey] = (),
) -> tuple[str, ...]:
    """Return what of a plan is sent later, and that nothing goes out by itself.

    Args:
        plan: as it was made.
        timezone: of the settings.
        command: what sends this plan.
        horizon: until when to list what becomes due; None lists only the next send.
        without: sends that were decided meanwhile.
    """
    zone, now = ZoneInfo(timezone), plan.created_at
    later = [one.send for one in plan.coming() if one.key not in without]
    lines = []
    if horizon is not None:
        names = [
            _("{send} ({when})").format(send=send.id, when=moment_text(send.opens_at, now, zone))
            for send in later
            if send.opens_at <= horizon
        ]
        lines.append(_within(names, moment_text(horizon, now, zone)))
    if later:
        message = _(
            "Next: {send}, {when}. Nothing is sent by itself: run `{command}` at that time, or "
            "`{command} --wait` before it."
        )
        when = moment_text(later[0].opens_at, now, zone)
        lines.append(message.format(send=later[0].id, when=when, command=command))
    return tuple(lines)


def _within(names: list[str], when: str) -> str:
    if not names:
        return _("Nothing becomes due before the horizon, {when}.").format(when=when)
    listed = _(", ").join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    if more > 0:
        listed = ngettext("{sends} and {count} more", "{sends} and {count} more", more).format(
            sends=listed, count=more
        )
    return _("Due before the horizon, {when}: {sends}.").format(when=when, sends=listed)
