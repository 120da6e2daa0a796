"""One send through the protocol: what is posted and kept of it, WeChat's pace, the outcome in words.

What makes a send safe is in `protocol`; here is what it is given, and what a person is told of its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any

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
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Account, Environment
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.hints import apply_again_hint, foreign_hint, msg_id_hint
from wechat_campaigns.plan.plan import PlannedSend, SendKey
from wechat_campaigns.plan.quota import recipients
from wechat_campaigns.plan.renamed import identity
from wechat_campaigns.plan.strangers import REFUSING, refused_notes
from wechat_campaigns.protocol.attempt import Attempt, AttemptResult, Judge
from wechat_campaigns.protocol.decide import Action, Decision
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.state import Status, StreamState
from wechat_campaigns.protocol.verdict import CLIENTMSGID_EXISTS
from wechat_campaigns.send import uploads
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import WeChatApi

CALLS_PER_MINUTE = 60
"""Mass calls of one account. Source: 群发 limits, read 2026-11."""
MINUTE = timedelta(minutes=1)
STOPPING_KINDS = frozenset({"quota", "permission", "token", "fatal"})
"""Refusals that the account's next send would meet as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPorts:
    """The world, as parameters."""

    connect: Callable[[Account], WeChatApi]
    ledger: Ledger
    clock: Clock
    sleep: Sleep
    read: uploads.Read
    """Gives a file's bytes."""
    stop_requested: Callable[[], bool] = lambda: False
    """True once the user asked to stop; the send in hand is finished."""
    notify: Callable[[str, str], None] = lambda _send, _what: None
    """Told what is being done for which send."""
    mac_key: Callable[[Account], bytes] = lambda _account: b""
    """Gives the key of an account's macs, from its AppSecret."""
    clock_skew: Callable[[], timedelta] = timedelta
    """Gives how far this clock is from WeChat's, as its newest answer told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """By what right a run sends; recorded in each intent."""

    plan_digest: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside, with their reasons."""
    audiences: Mapping[SendKey, int | None] = field(default_factory=dict)
    """Followers of each send as the review counted them; empty when only a digest was reviewed."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Who and where: user, commit, CI run."""


