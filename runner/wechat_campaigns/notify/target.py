"""Send a message to a chat robot, a webhook or a program: its form, its signature, one request, its answer.

Sources: the 企业微信 group robot page, read 2026-11. The forms and signatures for 飞书, 钉钉 and Slack
follow third-party descriptions; their own pages were not read, and no robot was ever called.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import requests
from urllib3.exceptions import HTTPError

from wechat_campaigns.core.errors import MissingExtraError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.sessions import DeadlineError, open_session
from wechat_campaigns.core.settings import Audit, NotifyTarget, Secret
from wechat_campaigns.guard.plan_checks import program_failure
from wechat_campaigns.notify.notices import Notice, RunSummary, message, notices_payload
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.workspace import OnlineWorkspace

WHOLE_S = 5.0
"""How long a request may take with its answer, whatever a server does."""
MAX_ANSWER_BYTES = 64 * 1024
PROGRAM_S: Final = 20.0
"""How long a program may take."""


Taker = Callable[[Mapping[str, Any]], str | None]
"""Hands JSON over; returns why that failed, or None."""


def taker(workspace: OnlineWorkspace, kind: str, target: NotifyTarget | Audit, setting: str) -> Taker:
    """Return what hands JSON to a target, by settings that may be obeyed.

    Args:
        kind: of `NotifyTarget`.
        setting: that names the target, for messages.

    Raises:
        CampaignError: they may not be, or a secret is not available.
    """
    secrets = workspace.secrets
    if kind == "command":
        secrets.check_place(Secret(command=target.command))
        folder = workspace.root.resolve().parent
        return lambda body: program_failure(
            target.command, json.dumps(body, ensure_ascii=False), folder, timeout_s=PROGRAM_S
        )
    address = secrets.other(target.url, name=_("`url` of `{setting}`").format(setting=setting))
    key = ""
    if target.secret is not None:
        key = secrets.other(target.secret, name=_("`secret` of `{setting}`").format(setting=setting))
    return lambda body: failed_request(kind, address, key, body, datetime.now(UTC))


def failed_request(kind: str, address: str, key: str, body: Mapping[str, Any], now: datetime) -> str | None:
    """Post JSON to a robot or a webhook once; return why that failed, or None.

    Args:
        address: its secret address; no part of what is returned.
        key: signs the message; empty for a robot without a signature.
        now: for the signature.
    """
    try:
        answer = post(*sign(kind, address, key, body, now))
    except OSError as error:
        return _("the request failed ({error})").format(error=str(error))
    return None if kind == "webhook" else rejection_reason(kind, answer)


def notice_body(kind: str, notices: Sequence[Notice], run: RunSummary) -> dict[str, Any]:
    """Return the JSON of a kind of target for notices."""
    text = message(notices, run)
    return notices_payload(text, notices, run) if kind in ("webhook", "command") else payload(kind, text)


def payload(kind: str, text: str) -> dict[str, Any]:
    """Return the JSON of a kind of robot for a text, in which nothing mentions anybody or is markup."""
    if kind == "slack":
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    # 企业微信 obeys `<@userid>` and 飞书 `<at …>` in plain text too.
    text = text.replace("<", "＜").replace(">", "＞")
    if kind == "feishu":
        return {"msg_type": "text", "content": {"text": text}}
    return {"msgtype": "text", "text": {"content": text}}


def rejection_reason(kind: str, answer: Any) -> str | None:
    """Return why a robot did not take a message; None when it did."""
    if kind == "slack":
        taken, said = answer == "ok", _("the chat robot returned {answer}").format(answer=_quoted(answer))
        return None if taken else said
    if not isinstance(answer, dict):
        return _("the chat robot's response is not a JSON object")
    code = answer.get("code", answer.get("StatusCode")) if kind == "feishu" else answer.get("errcode")
    return None if code == 0 else _("the chat robot returned {answer}").format(answer=_quoted(code))


def sign(
    kind: str, address: str, key: str, body: Mapping[str, Any], now: datetime
) -> tuple[str, bytes, dict[str, str]]:
    """Return the address, the bytes and the headers of a message, signed where there is a key.

    钉钉: `timestamp` (ms) and `sign` in the address; 飞书: both (s) in the body; `webhook`: two headers, the
    signature over `TIMESTAMP.BODY` in hex.
    """
    headers = {"Content-Type": "application/json"}
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


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """Post JSON once, within seconds; the answer's JSON, or its text, of which only the beginning is read.

    Raises:
        OSError: it cannot be reached, takes too long, or answers no success. Nothing of the address is in it.
    """
    # A compressed answer could be small on the line and large here.
    headers_sent = {**headers, "Accept-Encoding": "identity"}
    try:
        with (
            open_session(address) as session,
            session.within(WHOLE_S),
            session.post(address, data=body, headers=headers_sent, timeout=WHOLE_S, stream=True) as answer,
        ):
            status = answer.status_code
            said = answer.raw.read(MAX_ANSWER_BYTES, decode_content=False)
    except DeadlineError:
        raise ConnectionError(_("it took longer than {seconds:g} s").format(seconds=WHOLE_S)) from None
    except MissingExtraError as error:
        raise ConnectionError(error.message) from None
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise ConnectionError(type(error).__name__) from None
    if not 200 <= status < 300:
        raise ConnectionError(_("HTTP status {status}").format(status=status))
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return said.decode(errors="replace")


def _quoted(said: Any) -> str:
    return line(str(said)[:80])


def _hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
