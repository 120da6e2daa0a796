"""One account's part of an apply: unknown sends are resolved first, then due sends are made, in order.

What makes a send safe is in `posting`; here is who comes when, and what stops the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    ExitCode,
    LedgerError,
    LedgerLockedError,
)
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.model import Draft, PlanAction
from wechat_campaigns.core.settings import Account, Settings
from wechat_campaigns.ledger.fold import IsAuthentic, LedgerState, fold
from wechat_campaigns.ledger.records import RETRYABLE_STATUSES, SendRecord, SendStatus
from wechat_campaigns.ledger.send_ids import ledger_id
from wechat_campaigns.ledger.trust import authenticator
from wechat_campaigns.plan.decision import DecisionContext, decision_input
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.hints import edited_draft_hint, not_resent_message
from wechat_campaigns.plan.plan import Plan, PlannedSend, order
from wechat_campaigns.plan.planner import recheck
from wechat_campaigns.plan.resolve import AudienceCounter
from wechat_campaigns.plan.review import check_resolved_names
from wechat_campaigns.plan.stored_intent import stored_body
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import StreamState
from wechat_campaigns.send import drafting, uploads
from wechat_campaigns.send.outcome import (
    Result,
    SendOutcome,
    expected_error,
    missed_outcome,
    not_sent_outcome,
    planned_outcome,
    unchecked_outcome,
)
from wechat_campaigns.send.posting import (
    STOPPING_KINDS,
    AccountSender,
    ApplyPorts,
    RunContext,
    rejected_before,
)
from wechat_campaigns.wechat import payloads

LEDGER_CONFLICT = N_("other runners kept changing the ledger at the same time, so no call was made")
_SKIP_EXIT_CODES = {
    PlanAction.BLOCKED: ExitCode.POLICY,
    PlanAction.CONFLICT: ExitCode.POLICY,
    # Another run began it after the plan was made, and has not told how it ended.
    PlanAction.UNKNOWN: ExitCode.UNKNOWN,
}


@dataclass
class AccountRun:
    """The sends of one account in one run, in one thread."""

    account: Account
    plan: Plan
    ports: ApplyPorts
    settings: Settings
    context: RunContext
    sender: AccountSender = field(init=False)
    audiences: AudienceCounter = field(init=False)
    calls: int = field(init=False)
    """How many calls the whole plan has."""

    def run(self, *, wait_s: float) -> list[SendOutcome] | None:
        """Make the account's sends; None when another runner holds it and there is no time to wait."""
        due = sorted((p for p in self._mine() if p.action is PlanAction.SEND), key=order)
        unknown = self._unknown()
        outcomes: list[SendOutcome] = []
        try:
            with self.ports.ledger.lock(self.account.appid, wait_s):
                state = self._open()
                # Whatever ids the ledger knows of a message: a checkout may know it by a former one.
                known_as = state.stream(self.account.appid).aliases
                unknown = {send_id: known_as(*names) for send_id, names in unknown.items()}
                wanted = frozenset[str]().union(*unknown.values())
                opened = [k for k in state.unknown_sends(self.account.appid) if self._same(k.send) in wanted]
                still = {self._same(known.send) for known in opened}
                settled = sorted(send_id for send_id, names in unknown.items() if not names & still)
                outcomes.extend(self._settled_outcome(send_id, unknown[send_id]) for send_id in settled)
                outcomes.extend(self._reconcile(known) for known in opened)
                outcomes.extend(self._guarded(planned) for planned in due)
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerLockedError) and not wait_s and not outcomes:
                return None
            # What was done before stays reported; the rest was not begun.
            name = self.account.name
            done = {self._same(outcome.id) for outcome in outcomes}
            rest = (p.send.id for p in due if self._same(p.send.id) not in done)
            outcomes += [not_sent_outcome(send_id, name, error) for send_id in rest]
            left = (send_id for send_id, names in sorted(unknown.items()) if not names & done)
            outcomes += [unchecked_outcome(send_id, name, error) for send_id in left]
        return outcomes

    def _open(self) -> LedgerState:
        """Read the account's stream, its chain verified, and connect to WeChat."""
        self.calls = len(self.plan.calls())
        events = self.ports.ledger.read(self.account.appid)
        state = fold(events, self._authentic(events), self.settings.namespace)
        api = self.ports.connect(self.account)
        self.audiences = AudienceCounter(api, self.ports.clock)
        self.sender = AccountSender(
            self.account,
            api,
            state,
            ports=self.ports,
            run_context=self.context,
            environment=self.settings.environment,
        )
        return state

    def _unknown(self) -> dict[str, frozenset[str]]:
        """Name the unknown sends of the plan: by id, every id that each has had, as `_same` gives it."""
        records = (one.send_state for one in self.plan.unknown_sends)
        waiting = (p for p in self._mine() if p.action in (PlanAction.RESEND, PlanAction.UNKNOWN))
        unplanned = {
            record.send: frozenset({self._same(record.send)})
            for record in records
            if record.appid == self.account.appid
        }
        return unplanned | {planned.send.id: self._names(planned) for planned in waiting}

    def _same(self, send_id: str) -> str:
        """Give the form in which ids are compared."""
        return normalize_id(ledger_id(self.settings.namespace, send_id))

    def _names(self, planned: PlannedSend) -> frozenset[str]:
        return frozenset(self._same(name) for name in (planned.send.id, *planned.send.formerly))

    def _mine(self) -> list[PlannedSend]:
        return [planned for planned in self.plan.sends if planned.account.appid == self.account.appid]

    def _guarded(self, planned: PlannedSend) -> SendOutcome:
        if self.sender.stop_reason:
            why = _("not tried: {why}").format(why=self.sender.stop_reason)
            return planned_outcome(planned, why, exit_code=ExitCode.FAILED)
        try:
            return self._send(planned)
        except LedgerLockedError as error:
            return planned_outcome(planned, error.message, hint=error.hint, exit_code=error.exit_code)
        except CampaignError as error:
            if isinstance(error, LedgerError):
                self.sender.stop_reason = _("the ledger is not writable")
            if isinstance(error, ApiError) and lookup(error.errcode).errcode_class in STOPPING_KINDS:
                self.sender.stop_reason = rejected_before(error.errcode)
            return not_sent_outcome(planned.send.id, self.account.name, error)
        except Exception as fault:
            return self._faulty(planned, expected_error(fault))

    def _faulty(self, planned: PlannedSend, error: CampaignError) -> SendOutcome:
        """Stop the account after a bug; by the ledger, say whether the call was begun."""
        self.sender.stop_reason = error.message
        send = planned.send
        try:
            self.sender.attempt.refresh()
        except Exception as unread:  # the bug may be in the reading itself
            return self.sender.unknown(send.id, error.message, hint=expected_error(unread).hint)
        known = self.sender.state.send(self.account.appid, send.id, send.revision)
        if known is not None and known.may_have_reached:
            return self.sender.unknown(send.id, error.message)
        return not_sent_outcome(send.id, self.account.name, error)

    def _send(self, planned: PlannedSend) -> SendOutcome:
        left_out = self._skip_outcome(planned)
        if left_out is not None:
            return left_out
        self.ports.notify(planned.send.id, _("preparing"))
        ports = self._upload_ports(planned)
        with uploads.forgetting(planned, ports):
            ids = uploads.upload(planned, ports)
            draft = drafting.ensure_draft(planned, ids, ports)
        media_id, notes = (draft.media_id, draft.notes) if draft is not None else (None, ())
        body = payloads.mass_body(
            planned.send,
            tag_id=planned.resolved.tag_id,
            ids=ids,
            draft_media_id=media_id,
            skipped=planned.resolved.skipped,
        )
        self.sender.wait_for_rate_limit(planned.send.id)
        # Uploads and the pace take time: the tag may have grown. All else is asked again at the intent.
        counted = self._counted(self._with_draft(planned, draft))
        stopped = self.ports.stop_requested()
        outcome = None if stopped else self.sender.send(counted, body, partial(self._decide, counted))
        if outcome is None:
            outcome = self._skip_outcome(counted) or planned_outcome(
                planned, _(LEDGER_CONFLICT), exit_code=ExitCode.RACE
            )
        return replace(self._forget_uploads(planned, outcome), notes=(*outcome.notes, *notes))

    def _upload_ports(self, planned: PlannedSend) -> uploads.UploadPorts:
        return uploads.UploadPorts(
            api=self.sender.api,
            state=self.sender.state,
            record=self.sender.record,
            read=self.ports.read,
            tell=partial(self.ports.notify, planned.send.id),
        )

    def _decide(self, planned: PlannedSend, stream: StreamState) -> protocol.Decision:
        """Decide on a send or resend on the newest state: everything that could block it, at once."""
        context = self._decision_context()

        def violations() -> tuple[str, ...]:
            fresh = self._recheck(planned, context)
            return () if fresh.action is planned.action else (fresh.decision.reason,)

        facts = decision_input(planned.send, planned.content_digest, context, violations)
        return protocol.decide(stream, facts)

    def _recheck(self, planned: PlannedSend, context: DecisionContext) -> PlannedSend:
        return recheck(planned, self.plan, context, due=self.calls, reviewed=self.context.audiences)

    def _with_draft(self, planned: PlannedSend, made: drafting.ReadyDraft | None) -> PlannedSend:
        """Note what is in the draft, and refuse one of the console that is not what the plan saw."""
        content, mark = planned.send.content, made.mark if made is not None else None
        if isinstance(content, Draft):
            mark = draft_fingerprint(content.media_id, self.sender.api)
        now = replace(planned, resolved=replace(planned.resolved, draft=mark))
        check_resolved_names(planned, now)
        return now

    def _forget_uploads(self, planned: PlannedSend, outcome: SendOutcome) -> SendOutcome:
        """Forget the uploads of a send that was refused because one of them is gone."""
        if outcome.result is not Result.REJECTED:
            return outcome
        gone = uploads.forget_uploads(planned, outcome.errcode, self._upload_ports(planned))
        return replace(outcome, hint=_(uploads.UPLOAD_AGAIN_HINT)) if gone else outcome

    def _counted(self, planned: PlannedSend) -> PlannedSend:
        """Count the audience once more where a rule depends on it; unknown when nobody answers."""
        policy = self.settings.policy
        if policy.max_recipients is None and policy.audience_drift is None:
            return planned
        audience = self.audiences.count(planned.send, planned.resolved)
        return replace(planned, resolved=replace(planned.resolved, audience=audience))

    def _skip_outcome(self, planned: PlannedSend) -> SendOutcome | None:
        if self.ports.stop_requested():
            return planned_outcome(
                planned, _("the run was stopped before this send"), exit_code=ExitCode.INTERRUPTED
            )
        fresh = self._recheck(planned, self._decision_context())
        decision = fresh.decision
        if decision.action is PlanAction.SEND:
            return None
        if decision.action is PlanAction.EXPIRED:  # its window ended while this run was busy
            return missed_outcome(fresh)
        code = _SKIP_EXIT_CODES.get(decision.action, ExitCode.OK)
        return planned_outcome(planned, decision.reason, hint=decision.hint, exit_code=code)

    def _authentic(self, events: Sequence[Event]) -> IsAuthentic | None:
        """Verify macs by the account's AppSecret; None for a run that has none."""
        key = self.ports.mac_key(self.account)
        return authenticator(events, lambda _appid: key) if key else None

    def _decision_context(self) -> DecisionContext:
        return DecisionContext(
            settings=self.settings,
            state=self.sender.state,
            now=self.ports.clock(),
            overrides=self.context.overrides,
            is_current=self.plan.is_current,
            clock_skew=self.ports.clock_skew(),
        )

    def _reconcile(self, known: SendRecord) -> SendOutcome:
        """Post an unknown send once more where the plan says so; else say why it is left."""
        # Whatever ids the ledger knows of a message: this checkout may know it by another.
        ids = self.sender.state.stream(self.account.appid).aliases(self._same(known.send))
        mine = [p for p in self._mine() if ids & self._names(p)]
        planned = next((p for p in mine if p.action is PlanAction.RESEND), None)
        if planned is None or planned.resend_intent is None or planned.send.revision != known.revision:
            left = [p.decision for p in mine if p.action in (PlanAction.RESEND, PlanAction.UNKNOWN)]
            orphans = (one for one in self.plan.unknown_sends if one.send_state.appid == known.appid)
            left += [one.decision for one in orphans if self._same(one.send_state.send) in ids]
            return self.sender.unknown(known.send, left[0].reason, hint=left[0].hint)
        # The pace may take a minute, in which a hold or the quiet hours may come.
        self.sender.wait_for_rate_limit(known.send)
        if self.ports.stop_requested():
            return self.sender.unknown(known.send, _("the run was stopped before the resend"))
        if self.sender.stop_reason:
            return self.sender.unknown(known.send, not_resent_message(self.sender.stop_reason))
        try:
            edited = drafting.edited_draft_id(planned.resend_intent, api=self.sender.api)
            if edited is not None:
                message = _("draft {media_id} was edited after the send was posted").format(media_id=edited)
                hint = edited_draft_hint(known.send, self.settings.environment.env_option)
                return self.sender.unknown(known.send, not_resent_message(message), hint=hint)
            counted = self._counted(planned)
            body = stored_body(planned.resend_intent, planned.send)
            outcome = self.sender.resend(planned.resend_intent, body, partial(self._decide, counted))
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerError):
                self.sender.stop_reason = _("the ledger is not writable")
            elif error is not fault:
                self.sender.stop_reason = error.message
            return self.sender.unknown(known.send, error.message, hint=error.hint)
        return outcome or self._not_resent(counted)

    def _not_resent(self, planned: PlannedSend) -> SendOutcome:
        """Say why a resend was not made: decided once more, for the words."""
        # Another run may have sent the message under an id that this checkout does not know.
        names = self.sender.state.stream(self.account.appid).aliases(*self._names(planned))
        unknown = [one for one in self._records(names) if one.status is SendStatus.UNKNOWN]
        if not unknown:
            return self._settled_outcome(planned.send.id, names)
        decision = self._recheck(planned, self._decision_context()).decision
        if decision.action is PlanAction.RESEND:
            return self.sender.unknown(unknown[-1].send, _(LEDGER_CONFLICT))
        return self.sender.unknown(unknown[-1].send, decision.reason, hint=decision.hint)

    def _settled_outcome(self, send_id: str, names: frozenset[str]) -> SendOutcome:
        """Tell of a send that was unknown when this run began, and that another has settled since."""
        latest = self._records(names)[-1]
        freed = latest.status in RETRYABLE_STATUSES
        return self.sender.outcome(
            send_id,
            Result.SKIPPED,
            _("another run resolved it in the meantime: {status}").format(status=status_word(latest.status)),
            hint=_("run `campaign apply` again: it was not sent") if freed else "",
            exit_code=ExitCode.FAILED if freed else ExitCode.OK,
        )

    def _records(self, names: frozenset[str]) -> list[SendRecord]:
        """List what is known of a message, whatever its id was, the newest last."""
        sends = self.sender.state.sends.values()
        mine = (one for one in sends if one.appid == self.account.appid and self._same(one.send) in names)
        return sorted(mine, key=lambda record: record.at)
