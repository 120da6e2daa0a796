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

from runner.digest import plan_digest, send_digest
from runner.errors import Problem
from runner.ledger.state import LedgerState, SendState
from runner.model import Action, Audience, Draft, Invalid, Send
from runner.planning.decide import Decision, decide, list_id
from runner.planning.quota import Allowance, allowance, counts
from runner.policy import COUNTING, LIFTED, Objection, objections
from runner.policy.facts import Facts, Grounds
from runner.policy.guard import SettingsChange, accepted_by, changes_since
from runner.protocol.events import Event
from runner.resolve import OFFLINE, Known, Resolved, resolve
from runner.sending.draft_notes import draft_warnings, shared_draft
from runner.settings.records import Account, Settings
from runner.words import _

PLAN_LIFE = timedelta(hours=24)
PENDING = frozenset({Action.SEND, Action.WAIT, Action.BLOCKED})
"""What a plan's digest covers: whatever may still be sent, today or when its window opens."""
TAKING = frozenset(Action) - {Action.EXPIRED, Action.INVALID}
"""Sends that take their draft out of the draft box, or have taken it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One line of a plan."""

    send: Send
    account: Account
    digest: str
    decision: Decision
    resolved: Resolved
    objections: tuple[Objection, ...] = ()

    @property
    def action(self) -> Action:
        """What apply would do."""
        return self.decision.action


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The dry run."""

    environment: str
    created_at: datetime
    expires_at: datetime
    commit: str | None
    offline: bool
    sends: tuple[Planned, ...]
    invalid: tuple[Invalid, ...] = ()
    orphans: tuple[SendState, ...] = ()
    """Unknown sends of the ledger whose campaign file is not among those planned."""
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    """By account name."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """By account name: what the reads said."""
    unbegun: tuple[str, ...] = ()
    """Accounts whose past the ledger does not know: apply refuses while there is one."""
    changes: tuple[SettingsChange, ...] = ()
    """Rules of the settings that are not those of the last apply, as the ledger says."""
    edited: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ from the commit that was asked about."""
    accepted: tuple[SettingsChange, ...] = ()
    """The looser rules that the last apply went by: a run that is started again has the same digest."""

    @property
    def looser(self) -> tuple[SettingsChange, ...]:
        """List the rules that let through what they held back at the last apply."""
        return tuple(change for change in self.changes if change.looser)

    ledger_known: bool = True
    """False when the ledger could not be read offline: what was sent before is planned like the rest."""

    present: Callable[[str], bool] = lambda _id: True
    """Whether a send of this id is among today's campaigns."""

    @property
    def digest(self) -> str:
        """Fingerprint of the pending sends; equal on a laptop and in CI, at any time of day."""
        pending = [planned for planned in self.sends if planned.action in PENDING]
        return _digest(pending, self.looser)

    def due(self) -> tuple[Planned, ...]:
        """List what apply would send now."""
        return tuple(planned for planned in self.sends if planned.action is Action.SEND)

    def reaching(self) -> frozenset[str]:
        """List the AppIDs that apply would call for: to send, or to repeat what is unknown."""
        acting = (Action.SEND, Action.UNKNOWN)
        planned = {one.account.appid for one in self.sends if one.action in acting}
        return frozenset(planned | {orphan.appid for orphan in self.orphans})

    def counts(self) -> dict[Action, int]:
        """Count sends by action, invalid campaigns and orphans included."""
        actions = [planned.action for planned in self.sends]
        actions += [Action.INVALID] * len(self.invalid) + [Action.UNKNOWN] * len(self.orphans)
        return {action: actions.count(action) for action in Action if action in actions}


