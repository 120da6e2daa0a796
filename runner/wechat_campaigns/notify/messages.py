"""Notices of a run in, a message for people or programs out.

Plain text, so that no name of a campaign can mention anybody or become a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.i18n import _, english_text
from wechat_campaigns.notify.notices import Moment, Notice
from wechat_campaigns.report.phrases import status_counts
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line

MAX_BYTES = 2000
"""企业微信 takes 2048 bytes of text, the others more."""
MAX_LINES = 20
_MARK = {
    Moment.APPROVAL_NEEDED: "•",
    Moment.ACCEPTED: "✓",
    Moment.SENT: "✓",
    Moment.REJECTED: "✗",
    Moment.NOT_SENT: "✗",
    Moment.RUN_REFUSED: "✗",
    Moment.DELIVERY_FAILED: "✗",
    Moment.UNKNOWN: "?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a message tells of a run besides its notices."""

    environment: str
    commit: str = ""
    url: str = ""
    """Of the CI run."""


def message(notices: Sequence[Notice], run: RunSummary) -> str:
    """Write a message."""
    counts = {moment: sum(notice.moment is moment for notice in notices) for moment in Moment}
    message = _("Campaigns, {environment}: {counts}")
    lines = [line(message.format(environment=run.environment, counts=status_counts(counts)))]
    lines += [_line(notice) for notice in notices[:MAX_LINES]]
    if len(notices) > MAX_LINES:
        lines.append(_("… and {count} more").format(count=len(notices) - MAX_LINES))
    lines += [_("commit {commit}").format(commit=run.commit[:12])] if run.commit else []
    lines += [run.url] if run.url else []
    return _shortened("\n".join(lines))


def notices_payload(text: str, notices: Sequence[Notice], run: RunSummary) -> dict[str, Any]:
    """Put notices into the form of a `webhook`: codes and English for programs, a text for people."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": run.environment,
        "commit": run.commit or None,
        "url": run.url or None,
        "text": text,
        "outcomes": [
            {
                "id": notice.id or None,
                "account": notice.account or None,
                "result": notice.moment.value,
                "reason": english_text(notice.reason),
                "msg_id": notice.msg_id,
                "followers": notice.followers,
            }
            for notice in notices
        ],
    }


def _line(notice: Notice) -> str:
    mark = _MARK.get(notice.moment, "!")
    if not notice.id:
        return line(f"{mark} {notice.reason}")
    count = notice.followers
    to = _(" → {count:,} followers").format(count=count) if count is not None else ""
    why = f"{_(': ')}{notice.reason}" if notice.reason else ""
    return line(f"{mark} {notice.id} ({notice.account}){to}{why}")


def _shortened(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MAX_BYTES else raw[: MAX_BYTES - 3].decode(errors="ignore") + "…"
