"""Write what each account of a plan may still send."""

from __future__ import annotations

from dataclasses import dataclass

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.plan.budget import Budget, budgets
from wechat_campaigns.plan.plan import Plan

ACCOUNT_KINDS = {
    AccountKind.SERVICE: N_("service account (服务号)"),
    AccountKind.SUBSCRIPTION: N_("subscription account (订阅号)"),
    AccountKind.TEST: N_("test account (测试号)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCard:
    """What one account of a plan may still send."""

    budget: Budget
    kind: str
    """In words."""
    quota: tuple[str, ...]
    """In sentences."""

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
    return tuple(
        AccountCard(budget=budget, kind=_(ACCOUNT_KINDS[budget.account.kind]), quota=tuple(_quota(budget)))
        for budget in budgets(plan)
    )


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