def make_plan(
    sends: Sequence[Send],
    *,
    invalid: Sequence[Invalid],
    grounds: Grounds,
    known: Mapping[str, Known] | None,
    commit: str | None = None,
    with_orphans: bool = True,
    unbegun: Sequence[str] = (),
    guards: Sequence[Event] = (),
    left: Sequence[SettingsChange] = (),
    ledger_known: bool = True,
) -> Plan:
    """Decide on every send.

    Args:
        sends: rendered and within the platform's limits.
        invalid: campaigns that are not, for the record.
        grounds: the settings with the environment, the ledger's state, the present moment.
        known: reads by account name, one for each account with something to send; None plans offline.
        commit: of the campaigns, for the record.
        with_orphans: False when only some campaigns were selected.
        unbegun: accounts whose past the ledger does not know.
        guards: the newest of each account: the rules of its last apply.
        left: the ledger that the environment has left, where this one knows of no rules.
        ledger_known: False when nothing of the ledger could be read.
    """
    settings, state, now = grounds.settings, grounds.state, grounds.now
    accounts = settings.environment.accounts
    looked_at = _sharing_drafts(sorted((_first_look(send, grounds, known) for send in sends), key=order))
    named = [accounts[name] for name in sorted({send.account for send in sends})]
    return Plan(
        environment=settings.environment.name,
        created_at=now,
        expires_at=now + PLAN_LIFE,
        commit=commit,
        offline=known is None,
        sends=tuple(_under_policy(looked_at, grounds, offline=known is None)),
        invalid=tuple(invalid),
        orphans=orphans(sends, settings, state) if with_orphans else (),
        allowances={a.name: allowance(a.appid, a.kind, state, now) for a in named},
        known=known or {},
        unbegun=tuple(unbegun),
        changes=(*changes_since(guards, settings), *left),
        accepted=accepted_by(guards),
        ledger_known=ledger_known,
        present=grounds.setting.present,
    )


def order(planned: Planned) -> tuple[str, datetime, str]:
    """Sort key of an account's sends: earliest window first, then id."""
    begins = planned.send.not_before or datetime.min.replace(tzinfo=UTC)
    return planned.account.name, begins, planned.send.id


def expected_digest(plan: Plan, state: LedgerState, reviewed: str) -> str:
    """Fingerprint what is left of a reviewed plan together with what was already sent under it.

    Lets an apply that was cut off be run again with the same reviewed digest.
    """
    mine = [p for p in plan.sends if p.action in PENDING or _sent_under(p, state, reviewed)]
    again = _digest(mine, plan.accepted)
    return again if again == reviewed and not plan.looser else _digest(mine, plan.looser)


def _digest(planned: Iterable[Planned], looser: Iterable[SettingsChange]) -> str:
    loosened = [[change.key, change.before, change.after] for change in looser]
    return plan_digest(((p.send, p.digest, p.account.appid) for p in planned), loosened=loosened)


def _sent_under(planned: Planned, state: LedgerState, reviewed: str) -> bool:
    known = state.send(planned.account.appid, planned.send.id, planned.send.revision)
    return known is not None and known.intent is not None and known.intent.data.get("plan_digest") == reviewed


def _first_look(send: Send, grounds: Grounds, known: Mapping[str, Known] | None) -> Planned:
    account, state, now = grounds.settings.environment.accounts[send.account], grounds.state, grounds.now
    digest = send_digest(send)
    resolved = resolve(send, account.appid, (known or {}).get(account.name, OFFLINE), state, now)
    decision = decide(send, digest, appid=account.appid, state=state, now=now, setting=grounds.setting)
    if resolved.problems and decision.action in (Action.SEND, Action.WAIT):
        decision = Decision(
            action=Action.INVALID,
            reason=resolved.problems[0].what,
            remedy=resolved.problems[0].remedy,
        )
    elif decision.action not in (Action.SEND, Action.WAIT):
        # What was sent needs no tag any more, and its audience is the one it had.
        resolved = replace(resolved, problems=(), audience=_past_audience(send, account, state))
    if decision.action in PENDING:
        drafted = state.drafts.get(state.key(account.appid, send.id, send.revision))
        if warned := draft_warnings(send, resolved, drafted):
            send = replace(send, findings=(*send.findings, *warned))
    return Planned(send=send, account=account, digest=digest, decision=decision, resolved=resolved)


def _past_audience(send: Send, account: Account, state: LedgerState) -> Audience:
    known = state.send(account.appid, send.id, send.revision)
    count = known.audience if known is not None else None
    return Audience(count=count, source="ledger" if count is not None else "unknown")


def _sharing_drafts(looked_at: Sequence[Planned]) -> list[Planned]:
    """Warn of pending sends whose draft another takes first; what was sent comes before what will be."""
    taker: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], Problem] = {}
    for one in sorted(looked_at, key=lambda one: one.action in PENDING):
        appid, send = one.account.appid, one.send
        if isinstance(send.content, Draft) and one.action in TAKING:
            first = taker.setdefault((appid, send.content.media_id), send.id)
            if first != send.id and one.action in PENDING:
                found[appid, send.id] = shared_draft(send, first)

    def warned(one: Planned) -> Planned:
        problem = found.get((one.account.appid, one.send.id))
        if problem is None:
            return one
        return replace(one, send=replace(one.send, findings=(*one.send.findings, problem)))

    return [warned(one) for one in looked_at] if found else list(looked_at)


