"""Tell one target of `notify` what a run has to tell: a chat robot, a webhook, or people by mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import NotifyTarget
from wechat_campaigns.notify.messages import RunSummary, message, notices_payload
from wechat_campaigns.notify.notices import Notice
from wechat_campaigns.notify.robots import payload, post, rejection_reason, sign


def notify_target(
    target: NotifyTarget,
    notices: Sequence[Notice],
    run: RunSummary,
    *,
    address: str,
    key: str = "",
    now: datetime,
) -> str | None:
    """Tell one target; why it could not be told, or None.

    Args:
        notices: those that it wants to be told.
        address: its secret address; no part of what is returned.
        key: signs the message; empty for a robot without a signature.
        now: for the signature, or the date of a mail.
    """
    text = message(notices, run)
    try:
        if target.kind == "email":
            from wechat_campaigns.notify.mail import mail_to  # a robot does without

            mail_to(text, address, target, now=now)
            return None
        is_webhook = target.kind == "webhook"
        body = notices_payload(text, notices, run) if is_webhook else payload(target.kind, text)
        answer = post(*sign(target.kind, address, key, body, now))
    except OSError as error:
        return _("the request failed ({error})").format(error=str(error))
    return None if is_webhook else rejection_reason(target.kind, answer)
