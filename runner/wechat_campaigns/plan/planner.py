"""Rendered sends, the ledger's state and read-only answers in, one decision per send out. No I/O, no clock.

Apply calls `recheck` again just before each send, so a plan can grow stale
without becoming dangerous.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import CampaignError, ExitCode
from wechat_campaigns.core.model import (
    Audience,
    InvalidCampaign,
    PlanAction,
    Send,
    recipients_word,
)
from wechat_campaigns.core.names import list_id
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUse, agreed_by, audience_of, recipients_of
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.decision import DecisionContext, campaign_parts, decide
from wechat_campaigns.plan.draft_box import with_recorded_draft, with_stored_draft
from wechat_campaigns.plan.hints import draft_taken_by, not_resent_message
from wechat_campaigns.plan.plan import (
    CALLING,
    OPEN,
    PENDING,
    PLAN_LIFE,
    TAKING,
    FailedChecks,
    Plan,
    PlannedSend,
    PlanReason,
    SendKey,
    Violation,
    named_draft,
    order,
)
from wechat_campaigns.plan.policy import evaluate, remedy
from wechat_campaigns.plan.policy.rule import RuleInput
from wechat_campaigns.plan.quota import Calendar, quota_used
from wechat_campaigns.plan.resolve import OFFLINE, RemoteFacts, as_stored, resolve
from wechat_campaigns.plan.rule_changes import changes_since, rules_in_force
from wechat_campaigns.plan.unknown_sends import (
    decide_unknown,
    incomplete_words,
    stored_resend,
    unplanned_unknown_sends,
)
from wechat_campaigns.plan.warnings import (
    draft_warnings,
    former_id_warnings,
    quota_by_hand_warnings,
    shared_draft_warning,
    stored_draft_warnings,
    unsubscribed_warnings,
    window_warnings,
    with_rename_warnings,
)
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Status


def make_plan(
    sends: Sequence[Send],
    *,
    invalid: Sequence[InvalidCampaign],
    context: DecisionContext,
    remote_facts: Mapping[str, RemoteFacts] | None,
    with_unplanned: bool = True,
    guards: Sequence[Event] = (),
) -> Plan:
    """Decide on every send.

    Args:
        remote_facts: by account name, for each account with something to send; None plans offline.
        with_unplanned: False when only some campaigns were selected: of the others only what is to be resent.
        guards: the newest of each account: the rules of its last apply.
    """
    settings, state, now = context.settings, context.state, context.now
    accounts = settings.environment.accounts
    facts = defaultdict(lambda: OFFLINE, remote_facts or {})
    looked_at = [_first_look(send, facts[send.account], context) for send in sends]
    looked_at = with_rename_warnings(_sharing_drafts(sorted(looked_at, key=order), state), context)
    if remote_facts is None:
        looked_at = _with_past_audiences(looked_at, state)
    named = [accounts[name] for name in sorted({send.account for send in sends})]
    return Plan(
        environment=settings.environment.name,
        created_at=now,
        expires_at=now + PLAN_LIFE,
        offline=remote_facts is None,
        sends=tuple(sorted(_under_policy(looked_at, context, offline=remote_facts is None), key=order)),
        invalid=tuple(invalid),
        unknown_sends=tuple(
            decide_unknown(known, context)
            for known in unplanned_unknown_sends(sends, context)
            if with_unplanned or normalize_id(known.send) in context.resend
        ),
        used={a.name: quota_used(a.appid, a.kind, state, now) for a in named},
        mass_calls={name: one.quota for name, one in facts.items() if one.quota is not None},
        rules=rules_in_force(settings),
        settings_changes=changes_since(guards, settings),
        is_current=context.is_current,
        last_holds=state.last_holds() if context.last_holds is None else context.last_holds,
    )


def _first_look(send: Send, facts: RemoteFacts, context: DecisionContext) -> PlannedSend:
    state, env = context.state, context.settings.environment.env_option
    send = _with_draft(send, facts, context)
    planned = decide(send, send.content_digest, context)
    if (intent := planned.resend_intent) is not None:
        if (stored := stored_resend(planned)) is not None:
            planned = replace(
                planned,
                send=stored,
                content_digest=intent.data["content_digest"],
                resolved=as_stored(stored, intent.data["body"], facts),
            )
            return _failed_account(planned, facts.error, PlanAction.UNKNOWN) if facts.error else planned
        reason, hint = incomplete_words(planned.known, send.id, env)
        planned = replace(planned, action=PlanAction.UNKNOWN, reason=reason, hint=hint, resend_intent=None)
    resolved = resolve(send, planned.account.appid, facts, state, context.now)
    harmless: list[Diagnostic] = []
    if planned.action is PlanAction.DRAFT:  # nothing waits for it, so what is wrong with it stops nothing
        harmless = [replace(problem, level="warning") for problem in resolved.problems]
        resolved = replace(resolved, problems=())
    elif facts.error is not None and planned.action in OPEN:
        planned = _failed_account(planned, facts.error, PlanAction.BLOCKED)
    elif facts.error is not None and not facts.past_known:
        planned = _failed_account(planned, facts.error, planned.action)
    elif resolved.problems and planned.action in OPEN:
        first = resolved.problems[0]
        planned = planned.left(
            PlanAction.BLOCKED,
            first.message,
            hint=first.hint,
            code=PlanReason.UNRESOLVED,
            failure=ExitCode.INVALID,
        )
    elif planned.action not in OPEN:
        # What was sent needs no tag any more, and its audience is the one it had.
        resolved = replace(resolved, problems=(), audience=_past_audience(planned, state))
    planned = replace(planned, resolved=resolved)
    return planned.with_warnings([*harmless, *_warnings(planned, facts, context)])


def _failed_account(planned: PlannedSend, error: CampaignError, action: PlanAction) -> PlannedSend:
    """Leave a send of an account that could not be asked; those of other accounts go on."""
    reason = not_resent_message(error.text) if action is PlanAction.UNKNOWN else error.text
    code, errcode = PlanReason.ACCOUNT_FAILED, error.errcode
    return planned.left(action, reason, hint=error.hint, code=code, failure=error.exit_code, errcode=errcode)


def _warnings(planned: PlannedSend, facts: RemoteFacts, context: DecisionContext) -> Iterator[Diagnostic]:
    send, action, appid, state = planned.send, planned.action, planned.account.appid, context.state
    if action in (*PENDING, PlanAction.DRAFT, PlanAction.EXPIRED):
        policy = context.settings.policy_of(planned.account)
        yield from window_warnings(send, policy, context.now)
    if action in (*PENDING, PlanAction.DRAFT) and isinstance(send.content, Draft):
        yield from stored_draft_warnings(send.content, send, offline=facts.offline)
    if action in PENDING:
        drafted = state.draft(appid, send.id, send.revision)
        yield from former_id_warnings(send, appid, state)
        yield from draft_warnings(send, planned.resolved, drafted, facts.drafts)
        yield from unsubscribed_warnings(send, planned.resolved)
        yield from quota_by_hand_warnings(planned, state, context.now)


def _with_draft(send: Send, facts: RemoteFacts, context: DecisionContext) -> Send:
    """Return a send with what was read of its draft; of one that was sent, what the ledger has."""
    if not isinstance(send.content, Draft):
        return send
    record = context.made_record(send)
    if record is not None:
        return with_recorded_draft(send, record.origin)
    return with_stored_draft(send, facts.draft_box, facts.drafts)


def _past_audience(planned: PlannedSend, state: LedgerState) -> Audience:
    known = state.send(*planned.key)
    count = audience_of(known) if known is not None else None
    return Audience(count=count, source="ledger" if count is not None else "unknown")


def _sharing_drafts(looked_at: Sequence[PlannedSend], state: LedgerState) -> list[PlannedSend]:
    """Return the sends with one due for each draft; of others, warn of what takes their draft before them.

    What was sent comes before what will be. Batches of one list have no recipient in common.
    """
    taker: dict[tuple[str, str], str] = {}
    due: dict[tuple[str, str], str] = {}
    found: dict[SendKey, PlannedSend] = {}
    for one in sorted(looked_at, key=lambda one: one.action in PENDING):
        if not (draft := _draft_of(one, state)) or one.action not in TAKING:
            continue
        key, name = (one.account.appid, draft), one.send.id
        first, other = taker.setdefault(key, name), due.setdefault(key, name) if one.is_due else name
        if list_id(other) != list_id(name):
            reason, hint = draft_taken_by(other)
            found[one.key] = one.left(PlanAction.CONFLICT, reason, hint=hint, code=Reason.DRAFT_TAKEN)
        elif first != name and one.action in PENDING:
            found[one.key] = one.with_warnings([shared_draft_warning(one.send, first)])
    return [found.get(one.key, one) for one in looked_at]


def _draft_of(planned: PlannedSend, state: LedgerState) -> str:
    """Return the draft that a send names, or the one that was made for it last; empty without one."""
    send, content = planned.send, planned.send.content
    if isinstance(content, Draft):
        return content.media_id or content.title
    made = state.draft(planned.account.appid, send.id, send.revision) if content.needs_draft else None
    return made.media_id if made is not None else ""


def _under_policy(
    looked_at: Sequence[PlannedSend], context: DecisionContext, *, offline: bool
) -> Iterator[PlannedSend]:
    """Ask the rules send by send, in order: each that will be made uses up what the next may have."""
    due, lists = sum(one.action in CALLING for one in looked_at), _lists(looked_at)
    earlier = _Earlier(looked_at, context)
    for one in sorted(looked_at, key=lambda one: _lets_others_go_first(one, context)):
        asked_at = _asked_at(one, context.now)
        if asked_at is None:
            yield one
            continue
        facts = earlier.added_to(
            _rule_input(one, context, due=due, lists=lists, offline=offline), one, asked_at
        )
        judged = with_violations(one, evaluate(facts, context.overrides))
        earlier.add(judged, asked_at)
        yield judged


def _lets_others_go_first(planned: PlannedSend, context: DecisionContext) -> bool:
    """Return whether a send comes last because of `min_interval`: it may be refused each time."""
    interval = context.settings.policy_of(planned.account).min_interval
    return planned.code is Reason.REJECTED_BEFORE and interval is not None


def _asked_at(planned: PlannedSend, now: datetime) -> datetime | None:
    """Return the moment by which the rules judge a send: now, or when its window opens; None: they do not."""
    if planned.action is PlanAction.SCHEDULED:
        return planned.send.not_before
    return now if planned.action in CALLING else None


class _Earlier:
    """What was used up before a send: by the ledger's sends, and by those before it in the plan."""

    def __init__(self, looked_at: Sequence[PlannedSend], context: DecisionContext) -> None:
        self._state, self._now = context.state, context.now
        self._appids = sorted({one.appid for one in context.settings.environment.accounts.values()})
        self._appids_by_digest = _appids_by_digest(looked_at, self._appids, context.state)
        self._accounts = defaultdict[_Content, set[str]](set)
        for one in looked_at:
            if one.action not in (PlanAction.DRAFT, PlanAction.EXPIRED):  # what was sent, or may still be
                self._accounts[_content_key(one)].add(one.account.appid)
        self._newest: dict[_Content, dict[str, tuple[str, datetime]]] = {}
        self._twins: dict[tuple[str, str], str] = {}
        self._calendars = {appid: Calendar(appid, context.state) for appid in self._appids}

    def added_to(self, facts: RuleInput, planned: PlannedSend, at: datetime) -> RuleInput:
        """Return the facts about a send at a moment, with what was used up before it."""
        appid, newest = planned.account.appid, self._newest_of(planned)
        twin = self._twins.get((appid, planned.content_digest))
        others = (known for other, known in newest.items() if other != appid)
        return replace(
            facts,
            now=at,
            is_later=planned.action is PlanAction.SCHEDULED,
            calendar=self._calendars[appid],
            duplicate_of=twin if planned.resend_intent is None else None,
            content_accounts=len(self._accounts[_content_key(planned)]),
            content_before=max(others, key=lambda known: known[1], default=None),
        )

    def add(self, planned: PlannedSend, at: datetime) -> None:
        """Add what a judged send uses up; one of a later window takes its quota even if it is blocked."""
        send, appid = planned.send, planned.account.appid
        if planned.action in CALLING:
            self._newest_of(planned)[appid] = send.id, at
        if planned.is_due:
            self._twins[appid, planned.content_digest] = send.id
        if planned.is_due or at > self._now:
            self._calendars[appid].add(QuotaUse(recipients_word(send.filter), planned.resolved.tag_id), at)

    def _newest_of(self, planned: PlannedSend) -> dict[str, tuple[str, datetime]]:
        """Return, by AppID, the newest send of this content and when; the ledger's are read once."""
        content = _content_key(planned)
        if content not in self._newest:
            has_many = planned.send.for_account
            asked = self._appids if has_many else self._appids_by_digest.get(planned.content_digest, ())
            self._newest[content] = _made_before(planned, asked, self._state)
            self._accounts[content] |= self._newest[content].keys()
        return self._newest[content]


