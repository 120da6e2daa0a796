"""Rendered sends, the ledger's state and read-only answers in, one decision per send out. No I/O, no clock.

Apply asks `decide` and `policy.objections` again just before each send, so a plan can grow stale
without becoming dangerous.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from wechat_campaigns.core.digest import compute_content_digest, plan_digest, plan_row, sha256
from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Audience, Draft, InvalidCampaign, PlanAction, Send
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.plan.decide import (
    OPEN,
    DecisionContext,
    PlanDecision,
    decide,
    decide_by,
    ended_recently,
    list_id,
)
from wechat_campaigns.plan.hints import not_resent_message, settle_hint
from wechat_campaigns.plan.policy import ALLOWANCE, OVERRIDABLE, evaluate
from wechat_campaigns.plan.policy.guard import SettingsChange, accepted_by, changes_since
from wechat_campaigns.plan.policy.rule_input import RuleInput, Violation
from wechat_campaigns.plan.quota import Allowance, allowance, china_time, counts
from wechat_campaigns.plan.resolve import OFFLINE, RemoteFacts, Resolution, as_stored, resolve, resolved_names
from wechat_campaigns.plan.stored_intent import stored_resend, stored_row, stored_send
from wechat_campaigns.plan.warnings import (
    draft_warnings,
    former_id_warnings,
    shared_draft_warning,
    window_warnings,
)
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import SendKey

PLAN_LIFE = timedelta(hours=24)
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

    @property
    def resolved_names(self) -> dict[str, str | int | None]:
        """What its names stand for; nothing when it is not to be sent, or its stored body is posted again."""
        return resolved_names(self.send, self.resolved) if self.action in PENDING else {}

    @property
    def row(self) -> dict[str, Any]:
        """What the plan's digest covers of it."""
        if self.resend_intent is None:
            return plan_row(self.send, self.content_digest, self.account.appid)
        return stored_row(self.resend_intent, self.send.id)


@dataclass(frozen=True, slots=True)
class UnknownSend:
    """An unknown send of the ledger that no campaign of the plan speaks of, and why it is left."""

    send_state: SendRecord
    decision: PlanDecision


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
    settings_changes: tuple[SettingsChange, ...] = ()
    """Rules of the settings that are not those of the last apply, as the ledger says."""
    settings_edits: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ from the commit that was asked about."""
    accepted_changes: tuple[SettingsChange, ...] = ()
    """The looser rules that the last apply went by: a run that is started again has the same digest."""

    @property
    def loosened_rules(self) -> tuple[SettingsChange, ...]:
        """List the rules that let through what they held back at the last apply."""
        return tuple(change for change in self.settings_changes if change.is_looser)

    unverified: tuple[str, ...] = ()
    """Accounts whose past was read without their AppSecret: whoever can write to the ledger may have made it
    up."""

    untrusted_checkout: str = ""
    """The folder of a checkout whose commit git does not tell, because another user owns it."""
    ledger_known: bool = True
    """False when the ledger could not be read offline: what was sent before is planned like the rest."""

    is_current: Callable[[str, int], bool] = lambda _id, _revision: True
    """Whether a send of this id is among today's campaigns at this revision."""

    @property
    def plan_digest(self) -> str:
        """Fingerprint of what would be posted; of pending sends the same on every machine, at any hour."""
        return covered_digest(
            (planned.row for planned in self.sends if is_covered(planned)), self.loosened_rules
        )

    @property
    def resolved_digest(self) -> str | None:
        """Fingerprint of what names stand for on the platform; None when it was not asked."""
        if self.offline:
            return None
        return sha256({one.send.id: one.resolved_names for one in self.sends if one.resolved_names})

    def due(self) -> tuple[PlannedSend, ...]:
        """List what apply would send now."""
        return tuple(planned for planned in self.sends if planned.action is PlanAction.SEND)

    def resends(self) -> tuple[PlannedSend, ...]:
        """List what apply would post once more."""
        return tuple(planned for planned in self.sends if planned.action is PlanAction.RESEND)

    def calls(self) -> tuple[PlannedSend, ...]:
        """List what apply would post, first time or again."""
        return (*self.due(), *self.resends())

    def missed_sends(self) -> tuple[PlannedSend, ...]:
        """List what was never sent although its window was open, and ended within the last day."""
        if not self.ledger_known:
            return ()
        lately = (planned for planned in self.sends if ended_recently(planned.send, self.created_at))
        return tuple(planned for planned in lately if planned.action is PlanAction.EXPIRED)

    def reaching(self) -> frozenset[str]:
        """List the AppIDs that apply would call for."""
        return frozenset(planned.account.appid for planned in self.calls())

    def counts(self) -> dict[PlanAction, int]:
        """Count sends by action, invalid campaigns and orphans included."""
        actions = [planned.action for planned in self.sends]
        actions += [PlanAction.INVALID] * len(self.invalid) + [PlanAction.UNKNOWN] * len(self.unknown_sends)
        return {action: actions.count(action) for action in PlanAction if action in actions}


