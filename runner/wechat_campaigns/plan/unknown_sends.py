"""List the ledger's unknown sends that no campaign of a plan is, and decide what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.ledger.records import SendRecord, answer_text
from wechat_campaigns.plan.decision import (
    DecisionContext,
    PlanDecision,
    decide_by,
)
from wechat_campaigns.plan.hints import settle_hint
from wechat_campaigns.plan.plan import UnknownSend
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.plan.stored_intent import stored_send
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.keys import normalize_id


def unplanned_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> tuple[UnknownSend, ...]:
    """List the ledger's unknown sends that are not among these: their files are gone, or not selected."""
    return tuple(UnknownSend(known, unknown_decision(known, context)) for known in _unplanned(sends, context))


def stored_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> Iterator[Send]:
    """Give, as they were posted, the unknown sends that are named themselves and that none of these is."""
    accounts = context.settings.environment.accounts
    for known in _unplanned(sends, context):
        if normalize_id(known.send) in context.resend and known.intent is not None:
            names = [name for name, account in accounts.items() if account.appid == known.appid]
            if not names:
                continue  # its account left the settings: nothing can be posted
            name = known.account if known.account in names else names[0]
            stored = stored_send(known.intent, send_id=known.send, account=name)
            if stored is not None:
                yield stored


def incomplete_decision(resend: PlanDecision, send_id: str, env: str) -> PlanDecision:
    """Leave an unknown send to a person: the openids that it was posted to are not in the campaign.

    Args:
        env: the `env_option` of the environment.
    """
    why = _("posted, {answer}; its openid list is no longer in the campaign")
    return replace(
        resend,
        action=PlanAction.UNKNOWN,
        reason=why.format(answer=answer_text(resend.known)),
        hint=settle_hint(send_id, env),
        resend_intent=None,
    )


def unknown_decision(known: SendRecord, context: DecisionContext) -> PlanDecision:
    """Decide on an unknown send that no campaign speaks of."""
    environment = context.settings.environment
    if known.appid in context.former_appids:
        why = _("account {account} ({appid}) is no longer in the settings, so no run resolves this send")
        return PlanDecision(
            action=PlanAction.UNKNOWN,
            reason=why.format(account=known.account, appid=known.appid),
            hint=_("add the account to _settings.yaml again, then run `campaign apply`"),
            code=protocol.Reason.OUTCOME_UNKNOWN,
        )
    facts = protocol.DecisionInput(
        id=known.send,
        revision=known.revision,
        content_digest="",
        now=context.now,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after_s),
        resend_until=timedelta(seconds=environment.resend_until_s),
        resend_stored=normalize_id(known.send) in context.resend,
    )
    decision = decide_by(facts, known.appid, context)
    if decision.resend_intent is not None:
        return incomplete_decision(decision, known.send, environment.env_option)
    if decision.code is protocol.Reason.CONTENT_CHANGED:
        why = _("posted {when}, {answer}; its file is not part of this plan")
        return replace(
            decision, reason=why.format(when=china_time(known.at, context.now), answer=answer_text(known))
        )
    return decision


def _unplanned(sends: Iterable[Send], context: DecisionContext) -> tuple[SendRecord, ...]:
    accounts, state = context.settings.environment.accounts, context.state
    found = [
        known
        for appid in sorted({a.appid for a in accounts.values()} | context.former_appids)
        for known in state.unknown_sends(appid)
    ]
    if not found:
        return ()
    # Whatever ids the ledger knows of a message: a checkout may know it by a former one.
    planned = {
        (appid, name)
        for send in sends
        for appid in (accounts[send.account].appid,)
        for name in state.stream(appid).aliases(send.id, *send.formerly)
    }
    # Those of another namespace have their files, and their runs, elsewhere.
    mine = (known for known in found if context.is_of_folder(known.send))
    return tuple(known for known in mine if (known.appid, normalize_id(known.send)) not in planned)