_Content = tuple[str, int]


def _content_key(planned: PlannedSend) -> _Content:
    """Return what sends of the same content have in common; of a campaign for many accounts, the campaign."""
    send = planned.send
    return (send.campaign, send.revision) if send.for_account else (planned.content_digest, 0)


def _appids_by_digest(
    looked_at: Sequence[PlannedSend], appids: Iterable[str], state: LedgerState
) -> Mapping[str, Sequence[str]]:
    """Return which accounts have had each content: asked all at once, as both may be thousands."""
    digests, found = {one.content_digest for one in looked_at}, defaultdict[str, list[str]](list)
    for appid in appids:
        for digest in digests & state.stream(appid).contents:
            found[digest].append(appid)
    return found


def _made_before(
    planned: PlannedSend, appids: Iterable[str], state: LedgerState
) -> dict[str, tuple[str, datetime]]:
    """Return, by AppID, the newest send of this content that was made, or may have been, and when."""
    send, found = planned.send, dict[str, tuple[str, datetime]]()
    for appid in appids:
        known = state.sends_by_content(appid, planned.content_digest)
        if send.for_account:
            parts = campaign_parts(send, state.stream(appid))
            known = [part for part in parts if part.revision == send.revision]
        made = [one for one in known if one.status is not Status.REJECTED]
        if made:
            newest = max(made, key=lambda one: one.at)
            found[appid] = newest.send, newest.at
    return found


