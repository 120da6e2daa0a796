"""A plan in, the sentences of every report on it out: its size, its accounts, what a person should read."""

from __future__ import annotations

from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.words import _, ngettext
from wechat_campaigns.plan.budget import Budget, budgets
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.policy.guard import SettingsChange
from wechat_campaigns.report.fit import shortened
from wechat_campaigns.report.words import calls

MOST_CHARS = 160
"""Of one value of the settings."""
QUIET = frozenset({PlanAction.SENT, PlanAction.EXPIRED})
"""What a plan only counts: an archive of thousands of sends must not hide the one that matters."""
KIND = {"service": "服务号", "subscription": "公众号 (订阅号)", "test": "测试号"}


def account_lines(plan: Plan) -> list[str]:
    """Say what each account may still send, as far as anybody knows, and what this plan would use."""
    lines = [line for budget in budgets(plan) for line in _budget_lines(budget)]
    if lines:
        lines.append(_("Sends made in the web console use the same allowance and are not visible here."))
    missing = {item.key for p in plan.due() for item, reusable in p.resolved.uploads if reusable is None}
    if missing:
        said = ngettext(
            "Before sending, {count:,} file will be uploaded.",
            "Before sending, {count:,} files will be uploaded.",
            len(missing),
        )
        lines.append(said.format(count=len(missing)))
    return lines


def _budget_lines(budget: Budget) -> list[str]:
    account, allowance = budget.account, budget.allowance
    said = _("Account {account}: {used} of {limit} sends used in {period} as the ledger knows")
    if account.kind.value == "service":
        said = _("Account {account}: {used} of {limit} to everyone used in {period} as the ledger knows")
    line = said.format(
        account=f"{account.name} ({KIND[account.kind]}, {account.appid})",
        used=allowance.used,
        limit=allowance.limit,
        period=allowance.period,
    )
    line += _(", {count} by this plan").format(count=budget.uses) if budget.uses else ""
    if budget.calls_left is not None:
        left = _("; {left} of {limit} API sends left today")
        line += left.format(left=budget.calls_left, limit=budget.calls_limit)
    lines = [line]
    if budget.blocked:
        lines.append(_("  not covered by the allowance: {sends}").format(sends=", ".join(budget.blocked)))
    if budget.frequency_capped:
        lost = _("  followers who have had four this month will not get: {sends}")
        lines.append(lost.format(sends=", ".join(budget.frequency_capped)))
    return lines


def total(plan: Plan) -> str:
    """Say what apply would do now, in one phrase: `2 sends, 1 resend to 1,204 followers`."""
    counts = [planned.resolved.audience.count for planned in plan.calls()]
    if not counts:
        return _("nothing to send now")
    told = calls(len(plan.due()), len(plan.resends()))
    if None in counts:
        return _("{sends} to an unknown number of followers").format(sends=told)
    reach = sum(count or 0 for count in counts)
    return _("{sends} to {count:,} followers").format(sends=told, count=reach)


def attention_lines(plan: Plan) -> list[str]:
    """List what a person should read before agreeing to a plan."""
    notes = [f"{planned.send.id}: {note}" for planned in plan.sends for note in _notes(planned)]
    notes += [
        f"{one.send_state.send}: {one.decision.reason} → {one.decision.hint}"
        for one in plan.unknown_sends
        if one.decision.hint
    ]
    unknown = [] if plan.ledger_known else [_unread()]
    if plan.offline and any(planned.resolved_names for planned in plan.sends):
        unknown.append(_unresolved())
    return [*unknown, *([_uninitialized(plan)] if plan.uninitialized else []), *_settings(plan), *notes]


def _settings(plan: Plan) -> list[str]:
    """Show what the settings say now and did not say before."""
    since = _("settings, since the last apply: {change}")
    if plan.offline:  # nobody has held the ledger's word against the AppSecret
        since = _("settings, since the last apply (as the ledger says, not verified): {change}")
    lines = [since.format(change=changed(change)) for change in plan.settings_changes]
    return lines + [
        _("settings, edited: {change}").format(change=changed(change)) for change in plan.settings_edits
    ]


def changed(change: SettingsChange) -> str:
    """Write a key of the settings before and after, without secrets."""
    said = _("{key}: {before} → {after}, looser") if change.is_looser else _("{key}: {before} → {after}")
    before, after = (shortened(redact(text), MOST_CHARS) for text in (change.before, change.after))
    return said.format(key=redact(change.key), before=before, after=after)


def _unread() -> str:
    what = _("this machine has no copy of the ledger, so the plan shows campaigns as if none was ever sent")
    return f"{what} → {_('plan without `--offline` where the ledger can be reached')}"


def _unresolved() -> str:
    what = _("what tags, media and drafts stand for was not looked up, so no apply can compare it")
    return f"{what} → {_('plan without `--offline` before the plan is reviewed')}"


def _uninitialized(plan: Plan) -> str:
    what = _("the ledger is not initialized for {names}, whose campaigns would all count as never sent")
    hint = _(
        "run `campaign ledger init --env {name}`, then `campaign ledger baseline` for what was sent before"
    )
    return f"{what.format(names=_(', ').join(plan.uninitialized))} → {hint.format(name=plan.environment)}"


def _notes(planned: PlannedSend) -> list[str]:
    decision = planned.decision
    if planned.action in (PlanAction.SENT, PlanAction.SCHEDULED):
        return []
    notes = [f"{decision.reason} → {decision.hint}"] if decision.hint else []
    notes += [f"{o.rule}: {o.message} → {o.hint}" for o in planned.violations if not o.blocks]
    notes += [f"{finding.message} → {finding.hint}" for finding in planned.send.diagnostics]
    return notes
