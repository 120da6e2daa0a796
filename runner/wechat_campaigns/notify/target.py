"""Tell one target of `notify` what a run has to tell: a chat robot, a webhook, or a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import NotifyTarget
from wechat_campaigns.guard.plan_checks import program_failure
from wechat_campaigns.notify.messages import RunSummary, message, notices_payload
from wechat_campaigns.notify.notices import Notice
from wechat_campaigns.notify.robots import payload, post, rejection_reason, sign

PROGRAM_S: Final = 20.0
"""How long a program may take."""


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
        now: for the signature.
    """
    text = message(notices, run)
    try:
        is_webhook = target.kind == "webhook"
        body = notices_payload(text, notices, run) if is_webhook else payload(target.kind, text)
        answer = post(*sign(target.kind, address, key, body, now))
    except OSError as error:
        return _("the request failed ({error})").format(error=str(error))
    return None if is_webhook else rejection_reason(target.kind, answer)


def notify_program(
    command: tuple[str, ...], notices: Sequence[Notice], run: RunSummary, folder: Path
) -> str | None:
    """Run the program of a target, which gets the JSON of a webhook; return why it failed, or None.

    Args:
        folder: the one that it runs in.
    """
    text = json.dumps(notices_payload(message(notices, run), notices, run), ensure_ascii=False)
    return program_failure(command, text, folder, timeout_s=PROGRAM_S)