_Lists = Mapping[tuple[str, str], tuple[int, int]]


def _rule_input(
    planned: PlannedSend, context: DecisionContext, *, due: int, lists: _Lists, offline: bool = False
) -> RuleInput:
    first = planned.resend_intent.data.get("actor", {}) if planned.resend_intent is not None else {}
    return RuleInput(
        send=planned.send,
        content_digest=planned.content_digest,
        account=planned.account,
        audience=_whole_audience(planned, lists),
        policy=context.settings.policy_of(planned.account),
        state=context.state,
        now=context.now,
        due=due,
        offline=offline,
        is_sandbox=context.settings.environment.is_sandbox,
        env=context.settings.environment.env_option,
        draft=planned.resolved.draft_id or named_draft(planned.send),
        tag=planned.resolved.tag,
        tag_id=planned.resolved.tag_id,
        is_resend=planned.resend_intent is not None,
        actor=first if agreed_by(first) else context.actor,
    )


def with_failed_checks(plan: Plan, failed: FailedChecks, context: DecisionContext) -> Plan:
    """Block the due sends of a plan that did not pass its checks, or warn of it."""
    if not failed:
        return plan
    due, lists = len(plan.calls()), _lists(plan.sends)

    def with_checks(planned: PlannedSend) -> PlannedSend:
        if planned.action not in CALLING:
            return planned
        facts = replace(_rule_input(planned, context, due=due, lists=lists), failed_checks=failed)
        found = [one for one in evaluate(facts, context.overrides) if one.rule == "checks"]
        return with_violations(planned, (*planned.violations, *found))

    return replace(plan, sends=tuple(map(with_checks, plan.sends)), failed_checks=failed)


