"""Record the outcome of an unknown send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, reason_option
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ApiError, NotSentError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.protocol import state as protocol
from wechat_campaigns.protocol.decide import SETTLE_AFTER, may_settle
from wechat_campaigns.protocol.events import Entry, EventKind

FIRST_MSG_ID_TO_ALL: Final = 1_000_000_001
FIRST_MSG_ID: Final = 3_147_483_649
"""Where WeChat's counters begin: of sends to everyone, and to a tag or openids.

Source: answers that others reported, read 2026-11.
"""
SECRET_REFUSED: Final = frozenset({40001, 40013, 40125})
"""AppID and AppSecret do not belong together. Source: stable_token (2026-11)."""


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(reason_option("How you know; recorded."), DIR, ENV),
    examples={
        "campaign ledger settle sale --sent 3147483730 --reason 'seen in the console'": N_(
            "the send went out"
        ),
        "campaign ledger settle sale --not-sent --reason 'not in the console'": N_(
            "the send did not go out: `campaign apply` may send it again"
        ),
    },
)
@click.argument("send_id", metavar="ID")
@click.option(
    "--sent",
    "msg_id",
    type=click.IntRange(min=1),
    metavar="MSG_ID",
    help="It was sent; this is its msg_id.",
)
@click.option("--not-sent", is_flag=True, help="It was not sent; it may be sent again.")
@click.option(
    "--account",
    "account",
    metavar="NAME",
    shell_complete=accounts,
    help="The account's name or appid, if several accounts have such a send.",
)
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="The send's revision, if several of them can be settled.",
)
def settle(
    context: OnlineContext,
    send_id: str,
    msg_id: int | None,
    not_sent: bool,
    account: str | None,
    revision: int | None,
    reason: str,
) -> int:
    """Record the outcome of an unknown send after checking the WeChat console."""
    if (msg_id is None) != not_sent:
        raise UsageError(_("exactly one outcome is required"), hint=_("pass `--sent MSG_ID` or `--not-sent`"))
    state, send_id = context.state(), context.full_id(send_id)
    found = _unknown_sends(state, send_id, with_msg_id=msg_id is not None)
    meant = (one for one in found if account in (None, one.account, one.appid))
    send = _only_send([one for one in meant if revision in (None, one.revision)], send_id)
    stream = state.stream(send.appid)
    record = stream.find(send.send, send.revision)
    if msg_id is not None:
        _check_msg_id(msg_id, send)
    data = {
        "send": send.send,
        "revision": send.revision,
        "sent": not not_sent,
        "msg_id": msg_id,
        "reason": reason,
        "actor": context.actor(),
    }
    entry = Entry(stream=send.appid, kind=EventKind.SETTLED, data=data)
    if not_sent:
        _check_age(record, context.clock() - _confirmed_clock_skew(context, send.appid))
    context.ledger.append(entry, after=stream.head)
    message = _("{send}: settled as sent, msg_id {msg_id}")
    if not_sent:
        message = _("{send}: settled as not sent; `campaign apply` may send it again")
    message = message.format(send=send_id, msg_id=msg_id)
    return context.output_sentence(
        message, send=send_id, revision=send.revision, sent=not not_sent, msg_id=msg_id
    )


def _confirmed_clock_skew(context: OnlineContext, appid: str) -> timedelta:
    """Compare this clock with WeChat's: by a clock that is ahead, every call would be old enough.

    Raises:
        CampaignError: there is no date to compare with, or WeChat refuses the AppSecret.
    """
    if (account := context.settings.environment.by_appid.get(appid)) is None:
        return timedelta()  # nothing can be recorded for it either
    try:
        context.write_api(account).mass_ready()
    except ApiError as error:  # has a date, too: not every machine may call for the account
        if error.errcode in SECRET_REFUSED:
            raise
    if context.watch.error is None:
        raise NotSentError(
            _("cannot tell how old the last call is: the response has no date to check this clock against"),
            hint=_("run the same command again where WeChat itself answers"),
            location=appid,
        )
    return context.watch.error


def _check_msg_id(msg_id: int, send: SendRecord) -> None:
    """Refuse a number that WeChat gives to no such job, such as the msg_data_id."""
    first = FIRST_MSG_ID_TO_ALL if send.to_all or not send.recipients else FIRST_MSG_ID
    if msg_id < first and msg_id != send.existing_msg_id:
        message = _("{msg_id} cannot be the msg_id of this send: WeChat counts them from {first}")
        raise UsageError(
            message.format(msg_id=msg_id, first=first),
            hint=_("pass the msg_id that WeChat or its event named, not the msg_data_id"),
        )


def _check_age(record: protocol.SendState, now: datetime) -> None:
    """Refuse to free a send whose last call may still arrive."""
    if may_settle(record, now):
        return
    raise UsageError(
        _(
            "the last call of this send was made less than {minutes} minutes ago and may still reach WeChat"
        ).format(minutes=round(SETTLE_AFTER.total_seconds() / 60)),
        hint=_("wait that long, check the WeChat console, then run the same command again"),
    )


def _unknown_sends(state: LedgerState, send_id: str, *, with_msg_id: bool) -> list[SendRecord]:
    """List the unknown sends of this id; and, when its msg_id is given, those that WeChat named none for."""
    return [
        send
        for send in state.sends_by_id(send_id)
        if send.status is SendStatus.UNKNOWN or (with_msg_id and send.may_get_msg_id)
    ]


def _only_send(matches: Sequence[SendRecord], send_id: str) -> SendRecord:
    if not matches:
        raise UsageError(
            _("{send} is not an unknown send").format(send=send_id),
            hint=_("run `campaign status` to see which sends are unknown"),
        )
    appids = sorted({send.appid for send in matches})
    if len(appids) > 1:
        raise UsageError(
            _("several accounts have an unknown send {send}").format(send=send_id),
            hint=_("add `--account` with one of: {names}").format(names=_(", ").join(appids)),
        )
    if len(matches) > 1:
        revisions = map(str, sorted(send.revision for send in matches))
        raise UsageError(
            _("several revisions of {send} can be settled").format(send=send_id),
            hint=_("add `--revision` with one of: {numbers}").format(numbers=_(", ").join(revisions)),
        )
    return matches[0]
