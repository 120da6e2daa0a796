"""Ask a person to confirm a plan; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.policy.rule_changes import SettingsChange
from wechat_campaigns.report.attention import settings_change
from wechat_campaigns.report.phrases import calls, followers, recipients
from wechat_campaigns.report.plan_view import to_followers
from wechat_campaigns.report.sanitize import inert

Ask = Callable[[str], str]


def calls_text(plan: Plan, waiting: Sequence[PlannedSend] = (), *, timezone: str = "UTC") -> str:
    """Return each send and resend with its account, recipients and count, before anybody is asked.

    Args:
        waiting: what this run sends later, each when its window opens.
    """
    zone = ZoneInfo(timezone)
    later = (_later_row(planned, plan.created_at, zone) for planned in waiting)
    return inert("\n".join([*map(_row, plan.calls()), *later]))


def _later_row(planned: PlannedSend, now: datetime, zone: ZoneInfo) -> str:
    when = moment_text(planned.send.not_before or now, now, zone)
    return _("{row}; {when}").format(row=_row(planned), when=when)


def rules_text(changes: Sequence[SettingsChange]) -> str:
    """Return the rules that changed since the last apply: who confirms the sends agrees to these too."""
    rules = "\n".join(f"  {settings_change(change)}" for change in changes)
    return inert(_("These rules changed since the last apply:\n{rules}").format(rules=rules))


def _row(planned: PlannedSend) -> str:
    row = _("  {send} → {account}: {recipients}, {followers}")
    if planned.resend_intent is not None:
        row = _("  {send} → {account}: {recipients}, {followers}; resends: {what}")
    return row.format(
        what=planned.send.content.summary(),
        send=planned.send.id,
        account=planned.account.name,
        recipients=recipients(planned.send.filter),
        followers=followers(planned.resolved.audience),
    )


def calls_confirmed(plan: Plan, ask: Ask, waiting: Sequence[PlannedSend] = ()) -> bool:
    """Ask for the name of each account that sends to everyone, or for a yes when none does.

    Args:
        waiting: what this run sends later, each when its window opens.
    """
    to_all = (planned for planned in (*plan.calls(), *waiting) if planned.send.filter.is_to_all)
    accounts = sorted({planned.account.name for planned in to_all})
    if not accounts:
        question = _("{environment}: about to make {sends}. This cannot be undone. Type yes to continue")
        if waiting and not plan.calls():
            question = _("{environment}: later, while this command runs: {later}. Type yes to continue")
        elif waiting:
            question = _(
                "{environment}: about to make {sends}. This cannot be undone. Later, while this command "
                "runs: {later}. Type yes to continue"
            )
        sends = to_followers(calls(len(plan.due()), len(plan.resends())), plan.calls())
        later = to_followers(calls(len(waiting), 0), waiting)
        return ask(question.format(environment=plan.environment, sends=sends, later=later)) == "yes"
    question = _("{environment}: this goes to EVERYONE who follows {name}. Type {name} to send it")
    return all(ask(question.format(environment=plan.environment, name=name)) == name for name in accounts)