def _under_policy(looked_at: Sequence[Planned], grounds: Grounds, *, offline: bool) -> Iterator[Planned]:
    """Ask the rules send by send, in order: each that will be made uses up what the next may have."""
    due = sum(one.action is Action.SEND for one in looked_at)
    ahead: Counter[str] = Counter()
    seen: dict[tuple[str, str], str] = {}
    for one in looked_at:
        appid = one.account.appid
        if one.action is Action.SEND:
            twin = seen.get((appid, one.digest))
            facts = _facts(one, looked_at, grounds, due, ahead=ahead[appid], twin=twin, offline=offline)
            one = judged(one, objections(facts, grounds.allowed))
        if one.action is Action.SEND:
            seen[appid, one.digest] = one.send.id
            ahead[appid] += counts(one.account.kind, one.send.filter.is_to_all)
        yield one


def _facts(planned: Planned, among: Iterable[Planned], grounds: Grounds, due: int, **more: Any) -> Facts:
    return Facts(
        send=planned.send,
        digest=planned.digest,
        account=planned.account,
        audience=_whole_audience(planned, among),
        policy=grounds.settings.policy,
        state=grounds.state,
        now=grounds.now,
        due=due,
        tag=planned.resolved.tag,
        **more,
    )


def recheck(planned: Planned, plan: Plan, grounds: Grounds, *, reviewed: Mapping[str, int | None]) -> Planned:
    """Decide again on a due send, just before it is made, with what is known by now.

    Args:
        planned: with its audience as it was counted last.
        plan: the plan it belongs to.
        grounds: as they are now.
        reviewed: by send id, how many followers the review saw; a send that is missing was seen without.
    """
    appid = planned.account.appid
    decision = decide(
        planned.send,
        planned.digest,
        appid=appid,
        state=grounds.state,
        now=grounds.now,
        setting=grounds.setting,
    )
    fresh = replace(planned, decision=decision, objections=())
    if decision.action is not Action.SEND:
        return fresh
    saw = reviewed.get(planned.send.id)
    facts = _facts(planned, plan.sends, grounds, len(plan.due()), applying=True, reviewed=saw)
    return judged(fresh, objections(facts, grounds.allowed))


def against_resend(
    planned: Planned, plan: Plan, grounds: Grounds, *, reviewed: Mapping[str, int | None]
) -> Objection | None:
    """Find the rule that stands against posting an unknown send once more, as it was; as for `recheck`.

    It took its allowance when it was posted first, so no rule counts it again.
    """
    saw = reviewed.get(planned.send.id)
    facts = _facts(planned, plan.sends, grounds, len(plan.due()), applying=True, reviewed=saw)
    found = objections(facts, grounds.allowed)
    return next((one for one in found if one.blocks and one.rule not in COUNTING), None)


def judged(planned: Planned, found: tuple[Objection, ...]) -> Planned:
    """Block a due send when a rule stands against it; lesser objections stay as warnings."""
    if not found and not planned.objections:
        return planned
    blocking = [objection for objection in found if objection.blocks]
    if not blocking:
        return replace(planned, objections=found)
    first = blocking[0]
    lifted = _("{remedy}; once only: --allow {rule}=REASON")
    decision = Decision(
        action=Action.BLOCKED,
        reason=_("{rule}: {what}").format(rule=first.rule, what=first.what),
        remedy=lifted.format(remedy=first.remedy, rule=first.rule) if first.rule in LIFTED else first.remedy,
    )
    return replace(planned, objections=found, decision=decision)


def _whole_audience(planned: Planned, among: Iterable[Planned]) -> Audience:
    """Count all parts of an openid list together: cut into batches it is still one audience."""
    audience, batch = planned.resolved.audience, planned.send.batch
    if batch is None:
        return audience
    parts = [p for p in among if p.send.batch is not None and p.account.appid == planned.account.appid]
    mine = [p for p in parts if list_id(p.send) == list_id(planned.send)]
    return replace(audience, count=sum(len(part.send.filter.openids) for part in mine))


def orphans(sends: Iterable[Send], settings: Settings, state: LedgerState) -> tuple[SendState, ...]:
    """List the ledger's unknown sends that are not among these: their files are gone, or not selected."""
    accounts = settings.environment.accounts
    planned = {
        (accounts[send.account].appid, state.same(name))
        for send in sends
        for name in (send.id, *send.formerly)
    }
    found = [known for appid in sorted({a.appid for a in accounts.values()}) for known in state.open(appid)]
    return tuple(known for known in found if (known.appid, state.same(known.send)) not in planned)
