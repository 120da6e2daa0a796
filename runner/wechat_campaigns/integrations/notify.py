"""Outcomes of a run in, a message for a chat robot out, in the form of each kind of robot.

Sources: the 企业微信 group robot page, read 2026-11. The forms and signatures for 飞书, 钉钉 and Slack
follow third-party descriptions; their own pages were not read, and no robot was ever called.
Plain text in all of them, so that no name of a campaign can mention anybody or become a link.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import _, english_text
from wechat_campaigns.core.settings import ChatWebhook
from wechat_campaigns.report.phrases import status_counts
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.send.outcome import Result, SendOutcome

MAX_BYTES = 2000
"""企业微信 takes 2048 bytes of text, the others more."""
MAX_LINES = 20
_MARK = {Result.ACCEPTED: "✓", Result.REJECTED: "✗", Result.NOT_SENT: "✗", Result.UNKNOWN: "?"}

HELD, MISSED = "held", "scheduled_missed"

Post = Callable[[str, bytes, Mapping[str, str]], Any]
"""Posts bytes of JSON with headers and gives the answer's JSON or text; raises `OSError` when it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What opens a robot: secrets, read for one message."""

    address: str
    key: str = ""
    """Signs the message; empty for a robot without a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a message tells of a run besides its outcomes."""

    environment: str
    commit: str = ""
    url: str = ""
    """Of the CI run."""
    followers: Mapping[str, int | None] | None = None
    """By send id: how many were addressed."""


def message(outcomes: Iterable[SendOutcome], run: RunSummary, when: Sequence[str]) -> str | None:
    """Write what a robot says; None when nothing happened that it should tell.

    Args:
        outcomes: of the run; sends that were only skipped are not told.
        when: of which outcomes it is told: `accepted`, `rejected`, `not_sent`, `unknown`, `held`,
            `scheduled_missed`.
    """
    told = _chosen(outcomes, when)
    if not told:
        return None
    counts = {result: sum(outcome.result is result for outcome in told) for result in Result}
    message = _("Campaigns, {environment}: {counts}")
    lines = [message.format(environment=run.environment, counts=status_counts(counts))]
    lines += [_line(outcome, run) for outcome in told[:MAX_LINES]]
    if len(told) > MAX_LINES:
        lines.append(_("… and {count} more").format(count=len(told) - MAX_LINES))
    lines += [_("commit {commit}").format(commit=run.commit[:12])] if run.commit else []
    lines += [run.url] if run.url else []
    return _shortened("\n".join(lines))


def payload(kind: str, text: str) -> dict[str, Any]:
    """Put a text into the form of a kind of robot, with nothing in it that mentions or formats."""
    if kind == "slack":
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    # 企业微信 obeys `<@userid>` and 飞书 `<at …>` in plain text too.
    text = text.replace("<", "＜").replace(">", "＞")
    if kind == "feishu":
        return {"msg_type": "text", "content": {"text": text}}
    return {"msgtype": "text", "text": {"content": text}}


def rejection_reason(kind: str, answer: Any) -> str | None:
    """Say why a robot did not take a message; None when it did."""
    if kind == "slack":
        return (
            None
            if answer == "ok"
            else _("the chat robot returned {answer}").format(answer=line(str(answer))[:80])
        )
    if not isinstance(answer, dict):
        return _("the chat robot's response is not a JSON object")
    code = answer.get("code", answer.get("StatusCode")) if kind == "feishu" else answer.get("errcode")
    return None if code == 0 else _("the chat robot returned code {code}").format(code=code)


def notify_robot(
    robot: ChatWebhook,
    access: Access,
    outcomes: Sequence[SendOutcome],
    run: RunSummary,
    *,
    post: Post,
    now: datetime,
) -> str | None:
    """Tell one robot; why it could not be told, or None.

    Args:
        access: its secrets; no part of what is returned.
        now: for the signature.
    """
    text = message(outcomes, run, robot.when)
    if text is None:
        return None
    if robot.kind == "webhook":
        body = outcomes_payload(text, _chosen(outcomes, robot.when), run)
    else:
        body = payload(robot.kind, text)
    address, signed, headers = sign(robot.kind, access, body, now)
    try:
        answer = post(address, signed, headers)
    except OSError as error:
        return _("the request to the chat robot failed ({error})").format(error=str(error))
    return None if robot.kind == "webhook" else rejection_reason(robot.kind, answer)


def sign(
    kind: str, access: Access, body: Mapping[str, Any], now: datetime
) -> tuple[str, bytes, dict[str, str]]:
    """Give the address, the bytes and the headers of a message, signed where there is a key.

    钉钉: `timestamp` (ms) and `sign` in the address; 飞书: both (s) in the body; `webhook`: two headers, the
    signature over `TIMESTAMP.BODY` in hex.
    """
    address, headers, key = access.address, {"Content-Type": "application/json"}, access.key
    seconds = int(now.timestamp())
    if key and kind == "dingtalk":
        stamp = seconds * 1000
        query = urlencode({"timestamp": stamp, "sign": _hmac(key, f"{stamp}\n{key}")})
        address += f"{'&' if '?' in address else '?'}{query}"
    elif key and kind == "feishu":
        body = {"timestamp": str(seconds), "sign": _hmac(f"{seconds}\n{key}", ""), **body}
    data = json.dumps(body, ensure_ascii=False).encode()
    if key and kind == "webhook":
        digest = hmac.new(key.encode(), f"{seconds}.".encode() + data, hashlib.sha256).hexdigest()
        headers |= {"X-Campaign-Timestamp": str(seconds), "X-Campaign-Signature": f"sha256={digest}"}
    return address, data, headers


def outcomes_payload(text: str, outcomes: Sequence[SendOutcome], run: RunSummary) -> dict[str, Any]:
    """Put outcomes into the form of a `webhook`: codes and English for programs, a text for people."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": run.environment,
        "commit": run.commit or None,
        "url": run.url or None,
        "text": text,
        "outcomes": [
            {
                "id": outcome.id,
                "account": outcome.account,
                "result": _moment(outcome),
                "reason": english_text(outcome.reason),
                "msg_id": outcome.msg_id,
                "followers": (run.followers or {}).get(outcome.id),
            }
            for outcome in outcomes
        ],
    }


def _hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _chosen(outcomes: Iterable[SendOutcome], when: Sequence[str]) -> list[SendOutcome]:
    return [outcome for outcome in outcomes if _moment(outcome) in when]


def _moment(outcome: SendOutcome) -> str:
    """Name what a robot may be told of an outcome: a skipped send only where it was expected."""
    if outcome.result is not Result.SKIPPED:
        return outcome.result.value
    return {ExitCode.POLICY: HELD, ExitCode.FAILED: MISSED}.get(outcome.exit_code, "")


def _line(outcome: SendOutcome, run: RunSummary) -> str:
    count = (run.followers or {}).get(outcome.id)
    to = _(" → {count:,} followers").format(count=count) if count is not None else ""
    why = "" if outcome.result is Result.ACCEPTED else f": {outcome.reason}"
    return line(f"{_MARK.get(outcome.result, '!')} {outcome.id} ({outcome.account}){to}{why}")


def _shortened(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MAX_BYTES else raw[: MAX_BYTES - 3].decode(errors="ignore") + "…"
