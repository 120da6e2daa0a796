"""A planned send and its account's events in, whether it is approved out: one question at every moment."""

from __future__ import annotations

from dataclasses import replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import SANDBOX, Account, Drift, Settings
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import (
    ApprovalHead,
    Asked,
    Lack,
    Unit,
    Verdict,
    approval_of,
    required_approvals,
)
from wechat_campaigns.ledger.events import kind_word
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.hints import not_resent_message
from wechat_campaigns.plan.plan import CALLING, PENDING, Plan, PlannedSend, PlanReason
from wechat_campaigns.plan.rule_changes import rules_digest

APPROVED_DRIFT = Drift(percent=20)
"""How far an audience may change from what was approved, where `policy.audience_drift` sets nothing."""


def asked_of(settings: Settings, account: Account, stream: AccountState) -> Asked | None:
    """Return what the sends of an account need before they go; None where no approval is asked for.

    Args:
        stream: of the account; the rules of its last apply count beside those of the settings.
    """
    environment, scope = settings.environment, settings.ledger_scope
    present = environment.approvals_of(account)
    required = required_approvals(stream, scope, present)
    if required is None and environment.api == SANDBOX and present is not None:
        required = [present]  # a rehearsal by itself: no follower is reached
    if required == []:
        return None
    drift = settings.policy_of(account).audience_drift or APPROVED_DRIFT
    rules = rules_digest(settings, account)
    return Asked(environment=scope, rules=rules, required=required, allows=drift.allows)


def with_approvals(plan: Plan, settings: Settings, state: LedgerState) -> Plan:
    """Return a plan with whether each of its sends is approved, and what an approval of them names."""
    accounts = {one.account.appid: one.account for one in plan.sends}
    found = {
        appid: asked
        for appid, one in accounts.items()
        if (asked := asked_of(settings, one, state.stream(appid))) is not None
    }
    if not found:
        return plan
    env, sends = settings.environment.env_option, []
    for one in plan.sends:
        asked, stream = found.get(one.account.appid), state.stream(one.account.appid)
        sends.append(judged(one, stream, asked, env, offline=plan.offline))
    heads = {appid: ApprovalHead(*state.stream(appid).head, one.rules) for appid, one in found.items()}
    return replace(plan, sends=tuple(sends), heads=heads)


def judged(
    planned: PlannedSend, stream: AccountState, asked: Asked | None, env: str, *, offline: bool = False
) -> PlannedSend:
    """Return a send with whether it is approved by the events of its account; one that is not waits.

    Args:
        asked: from `asked_of`.
        env: the `env_option` of the environment, for hints.
        offline: WeChat was not asked what names stand for, nor how many follow: neither is compared.
    """
    if asked is None or planned.action not in (*CALLING, *PENDING):
        return planned
    unit = planned.unit._replace(names=None, audience=None) if offline else planned.unit
    verdict = approval_of(stream, unit, asked)
    planned = replace(planned, approval=verdict)
    why, hint = lack_words(verdict, unit, env)
    return waiting(planned, why, hint) if why else planned


def waiting(planned: PlannedSend, why: str, hint: str) -> PlannedSend:
    """Return a send that apply would make, now or later, as one that waits for its approval."""
    if planned.action not in (*CALLING, PlanAction.SCHEDULED):
        return planned
    action = PlanAction.WAITS_FOR_APPROVAL
    if planned.action is PlanAction.RESEND:
        action, why = PlanAction.UNKNOWN, not_resent_message(why)
    return replace(planned, action=action, reason=why, hint=hint, code=PlanReason.UNAPPROVED, known=None)


def lack_words(verdict: Verdict, unit: Unit, env: str) -> tuple[str, str]:
    """Return why a send is not approved, and what to do; nothing where it is.

    Args:
        env: the `env_option` of the environment.
    """
    lack, last = verdict.lack, verdict.last
    hint = _("approve it with `campaign approve FILE`, a file of `campaign plan --out FILE`")
    match lack:
        case None:
            return "", ""
        case Lack.NOT_RECORDED:
            hint = _("run `campaign ledger guard{env}` on a machine that holds the AppSecret or ledger_key")
            return _("the ledger does not record yet who may approve"), hint.format(env=env)
        case Lack.TOO_FEW:
            names = _(", ").join(one.approver for one in verdict.by)
            return _("{names} approved it, and {needed} must").format(
                names=names, needed=_needed(verdict)
            ), hint
    if last is None or last.unit is None:
        return _("it is not approved: {needed} must").format(needed=_needed(verdict)), hint
    who, why = last.approver, _("{who} approved something else under its id")
    match lack:
        case Lack.NAMES:
            what, why = _names_changed(last.unit, unit), _("since {who} approved it, {what}")
            return why.format(who=who, what=what), hint
        case Lack.AUDIENCE:
            why = _("the audience was {before} when {who} approved it, and is now {after}")
            return why.format(who=who, before=last.unit.audience, after=unit.audience), hint
        case Lack.RULES:
            why = _("the rules of the settings changed after {who} approved it")
        case Lack.ENDED if last.ended_by is not None:
            why = _("its approval by {who} ended: event {number} ({kind}) came after the plan")
            return why.format(who=who, number=last.ended_by.seq, kind=kind_word(last.ended_by)), hint
    return why.format(who=who), hint


def _needed(verdict: Verdict) -> str:
    """Write how many of whom must approve: by the settings, or by the last apply where those are others."""
    if (missing := verdict.missing) is None:
        return _("somebody")
    return _("{count} of {names}").format(count=missing.count, names=_(", ").join(missing.approvers))


def _names_changed(before: Unit, now: Unit) -> str:
    was, names = before.names or {}, now.names or {}
    change = _("{name} was {before} and is now {after}")
    return _(", ").join(
        change.format(name=name, before=was.get(name, "–"), after=names.get(name, "–"))
        for name in sorted({*was, *names})
        if was.get(name) != names.get(name)
    )