def make_plan(
    sends: Sequence[Send],
    *,
    invalid: Sequence[InvalidCampaign],
    context: DecisionContext,
    known: Mapping[str, RemoteFacts] | None,
    with_orphans: bool = True,
    guards: Sequence[Event] = (),
    left: Sequence[SettingsChange] = (),
) -> Plan:
    """Decide on every send.

    Args:
        known: reads by account name, one for each account with something to send; None plans offline.
        with_orphans: False when only some campaigns were selected: of the others, only what is to be resent.
        guards: the newest of each account: the rules of its last apply.
        left: the ledger that the environment has left, where this one knows of no rules.
    """
    settings, state, now = context.settings, context.state, context.now
    accounts = settings.environment.accounts
    looked_at = _sharing_drafts(sorted((_first_look(send, context, known) for send in sends), key=order))
    named = [accounts[name] for name in sorted({send.account for send in sends})]
    return Plan(
        environment=settings.environment.name,
        created_at=now,
        expires_at=now + PLAN_LIFE,
        offline=known is None,
        sends=tuple(_under_policy(looked_at, context, offline=known is None)),
        invalid=tuple(invalid),
        unknown_sends=tuple(
            one
            for one in unplanned_unknown_sends(sends, context)
            if with_orphans or state.normalized_ledger_id(one.send_state.send) in context.resend
        ),
        allowances={a.name: allowance(a.appid, a.kind, state, now) for a in named},
        remote_facts=known or {},
        settings_changes=(*changes_since(guards, settings), *left),
        accepted_changes=accepted_by(guards),
        is_current=context.is_current,
    )


def order(planned: PlannedSend) -> tuple[str, datetime, str]:
    """Sort key of an account's sends: earliest window first, then id."""
    begins = planned.send.not_before or datetime.min.replace(tzinfo=UTC)
    return planned.account.name, begins, planned.send.id


def is_covered(planned: PlannedSend) -> bool:
    """Tell whether a plan's digest is over a send: it may be posted, now or later."""
    return planned.resend_intent is not None or planned.action in PENDING


def covered_digest(rows: Iterable[Mapping[str, Any]], looser: Iterable[SettingsChange]) -> str:
    """Fingerprint rows of a plan and the looser rules, as they are shown: a plan file gives the same."""
    rules = [[redact(text) for text in (change.key, change.before, change.after)] for change in looser]
    return plan_digest(rows, loosened=rules)


def _first_look(send: Send, context: DecisionContext, known: Mapping[str, RemoteFacts] | None) -> PlannedSend:
    account, state, now = context.account(send), context.state, context.now
    digest, facts = compute_content_digest(send), (known or {}).get(send.account, OFFLINE)
    resolved = resolve(send, account.appid, facts, state, now)
    decision = decide(send, digest, context)
    if decision.resend_intent is not None:
        stored = stored_resend(decision, send, state)
        if stored is not None:
            return PlannedSend(
                send=stored,
                account=account,
                content_digest=decision.resend_intent.data["content_digest"],
                decision=decision,
                resolved=as_stored(stored, decision.resend_intent.data["body"], facts),
                resend_intent=decision.resend_intent,
            )
        decision = _incomplete(send.id)
    if decision.action is PlanAction.DRAFT:  # nothing waits for it, so what is wrong with it stops nothing
        noted = tuple(replace(problem, level="warning") for problem in resolved.problems)
        send = replace(send, diagnostics=(*send.diagnostics, *noted))
        resolved = replace(resolved, problems=())
    elif resolved.problems and decision.action in OPEN:
        decision = PlanDecision(
            action=PlanAction.INVALID,
            reason=resolved.problems[0].message,
            hint=resolved.problems[0].hint,
        )
    elif decision.action not in OPEN:
        # What was sent needs no tag any more, and its audience is the one it had.
        resolved = replace(resolved, problems=(), audience=_past_audience(send, account, state))
    if decision.action in (*PENDING, PlanAction.DRAFT, PlanAction.EXPIRED):
        warned = window_warnings(send, context.settings.policy, now)
        send = replace(send, diagnostics=(*send.diagnostics, *warned)) if warned else send
    if decision.action in PENDING:
        drafted = state.drafts.get(state.key(account.appid, send.id, send.revision))
        warned = (
            *former_id_warnings(send, account.appid, state),
            *draft_warnings(send, resolved, drafted),
        )
        if warned:
            send = replace(send, diagnostics=(*send.diagnostics, *warned))
    return PlannedSend(
        send=send, account=account, content_digest=digest, decision=decision, resolved=resolved
    )


