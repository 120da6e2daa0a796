"""Tell the targets of `notify` what happened; one that cannot be told is a warning, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.hosts import certificates
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.run_log import http_call
from wechat_campaigns.core.settings import NotifyTarget
from wechat_campaigns.integrations.ci_run import run_url
from wechat_campaigns.integrations.notices import LASTING, Notice, untold
from wechat_campaigns.integrations.notify import Access, RunSummary, notify_target
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import Entry, EventKind

TIMEOUT_S = 5.0


def notify(context: Context, notices: Sequence[Notice], state: LedgerState, *, commit: str | None) -> int:
    """Tell every target of the settings what it wants to be told.

    Args:
        state: of the ledger, which keeps what was told today; a run in between may tell it too.

    Returns:
        How many notices there were that some target wants.
    """
    targets = context.settings.notify
    wanted = [notice for notice in notices if any(notice.moment in target.when for target in targets)]
    day = context.clock().astimezone(ZoneInfo(context.settings.policy.timezone)).date()
    notices = untold(wanted, state.notified, day)
    if not notices:
        return 0
    _record(context, [one for one in notices if one.moment in LASTING], day, state)
    run = RunSummary(
        environment=context.settings.environment.name, commit=commit or "", url=run_url(os.environ) or ""
    )
    for number, target in enumerate(targets, 1):
        reason = _notified(context, target, notices, run)
        if reason is not None:
            message = _(
                "Warning: target {number} of `notify` ({kind}) was not notified: {reason}. "
                "No send is affected."
            )
            print_message(message.format(number=number, kind=target.kind, reason=reason))
    return len(notices)


def _notified(
    context: Context, target: NotifyTarget, notices: Sequence[Notice], run: RunSummary
) -> str | None:
    try:
        access = Access(
            address=context.secrets.other(target.url, name=_("`url` of `notify`")),
            key=context.secrets.other(target.secret, name=_("`secret` of `notify`")) if target.secret else "",
        )
        return notify_target(target, access, notices, run, post=post, mail=post_mail, now=datetime.now(UTC))
    except CampaignError as error:
        return error.message


def _record(context: Context, notices: Sequence[Notice], day: date, state: LedgerState) -> None:
    """Keep what is told today; where that fails, it is told all the same, and once more by the next run."""
    for appid in sorted({notice.appid for notice in notices} & context.settings.environment.by_appid.keys()):
        keys = [notice.key(day) for notice in notices if notice.appid == appid]
        entry = Entry(stream=appid, kind=EventKind.NOTIFIED, data={"day": day.isoformat(), "notices": keys})
        try:
            state.add(context.ledger.append(entry))
        except CampaignError as error:
            message = _(
                "Warning: the ledger did not record this notification, so the next run repeats it: {reason}"
            )
            print_message(message.format(reason=error.message))
            return


def post_mail(text: str, address: str, target: NotifyTarget) -> None:
    """Mail a text to the recipients of a target. Raises `OSError` when it was not taken."""
    from wechat_campaigns.integrations.mail import mail, mail_server, send_mail

    server = mail_server(address)
    sender = target.sender or server.user
    message = mail(text, sender=sender, recipients=target.to, now=datetime.now(UTC))
    send_mail(message, server, certificates=certificates(os.environ))


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """Post JSON once, within seconds; the answer's JSON, or its text.

    Raises:
        OSError: it cannot be reached, or answers no success. Nothing of the address is in it.
    """
    try:
        parts = urlsplit(address)
        # Of many a robot the secret is in the path: the log gets the host alone.
        with http_call("POST", f"{parts.scheme}://{parts.netloc}") as call:
            answer = requests.post(
                address,
                data=body,
                headers=dict(headers),
                timeout=TIMEOUT_S,
                verify=certificates(os.environ),
                allow_redirects=False,
            )
            call["status"] = answer.status_code
    except (requests.RequestException, ValueError) as error:
        raise ConnectionError(type(error).__name__) from None
    if not 200 <= answer.status_code < 300:
        raise ConnectionError(_("HTTP status {status}").format(status=answer.status_code))
    try:
        return answer.json()
    except ValueError:
        return answer.text
