"""List the ledger's unknown sends that no campaign of a plan is, and decide what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wechat_campaigns.core.content import text_in
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.digest import openids_sha256
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter, PlanAction, Send
from wechat_campaigns.ledger.records import account_of, answer_text
from wechat_campaigns.messages import from_body
from wechat_campaigns.plan.decision import DecisionContext, as_planned
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.hints import ACCOUNT_LEFT, explain, settle_hint
from wechat_campaigns.plan.plan import PlannedSend, UnknownSend, stored_row
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.protocol.state import SendState


def unplanned_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> tuple[SendState, ...]:
    """List the ledger's unknown sends that are not among these: their files are gone, or not selected."""
    accounts, state = context.settings.environment.accounts, context.state
    found = [
        known
        for appid in sorted({a.appid for a in accounts.values()} | context.former_appids)
        for known in state.stream(appid).unknown_sends()
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


def stored_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> Iterator[Send]:
    """Yield, as they were posted, the unknown sends named by `--resend` that are not among these."""
    accounts = context.settings.environment.accounts
    for known in unplanned_unknown_sends(sends, context):
        if normalize_id(known.send) in context.resend and known.intent is not None:
            names = [name for name, account in accounts.items() if account.appid == known.appid]
            if not names:
                continue  # its account left the settings: nothing can be posted
            name = account_of(known) if account_of(known) in names else names[0]
            stored = stored_send(known.intent, send_id=known.send, account=name)
            if stored is not None:
                yield stored


def incomplete_words(known: SendState | None, send_id: str, env: str) -> tuple[str, str]:
    """Return why an unknown send is left to a person: its openids are not in the campaign.

    Args:
        env: the `env_option` of the environment.
    """
    why = _("posted, {answer}; its openid list is no longer in the campaign")
    return why.format(answer=answer_text(known)), settle_hint(send_id, env)


def decide_unknown(known: SendState, context: DecisionContext) -> UnknownSend:
    """Decide on an unknown send that no campaign speaks of."""
    environment = context.settings.environment
    if known.appid in context.former_appids:
        why = _("account {account} ({appid}) is no longer in this environment, so no run resolves this send")
        return UnknownSend(
            send_state=known,
            action=PlanAction.UNKNOWN,
            reason=why.format(account=account_of(known), appid=known.appid),
            hint=_(ACCOUNT_LEFT),
            code=protocol.Reason.OUTCOME_UNKNOWN,
        )
    facts = protocol.DecisionInput(
        id=known.send,
        revision=known.revision,
        content_digest="",
        now=context.now,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after),
        resend_until=timedelta(seconds=environment.resend_until),
        resend_stored=normalize_id(known.send) in context.resend,
    )
    decision = as_planned(protocol.decide(context.state.stream(known.appid), facts))
    action = PlanAction(decision.action.value)
    reason, hint = explain(decision, facts, environment)
    if action is PlanAction.RESEND:
        action = PlanAction.UNKNOWN
        reason, hint = incomplete_words(decision.send_state, known.send, environment.env_option)
    elif decision.reason is protocol.Reason.CONTENT_CHANGED:
        why = _("posted {when}, {answer}; its file is not part of this plan")
        reason = why.format(when=china_time(known.at, context.now), answer=answer_text(known))
    return UnknownSend(
        send_state=known,
        action=action,
        reason=reason,
        hint=hint,
        code=decision.reason,
        known=decision.send_state,
    )


def stored_send(intent: Event, *, send_id: str, account: str, campaign: Send | None = None) -> Send | None:
    """Return what a resend would post, as the send that it was.

    Args:
        send_id: its id as users write it.
        campaign: what its campaign says today; the same content is shown in full, as it is there.

    Returns:
        The send; None when the ledger alone does not hold it: an openid list is kept as its hash.
    """
    try:
        return _stored_send(intent, send_id, account, campaign)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # written by a program that we are not


def stored_resend(planned: PlannedSend) -> Send | None:
    """Return the send that a decision would post again, as `stored_send`; None if it posts none."""
    intent, campaign = planned.resend_intent, planned.send
    if intent is None:
        return None
    return stored_send(intent, send_id=intent.data["send"], account=campaign.account, campaign=campaign)


def stored_body(intent: Event, send: Send) -> dict[str, Any]:
    """Return the body to post once more, with the openids that the ledger does not keep."""
    body = dict(intent.data["body"])
    return {**body, "touser": list(send.filter.openids)} if "touser" in body else body


def _stored_send(intent: Event, send_id: str, account: str, campaign: Send | None) -> Send:
    data, send = intent.data, campaign
    body, recipients = data["body"], _filter(data, campaign)
    stored_row(intent, send_id)
    send = with_recorded_draft(send, intent) if send is not None else None
    if send is None or send.content_digest != data["content_digest"]:
        send = Send(
            id=send_id,
            campaign=SendId.parse(send_id).campaign,
            account=account,
            revision=data["revision"],
            filter=recipients,
            content=from_body(body),
            send_ignore_reprint=bool(body.get("send_ignore_reprint")),
            batch=campaign.batch if campaign is not None and recipients.openids else None,
            location=campaign.location if campaign is not None else Location(file=""),
        )
    ends = data.get("not_after")
    not_after = datetime.fromisoformat(ends) if ends is not None else None
    if "touser" in body:  # those that were left out then are left out again
        send = replace(send, filter=recipients)
    # `send: by_hand` may have been written since: all rules apply to what is posted once more.
    as_made = {"id": send_id, "revision": data["revision"], "formerly": (), "by_hand": False}
    return replace(send, **as_made, not_after=not_after)


def _filter(data: Mapping[str, Any], campaign: Send | None) -> Filter:
    body = data["body"]
    if "touser" in body:
        listed = campaign.filter.openids if campaign is not None else ()
        skipped = frozenset(data.get("skipped", ()))
        openids = tuple(openid for index, openid in enumerate(listed) if index not in skipped)
        if openids_sha256(openids) != body["touser"]["sha256"]:
            raise KeyError("openids")
        return Filter(openids=openids)
    named = data.get("filter", body["filter"])
    if body["filter"]["is_to_all"] is True:
        return Filter(is_to_all=True)
    return Filter(tag=text_in(named, "tag")) if "tag" in named else Filter(tag_id=int(named["tag_id"]))
