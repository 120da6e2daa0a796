"""One send's crossing: a durable intent, one call, its outcome. The heart of "never twice, never lost".

The order that everything rests on: whoever writes the intent first may post; no intent, no call; an intent
without an outcome is *unknown* and is only ever repeated with the same body and the same `clientmsgid`,
inside the time in which the platform knows that id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from runner import wire
from runner.digest import clientmsgid, filter_form, openids_sha256
from runner.errors import (
    ApiError,
    CampaignError,
    Exit,
    LedgerError,
    LostAnswerError,
    SecretError,
    UnreachableError,
)
from runner.ledger.events import Ledger, intent_key
from runner.ledger.state import LedgerState, SendState, Status, fold
from runner.plan import Planned
from runner.planning.quota import receivers
from runner.policy.facts import Finding
from runner.policy.rules import held_in_ledger
from runner.ports import Api, Clock, Sleep
from runner.protocol.events import Event, Kind
from runner.sending import uploads
from runner.sending.hints import again_in, found_by, name_it, not_repeated, settle_hint
from runner.settings.records import Account
from runner.wechat.errcodes import lookup, send_outcome
from runner.words import N_, _, english

FIRST_CALL_WITHIN = timedelta(seconds=60)
"""An intent older than this is not posted any more: its runner was asleep, another may have repeated it."""
OVERTAKEN = N_("another runner wrote about this send at the same moment")
"""Why a recorded call was not made: what was decided on is not what the ledger holds."""
CALLS_PER_MINUTE = 60
"""Mass calls of one account. Source: 群发 limits, read 2026-11."""
MINUTE = timedelta(minutes=1)
STOPPING_KINDS = frozenset({"quota", "permission", "token", "fatal"})
"""Refusals that the account's next send would meet as well."""


class Result(StrEnum):
    """How one send ended in this run."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    """Not tried: not due any more, taken by another runner, or the run was stopped before it."""
    FAILED = "failed"
    """Not sent: something before the call went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one send."""

    id: str
    account: str
    result: Result
    why: str
    remedy: str = ""
    msg_id: int | None = None
    msg_data_id: int | None = None
    errcode: int | None = None
    exit_code: Exit = Exit.OK
    notes: tuple[str, ...] = ()
    """What else a person should know, whatever the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, as parameters."""

    connect: Callable[[Account], Api]
    ledger: Ledger
    clock: Clock
    sleep: Sleep
    read: uploads.Read
    """Gives a file's bytes."""
    stopping: Callable[[], bool] = lambda: False
    """True once the user asked to stop; the send in hand is finished."""
    notify: Callable[[str, str], None] = lambda _send, _what: None
    """Told what is being done for which send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """By what right a run sends; recorded in each intent."""

    plan_digest: str
    allowed: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside, with their reasons."""
    audiences: Mapping[str, int | None] = field(default_factory=dict)
    """By send id: followers as the review counted them; empty when only a digest was reviewed."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Who and where: user, commit, CI run."""


