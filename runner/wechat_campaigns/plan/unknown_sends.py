"""List the ledger's unknown sends that no campaign of a plan is, and decide what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from wechat_campaigns.core.content import text_in
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.digest import openids_sha256, to_plain_data
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter, PlanAction, Send, compute_content_digest
from wechat_campaigns.ledger.records import account_of, answer_text
from wechat_campaigns.messages import from_body
from wechat_campaigns.plan.decision import DecisionContext, PlanDecision, decide_by
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.hints import settle_hint
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.protocol.state import SendState


def unplanned_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> tuple[UnknownSend, ...]:
    """List the ledger's unknown sends that are not among these: their files are gone, or not selected."""
    return tuple(UnknownSend(known, unknown_decision(known, context)) for known in _unplanned(sends, context))


def stored_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> Iterator[Send]:
    """Yield, as they were posted, the unknown sends named by `--resend` that are not among these."""
    accounts = context.settings.environment.accounts
    for known in _unplanned(sends, context):
        if normalize_id(known.send) in context.resend and known.intent is not None:
            names = [name for name, account in accounts.items() if account.appid == known.appid]
            if not names:
                continue  # its account left the settings: nothing can be posted
            name = account_of(known) if account_of(known) in names else names[0]
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


def unknown_decision(known: SendState, context: DecisionContext) -> PlanDecision:
    """Decide on an unknown send that no campaign speaks of."""
    environment = context.settings.environment
    if known.appid in context.former_appids:
        why = _("account {account} ({appid}) is no longer in the settings, so no run resolves this send")
        return PlanDecision(
            action=PlanAction.UNKNOWN,
            reason=why.format(account=account_of(known), appid=known.appid),
            hint=_("add the account to _settings.yaml again, then run `campaign apply`"),
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
    decision = decide_by(facts, known.appid, context)
    if decision.resend_intent is not None:
        return incomplete_decision(decision, known.send, environment.env_option)
    if decision.code is protocol.Reason.CONTENT_CHANGED:
        why = _("posted {when}, {answer}; its file is not part of this plan")
        return replace(
            decision, reason=why.format(when=china_time(known.at, context.now), answer=answer_text(known))
        )
    return decision


def _unplanned(sends: Iterable[Send], context: DecisionContext) -> tuple[SendState, ...]:
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


@dataclass(frozen=True, slots=True)
class UnknownSend:
    """An unknown send of the ledger that no campaign of the plan speaks of, and why it is left."""

    send_state: SendState
    decision: PlanDecision

    @property
    def key(self) -> tuple[str, str, int]:
        """As that of a planned send."""
        return self.send_state.appid, self.send_state.send, self.send_state.revision


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


def stored_resend(decision: PlanDecision, campaign: Send) -> Send | None:
    """Return the send that a decision would post again, as `stored_send`; None if it posts none."""
    intent = decision.resend_intent
    if intent is None:
        return None
    return stored_send(intent, send_id=intent.data["send"], account=campaign.account, campaign=campaign)


def stored_body(intent: Event, send: Send) -> dict[str, Any]:
    """Return the body to post once more, with the openids that the ledger does not keep."""
    body = dict(intent.data["body"])
    return {**body, "touser": list(send.filter.openids)} if "touser" in body else body


def stored_row(intent: Event, send_id: str) -> dict[str, Any]:
    """Return what a plan's digest covers of a resend: all of it stands in the intent."""
    data, ends = intent.data, intent.data.get("not_after")
    return {
        "id": send_id,
        "revision": data["revision"],
        "content_digest": data["content_digest"],
        "appid": intent.stream,
        "not_after": to_plain_data(datetime.fromisoformat(ends)) if ends is not None else None,
        **resend_data(intent),
    }


def resend_data(intent: Event) -> dict[str, str]:
    """Return what would be posted again: the same body, and since when its arrival is unknown."""
    return {"body_sha256": str(intent.data["body_sha256"]), "posted_at": str(intent.data["at"])}


def _stored_send(intent: Event, send_id: str, account: str, campaign: Send | None) -> Send:
    data, send = intent.data, campaign
    body, recipients = data["body"], _filter(data, campaign)
    stored_row(intent, send_id)
    send = with_recorded_draft(send, intent) if send is not None else None
    if send is None or compute_content_digest(send) != data["content_digest"]:
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
    return replace(send, id=send_id, revision=data["revision"], formerly=(), not_after=not_after)


def _filter(data: Mapping[str, Any], campaign: Send | None) -> Filter:
    body = data["body"]
    if "touser" in body:
        listed, skipped = campaign.filter.openids if campaign is not None else (), data.get("skipped", ())
        openids = tuple(openid for index, openid in enumerate(listed) if index not in skipped)
        if openids_sha256(openids) != body["touser"]["sha256"]:
            raise KeyError("openids")
        return Filter(openids=openids)
    named = data.get("filter", body["filter"])
    if body["filter"]["is_to_all"] is True:
        return Filter(is_to_all=True)
    return Filter(tag=text_in(named, "tag")) if "tag" in named else Filter(tag_id=int(named["tag_id"]))
