"""The records of a plan, what its digest covers, and what it uses of each account's allowance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.digest import plan_digest, sha256
from wechat_campaigns.core.git_checkout import UnreadCheckout
from wechat_campaigns.core.model import InvalidCampaign, PlanAction, Send, plan_row
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.plan.decision import PlanDecision
from wechat_campaigns.plan.policy.rule import FailedChecks, Violation
from wechat_campaigns.plan.policy.rule_changes import SettingsChange
from wechat_campaigns.plan.quota import Allowance, china_day, counts, period
from wechat_campaigns.plan.resolve import RemoteFacts, Resolution, resolved_names
from wechat_campaigns.plan.unknown_sends import UnknownSend, stored_row
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import Message

PLAN_LIFE = timedelta(hours=24)
SendKey = tuple[str, str, int]
"""AppID, id, revision: an id alone may be that of another account's send, too."""
PENDING = frozenset({PlanAction.SEND, PlanAction.SCHEDULED, PlanAction.BLOCKED})
"""What a plan's digest covers: whatever may still be sent, today or when its window opens."""
CALLING = frozenset({PlanAction.SEND, PlanAction.RESEND})
"""What apply makes a call for."""
TAKING = frozenset(PlanAction) - {PlanAction.EXPIRED, PlanAction.INVALID, PlanAction.DRAFT}
"""Sends that take their draft out of the draft box, or have taken it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSend:
    """One line of a plan."""

    send: Send
    account: Account
    content_digest: str
    decision: PlanDecision
    resolved: Resolution
    violations: tuple[Violation, ...] = ()
    resend_intent: Event | None = None
    """The intent whose stored body would be posted once more; `send` is then what it posted."""

    @property
    def action(self) -> PlanAction:
        """What apply would do."""
        return self.decision.action

    def with_warnings(self, warnings: Sequence[Diagnostic]) -> PlannedSend:
        """Add to it what a reviewer of the plan should know."""
        if not warnings:
            return self
        return replace(self, send=replace(self.send, diagnostics=(*self.send.diagnostics, *warnings)))

    @property
    def key(self) -> SendKey:
        """What is its own among the sends of a plan."""
        return self.account.appid, self.send.id, self.send.revision

    @property
    def resolved_names(self) -> dict[str, str | int | None] | None:
        """What its names stand for; nothing when it is not to be sent, or its stored body is posted again.

        None: they could not all be looked up.
        """
        if self.action not in PENDING:
            return {}
        return resolved_names(self.send, self.resolved) if self.decision.failure is None else None

    @property
    def row(self) -> dict[str, Any]:
        """What the plan's digest covers of it."""
        if self.resend_intent is None:
            return plan_row(self.send, self.content_digest, self.account.appid)
        return stored_row(self.resend_intent, self.send.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The dry run."""

    environment: str
    created_at: datetime
    expires_at: datetime
    offline: bool
    sends: tuple[PlannedSend, ...]
    commit: str | None = None
    invalid: tuple[InvalidCampaign, ...] = ()
    unknown_sends: tuple[UnknownSend, ...] = ()
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    """By account name."""
    remote_facts: Mapping[str, RemoteFacts] = field(default_factory=dict)
    """By account name: what the reads said."""
    uninitialized: tuple[str, ...] = ()
    """Accounts whose past the ledger does not know: apply refuses while there is one."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Every rule in force by its key, see `rules_in_force`."""
    settings_changes: tuple[SettingsChange, ...] = ()
    """Rules of the settings that are not those of the last apply, as the ledger says."""
    settings_edits: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ from the commit that was asked about."""
    unverified: tuple[str, ...] = ()
    """Accounts whose past was read without their AppSecret: a writer of the ledger may have made it up."""

    unread_checkout: UnreadCheckout | None = None
    """The checkout of the campaigns, and why the plan has no commit of it."""
    ledger_known: bool = True
    """False when the ledger could not be read offline: what was sent before is planned like the rest."""

    last_holds: Mapping[str, str] | None = None
    """By AppID, the newest hold or release when the run began: one that came later stops its sends."""

    failed_checks: FailedChecks = ()
    """Programs of `policy.checks` that did not pass it."""

    is_current: Callable[[Message], bool] = lambda _message: True
    """Whether today's campaigns have a message, its id as users write it."""

    @property
    def plan_digest(self) -> str:
        """Fingerprint of what would be posted, by which rules; the same on every machine, at any hour."""
        return plan_digest((planned.row for planned in self.sends if is_covered(planned)), self.rules)

    @property
    def resolved_digest(self) -> str | None:
        """Fingerprint of what names stand for on WeChat; None when it was not asked."""
        if self.offline:
            return None
        return sha256([[*one.key, one.resolved_names] for one in self.sends])

    def due(self) -> tuple[PlannedSend, ...]:
        """List what apply would send now."""
        return tuple(planned for planned in self.sends if planned.action is PlanAction.SEND)

    def resends(self) -> tuple[PlannedSend, ...]:
        """List what apply would post once more."""
        return tuple(planned for planned in self.sends if planned.action is PlanAction.RESEND)

    def calls(self) -> tuple[PlannedSend, ...]:
        """List what apply would post, first time or again."""
        return (*self.due(), *self.resends())

    def coming(self, until: datetime | None = None) -> tuple[PlannedSend, ...]:
        """List the scheduled sends, the first to open first.

        Args:
            until: leaves out what opens after it; None leaves out nothing.
        """
        scheduled = (one for one in self.sends if one.action is PlanAction.SCHEDULED)
        within = (one for one in scheduled if until is None or one.send.opens_at <= until)
        return tuple(sorted(within, key=lambda one: (one.send.opens_at, one.send.id)))

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
                return planned.decision.code is not Reason.HOLD or (planned.send.not_before or last) <= last
            case PlanAction.EXPIRED:
                return self.ledger_known
            case PlanAction.SENT:
                return planned.decision.failure is not None
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


# --- allowances --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One account's allowance, and what a plan does to it."""

    account: Account
    allowance: Allowance
    """Of the day or month, in China time, as the ledger knows it."""
    uses: int
    """Sends of the plan that count against the allowance."""
    scheduled: int
    """Sends whose window opens later in the same day or month, and that will count against it."""
    calls_left: int | None = None
    """Mass calls of today, by openapi/quota/get; None when nobody was asked."""
    calls_limit: int | None = None


def budgets(plan: Plan) -> tuple[Budget, ...]:
    """Work out the budget of every account in a plan, in name order."""
    accounts = {planned.account.name: planned.account for planned in plan.sends}
    return tuple(_budget(plan, accounts[name]) for name in sorted(plan.allowances))


def _budget(plan: Plan, account: Account) -> Budget:
    allowance, facts = plan.allowances[account.name], plan.remote_facts.get(account.name)
    quota = (facts.quota if facts is not None else None) or {}
    counted = [
        one
        for one in plan.sends
        if one.account.name == account.name and counts(account.kind, one.send.filter.is_to_all)
    ]
    return Budget(
        account=account,
        allowance=allowance,
        uses=sum(one.action is PlanAction.SEND for one in counted),
        scheduled=sum(
            one.action is PlanAction.SCHEDULED and period(account.kind, one.send.opens_at) == allowance.period
            for one in counted
        ),
        calls_left=quota.get("remain"),
        calls_limit=quota.get("daily_limit"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Sends of one account on one day, and the followers whom more than one of them may reach."""

    account: str
    day: date
    """In China."""
    sends: tuple[str, ...]
    """Their ids; the batches of a list are one."""
    followers: int
    """At most so many receive more than one."""


def overlaps(plan: Plan) -> tuple[Overlap, ...]:
    """Find the days on which followers may receive more than one message of a 服务号, by day and account.

    Sends whose followers were not counted are left out.
    """
    days: dict[tuple[date, str], dict[str, list[PlannedSend]]] = {}
    for planned in plan.sends:
        if _counts(planned):
            sends = days.setdefault((_day(planned, plan), planned.account.name), {})
            sends.setdefault(list_id(planned.send.id), []).append(planned)
    return tuple(
        Overlap(account=account, day=day, sends=tuple(sends), followers=followers)
        for (day, account), sends in sorted(days.items())
        if (followers := _shared(list(sends.values())))
    )


def _counts(planned: PlannedSend) -> bool:
    return (
        planned.action in (PlanAction.SEND, PlanAction.SCHEDULED)
        and planned.account.kind is AccountKind.SERVICE
        and planned.resolved.audience.count is not None
    )


def _day(planned: PlannedSend, plan: Plan) -> date:
    opens_at = planned.send.not_before if planned.action is PlanAction.SCHEDULED else None
    return china_day(opens_at or plan.created_at)


def _shared(sends: Sequence[Sequence[PlannedSend]]) -> int:
    """Count the followers whom more than one send may reach; each comes as its batches."""
    if all(one.send.filter.openids for parts in sends for one in parts):
        reached = Counter(openid for parts in sends for one in parts for openid in _openids(one))
        return sum(number > 1 for number in reached.values())
    audiences: dict[str | int | None, list[int]] = {}  # by list, by tag id, and by None of everyone
    for parts in sends:
        send, tag_id = parts[0].send, parts[0].resolved.tag_id
        size = sum(one.resolved.audience.count or 0 for one in parts)
        audiences.setdefault(send.id if send.filter.openids else tag_id, []).append(size)
    # Who receives more than one takes two places; a tag that is sent three messages has no more followers.
    sizes = [size for found in audiences.values() for size in found[:2]]
    return min([sum(sizes) - max(sizes), sum(sizes) // 2, *audiences.get(None, [])])


def _openids(planned: PlannedSend) -> Iterator[str]:
    """Yield the openids of a list, without those that are left out."""
    skipped = frozenset(planned.resolved.skipped)
    return (one for index, one in enumerate(planned.send.filter.openids) if index not in skipped)