class Crossing:
    """Makes the sends of one account, one at a time.

    `stopped` says why no further send of this account should be tried; empty while there is no reason.
    """

    def __init__(
        self, account: Account, api: Api, state: LedgerState, *, ports: Ports, warrant: Warrant, again_s: int
    ) -> None:
        self.account = account
        self.api = api
        self.state = state
        self.stopped = ""
        self._ports = ports
        self._warrant = warrant
        self._again_s = again_s
        self._posts = deque(_recent(state, account.appid, ports.clock()), maxlen=CALLS_PER_MINUTE)

    def send(self, planned: Planned, body: Mapping[str, Any]) -> Outcome:
        """Write the intent, make the one call, record what came of it.

        Raises:
            LedgerBusyError: another runner wrote this intent first; nothing was called.
            LedgerError: the intent may not be kept; nothing was called. Or a refusal could not be kept.
        """
        intent, as_decided = self._intend(planned, body)
        if not as_decided:
            return self.unknown(intent, _(OVERTAKEN))
        if self._ports.clock() - intent.at > FIRST_CALL_WITHIN:
            why = _("this runner was held up between recording the send and making it")
            return self.unknown(intent, why)
        return self._withdrawn(intent) or self._first_call(intent, body)

    def _withdrawn(self, intent: Event) -> Outcome | None:
        """Give a send up that may not be made any more, and record that no call was made."""
        barred = self._barred(intent, too_late=_("move not_after to send it after all"))
        if barred is None:
            return None
        data = {**_name(intent), "errcode": None, "why": english(barred.what)}
        self.record(Kind.REJECTED, data)
        return self.outcome(
            data["send"], Result.SKIPPED, barred.what, remedy=barred.remedy, exit_code=Exit.POLICY
        )

    def _barred(self, intent: Event, *, too_late: str) -> Finding | None:
        """Say what has come between: a slow ledger may take minutes to record what was decided on."""
        held, closed = held_in_ledger(self.account, self.state), intent.data.get("not_after")
        if held is None and closed is not None and self._ports.clock() > datetime.fromisoformat(closed):
            return Finding(what=_("its window ended {when}").format(when=closed), remedy=too_late)
        return held

    def _intend(self, planned: Planned, body: Mapping[str, Any]) -> tuple[Event, bool]:
        send = planned.send
        known = self.state.send(self.account.appid, send.id, send.revision)
        attempt = known.attempt + 1 if known is not None else 1
        audience = planned.resolved.audience
        data: dict[str, Any] = {
            "send": send.id,
            "revision": send.revision,
            "attempt": attempt,
            "account": planned.account.name,
            "digest": planned.digest,
            "plan_digest": self._warrant.plan_digest,
            "endpoint": wire.endpoint(send),
            "clientmsgid": clientmsgid(self.account.appid, send.id, send.revision),
            "body": _without_openids(body),
            "filter": filter_form(send),
            "receivers": receivers(send.filter),
            "audience": {"count": audience.count, "source": audience.source},
            "not_after": send.not_after.isoformat() if send.not_after else None,
            "overrides": dict(self._warrant.allowed),
            "actor": dict(self._warrant.actor),
        }
        if send.batch is not None:
            data["batch"] = {"index": send.batch.index, "list_sha256": send.batch.list_sha256}
        return self._claim(Kind.INTENT, data, unique=intent_key(send.id, send.revision, attempt))

    def _first_call(self, intent: Event, body: Mapping[str, Any]) -> Outcome:
        self._ports.notify(intent.data["send"], _("sending"))
        try:
            answer = self._post(intent, body)
        except (UnreachableError, SecretError) as error:
            return self._refused(intent, error, errcode=None)
        except LostAnswerError as error:
            return self.unknown(intent, error.what)
        except ApiError as error:
            outcome = send_outcome(error.errcode)
            if outcome == "duplicate":
                return self._adopted(intent, error)
            if outcome == "refused":
                return self._refused(intent, error, errcode=error.errcode)
            return self.unknown(intent, error.what)
        return self._accepted(intent, answer, how="answer")

    def repeat(self, intent: Event, body: Mapping[str, Any], *, until: datetime) -> Outcome:
        """Post the body of an open intent once more; only an acceptance or 45065 settles it.

        A refusal of the repeat proves nothing about the first call (40007: it may have used up the draft).
        The repeat is recorded before it is made: should its acceptance go unheard, then a refusal of the
        first call that arrives late does not free the send.

        Args:
            intent: the open intent.
            body: what was posted.
            until: no call is begun after this.

        Raises:
            LedgerError: see `send`.
        """
        begun, as_decided = self._claim(Kind.RESEND, _name(intent))
        if not as_decided:
            return self.unknown(intent, _(OVERTAKEN))
        now = self._ports.clock()
        if now > until or now - begun.at > FIRST_CALL_WITHIN:
            return self.unknown(intent, _("this runner was held up before it could repeat the send"))
        barred = self._barred(intent, too_late=settle_hint(intent.data["send"]))
        if barred is not None:
            return self.unknown(intent, not_repeated(barred.what), remedy=barred.remedy)
        self._ports.notify(intent.data["send"], _("repeating with the same clientmsgid"))
        try:
            answer = self._post(intent, body)
        except ApiError as error:
            if send_outcome(error.errcode) == "duplicate":
                return self._adopted(intent, error)
            return self.unknown(intent, _("repeated, and answered: {what}").format(what=error.what))
        except (UnreachableError, LostAnswerError) as error:
            return self.unknown(intent, _("repeated without an answer: {what}").format(what=error.what))
        return self._accepted(intent, answer, how="repeat")

    def _post(self, intent: Event, body: Mapping[str, Any]) -> dict[str, Any]:
        call = self.api.mass_send if "touser" in body else self.api.mass_sendall
        self._posts.append(self._ports.clock())
        return call({**body, "clientmsgid": intent.data["clientmsgid"]})

    def keep_pace(self, send: str) -> None:
        """Wait until another call fits into the platform's minute; say so for the send that waits."""
        if len(self._posts) == CALLS_PER_MINUTE:
            wait = MINUTE - (self._ports.clock() - self._posts[0])
            if wait > timedelta():
                seconds = min(wait, MINUTE).total_seconds()
                said = _("waiting {seconds} s: WeChat takes {calls} sends a minute from an account")
                self._ports.notify(send, said.format(seconds=ceil(seconds), calls=CALLS_PER_MINUTE))
                self._ports.sleep(seconds)

    def _accepted(self, intent: Event, answer: Mapping[str, Any], *, how: str) -> Outcome:
        msg_id, msg_data_id = _number(answer.get("msg_id")), _number(answer.get("msg_data_id"))
        send_id = intent.data["send"]
        data = {**_name(intent), "msg_id": msg_id, "msg_data_id": msg_data_id, "how": how}
        try:
            self.record(Kind.ACCEPTED, data)
        except LedgerError as error:
            self.stopped = _("the ledger cannot be written")
            why = _("WeChat accepted it as msg_id {msg_id}, but the ledger could not keep that: {what}")
            return self.unknown(intent, why.format(msg_id=msg_id, what=error.what))
        return self.outcome(
            send_id,
            Result.ACCEPTED,
            _("accepted by WeChat; delivery is not confirmed yet") if how == "answer" else found_by(how),
            remedy=_("`campaign status` asks whether it was delivered")
            if msg_id is not None
            else name_it(send_id),
            msg_id=msg_id,
            msg_data_id=msg_data_id,
        )

    def _adopted(self, intent: Event, error: ApiError) -> Outcome:
        answer = {"msg_id": error.answer.get("msg_id", error.answer.get("msgid"))}
        outcome = self._accepted(intent, answer, how="45065")
        if outcome.result is Result.ACCEPTED and outcome.msg_id is not None:
            # Only a confirmation: `status` asks again when this goes wrong.
            with suppress(CampaignError):
                said = self.api.mass_get(outcome.msg_id)["msg_status"]
                self.record(Kind.STATUS, {**_name(intent), "msg_id": outcome.msg_id, "msg_status": said})
        return outcome

    def _refused(self, intent: Event, error: CampaignError, *, errcode: int | None) -> Outcome:
        # The ledger speaks English, whatever the reader does.
        self.record(Kind.REJECTED, {**_name(intent), "errcode": errcode, "why": english(error.what)})
        stops = errcode is None or lookup(errcode).kind in STOPPING_KINDS
        if stops:
            self.stopped = (
                _("refused with {errcode}").format(errcode=errcode) if errcode is not None else error.what
            )
        return self.outcome(
            intent.data["send"],
            Result.REFUSED,
            error.what,
            remedy=error.remedy,
            errcode=errcode,
            exit_code=Exit.WECHAT if stops else Exit.FAILED,
        )

    def unknown(self, intent: Event, why: str, *, remedy: str = "") -> Outcome:
        """Report a send that may have happened; its intent stays open."""
        return self.outcome(
            intent.data["send"],
            Result.UNKNOWN,
            why,
            remedy=remedy or again_in(self._again_s),
            exit_code=Exit.UNKNOWN,
        )

    def record(self, kind: Kind, data: Mapping[str, Any], unique: str | None = None) -> Event:
        """Append an event of this account and take it into `state`."""
        return uploads.record_in(self._ports.ledger, self.state, self.account.appid)(kind, data, unique)

    def _claim(self, kind: Kind, data: Mapping[str, Any], unique: str | None = None) -> tuple[Event, bool]:
        """Record the right to one call; False when others wrote about the send since it was decided on."""
        appid, key = self.account.appid, (self.account.appid, data["send"], data["revision"])
        decided, seen = self.state.send(*key), self.state.seen.get(appid, 0)
        event = self.record(kind, data, unique)
        if event.seq <= seen + 1:
            return event, True
        events = self._ports.ledger.events(appid)
        self.state = fold(events)
        found = fold(earlier for earlier in events if earlier.seq < event.seq).send(*key)
        return event, _stand(found) == _stand(decided)

    def outcome(self, send_id: str, result: Result, why: str, **more: Any) -> Outcome:
        """Make an outcome of this account."""
        return Outcome(id=send_id, account=self.account.name, result=result, why=why, **more)


def _recent(state: LedgerState, appid: str, now: datetime) -> list[datetime]:
    times = [known.at for known in state.sends.values() if known.appid == appid and now - known.at < MINUTE]
    return sorted(times)


def _stand(known: SendState | None) -> tuple[Status, int, bool] | None:
    return (known.status, known.attempt, known.repeated) if known is not None else None


def _name(intent: Event) -> dict[str, Any]:
    return {key: intent.data[key] for key in ("send", "revision", "attempt")}


def _without_openids(body: Mapping[str, Any]) -> dict[str, Any]:
    if "touser" not in body:
        return dict(body)
    openids = body["touser"]
    return {**body, "touser": {"sha256": openids_sha256(openids), "count": len(openids)}}


def _number(value: object) -> int | None:
    return int(str(value)) if value not in (None, "") else None