def _past_audience(send: Send, account: Account, state: LedgerState) -> Audience:
    known = state.send(account.appid, send.id, send.revision)
    count = known.audience if known is not None else None
    return Audience(count=count, source="ledger" if count is not None else "unknown")


def _sharing_drafts(looked_at: Sequence[PlannedSend]) -> list[PlannedSend]:
    """Warn of pending sends whose draft another takes first; what was sent comes before what will be."""
    taker: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], Diagnostic] = {}
    for one in sorted(looked_at, key=lambda one: one.action in PENDING):
        appid, send = one.account.appid, one.send
        if isinstance(send.content, Draft) and one.action in TAKING:
            first = taker.setdefault((appid, send.content.media_id), send.id)
            if first != send.id and one.action in PENDING:
                found[appid, send.id] = shared_draft_warning(send, first)

    def warned(one: PlannedSend) -> PlannedSend:
        problem = found.get((one.account.appid, one.send.id))
        if problem is None:
            return one
        return replace(one, send=replace(one.send, diagnostics=(*one.send.diagnostics, problem)))

    return [warned(one) for one in looked_at] if found else list(looked_at)


def _under_policy(
    looked_at: Sequence[PlannedSend], context: DecisionContext, *, offline: bool
) -> Iterator[PlannedSend]:
    """Ask the rules send by send, in order: each that will be made uses up what the next may have."""
    due = sum(one.action in CALLING for one in looked_at)
    ahead: Counter[str] = Counter()
    seen: dict[tuple[str, str], str] = {}
    for one in looked_at:
        appid = one.account.appid
        if one.action in CALLING:
            twin = seen.get((appid, one.content_digest)) if one.resend_intent is None else None
            facts = _facts(
                one, looked_at, context, due, ahead=ahead[appid], duplicate_of=twin, offline=offline
            )
            one = with_violations(one, _violations(one, facts, context))
        if one.action is PlanAction.SEND:
            seen[appid, one.content_digest] = one.send.id
            ahead[appid] += counts(one.account.kind, one.send.filter.is_to_all)
        yield one


def _facts(
    planned: PlannedSend,
    among: Iterable[PlannedSend],
    context: DecisionContext,
    due: int,
    **more: Any,
) -> RuleInput:
    return RuleInput(
        send=planned.send,
        content_digest=planned.content_digest,
        account=planned.account,
        audience=_whole_audience(planned, among),
        policy=context.settings.policy,
        state=context.state,
        now=context.now,
        due=due,
        tag=planned.resolved.tag,
        **more,
    )


def recheck(
    planned: PlannedSend, plan: Plan, context: DecisionContext, *, reviewed: Mapping[str, int | None]
) -> PlannedSend:
    """Decide again on a send or resend, just before its call, with what is known by now.

    Args:
        planned: with its audience as it was counted last.
        reviewed: by send id, how many followers the review saw; a send that is missing was seen without.
    """
    decision = decide(planned.send, planned.content_digest, context)
    fresh = replace(planned, decision=decision, violations=())
    if decision.action is not planned.action or decision.action not in CALLING:
        return fresh
    saw = reviewed.get(planned.send.id)
    facts = _facts(planned, plan.sends, context, len(plan.calls()), applying=True, reviewed_count=saw)
    return with_violations(fresh, _violations(planned, facts, context))


def _violations(planned: PlannedSend, facts: RuleInput, context: DecisionContext) -> tuple[Violation, ...]:
    """Ask the rules; what is posted once more took its allowance when it was posted first."""
    again = planned.resend_intent is not None
    violations = evaluate(facts, context.overrides)
    return tuple(one for one in violations if not again or one.rule not in ALLOWANCE)