def recheck(planned: PlannedSend, plan: Plan, context: DecisionContext) -> PlannedSend:
    """Decide again on a send or resend, just before its call, with what is known then.

    Args:
        planned: with its audience as it was counted last.
    """
    now = decide(planned.send, planned.content_digest, context, planned.resolved.draft_id)
    fresh = replace(now, resolved=planned.resolved, resend_intent=planned.resend_intent)
    if fresh.action is not planned.action or fresh.action not in CALLING:
        return fresh
    return with_violations(fresh, late_violations(planned, plan, context))


def late_violations(planned: PlannedSend, plan: Plan, context: DecisionContext) -> tuple[Violation, ...]:
    """Ask the rules once more, just before the call; as `recheck`."""
    lists = _lists(plan.sends if planned.send.batch is not None else ())
    facts = _rule_input(planned, context, due=context.due, lists=lists)
    facts = replace(facts, applying=True, failed_checks=plan.failed_checks)
    seen = context.reviewed.get(planned.key)
    own, all_batches = planned.resolved.audience.count, facts.audience.count
    if seen is not None and own is not None and all_batches is not None:
        seen += all_batches - own
    return evaluate(replace(facts, reviewed_count=seen), context.overrides)


def with_violations(planned: PlannedSend, found: tuple[Violation, ...]) -> PlannedSend:
    """Block a due send when a rule stands against it; lesser objections stay as warnings."""
    if not found and not planned.violations:
        return planned
    blocking = [violation for violation in found if violation.blocks]
    if not blocking:
        return replace(planned, violations=found)
    first, is_resend = blocking[0], planned.resend_intent is not None
    left = planned.left(
        PlanAction.UNKNOWN if is_resend else PlanAction.BLOCKED,
        not_resent_message(first.message) if is_resend else first.message,
        hint=remedy(first),
        code=Reason.HOLD if first.rule == "hold" else Reason.POLICY,
    )
    return replace(left, violations=found)


