"""What a run needs to send, how it posts once, and what an intent keeps of a send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from wechat_campaigns.core.digest import openids_sha256
from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import PlannedSend, SendKey
from wechat_campaigns.plan.quota import recipients
from wechat_campaigns.plan.renamed import identity
from wechat_campaigns.send import uploads
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
    """By what right a run sends; recorded in each intent and resend."""

    plan_digest: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside, with their reasons."""
    audiences: Mapping[SendKey, int | None] = field(default_factory=dict)
    """Followers of each send as the review counted them; empty when only a digest was reviewed."""
    actor: Mapping[str, str] = field(default_factory=dict)
    """Who and where: user, commit, CI run."""

    def recorded(self) -> dict[str, Any]:
        """Return what the event of a call keeps of it."""
        return {
            "plan_digest": self.plan_digest,
            "overrides": dict(self.overrides),
            "actor": dict(self.actor),
        }


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


def intent_data(planned: PlannedSend, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an intent keeps of a send, beside what the protocol adds."""
    send, audience = planned.send, planned.resolved.audience
    kept: dict[str, Any] = {
        **identity(send, planned.content_digest),
        "account": planned.account.name,
        "endpoint": payloads.endpoint(send),
        "body": _without_openids(body),
        "recipients": recipients(send.filter),
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


def recent_posts(state: LedgerState, appid: str, now: datetime) -> list[datetime]:
    """Return when the mass calls of the last minute were made, oldest first."""
    times = [known.at for known in state.sends if known.appid == appid and now - known.at < MINUTE]
    return sorted(times)


def _without_openids(body: Mapping[str, Any]) -> dict[str, Any]:
    if "touser" not in body:
        return dict(body)
    openids = body["touser"]
    return {**body, "touser": {"sha256": openids_sha256(openids), "count": len(openids)}}
