"""One account's part of an apply: unknown sends are resolved first, then due sends are made, in order.

What makes a send safe is in `protocol`; here is who comes when, WeChat's pace, what stops the rest, and the
words for the end of each.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    TRANSIENT,
    ApiError,
    CampaignError,
    ExitCode,
    LedgerConflictError,
    LedgerError,
    LedgerLockedError,
    SecretError,
    TamperedLedgerError,
)
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.approval import asked_of, judged
from wechat_campaigns.plan.by_hand import what_to_press
from wechat_campaigns.plan.decision import DecisionContext, decision_input
from wechat_campaigns.plan.draft_box import draft_fingerprint, list_drafts
from wechat_campaigns.plan.hints import (
    apply_again_hint,
    edited_draft_hint,
    foreign_hint,
    msg_id_hint,
    not_resent_message,
)
from wechat_campaigns.plan.plan import Plan, PlannedSend, named_draft, order
from wechat_campaigns.plan.planner import late_violations, recheck
from wechat_campaigns.plan.resolve import REFUSING, AudienceCounter, refused_notes
from wechat_campaigns.plan.review import check_resolved_names
from wechat_campaigns.plan.unknown_sends import stored_body
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.attempt import AttemptResult, Judge
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.state import Fate, Status, StreamState
from wechat_campaigns.protocol.verdict import CLIENTMSGID_EXISTS
from wechat_campaigns.send import preparing
from wechat_campaigns.send.outcome import (
    LEFT,
    Result,
    SendOutcome,
    expected_error,
    left_outcome,
    not_sent_outcome,
    planned_outcome,
)
from wechat_campaigns.send.posting import (
    CALLS_PER_MINUTE,
    MINUTE,
    STOPPING_KINDS,
    AccountWriter,
    RunContext,
    intent_data,
    rejected_before,
)
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import WeChatApi

if TYPE_CHECKING:
    from wechat_campaigns.workspace import OnlineWorkspace

MOST_TOLD = 100
"""Sends of a run that are shown one by one while they are made."""
LEDGER_CONFLICT = N_("other runners kept changing the ledger at the same time, so no call was made")


class AccountRun(AccountWriter):
    """The sends of one account in one run, in one thread, one at a time.

    Args:
        plan: with the sends of this account alone, as each call looks at all of them.
        due: how many sends the run has, of all accounts.
    """

    stop_reason: str = ""
    """Why no further send of this account should be tried; empty while one may be."""
    stop_code: ExitCode = ExitCode.FAILED

    def __init__(
        self,
        workspace: OnlineWorkspace,
        account: Account,
        plan: Plan,
        context: RunContext,
        stopping: threading.Event,
        due: int,
    ) -> None:
        super().__init__(workspace, account)
        self.plan, self.context, self.stopping, self.watch = plan, context, stopping, workspace.watch
        self.due = due

    def begin(self, api: WeChatApi, state: LedgerState) -> None:
        """See `AccountWriter.begin`; before the first send."""
        super().begin(api, state)
        self.audiences = AudienceCounter(api, self.clock)
        now = self.clock()
        mine = (known.at for known in state.stream(self.account.appid).all_sends(now - MINUTE))
        posts = sorted(at for at in mine if now - at < MINUTE)
        self._posts = deque(posts, maxlen=CALLS_PER_MINUTE)

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
        return self.outcome(one.send.id, Result.UNKNOWN, why, hint=error.hint)

    def _guarded(self, planned: PlannedSend) -> SendOutcome:
        if self.stop_reason:
            why = _("not tried: {why}").format(why=self.stop_reason)
            return planned_outcome(planned, why, exit_code=self.stop_code)
        try:
            return self._send(planned)
        except LedgerLockedError as error:
            return planned_outcome(planned, error.message, hint=error.hint, exit_code=error.exit_code)
        except CampaignError as error:
            if isinstance(error, LedgerError):
                self.stop(_("the ledger is not writable"), error)
            if isinstance(error, ApiError) and lookup(error.errcode).errcode_class in STOPPING_KINDS:
                self.stop(rejected_before(error.errcode), error)
            if isinstance(error, SecretError):
                self.stop(error.message, error)
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
            return self.unknown(send.id, error.message, hint=expected_error(unread).hint)
        known = self.state.send(self.account.appid, send.id, send.revision)
        if known is not None and may_have_reached(known):
            return self.unknown(send.id, error.message)
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

    def _judged(self, planned: PlannedSend) -> PlannedSend:
        """Return a send with whether it is approved by the newest events."""
        stream = self.state.stream(self.account.appid)
        asked = asked_of(self.settings, self.account, stream)
        return judged(planned, stream, asked, self.settings.environment.env_option)

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
            return self.unknown(send_id, _("the run was stopped before this send"))
        if self.stop_reason:
            return self.unknown(send_id, not_resent_message(self.stop_reason))
        try:
            edited = preparing.edited_draft_id(intent, api=self.api)
            if edited is not None:
                message = _("draft {media_id} was edited after the send was posted").format(media_id=edited)
                hint = edited_draft_hint(send_id, self.settings.environment.env_option)
                return self.unknown(send_id, not_resent_message(message), hint=hint)
            counted = self._counted(planned)
            body = stored_body(intent, planned.send)
            outcome = self.resend(intent, body, partial(self._decide, counted), counted)
        except Exception as fault:
            error = expected_error(fault)
            if isinstance(error, LedgerError):
                self.stop(_("the ledger is not writable"), error)
            elif error is not fault:
                self.stop(error.message, error)
            return self.unknown(send_id, error.message, hint=error.hint)
        if outcome is None:  # decided once more, for the words
            return self._without_call(send_id, self._recheck(counted))
        return outcome

    def _without_call(self, send_id: str, now: PlannedSend) -> SendOutcome:
        """Return why an unknown send is left as it is, or how another run has settled it since."""
        known = now.known
        # Another run may have sent the message under an id that this checkout does not know.
        name = known.send if known is not None else send_id
        if now.action is PlanAction.RESEND:
            return self.unknown(name, _(LEDGER_CONFLICT))
        if now.action is PlanAction.UNKNOWN:
            return self.unknown(name, now.reason, hint=now.hint)
        status = known.fate if known is not None else Fate.NOT_SENT
        was_made = now.action in (PlanAction.SENT, PlanAction.CONFLICT)
        return self.outcome(
            send_id,
            Result.SKIPPED,
            _("another run resolved it in the meantime: {status}").format(status=status_word(status)),
            hint="" if was_made else _("run `campaign apply` again"),
            exit_code=LEFT[now.action].exit_code,
            code=now.code.value,
        )

    def send(self, planned: PlannedSend, body: Mapping[str, Any], judge: Judge) -> SendOutcome | None:
        """Make the one call that `judge` allows on the ledger's newest state.

        Returns:
            What became of it; None when `judge` did not allow it.

        Raises:
            LedgerError: the intent may not be kept; nothing was called.
            CampaignError: no token could be had; nothing was called.
        """
        data = {**intent_data(planned, body), **self._by_right(planned)}
        outcome = self._post(protocol.Action.SEND, data, body, judge)
        if outcome is not None and outcome.errcode in REFUSING and planned.send.filter.openids:
            return replace(outcome, notes=refused_notes(planned.send.filter, self.api))
        return outcome

    def hand_over(self, planned: PlannedSend, body: Mapping[str, Any], judge: Judge) -> SendOutcome | None:
        """Record that a person sends the draft, so that no run ever does; as `send`, without a call."""
        send, titles = planned.send, planned.send.content.visible.titles()
        data = {**intent_data(planned, body), "titles": list(titles), **self._by_right(planned)}
        try:
            event = self.attempt.begin(EventKind.HANDED_OVER, data, judge)
        except LedgerConflictError:
            return None
        if event is None:
            return None
        notes: tuple[str, ...] = ()
        with suppress(CampaignError):  # a run that was killed may have left one that no record names
            same = (one.media_id for one in list_drafts(self.api) if one.titles == titles)
            others = [media_id for media_id in same if media_id != body["mpnews"]["media_id"]]
            note = _("the draft box has another draft with this title, {draft}: delete it, and send one only")
            notes = tuple(note.format(draft=media_id) for media_id in others)
        steps = what_to_press(event.data, self.clock())
        return self.outcome(send.id, Result.HANDED_OVER, _("; ").join((steps, *notes)))

    def resend(
        self, intent: Event, body: Mapping[str, Any], judge: Judge, planned: PlannedSend | None = None
    ) -> SendOutcome | None:
        """Post the body of an unknown send once more; as `send`."""
        repeated = {name: intent.data.get(name) for name in ("send", "revision", "not_after")}
        return self._post(protocol.Action.RESEND, repeated | self._by_right(planned), body, judge)

    def _post(
        self, action: protocol.Action, data: Mapping[str, Any], body: Mapping[str, Any], judge: Judge
    ) -> SendOutcome | None:
        again, send_id = action is protocol.Action.RESEND, data["send"]
        doing = _("resending with the same clientmsgid") if again else _("sending")

        def told(stream: StreamState) -> protocol.Decision:
            decided = judge(stream)
            if decided.action is action:
                self.tell(send_id, doing)
            return decided

        began = self.clock()
        try:
            made = self.attempt.make(action, data, body, told)
            if action is protocol.Action.SEND and self._token_was_refused(made):
                # WeChat looked at nothing else. Once more, with a new token, decision and intent.
                made = self.attempt.make(action, data, body, told)
        except LedgerConflictError:
            return None
        except LedgerError:
            raise
        except CampaignError as error:
            # Without a token the account's next send would get no further.
            self.stop(error.message, error)
            raise
        if made is None:
            return None
        self._posts.append(began)
        return self._reported(made, send_id, again=again)

    def _by_right(self, planned: PlannedSend | None = None) -> dict[str, Any]:
        """Return what an intent records of the right to make a send: the plan, its rules, who approved it."""
        context = self.context
        overrides, actor = dict(context.overrides), dict(context.actor)
        right = {"plan_digest": context.plan_digest, "overrides": overrides, "actor": actor}
        verdict = self._judged(planned).approval if planned is not None else None
        if verdict is not None and verdict.lack is None:
            right["approvals"] = [one.event.hash for one in verdict.by]
            actor["approved"] = ", ".join(dict.fromkeys(one.approver for one in verdict.by))
        return right

    def _token_was_refused(self, made: AttemptResult | None) -> bool:
        refused = self.refusal if made is not None and made.status is Status.REJECTED else None
        return refused is not None and lookup(refused.errcode).errcode_class == "token"

    def _reported(self, made: AttemptResult, send_id: str, *, again: bool) -> SendOutcome:
        refused = self.refusal
        answer = made.response
        ids = {"msg_id": answer.get("msg_id"), "msg_data_id": answer.get("msg_data_id")}
        if made.status is Status.ACCEPTED:
            message = _("accepted by WeChat; delivery is not confirmed yet")
            if refused is not None:
                message = _("WeChat already had it ({errcode}); nothing was sent a second time")
                message = message.format(errcode=refused.errcode)
            elif again:
                message = _("the first call did not reach WeChat; WeChat accepted the resend")
            hint = msg_id_hint(send_id, self.settings.environment.env_option)
            if ids["msg_id"] is not None:
                hint = _("run `campaign status` to check whether it was delivered")
            return self.outcome(send_id, Result.ACCEPTED, message, hint=hint, **ids)
        if isinstance(made.error, LedgerError):
            self.stop(_("the ledger is not writable"), made.error)
            why = _("the ledger could not record WeChat's response (msg_id {msg_id}): {what}")
            return self.unknown(send_id, why.format(msg_id=ids["msg_id"], what=made.error.message))
        error = made.error or refused
        if made.status is Status.REJECTED and error is not None:
            return self._rejected(send_id, error)
        if made.status is Status.DISPUTED and refused is not None and refused.errcode == CLIENTMSGID_EXISTS:
            why = _("WeChat has a job with the same clientmsgid ({errcode}) that this ledger did not record")
            why = why.format(errcode=refused.errcode)
            hint = foreign_hint(send_id, self.settings.environment.env_option, ids["msg_id"])
            return replace(self.unknown(send_id, why, hint=hint), msg_id=ids["msg_id"])
        what = error.message if error is not None else _("WeChat's response cannot be interpreted")
        if again:
            what = _("resent, but the outcome is still unknown: {what}").format(what=what)
        return self.unknown(send_id, what)

    def _rejected(self, send_id: str, error: CampaignError) -> SendOutcome:
        errcode = error.errcode if isinstance(error, ApiError) else None
        stops = errcode is None or lookup(errcode).errcode_class in STOPPING_KINDS
        if stops:
            self.stop(rejected_before(errcode) if errcode is not None else error.message, error)
        return self.outcome(
            send_id,
            Result.REJECTED if errcode is not None else Result.NOT_SENT,
            error.message,
            hint=error.hint,
            errcode=errcode,
            exit_code=error.exit_code if stops else ExitCode.FAILED,
        )

    def stop(self, why: str, cause: CampaignError) -> None:
        """Try no further send of this account now; a waiting run tries again what a passing cause stopped."""
        self.stop_reason = why
        self.stop_code = cause.exit_code if cause.exit_code in TRANSIENT else ExitCode.FAILED
        if isinstance(cause, LedgerError) and not isinstance(cause, TamperedLedgerError):
            self.stop_code = ExitCode.LEDGER_UNREACHABLE

    def wait_for_rate_limit(self, send: str) -> None:
        """Wait until another call fits into WeChat's minute; say so for the send that waits."""
        if len(self._posts) == CALLS_PER_MINUTE:
            wait = MINUTE - (self.clock() - self._posts[0])
            if wait > timedelta():
                seconds = min(wait, MINUTE).total_seconds()
                said = _("waiting {seconds} s: WeChat accepts {calls} sends a minute from one account")
                super().tell(send, said.format(seconds=ceil(seconds), calls=CALLS_PER_MINUTE))
                self.stopping.wait(seconds)

    def unknown(self, send_id: str, why: str, *, hint: str = "") -> SendOutcome:
        """Report a send that may have happened; its intent stays open."""
        environment = self.settings.environment
        hint = hint or apply_again_hint(environment.resend_after, environment.apply_option)
        return self.outcome(send_id, Result.UNKNOWN, why, hint=hint)

    def outcome(self, send_id: str, result: Result, why: str, **more: Any) -> SendOutcome:
        """Make an outcome of this account."""
        return SendOutcome(send_id, self.account.name, result, why, **more)
