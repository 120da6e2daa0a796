"""Write what each account of a plan may still send, and whom the plan writes to how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.plan.budget import Budget, budgets
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.quota import count_same_recipients, period, usage
from wechat_campaigns.report.phrases import recipients

ACCOUNT_KINDS = {
    AccountKind.SERVICE: N_("service account (服务号)"),
    AccountKind.SUBSCRIPTION: N_("subscription account (订阅号)"),
    AccountKind.TEST: N_("test account (测试号)"),
}


COMING = frozenset({PlanAction.SEND, PlanAction.RESEND, PlanAction.SCHEDULED})
"""What followers will receive, now or later, once a plan is approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientsCount:
    """How often a plan writes to the same recipients."""

    name: str
    sends: int
    """Of the plan, now or later."""
    earlier: int = 0
    """Of a 服务号: what they got this month, as the ledger knows it."""
    fullest_month: int = 0
    """Of a 服务号: what they get in the month with the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCard:
    """One account of a plan: its quota, and whom the plan writes to how often."""

    budget: Budget
    kind: str
    """In words."""
    quota: tuple[str, ...]
    """What it may still send, in sentences."""
    recipients: tuple[RecipientsCount, ...]
    """The most sends first."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Its quota in sentences that name it."""
        first, *others = self.quota
        account = self.budget.account
        template = _("Account {name}, {kind}, {appid}: {quota}")
        line = template.format(name=account.name, kind=self.kind, appid=account.appid, quota=first)
        return (line, *(f"  {other}" for other in others))


def console_quota() -> str:
    """Write what no ledger can know about a quota."""
    return _("Sends made in the WeChat console use the same quota and are not counted here.")


def account_cards(plan: Plan) -> tuple[AccountCard, ...]:
    """Write what each account of a plan may still send."""
    return tuple(_account_card(plan, budget) for budget in budgets(plan))


def _account_card(plan: Plan, budget: Budget) -> AccountCard:
    mine = [p for p in plan.sends if p.account.name == budget.account.name and p.action in COMING]
    return AccountCard(
        budget=budget,
        kind=_(ACCOUNT_KINDS[budget.account.kind]),
        quota=tuple(_quota(budget)),
        recipients=tuple(_recipients(plan, budget, mine)),
    )


def _recipients(plan: Plan, budget: Budget, mine: Sequence[PlannedSend]) -> Iterator[RecipientsCount]:
    """Count the sends to each recipients, the most first, with what the ledger knows of a 服务号's month."""
    past = plan.month_uses.get(budget.account.name)
    this_month = _month(plan.created_at)
    groups: dict[str, list[PlannedSend]] = {}
    for planned in mine:
        groups.setdefault(recipients(planned.send.filter), []).append(planned)
    for name, group in sorted(groups.items(), key=lambda named: -len(named[1])):
        if past is None:
            yield RecipientsCount(name=name, sends=len(group))
            continue
        one = group[-1]
        earlier = count_same_recipients(usage(one.send.filter, one.resolved.tag_id), past)
        months = Counter(_month(planned.send.not_before or plan.created_at) for planned in group)
        fullest = max(number + (earlier if month == this_month else 0) for month, number in months.items())
        yield RecipientsCount(name=name, sends=len(group), earlier=earlier, fullest_month=fullest)


def _month(moment: datetime) -> str:
    return period(AccountKind.SERVICE, moment)


def _quota(budget: Budget) -> list[str]:
    """Write what an account has used and may still send, then what of the plan goes beyond it."""
    account, allowance = budget.account, budget.allowance
    template = _("{used} of {limit} sends used today (from the ledger)")
    if account.kind is AccountKind.SERVICE:
        template = _("{used} of {limit} sends to everyone used this month (from the ledger)")
    line = template.format(used=allowance.used, limit=allowance.limit)
    line += _(", {count} more by this plan").format(count=budget.uses) if budget.uses else ""
    line += _(", {count} more scheduled").format(count=budget.scheduled) if budget.scheduled else ""
    if budget.calls_left is not None:
        left = _("; {left} of {limit} API sends left today")
        line += left.format(left=budget.calls_left, limit=budget.calls_limit)
    lines = [line]
    if budget.blocked:
        lines.append(_("not covered by the quota: {sends}").format(sends=_(", ").join(budget.blocked)))
    if budget.frequency_capped:
        lost = _("WeChat will skip followers who have already received four this month: {sends}")
        lines.append(lost.format(sends=_(", ").join(budget.frequency_capped)))
    return lines
