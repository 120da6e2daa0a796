"""The records of a plan: each send with what is decided on it and why; and what a plan's digest covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from wechat_campaigns.core.content import Upload
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.digest import plan_digest, sha256, to_plain_data
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.git_checkout import UnreadCheckout
from wechat_campaigns.core.model import Audience, InvalidCampaign, PlanAction, Send, plan_row
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Account, PlanCheck
from wechat_campaigns.ledger.approvals import ApprovalHead, Unit, Verdict, unit_of
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.rule_changes import Rules, SettingsChange
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import Message
from wechat_campaigns.protocol.state import SendState

PLAN_LIFE = timedelta(hours=24)
SendKey = tuple[str, str, int]
"""AppID, id, revision: an id alone may be that of another account's send, too."""
DUE = frozenset({PlanAction.SEND, PlanAction.HAND_OVER})
"""What apply does now for the first time."""
OPEN = DUE | {PlanAction.SCHEDULED, PlanAction.DRAFT}
"""What WeChat is asked about: it may still be sent, once it is ready."""
PENDING = DUE | {PlanAction.SCHEDULED, PlanAction.WAITS_FOR_APPROVAL, PlanAction.BLOCKED}
"""What a plan's digest covers: whatever may still be sent, today or when its window opens."""
COMPARED = PENDING | {PlanAction.INVALID}
"""Sends whose titles are compared; one whose draft is gone is invalid: it was perhaps sent by hand."""
CALLING = DUE | {PlanAction.RESEND}
"""What apply makes a call for, if only to make a draft."""
TAKING = frozenset(PlanAction) - {PlanAction.EXPIRED, PlanAction.INVALID, PlanAction.DRAFT}
"""Sends that take their draft out of the draft box, or have taken it."""


class PlanReason(StrEnum):
    """Why a plan makes no call that the protocol would allow."""

    NOT_READY = "not_ready"
    ACCOUNT_FAILED = "account_failed"
    """Its account could not be asked: its secret, its address list, or WeChat's answer stops it alone."""
    UNRESOLVED = "unresolved"
    """A tag, material or draft that it names is missing in the account, or cannot be sent as it is there."""
    NOT_REVIEWED = "not_reviewed"
    """The reviewed plan does not cover it as it is now."""
    UNAPPROVED = "unapproved"
    """Not enough approvers agreed to it as it is now."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A policy rule that stands against a send, or could not be checked; passing is None."""

    message: str
    hint: str
    is_unchecked: bool = False
    """Whether the rule could not be checked: in an offline plan it then waits for apply."""
    level: str = "mandatory"
    """What a rule itself makes advisory never blocks, whatever level the settings give it."""
    rule: str = ""
    """Its id, whether it blocks, and in which line it is written, as `evaluate` says."""
    blocks: bool = True
    place: str = ""


