"""One account's part of an apply: unknown sends are resolved first, then due sends are made, in order.

What makes a send safe is in `protocol`, one call in `posting`; here is who comes when, and what is asked
again before a call.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    ExitCode,
    LedgerError,
    LedgerLockedError,
    SecretError,
)
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.decision import DecisionContext, decision_input
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.hints import edited_draft_hint, not_resent_message
from wechat_campaigns.plan.plan import Plan, PlannedSend, named_draft, order
from wechat_campaigns.plan.planner import late_violations, recheck
from wechat_campaigns.plan.resolve import AudienceCounter
from wechat_campaigns.plan.review import check_resolved_names
from wechat_campaigns.plan.unknown_sends import stored_body
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.state import Fate, StreamState
from wechat_campaigns.send import preparing
from wechat_campaigns.send.outcome import (
    LEFT,
    Result,
    SendOutcome,
    expected_error,
    lasting_reason,
    left_outcome,
    not_sent_outcome,
    planned_outcome,
)
from wechat_campaigns.send.posting import AccountCaller, RunContext
from wechat_campaigns.wechat import payloads

if TYPE_CHECKING:
    from wechat_campaigns.workspace import OnlineWorkspace

MOST_TOLD = 100
"""Sends of a run that are shown one by one while they are made."""
LEDGER_CONFLICT = N_("other runners kept changing the ledger at the same time, so no call was made")


class AccountRun(AccountCaller):
    """The sends of one account in one run, in one thread, one at a time.

    Args:
        plan: with the sends of this account alone, as each call looks at all of them.
        due: how many sends the run has, of all accounts.
    """

    def __init__(
        self,
        workspace: OnlineWorkspace,
        account: Account,
        plan: Plan,
        context: RunContext,
        stopping: threading.Event,
        due: int,
    ) -> None:
        super().__init__(workspace, account, context, stopping)
        self.plan, self.due, self.watch = plan, due, workspace.watch

    @cached_property
    def audiences(self) -> AudienceCounter:
        """Counts audiences by what WeChat says now."""
        return AudienceCounter(self.api, self.clock)

    def run(self, *, wait_s: float) -> list[SendOutcome] | None:
        """Make the account's sends; None when another runner holds it for longer than `wait_s`."""
        mine = self.plan.sends
        steps: list[PlannedSend] = [
            *(one for one in mine if one.action in (PlanAction.RESEND, PlanAction.UNKNOWN)),
            *sorted((one for one in mine if one.is_due), key=order),
        ]
        outcomes: list[SendOutcome] = []
        try:
            with self.ledger.lock(self.account.appid, wait_s), closing(self.open().api):
                outcomes.extend(replace(self._outcome(one), key=one.key) for one in steps)
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerLockedError) and not wait_s and not outcomes:
                return None
            # What was done before stays reported; the rest was not begun.
            outcomes += [replace(self._not_begun(one, error), key=one.key) for one in steps[len(outcomes) :]]
        if self.due > MOST_TOLD:
            results = Counter(status_word(one.result) for one in outcomes)
            super().tell(self.account.name, _(", ").join(f"{n} {word}" for word, n in results.items()))
        return outcomes

    def tell(self, send_id: str, what: str) -> None:
        """Show what is being done for a send; in a run of many sends, each account's end alone is shown."""
        if self.due <= MOST_TOLD:
            super().tell(send_id, what)

    def _outcome(self, one: PlannedSend) -> SendOutcome:
        return self._guarded(one) if one.is_due else self._resolve(one)

    def _not_begun(self, one: PlannedSend, error: CampaignError) -> SendOutcome:
        if one.is_due:
            return not_sent_outcome(one, error)
        why = _("still unknown; this run did not check it: {error}").format(error=error.text)
        return self.words.outcome(one.send.id, Result.UNKNOWN, why, hint=error.hint)

    def _guarded(self, planned: PlannedSend) -> SendOutcome:
        if self.stop_reason:
            why = _("not tried: {why}").format(why=self.stop_reason)
            return planned_outcome(planned, why, exit_code=self.stop_code)
        try:
            return self._send(planned)
        except LedgerLockedError as error:
            return planned_outcome(planned, error.message, hint=error.hint, exit_code=error.exit_code)
        except CampaignError as error:
            is_lasting = isinstance(error, LedgerError | ApiError | SecretError)
            if is_lasting and (reason := lasting_reason(error)):
                self.stop(reason, error)
            return not_sent_outcome(planned, error)
        except Exception as fault:
            return self._faulty(planned, expected_error(fault))

    def _faulty(self, planned: PlannedSend, error: CampaignError) -> SendOutcome:
        """Stop the account after a bug; by the ledger, say whether the call was begun."""
        self.stop(error.message, error)
        send = planned.send
        try:
            self.attempt.refresh()
        except Exception as unread:  # the bug may be in the reading itself
            return self.words.unknown(send.id, error.message, hint=expected_error(unread).hint)
        known = self.state.send(self.account.appid, send.id, send.revision)
        if known is not None and may_have_reached(known):
            return self.words.unknown(send.id, error.message)
        return not_sent_outcome(planned, error)

    def _send(self, planned: PlannedSend) -> SendOutcome:
        left_out = self._skip_outcome(planned)
        if left_out is not None:
            return left_out
        self.tell(planned.send.id, _("preparing"))
        ids, draft = preparing.prepare(planned, self)
        media_id, notes = (draft.media_id, draft.notes) if draft is not None else (None, ())
        body = payloads.mass_body(
            planned.send,
            tag_id=planned.resolved.tag_id,
            ids=ids,
            draft_media_id=media_id,
            skipped=planned.resolved.skipped,
        )
        make = self.hand_over if planned.send.by_hand else self.send
        if not planned.send.by_hand:
            self.wait_for_rate_limit(planned.send.id)
        # Uploads and the pace take time: the tag may have grown. All else is asked again at the intent.
        counted = self._counted(self._with_draft(planned, draft))
        stopped = self.stopping.is_set()
        outcome = None if stopped else make(counted, body, partial(self._decide, counted))
        if outcome is None:
            outcome = self._skip_outcome(counted) or planned_outcome(
                planned, _(LEDGER_CONFLICT), exit_code=ExitCode.RACE
            )
        # Refused because an upload of it is gone?
        if preparing.forget_uploads(planned, outcome.errcode, self):
            outcome = replace(outcome, hint=_(preparing.UPLOAD_AGAIN_HINT))
        return replace(outcome, notes=(*outcome.notes, *notes))

    def _decide(self, planned: PlannedSend, stream: StreamState) -> protocol.Decision:
        """Decide on a send or resend on the newest state: everything that could block it, at once."""
        context = self._decision_context(planned)

        def violations() -> list[str]:
            found = [one.message for one in late_violations(planned, self.plan, context) if one.blocks]
            lack = verdict.lack if (verdict := self._judged(planned).approval) is not None else None
            return [*found, lack] if lack is not None else found

        draft = planned.resolved.draft_id
        facts = decision_input(planned.send, planned.content_digest, context, violations, draft=draft)
        return protocol.decide(stream, facts)

    def _recheck(self, planned: PlannedSend) -> PlannedSend:
        return self._judged(recheck(planned, self.plan, self._decision_context(planned)))

    def _with_draft(self, planned: PlannedSend, made: preparing.ReadyDraft | None) -> PlannedSend:
        """Return the send with its draft as it is; refuse one of the console that the plan did not see."""
        media_id = made.media_id if made is not None else named_draft(planned.send)
        mark = made.mark if made is not None else None
        if isinstance(planned.send.content, Draft):
            mark = draft_fingerprint(media_id, self.api)
        now = replace(planned, resolved=replace(planned.resolved, draft=mark, draft_id=media_id))
        check_resolved_names(planned, now)
        return now

    def _counted(self, planned: PlannedSend) -> PlannedSend:
        """Count the audience once more where a rule depends on it; unknown when nobody answers."""
        policy = self.settings.policy_of(planned.account)
        if policy.max_recipients is None and policy.audience_drift is None:
            return planned
        audience = self.audiences.count(planned.send, planned.resolved)
        return replace(planned, resolved=replace(planned.resolved, audience=audience))

    def _skip_outcome(self, planned: PlannedSend) -> SendOutcome | None:
        if self.stopping.is_set():
            return planned_outcome(
                planned, _("the run was stopped before this send"), exit_code=ExitCode.INTERRUPTED
            )
        fresh = self._recheck(planned)
        if fresh.code is protocol.Reason.RESPONSE_PENDING:
            # The run that began it since is still sending, and reports how it ends.
            why, hint = fresh.reason, fresh.hint
            return planned_outcome(planned, why, hint=hint, exit_code=ExitCode.RACE)
        return None if fresh.is_due else left_outcome(fresh)

    def _decision_context(self, planned: PlannedSend | None = None) -> DecisionContext:
        return DecisionContext(
            settings=self.settings,
            state=self.state,
            now=self.clock(),
            overrides=self.context.overrides,
            is_current=self.plan.is_current,
            last_holds=self.plan.last_holds,
            clock_skew=self.watch.current_skew(),
            reviewed=self.context.audiences,
            actor=self._by_right(planned)["actor"],
            due=self.due,
        )

    def _resolve(self, planned: PlannedSend) -> SendOutcome:
        """Post an unknown send once more where the plan says so; else say why it is left."""
        send_id, intent = planned.send.id, planned.resend_intent
        now = self._recheck(planned)
        if now.action is PlanAction.RESEND and planned.action is PlanAction.UNKNOWN:
            now = planned  # a rule stood against it, or its time has come after the review
        if intent is None or now.action is not PlanAction.RESEND:
            return self._without_call(send_id, now)
        # The pace may take a minute, in which a hold or the quiet hours may come.
        self.wait_for_rate_limit(send_id)
        if self.stopping.is_set():
            return self.words.unknown(send_id, _("the run was stopped before this send"))
        if self.stop_reason:
            return self.words.unknown(send_id, not_resent_message(self.stop_reason))
        try:
            edited = preparing.edited_draft_id(intent, api=self.api)
            if edited is not None:
                message = _("draft {media_id} was edited after the send was posted").format(media_id=edited)
                hint = edited_draft_hint(send_id, self.settings.environment.env_option)
                return self.words.unknown(send_id, not_resent_message(message), hint=hint)
            counted = self._counted(planned)
            body = stored_body(intent, planned.send)
            outcome = self.resend(intent, body, partial(self._decide, counted), counted)
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerError) or error is not fault:
                self.stop(lasting_reason(error), error)
            return self.words.unknown(send_id, error.message, hint=error.hint)
        if outcome is None:  # decided once more, for the words
            return self._without_call(send_id, self._recheck(counted))
        return outcome

    def _without_call(self, send_id: str, now: PlannedSend) -> SendOutcome:
        """Return why an unknown send is left as it is, or how another run has settled it since."""
        known = now.known
        # Another run may have sent the message under an id that this checkout does not know.
        name = known.send if known is not None else send_id
        if now.action is PlanAction.RESEND:
            return self.words.unknown(name, _(LEDGER_CONFLICT))
        if now.action is PlanAction.UNKNOWN:
            return self.words.unknown(name, now.reason, hint=now.hint)
        status = known.fate if known is not None else Fate.NOT_SENT
        was_made = now.action in (PlanAction.SENT, PlanAction.CONFLICT)
        return self.words.outcome(
            send_id,
            Result.SKIPPED,
            _("another run resolved it in the meantime: {status}").format(status=status_word(status)),
            hint="" if was_made else _("run `campaign apply` again"),
            exit_code=LEFT[now.action].exit_code,
            code=now.code.value,
        )
