"""One account as it is changed: one call, at WeChat's pace, and what an intent keeps of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Self

from wechat_campaigns.core.digest import openids_sha256
from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    TRANSIENT,
    ApiError,
    CampaignError,
    ExitCode,
    LedgerConflictError,
    LedgerError,
    NotSentError,
    TamperedLedgerError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import recipients_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.trust import authenticator
from wechat_campaigns.plan.approval import asked_of, judged
from wechat_campaigns.plan.by_hand import what_to_press
from wechat_campaigns.plan.draft_box import list_drafts
from wechat_campaigns.plan.plan import PlannedSend, SendKey
from wechat_campaigns.plan.resolve import REFUSING, refused_notes
from wechat_campaigns.plan.warnings import identity
from wechat_campaigns.protocol import decide as protocol
from wechat_campaigns.protocol.attempt import Attempt, AttemptResult, Judge
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.state import Status, StreamState
from wechat_campaigns.send.outcome import OutcomeWords, Result, SendOutcome, lasting_reason
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import WeChatApi

if TYPE_CHECKING:
    from wechat_campaigns.workspace import OnlineWorkspace

CALLS_PER_MINUTE = 60
"""Mass calls of one account. Source: 群发 limits, read 2026-11."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """By what right a run sends; recorded in each intent and resend."""

    plan_digest: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside, with their reasons."""
    audiences: Mapping[SendKey, int | None] = field(default_factory=dict)
    """Followers of each send as the review counted them; empty when only a digest was reviewed."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Who and where: user, commit, CI run."""
    others: int = 0
    """Other sends of the plan, which count for `max_sends_per_apply`."""


class AccountWriter:
    """One account, open to be changed: uploads, drafts, previews and sends go through it, one at a time."""

    api: WeChatApi
    state: LedgerState
    """Of the account; it follows the ledger."""
    attempt: Attempt
    refusal: ApiError | None = None
    """What the last answer to a mass call means in words, where it was an errcode."""

    def __init__(self, workspace: OnlineWorkspace, account: Account) -> None:
        self.workspace, self.account, self.settings = workspace, account, workspace.settings
        self.ledger, self.clock = workspace.ledger, workspace.clock

    def open(self) -> Self:
        """Read the account's stream, its chain and macs verified, and connect to WeChat."""
        appid = self.account.appid
        events, api = self.ledger.read(appid), self.workspace.write_api(self.account)
        key = self.workspace.secrets.mac_key(self.account)
        authentic = authenticator(events, lambda _appid: key) if key else None
        self.begin(api, fold(events, authentic, streams=[appid]))
        return self

    def begin(self, api: WeChatApi, state: LedgerState) -> None:
        """Set the connection to WeChat and the folded ledger."""
        self.api, self.state = api, state
        self.attempt = Attempt(
            ledger=self.ledger,
            api=self,
            state=state.stream(self.account.appid),
            apply_event=state.add,
            clock=self.clock,
            mac_key=self.workspace.secrets.mac_key(self.account),
        )

    def record(self, kind: LedgerKind, data: Mapping[str, Any]) -> None:
        """Append an event of the account, and take it into the state with all that others wrote before it."""
        self.attempt.append(kind, data)

    def tell(self, send_id: str, what: str) -> None:
        """Show what is being done for a send, and when."""
        now = self.clock().astimezone(self.settings.policy.zone)
        self.workspace.show_progress(f"  {now:%H:%M:%S} {send_id}{_(': ')}{what}")

    def ensure_token(self) -> None:
        """See `MassApi.ensure_token`."""
        self.api.mass_ready()

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        """See `MassApi.post_once`."""
        self.refusal = None
        check = partial(self._check_in_time, begin_by)
        call = self.api.mass_send if "touser" in body else self.api.mass_sendall
        check()
        try:
            return call(body, before_body=check)  # to connect takes time, too, and a machine may sleep then
        except ApiError as error:
            self.refusal = error
            return {**error.answer, "errcode": error.errcode}

    def _check_in_time(self, begin_by: datetime) -> None:
        if self.clock() > begin_by:
            raise NotSentError(
                _(
                    "this runner was paused between recording the send and making the call, so no call was "
                    "made"
                ),
                hint=_("run `campaign apply` again"),
            )