FailedChecks = tuple[tuple[PlanCheck, str], ...]
"""The programs of `policy.checks` that a plan did not pass, each with what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a send needs besides its own text."""

    tag_id: int | None = None
    tag: str | None = None
    """The tag's name, once WeChat was asked."""
    audience: Audience
    uploads: tuple[tuple[Upload, str | None], ...] = ()
    """Each with the result that can be reused, if any."""
    material_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    draft: str | None = None
    """Fingerprint of the existing draft that is sent."""
    draft_id: str = ""
    """Its media_id, also of a draft that was made for the send; empty until then."""
    skipped: tuple[int, ...] = ()
    """Which openids of the filter are left out, from 0."""
    problems: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSend:
    """One send, what to do with it, and why: one line of a plan."""

    send: Send
    account: Account
    content_digest: str
    action: PlanAction
    """What apply would do."""
    reason: str
    hint: str = ""
    code: Reason | PlanReason = Reason.NEW
    failure: ExitCode | None = None
    """Of what is wrong with this send or its account, and stops no other."""
    errcode: int | None = None
    """WeChat's answer that is wrong with its account."""
    known: SendState | None = None
    """The ledger's record that decided, when one did."""
    resend_intent: Event | None = None
    """The intent whose stored body would be posted once more; `send` is then what it posted."""
    resolved: Resolution = Resolution(audience=Audience(count=None, source="unknown"))
    violations: tuple[Violation, ...] = ()
    approval: Verdict | None = None
    """Whether it is approved; None where no approval is asked for."""

    def left(
        self,
        action: PlanAction,
        reason: str,
        *,
        hint: str = "",
        code: Reason | PlanReason | None = None,
        failure: ExitCode | None = None,
        errcode: int | None = None,
    ) -> PlannedSend:
        """Return it with another decision than the ledger's.

        Args:
            code: None leaves it.
        """
        left = replace(self, action=action, reason=reason, hint=hint, code=code or self.code, known=None)
        return replace(left, failure=failure, errcode=errcode)

    def left_by_review(self, action: PlanAction, reason: str, hint: str) -> PlannedSend:
        """Return it without a call, because the reviewed plan does not cover it as it is now."""
        return replace(self.left(action, reason, hint=hint, code=PlanReason.NOT_REVIEWED), resend_intent=None)

    @property
    def unit(self) -> Unit:
        """What is approved of it."""
        is_listed = bool(self.send.filter.openids) and self.resend_intent is None
        count = None if is_listed else self.resolved.audience.count
        return unit_of(self.row, self.resolved_names, count)

    def with_warnings(self, warnings: Sequence[Diagnostic]) -> PlannedSend:
        """Add to it what a reviewer of the plan should know."""
        if not warnings:
            return self
        return replace(self, send=replace(self.send, diagnostics=(*self.send.diagnostics, *warnings)))

    @property
    def is_due(self) -> bool:
        """Whether apply sends it now for the first time, or hands it over to a person."""
        return self.action in DUE

    @property
    def key(self) -> SendKey:
        """What is its own among the sends of a plan."""
        return self.account.appid, self.send.id, self.send.revision

    @property
    def resolved_names(self) -> dict[str, str | int | None] | None:
        """What its names stand for; nothing when it is not to be sent, or its stored body is posted again.

        None: they could not all be looked up. A draft of the console stands for its articles, which others
        may edit.
        """
        if self.action not in PENDING:
            return {}
        if self.failure is not None:
            return None
        send, resolved = self.send, self.resolved
        found: dict[str, str | int | None] = {}
        if send.filter.tag is not None and not send.by_hand:
            found[f"tag {send.filter.tag}"] = resolved.tag_id
        for kind, name in send.content.names():
            found[f"{kind} {name}"] = resolved.material_ids.get((kind, name))
        if isinstance(send.content, Draft):
            found[f"draft {send.content.name}"] = resolved.draft
        return found

    @property
    def row(self) -> dict[str, Any]:
        """What the plan's digest covers of it."""
        if self.resend_intent is None:
            return plan_row(self.send, self.content_digest, self.account.appid)
        return stored_row(self.resend_intent, self.send.id)


