"""Outcomes of a run in, a message for a chat robot out, in the form of each kind of robot.

Sources: the 企业微信 group robot page, read 2026-11. The forms for 飞书, 钉钉 and Slack follow
third-party descriptions; their own pages were not read, and no robot was ever called.
Plain text in all of them, so that no name of a campaign can mention anybody or become a link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import ChatWebhook
from wechat_campaigns.report.phrases import status_counts
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.send.outcome import Result, SendOutcome

MAX_BYTES = 2000
"""企业微信 takes 2048 bytes of text, the others more."""
MAX_LINES = 20
_MARK = {Result.ACCEPTED: "✓", Result.REJECTED: "✗", Result.NOT_SENT: "✗", Result.UNKNOWN: "?"}

Post = Callable[[str, Mapping[str, Any]], Any]
"""Posts JSON to an address and gives the answer's JSON or text; raises `OSError` when it cannot."""


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
        when: of which outcomes it is told: `accepted`, `rejected`, `not_sent`, `unknown`.
    """
    told = [outcome for outcome in outcomes if outcome.result in _MARK and outcome.result in when]
    if not told:
        return None
    counts = {result: sum(outcome.result is result for outcome in told) for result in _MARK}
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
    robot: ChatWebhook, address: str, outcomes: Sequence[SendOutcome], run: RunSummary, *, post: Post
) -> str | None:
    """Tell one robot; why it could not be told, or None.

    Args:
        address: its secret address; never part of what is returned.
    """
    text = message(outcomes, run, robot.when)
    if text is None:
        return None
    try:
        return rejection_reason(robot.kind, post(address, payload(robot.kind, text)))
    except OSError as error:
        return _("the request to the chat robot failed ({error})").format(error=str(error))


def _line(outcome: SendOutcome, run: RunSummary) -> str:
    count = (run.followers or {}).get(outcome.id)
    to = _(" → {count:,} followers").format(count=count) if count is not None else ""
    why = "" if outcome.result is Result.ACCEPTED else f": {outcome.reason}"
    return line(f"{_MARK[outcome.result]} {outcome.id} ({outcome.account}){to}{why}")


def _shortened(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MAX_BYTES else raw[: MAX_BYTES - 3].decode(errors="ignore") + "…"
