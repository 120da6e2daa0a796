"""Notices of a run in, a message out, in the form of each kind of chat robot, or as a mail.

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

from wechat_campaigns.core.i18n import _, english_text
from wechat_campaigns.core.settings import NotifyTarget
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

Post = Callable[[str, bytes, Mapping[str, str]], Any]
"""Posts bytes of JSON with headers and gives the answer's JSON or text; raises `OSError` when it cannot."""

Mail = Callable[[str, str, NotifyTarget], None]
"""Mails a text by the server of an address to the recipients of a target; raises `OSError` if it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What opens a chat robot or a mail server: secrets, read for one message."""

    address: str
    key: str = ""
    """Signs the message; empty for a robot without a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a message tells of a run besides its notices."""

    environment: str
    commit: str = ""
    url: str = ""
    """Of the CI run."""


def message(notices: Iterable[Notice], run: RunSummary, when: Sequence[str]) -> str | None:
    """Write a message; None when nothing happened that it should tell.

    Args:
        notices: of the run.
        when: the moments that it tells.
    """
    chosen = _chosen(notices, when)
    if not chosen:
        return None
    counts = {moment: sum(notice.moment is moment for notice in chosen) for moment in Moment}
    message = _("Campaigns, {environment}: {counts}")
    lines = [line(message.format(environment=run.environment, counts=status_counts(counts)))]
    lines += [_line(notice) for notice in chosen[:MAX_LINES]]
    if len(chosen) > MAX_LINES:
        lines.append(_("… and {count} more").format(count=len(chosen) - MAX_LINES))
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
        taken, said = answer == "ok", _("the chat robot returned {answer}").format(answer=_quoted(answer))
        return None if taken else said
    if not isinstance(answer, dict):
        return _("the chat robot's response is not a JSON object")
    code = answer.get("code", answer.get("StatusCode")) if kind == "feishu" else answer.get("errcode")
    return None if code == 0 else _("the chat robot returned code {code}").format(code=_quoted(code))


def notify_target(
    target: NotifyTarget,
    access: Access,
    notices: Sequence[Notice],
    run: RunSummary,
    *,
    post: Post,
    mail: Mail,
    now: datetime,
) -> str | None:
    """Tell one target; why it could not be told, or None.

    Args:
        access: its secrets; no part of what is returned.
        now: for the signature.
    """
    text = message(notices, run, target.when)
    if text is None:
        return None
    try:
        if target.kind == "email":
            mail(text, access.address, target)
            return None
        body = (
            notices_payload(text, _chosen(notices, target.when), run)
            if target.kind == "webhook"
            else payload(target.kind, text)
        )
        address, signed, headers = sign(target.kind, access, body, now)
        answer = post(address, signed, headers)
    except OSError as error:
        return _("the request failed ({error})").format(error=str(error))
    return None if target.kind == "webhook" else rejection_reason(target.kind, answer)


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


def _quoted(said: Any) -> str:
    return line(str(said)[:80])


def _hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _chosen(notices: Iterable[Notice], when: Sequence[str]) -> list[Notice]:
    return [notice for notice in notices if notice.moment in when]


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