def with_violations(planned: PlannedSend, found: tuple[Violation, ...]) -> PlannedSend:
    """Block a due send when a rule stands against it; lesser objections stay as warnings."""
    if not found and not planned.violations:
        return planned
    blocking = [violation for violation in found if violation.blocks]
    if not blocking:
        return replace(planned, violations=found)
    first = blocking[0]
    lifted = _("{hint}. To override the rule once: `--allow {rule}=REASON`")
    decision = PlanDecision(
        action=PlanAction.BLOCKED if planned.resend_intent is None else PlanAction.UNKNOWN,
        reason=first.message if planned.resend_intent is None else not_resent_message(first.message),
        hint=lifted.format(hint=first.hint, rule=first.rule) if first.rule in OVERRIDABLE else first.hint,
        code=protocol.Reason.HOLD if first.rule == "hold" else protocol.Reason.POLICY,
    )
    return replace(planned, violations=found, decision=decision)


def _whole_audience(planned: PlannedSend, among: Iterable[PlannedSend]) -> Audience:
    """Count all parts of an openid list together: cut into batches it is still one audience."""
    audience, batch = planned.resolved.audience, planned.send.batch
    if batch is None:
        return audience
    parts = [p for p in among if p.send.batch is not None and p.account.appid == planned.account.appid]
    mine = [p for p in parts if list_id(p.send) == list_id(planned.send)]
    return replace(audience, count=sum(len(part.send.filter.openids) for part in mine))


def unplanned_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> tuple[UnknownSend, ...]:
    """List the ledger's unknown sends that are not among these: their files are gone, or not selected."""
    return tuple(
        UnknownSend(known, _unknown_decision(known, context)) for known in _unplanned(sends, context)
    )


def stored_unknown_sends(sends: Iterable[Send], context: DecisionContext) -> Iterator[Send]:
    """Give, as they were posted, the unknown sends that are named themselves and that none of these is."""
    accounts = context.settings.environment.accounts
    for known in _unplanned(sends, context):
        if context.state.normalized_ledger_id(known.send) in context.resend and known.intent is not None:
            names = [name for name, account in accounts.items() if account.appid == known.appid]
            if not names:
                continue  # its account left the settings: nothing can be posted
            name = known.account if known.account in names else names[0]
            stored = stored_send(known.intent, send_id=known.send, account=name)
            if stored is not None:
                yield stored


def _unknown_decision(known: SendRecord, context: DecisionContext) -> PlanDecision:
    state, environment = context.state, context.settings.environment
    if known.appid in context.former_appids:
        why = _("account {account} ({appid}) is no longer in the settings, so no run resolves this send")
        return PlanDecision(
            action=PlanAction.UNKNOWN,
            reason=why.format(account=known.account, appid=known.appid),
            hint=_("add the account to _settings.yaml again, then run `campaign apply`"),
            code=protocol.Reason.NO_RESPONSE,
        )
    facts = protocol.DecisionInput(
        key=SendKey(known.appid, state.ledger_id(known.send), known.revision),
        content_digest="",
        now=context.now,
        clock_skew=context.clock_skew,
        resend_after=timedelta(seconds=environment.resend_after_s),
        resend_until=timedelta(seconds=environment.resend_until_s),
        resend_stored=state.normalized_ledger_id(known.send) in context.resend,
    )
    decision = decide_by(facts, state)
    if decision.resend_intent is not None:
        return _incomplete(known.send)
    if decision.code is protocol.Reason.CONTENT_CHANGED:
        why = _("posted {when}, no response recorded; its file is not part of this plan")
        return replace(decision, reason=why.format(when=china_time(known.at, context.now)))
    return decision


def _incomplete(send_id: str) -> PlanDecision:
    why = _("posted, no response recorded; its openid list is no longer in the campaign")
    return PlanDecision(
        action=PlanAction.UNKNOWN, reason=why, hint=settle_hint(send_id), code=protocol.Reason.NO_RESPONSE
    )


def _unplanned(sends: Iterable[Send], context: DecisionContext) -> tuple[SendRecord, ...]:
    accounts, state = context.settings.environment.accounts, context.state
    # Whatever ids the ledger knows of a message: a checkout may know it by a former one.
    planned = {
        (appid, name)
        for send in sends
        for appid in (accounts[send.account].appid,)
        for name in state.stream(appid).aliases(*map(state.ledger_id, (send.id, *send.formerly)))
    }
    found = [
        known
        for appid in sorted({a.appid for a in accounts.values()} | context.former_appids)
        for known in state.unknown_sends(appid)
    ]
    # Those of another namespace have their files, and their runs, elsewhere.
    mine = (known for known in found if state.is_in_namespace(state.ledger_id(known.send)))
    return tuple(
        known for known in mine if (known.appid, state.normalized_ledger_id(known.send)) not in planned
    )
