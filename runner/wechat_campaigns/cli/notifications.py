"""Notify the chat robots of the settings how an apply ended; a robot that fails is a warning."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from wechat_campaigns.cli.context import Context
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.hosts import certificates
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.run_log import http_call
from wechat_campaigns.integrations.ci_run import run_url
from wechat_campaigns.integrations.notify import Access, RunSummary, notify_robot
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.send.outcome import SendOutcome

TIMEOUT_S = 5.0


def notify(context: Context, outcomes: Sequence[SendOutcome], plan: Plan) -> None:
    """Notify every robot of the settings."""
    followers = {planned.send.id: planned.resolved.audience.count for planned in plan.sends}
    run = RunSummary(
        environment=plan.environment,
        commit=plan.commit or "",
        url=run_url(os.environ) or "",
        followers=followers,
    )
    for number, robot in enumerate(context.settings.notify, 1):
        try:
            access = Access(
                address=context.other_secret(robot.url, name=_("chat robot's address")),
                key=context.other_secret(robot.secret, name=_("chat robot's key")) if robot.secret else "",
            )
            reason = notify_robot(robot, access, outcomes, run, post=post, now=datetime.now(UTC))
        except CampaignError as error:
            reason = error.message
        if reason is not None:
            message = _(
                "Warning: chat robot {number} ({kind}) was not notified: {reason}. No send is affected."
            )
            context.show_progress(message.format(number=number, kind=robot.kind, reason=reason))


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
