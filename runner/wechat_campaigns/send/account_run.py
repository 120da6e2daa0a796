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
from wechat_campaigns.ledger.fold import IsAuthentic, fold
from wechat_campaigns.ledger.records import SendStatus
from wechat_campaigns.ledger.trust import authenticator
from wechat_campaigns.plan.decision import DecisionContext, PlanDecision, decision_input
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.hints import edited_draft_hint, not_resent_message
from wechat_campaigns.plan.plan import Plan, PlannedSend, order
from wechat_campaigns.plan.planner import late_violations, recheck
from wechat_campaigns.plan.resolve import AudienceCounter
from wechat_campaigns.plan.review import check_resolved_names
from wechat_campaigns.plan.unknown_sends import UnknownSend, stored_body, unknown_decision
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.state import StreamState
from wechat_campaigns.send import drafting, uploads
from wechat_campaigns.send.outcome import (
    LEFT,
    Result,
    SendOutcome,
    expected_error,
    left_outcome,
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
        mine = [planned for planned in self.plan.sends if planned.account.appid == self.account.appid]
        steps: list[PlannedSend | UnknownSend] = [
            *(one for one in self.plan.unknown_sends if one.send_state.appid == self.account.appid),
            *(one for one in mine if one.action in (PlanAction.RESEND, PlanAction.UNKNOWN)),
            *sorted((one for one in mine if one.action is PlanAction.SEND), key=order),
        ]
        outcomes: list[SendOutcome] = []
        try:
            with self.ports.ledger.lock(self.account.appid, wait_s):
                self._open()
                outcomes.extend(replace(self._outcome(one), key=one.key) for one in steps)
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerLockedError) and not wait_s and not outcomes:
                return None
            # What was done before stays reported; the rest was not begun.
            outcomes += [replace(self._not_begun(one, error), key=one.key) for one in steps[len(outcomes) :]]
        return outcomes

    def _outcome(self, one: PlannedSend | UnknownSend) -> SendOutcome:
        if isinstance(one, UnknownSend):
            decision = unknown_decision(one.send_state, self._decision_context())
            return self._without_call(one.send_state.send, decision)
        return self._guarded(one) if one.action is PlanAction.SEND else self._resolve(one)

    def _not_begun(self, one: PlannedSend | UnknownSend, error: CampaignError) -> SendOutcome:
        if isinstance(one, UnknownSend):
            return unchecked_outcome(one.send_state.send, self.account.name, error)
        make = not_sent_outcome if one.action is PlanAction.SEND else unchecked_outcome
        return make(one.send.id, self.account.name, error)

    def _open(self) -> None:
        """Read the account's stream, its chain verified, and connect to WeChat."""
        self.calls = len(self.plan.calls())
        events = self.ports.ledger.read(self.account.appid)
        state = fold(events, self._authentic(events))
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

    def _guarded(self, planned: PlannedSend) -> SendOutcome:
        if self.sender.stop_reason:
            why = _("not tried: {why}").format(why=self.sender.stop_reason)
            return planned_outcome(planned, why, exit_code=self.sender.stop_code)
        try:
            return self._send(planned)
        except LedgerLockedError as error:
            return planned_outcome(planned, error.message, hint=error.hint, exit_code=error.exit_code)
        except CampaignError as error:
            if isinstance(error, LedgerError):
                self.sender.stop(_("the ledger is not writable"), error)
            if isinstance(error, ApiError) and lookup(error.errcode).errcode_class in STOPPING_KINDS:
                self.sender.stop(rejected_before(error.errcode), error)
            return not_sent_outcome(planned.send.id, self.account.name, error)
        except Exception as fault:
            return self._faulty(planned, expected_error(fault))

    def _faulty(self, planned: PlannedSend, error: CampaignError) -> SendOutcome:
        """Stop the account after a bug; by the ledger, say whether the call was begun."""
        self.sender.stop(error.message, error)
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

        def violations() -> list[str]:
            found = late_violations(
                planned, self.plan, context, due=self.calls, reviewed=self.context.audiences
            )
            return [violation.message for violation in found if violation.blocks]

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
        if fresh.decision.code is protocol.Reason.RESPONSE_PENDING:
            # The run that began it since is still sending, and reports how it ends.
            why, hint = fresh.decision.reason, fresh.decision.hint
            return planned_outcome(planned, why, hint=hint, exit_code=ExitCode.RACE)
        return None if fresh.action is PlanAction.SEND else left_outcome(fresh)

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
            last_holds=self.plan.last_holds,
            clock_skew=self.ports.clock_skew(),
        )

    def _resolve(self, planned: PlannedSend) -> SendOutcome:
        """Post an unknown send once more where the plan says so; else say why it is left."""
        send_id, intent = planned.send.id, planned.resend_intent
        decision = self._recheck(planned, self._decision_context()).decision
        if decision.action is PlanAction.RESEND and planned.action is PlanAction.UNKNOWN:
            decision = planned.decision  # a rule stood against it, or its time has come after the review
        if intent is None or decision.action is not PlanAction.RESEND:
            return self._without_call(send_id, decision)
        # The pace may take a minute, in which a hold or the quiet hours may come.
        self.sender.wait_for_rate_limit(send_id)
        if self.ports.stop_requested():
            return self.sender.unknown(send_id, _("the run was stopped before the resend"))
        if self.sender.stop_reason:
            return self.sender.unknown(send_id, not_resent_message(self.sender.stop_reason))
        try:
            edited = drafting.edited_draft_id(intent, api=self.sender.api)
            if edited is not None:
                message = _("draft {media_id} was edited after the send was posted").format(media_id=edited)
                hint = edited_draft_hint(send_id, self.settings.environment.env_option)
                return self.sender.unknown(send_id, not_resent_message(message), hint=hint)
            counted = self._counted(planned)
            body = stored_body(intent, planned.send)
            outcome = self.sender.resend(intent, body, partial(self._decide, counted))
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerError):
                self.sender.stop(_("the ledger is not writable"), error)
            elif error is not fault:
                self.sender.stop(error.message, error)
            return self.sender.unknown(send_id, error.message, hint=error.hint)
        if outcome is None:  # decided once more, for the words
            return self._without_call(send_id, self._recheck(counted, self._decision_context()).decision)
        return outcome

    def _without_call(self, send_id: str, decision: PlanDecision) -> SendOutcome:
        """Return why an unknown send is left as it is, or how another run has settled it since."""
        known = decision.known
        # Another run may have sent the message under an id that this checkout does not know.
        name = known.send if known is not None else send_id
        if decision.action is PlanAction.RESEND:
            return self.sender.unknown(name, _(LEDGER_CONFLICT))
        if decision.action is PlanAction.UNKNOWN:
            return self.sender.unknown(name, decision.reason, hint=decision.hint)
        status = known.status if known is not None else SendStatus.NOT_SENT
        was_made = decision.action in (PlanAction.SENT, PlanAction.CONFLICT)
        return self.sender.outcome(
            send_id,
            Result.SKIPPED,
            _("another run resolved it in the meantime: {status}").format(status=status_word(status)),
            hint="" if was_made else _("run `campaign apply` again"),
            exit_code=LEFT[decision.action].exit_code,
        )