class MassCalls:
    """WeChat as the protocol asks for it: one post, and the answer whatever its errcode."""

    def __init__(self, api: WeChatApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self.error: ApiError | None = None
        """What the last answer means in words, where it was an errcode."""

    def ensure_token(self) -> None:
        """See `MassApi.ensure_token`."""
        self._api.mass_ready()

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        """See `MassApi.post_once`."""
        self.error = None
        check = partial(self._check_in_time, begin_by)
        call = self._api.mass_send if "touser" in body else self._api.mass_sendall
        check()
        try:
            return call(body, before_body=check)  # to connect takes time, too, and a machine may sleep then
        except ApiError as error:
            self.error = error
            return {**error.answer, "errcode": error.errcode}

    def _check_in_time(self, begin_by: datetime) -> None:
        if self._clock() > begin_by:
            raise NotSentError(
                _(
                    "this runner was paused between recording the send and making the call, so no call was "
                    "made"
                ),
                hint=_("run `campaign apply` again"),
            )


def rejected_before(errcode: int) -> str:
    """Return why no further send of an account is tried: the errcode of an earlier call, with its meaning."""
    return _("WeChat rejected an earlier call of this account (errcode {errcode}): {meaning}").format(
        errcode=errcode, meaning=_(lookup(errcode).meaning)
    )


class AccountSender:
    """Makes the sends of one account, one at a time.

    `stop_reason` says why no further send of this account should be tried; empty while there is no reason.
    """

    def __init__(
        self,
        account: Account,
        api: WeChatApi,
        state: LedgerState,
        *,
        ports: ApplyPorts,
        run_context: RunContext,
        environment: Environment,
    ) -> None:
        self.account = account
        self.api = api
        self.state = state
        self.stop_reason = ""
        self.stop_code = ExitCode.FAILED
        self._ports = ports
        self._context = run_context
        self._environment = environment
        self._posts = deque(_recent(state, account.appid, ports.clock()), maxlen=CALLS_PER_MINUTE)
        self._calls = MassCalls(api, ports.clock)
        self.attempt = Attempt(
            ledger=ports.ledger,
            api=self._calls,
            state=state.stream(account.appid),
            apply_event=state.add,
            clock=ports.clock,
            mac_key=ports.mac_key(account),
        )

    def send(self, planned: PlannedSend, body: Mapping[str, Any], judge: Judge) -> SendOutcome | None:
        """Make the one call that `judge` allows on the ledger's newest state.

        Returns:
            What became of it; None when `judge` did not allow it.

        Raises:
            LedgerError: the intent may not be kept; nothing was called.
            CampaignError: no token could be had; nothing was called.
        """
        send = planned.send
        made = self._make(Action.SEND, self._intent_data(planned, body), body, judge)
        if made is None:
            return None
        outcome = self._outcome(made, send.id)
        if outcome.errcode in REFUSING and send.filter.openids:
            return replace(outcome, notes=refused_notes(send.filter, self.api))
        return outcome

    def resend(self, intent: Event, body: Mapping[str, Any], judge: Judge) -> SendOutcome | None:
        """Post the body of an unknown send once more; as `send`."""
        repeated = {name: intent.data.get(name) for name in ("send", "revision", "not_after")}
        made = self._make(Action.RESEND, {**repeated, **self._run_context()}, body, judge)
        if made is None:
            return None
        return self._outcome(made, intent.data["send"], again=True)

    def _make(
        self, action: Action, data: Mapping[str, Any], body: Mapping[str, Any], judge: Judge
    ) -> AttemptResult | None:
        doing = _("resending with the same clientmsgid") if action is Action.RESEND else _("sending")

        def told(stream: StreamState) -> Decision:
            decided = judge(stream)
            if decided.action is action:
                self._ports.notify(data["send"], doing)
            return decided

        began = self._ports.clock()
        try:
            made = self.attempt.make(action, data, body, told)
        except LedgerConflictError:
            return None
        except LedgerError:
            raise
        except CampaignError as error:
            # Without a token the account's next send would get no further.
            self.stop(error.message, error)
            raise
        if made is not None:
            self._posts.append(began)
        return made

    def _intent_data(self, planned: PlannedSend, body: Mapping[str, Any]) -> dict[str, Any]:
        send, audience = planned.send, planned.resolved.audience
        kept: dict[str, Any] = {
            **identity(send, planned.content_digest),
            "account": planned.account.name,
            "endpoint": payloads.endpoint(send),
            "body": _without_openids(body),
            "recipients": recipients(send.filter),
            "audience": {"count": audience.count, "source": audience.source},
            "not_after": send.not_after.isoformat() if send.not_after else None,
            **self._run_context(),
        }
        if planned.resolved.tag is not None:
            kept["tag"] = planned.resolved.tag
        if planned.resolved.draft is not None:
            kept["draft"] = planned.resolved.draft
        if planned.resolved.skipped:
            kept["skipped"] = list(planned.resolved.skipped)
        return kept

    def _run_context(self) -> dict[str, Any]:
        """Say by what right a call is made; each call has its own."""
        run_context = self._context
        return {
            "plan_digest": run_context.plan_digest,
            "overrides": dict(run_context.overrides),
            "actor": dict(run_context.actor),
        }

    def _outcome(self, made: AttemptResult, send_id: str, *, again: bool = False) -> SendOutcome:
        refused = self._calls.error
        answer = made.response
        ids = {"msg_id": answer.get("msg_id"), "msg_data_id": answer.get("msg_data_id")}
        if made.status is Status.ACCEPTED:
            message = _("accepted by WeChat; delivery is not confirmed yet")
            if refused is not None:
                message = _("WeChat already had it ({errcode}); nothing was sent a second time")
                message = message.format(errcode=refused.errcode)
            elif again:
                message = _("the first call did not reach WeChat; WeChat accepted the resend")
            hint = msg_id_hint(send_id, self._environment.env_option)
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
            hint = foreign_hint(send_id, self._environment.env_option, ids["msg_id"])
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
            wait = MINUTE - (self._ports.clock() - self._posts[0])
            if wait > timedelta():
                seconds = min(wait, MINUTE).total_seconds()
                said = _("waiting {seconds} s: WeChat accepts {calls} sends a minute from one account")
                self._ports.notify(send, said.format(seconds=ceil(seconds), calls=CALLS_PER_MINUTE))
                self._ports.sleep(seconds)

    def unknown(self, send_id: str, why: str, *, hint: str = "") -> SendOutcome:
        """Report a send that may have happened; its intent stays open."""
        return self.outcome(
            send_id,
            Result.UNKNOWN,
            why,
            hint=hint or apply_again_hint(self._environment.resend_after_s, self._environment.apply_option),
        )

    def record(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Append an event of this account and take it into `state`."""
        return self.attempt.append(kind, data)

    def outcome(self, send_id: str, result: Result, why: str, **more: Any) -> SendOutcome:
        """Make an outcome of this account."""
        return SendOutcome(send_id, self.account.name, result, why, **more)


def _recent(state: LedgerState, appid: str, now: datetime) -> list[datetime]:
    times = [known.at for known in state.sends.values() if known.appid == appid and now - known.at < MINUTE]
    return sorted(times)


def _without_openids(body: Mapping[str, Any]) -> dict[str, Any]:
    if "touser" not in body:
        return dict(body)
    openids = body["touser"]
    return {**body, "touser": {"sha256": openids_sha256(openids), "count": len(openids)}}
