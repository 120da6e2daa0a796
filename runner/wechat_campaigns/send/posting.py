"""One account as it is changed: how it posts once, and what an intent keeps of a send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from wechat_campaigns.core.digest import openids_sha256
from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import recipients_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.ledger.trust import authenticator
from wechat_campaigns.plan.plan import PlannedSend, SendKey
from wechat_campaigns.plan.warnings import identity
from wechat_campaigns.protocol.attempt import Attempt
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import WeChatApi

if TYPE_CHECKING:
    from wechat_campaigns.workspace import OnlineWorkspace

CALLS_PER_MINUTE = 60
"""Mass calls of one account. Source: 群发 limits, read 2026-11."""
MINUTE = timedelta(minutes=1)
STOPPING_KINDS = frozenset({"quota", "permission", "token", "fatal"})
"""Refusals that the account's next send would meet as well."""


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