def named_draft(send: Send) -> str:
    """Return the media_id of the draft of the console that a send names; empty where it is not known."""
    return send.content.media_id if isinstance(send.content, Draft) else ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSend:
    """An unknown send of the ledger that no campaign of the plan is, and why it is left."""

    send_state: SendState
    action: PlanAction
    reason: str
    hint: str = ""
    code: Reason
    known: SendState | None = None
    """The ledger's record that decided, when one did."""

    @property
    def key(self) -> SendKey:
        """As that of a planned send."""
        return self.send_state.appid, self.send_state.send, self.send_state.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The dry run."""

    environment: str
    created_at: datetime
    expires_at: datetime
    offline: bool
    sends: tuple[PlannedSend, ...]
    commit: str | None = None
    unselected: int = 0
    """Sends that may still be made and are left out, because their accounts are not selected."""
    invalid: tuple[InvalidCampaign, ...] = ()
    unknown_sends: tuple[UnknownSend, ...] = ()
    used: Mapping[str, int] = field(default_factory=dict)
    """By account name: sends of this day or month that use its allowance, as the ledger has them."""
    mass_calls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By account name: `{daily_limit, used, remain}` of its mass calls, where WeChat was asked."""
    uninitialized: tuple[str, ...] = ()
    """Accounts whose past the ledger does not know: apply refuses while there is one."""
    rules: Rules = field(default_factory=Rules)
    settings_changes: tuple[SettingsChange, ...] = ()
    """Rules of the settings that are not those of the last apply, as the ledger says."""
    settings_edits: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ from the commit that was asked about."""
    heads: Mapping[str, ApprovalHead] = field(default_factory=dict)
    """By AppID, for accounts whose sends somebody has to approve: what an approval names."""
    unverified: tuple[str, ...] = ()
    """Accounts whose past was read without their AppSecret: a writer of the ledger may have made it up."""

    unread_checkout: UnreadCheckout | None = None
    """The checkout of the campaigns, and why the plan has no commit of it."""
    ledger_known: bool = True
    """False when the ledger could not be read offline: what was sent before is planned like the rest."""

    last_holds: Mapping[str, str] | None = None
    """By AppID, the newest hold or release when the run began: one that came later stops its sends."""

    holds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By AppID, what is written of an account on hold by its ledger, and how that ends."""

    failed_checks: FailedChecks = ()
    """Programs of `policy.checks` that did not pass it."""

    is_current: Callable[[Message], bool] = lambda _message: True
    """Whether today's campaigns have a message, its id as users write it."""

    @property
    def plan_digest(self) -> str:
        """Fingerprint of what would be posted, by which rules; the same on every machine, at any hour."""
        return plan_digest((planned.row for planned in self.sends if is_covered(planned)), self.rules.sha256)

    @property
    def resolved_digest(self) -> str | None:
        """Fingerprint of what names stand for on WeChat; None when it was not asked."""
        if self.offline:
            return None
        return sha256([[*one.key, one.resolved_names] for one in self.sends])

    def due(self) -> tuple[PlannedSend, ...]:
        """List what apply would send now, or hand over to a person."""
        return tuple(planned for planned in self.sends if planned.is_due)

    def calls(self) -> tuple[PlannedSend, ...]:
        """List what apply would post, first time or again."""
        return (*self.due(), *(planned for planned in self.sends if planned.action is PlanAction.RESEND))

    def waiting(self) -> tuple[PlannedSend, ...]:
        """List what apply would send now, or hand over, if it were approved."""
        waits = (one for one in self.sends if one.action is PlanAction.WAITS_FOR_APPROVAL)
        return tuple(one for one in waits if not self.is_later(one))

    def coming(self, until: datetime | None = None) -> tuple[PlannedSend, ...]:
        """List the scheduled sends, the first to open first.

        Args:
            until: leaves out what opens after it; None leaves out nothing.
        """
        scheduled = (one for one in self.sends if self.is_later(one))
        within = (one for one in scheduled if until is None or one.send.opens_at <= until)
        return tuple(sorted(within, key=lambda one: (one.send.opens_at, one.send.id)))

    def is_later(self, planned: PlannedSend) -> bool:
        """Return whether a send goes once its window opens, perhaps after somebody approves it."""
        waits = planned.action is PlanAction.WAITS_FOR_APPROVAL
        opens_at = planned.send.not_before or self.created_at
        return planned.action is PlanAction.SCHEDULED or (waits and opens_at > self.created_at)

    def unapproved(self) -> tuple[PlannedSend, ...]:
        """List the sends that wait for an approval, resends included."""
        return tuple(one for one in self.sends if one.code is PlanReason.UNAPPROVED)

    @property
    def approved(self) -> bool | None:
        """Whether all that it covers is approved; None where no approval is asked for."""
        verdicts = [one.approval for one in self.sends if is_covered(one) and one.approval is not None]
        return all(one.lack is None for one in verdicts) if verdicts else None

    def held_sends(self, until: datetime | None = None) -> tuple[PlannedSend, ...]:
        """List what is expected and not tried, as `is_held`; what was missed comes last."""
        held = [one for one in self.sends if self.is_held(one, until)]
        return tuple(sorted(held, key=lambda one: one.action is PlanAction.EXPIRED))

    def is_held(self, planned: PlannedSend, until: datetime | None = None) -> bool:
        """Return whether a send is blocked, in conflict, missed, or *sent* by an uncertain ledger.

        Missed is what was never sent and whose window has ended, however long ago: its year may be wrong.

        Args:
            until: what a hold blocks whose window opens later is not expected yet; None: later than the plan.
        """
        last = until or self.created_at
        match planned.action:
            case PlanAction.BLOCKED:
                return planned.code is not Reason.HOLD or (planned.send.not_before or last) <= last
            case PlanAction.EXPIRED:
                return self.ledger_known
            case PlanAction.SENT:
                return planned.failure is not None
        return planned.action is PlanAction.CONFLICT

    def reaching(self) -> frozenset[str]:
        """List the AppIDs that apply would call for."""
        return frozenset(planned.account.appid for planned in self.calls())

    def counts(self) -> dict[PlanAction, int]:
        """Count sends by action, invalid campaigns and orphans included."""
        actions = [planned.action for planned in self.sends]
        actions += [PlanAction.INVALID] * len(self.invalid) + [PlanAction.UNKNOWN] * len(self.unknown_sends)
        return {action: actions.count(action) for action in PlanAction if action in actions}


def order(planned: PlannedSend) -> tuple[str, datetime, str, int]:
    """Sort key of an account's sends: earliest window first, then id, then number of the batch."""
    send = planned.send
    begins = send.not_before or datetime.min.replace(tzinfo=UTC)
    number = send.batch.index if send.batch is not None else 0
    return planned.account.name, begins, list_id(send.id), number


def is_covered(planned: PlannedSend) -> bool:
    """Return whether a plan's digest is over a send: it may be posted, now or later."""
    return planned.resend_intent is not None or planned.action in PENDING