class Pace:
    """How soon the next mass call of an account fits into WeChat's minute.

    Args:
        stream: the calls that were made before this run.
    """

    def __init__(self, stream: AccountState, now: datetime) -> None:
        recent = (known.at for known in stream.all_sends(now - MINUTE))
        calls = sorted(at for at in recent if now - at < MINUTE)
        self._calls = deque(calls, maxlen=CALLS_PER_MINUTE)

    def add(self, began: datetime) -> None:
        """Count one more call."""
        self._calls.append(began)

    def wait(self, now: datetime) -> timedelta:
        """Return how long the next call must wait, at most a minute."""
        is_full = len(self._calls) == CALLS_PER_MINUTE
        return min(max(MINUTE - (now - self._calls[0]), timedelta()), MINUTE) if is_full else timedelta()


class AccountCaller(AccountWriter):
    """One account, open for mass calls, of which each is decided on, recorded and made by itself."""

    stop_reason: str = ""
    """Why no further send of this account should be tried; empty while one may be."""
    stop_code: ExitCode = ExitCode.FAILED

    def __init__(
        self, workspace: OnlineWorkspace, account: Account, context: RunContext, stopping: threading.Event
    ) -> None:
        super().__init__(workspace, account)
        self.context, self.stopping = context, stopping
        self.words = OutcomeWords(account.name, self.settings.environment)

    def begin(self, api: WeChatApi, state: LedgerState) -> None:
        """See `AccountWriter.begin`; before the first send."""
        super().begin(api, state)
        self._pace = Pace(state.stream(self.account.appid), self.clock())

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
        return self.words.outcome(send.id, Result.HANDED_OVER, _("; ").join((steps, *notes)))

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
        self._pace.add(began)
        self._stop_after(made)
        return self.words.of_call(send_id, made, self.refusal, again=again)

    def _token_was_refused(self, made: AttemptResult | None) -> bool:
        refused = self.refusal if made is not None and made.status is Status.REJECTED else None
        return refused is not None and lookup(refused.errcode).errcode_class == "token"

    def _stop_after(self, made: AttemptResult) -> None:
        """Stop the account after a call whose end its next send would meet as well."""
        error = made.error or self.refusal
        if made.status is Status.ACCEPTED or error is None:
            return
        is_over = isinstance(made.error, LedgerError) or made.status is Status.REJECTED
        if is_over and (reason := lasting_reason(error)):
            self.stop(reason, error)

    def stop(self, why: str, cause: CampaignError) -> None:
        """Try no further send of this account now; a waiting run tries again what a passing cause stopped."""
        self.stop_reason = why
        self.stop_code = cause.exit_code if cause.exit_code in TRANSIENT else ExitCode.FAILED
        if isinstance(cause, LedgerError) and not isinstance(cause, TamperedLedgerError):
            self.stop_code = ExitCode.LEDGER_UNREACHABLE

    def wait_for_rate_limit(self, send: str) -> None:
        """Wait until another call fits into WeChat's minute; say so for the send that waits."""
        if seconds := self._pace.wait(self.clock()).total_seconds():
            said = _("waiting {seconds} s: WeChat accepts {calls} sends a minute from one account")
            super().tell(send, said.format(seconds=ceil(seconds), calls=CALLS_PER_MINUTE))
            self.stopping.wait(seconds)

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

    def _judged(self, planned: PlannedSend) -> PlannedSend:
        """Return a send with whether it is approved by the newest events."""
        stream = self.state.stream(self.account.appid)
        asked = asked_of(self.settings, self.account, stream)
        return judged(planned, stream, asked, self.settings.environment.env_option)


def intent_data(planned: PlannedSend, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an intent keeps of a send, beside what the protocol adds."""
    send, audience = planned.send, planned.resolved.audience
    kept: dict[str, Any] = {
        **identity(send, planned.content_digest),
        "account": planned.account.name,
        "endpoint": payloads.endpoint(send),
        "body": _without_openids(body),
        "recipients": recipients_word(send.filter),
        "audience": {"count": audience.count, "source": audience.source},
        "not_after": send.not_after.isoformat() if send.not_after else None,
    }
    if planned.resolved.tag is not None:
        kept["tag"] = planned.resolved.tag
    if planned.resolved.draft is not None:
        kept["draft"] = planned.resolved.draft
    if planned.resolved.skipped:
        kept["skipped"] = list(planned.resolved.skipped)
    return kept


def _without_openids(body: Mapping[str, Any]) -> dict[str, Any]:
    if "touser" not in body:
        return dict(body)
    openids = body["touser"]
    return {**body, "touser": {"sha256": openids_sha256(openids), "count": len(openids)}}