def _lists(sends: Iterable[PlannedSend]) -> _Lists:
    """Return, by AppID and id of a list, how many openids its batches have, and how many are left out."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in sends:
        if one.send.batch is not None:
            key = one.account.appid, list_id(one.send.id)
            openids, skipped = found.get(key, (0, 0))
            found[key] = openids + len(one.send.filter.openids), skipped + len(one.resolved.skipped)
    return found


def _whole_audience(planned: PlannedSend, lists: _Lists) -> Audience:
    """Count the whole openid list, whichever of its batches are planned: it is still one audience."""
    audience, batch = planned.resolved.audience, planned.send.batch
    if batch is None:
        return audience
    openids, skipped = lists.get((planned.account.appid, list_id(planned.send.id)), (0, 0))
    return replace(audience, count=max(len(batch.openids), openids) - skipped)


def _with_past_audiences(looked_at: Sequence[PlannedSend], state: LedgerState) -> list[PlannedSend]:
    """Add the newest count of the same recipients in the ledger, where WeChat was not asked for it."""
    newest: dict[tuple[str, str], Audience] = {}
    if not any(one.resolved.audience.source == "unknown offline" for one in looked_at):
        return list(looked_at)
    for record in sorted(state.sends, key=lambda one: one.at):
        if (count := audience_of(record)) is not None:
            past = Audience(count=count, source="ledger", as_of=record.at)
            newest[record.appid, recipients_of(record)] = past

    def counted(one: PlannedSend) -> PlannedSend:
        audience = one.resolved.audience
        last = newest.get((one.account.appid, recipients_word(one.send.filter)))
        if last is None or audience.source != "unknown offline":
            return one
        return replace(one, resolved=replace(one.resolved, audience=replace(audience, last=last)))

    return [counted(one) for one in looked_at]
