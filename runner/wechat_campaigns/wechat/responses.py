"""Takes a reply or a fault, gives the platform's JSON object or the error that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from wechat_campaigns.core.errcodes import Errcode, lookup
from wechat_campaigns.core.errors import ApiError, NoResponseError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.wechat.transport import Reply, TransportFailure

ApiResponse = dict[str, Any]

_RID = re.compile(r"[\s,;]*\brid:\s*(?P<rid>[0-9A-Za-z-]+)\s*$")
_IP = re.compile(r"invalid ip[\s:]+(?P<ip>[0-9A-Fa-f.:]+)")
_IDS = ("msg_id", "msg_data_id", "errcode")


def parse_response(reply: Reply | TransportFailure) -> ApiResponse | TransportFailure:
    """Read the JSON object of a reply.

    Returns:
        The object with `errcode` (0 when the platform gave none), `msg_id` and `msg_data_id` as int;
        or a fault when this cannot be the platform's answer: another status than 200, no JSON, no object.

    Source: sendAll (2026-11) for ids beyond 32 bits; older pages name 45065's id `msgid`.
    """
    if isinstance(reply, TransportFailure):
        return reply
    if reply.status != 200:
        return TransportFailure(
            not_sent=False,
            message=_("the server returned HTTP status {status}").format(status=reply.status),
        )
    try:
        # Names written by users have been seen with control characters, which strict JSON refuses.
        answer = json.loads(reply.body.decode("utf-8-sig", errors="replace"), strict=False)
        # An emoji cut in two (`\ud83d`) is valid JSON, and can be neither printed nor recorded.
        answer = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", errors="replace"))
    except (ValueError, RecursionError):
        return TransportFailure(not_sent=False, message=_("the response is not JSON, or is incomplete"))
    if not isinstance(answer, dict):
        return TransportFailure(not_sent=False, message=_("the response is JSON, but not an object"))
    return _with_numbers(answer)


def transport_error(endpoint: str, fault: TransportFailure) -> NotSentError | NoResponseError:
    """Make the error a fault stands for: unreachable when the request was never sent, else lost."""
    if fault.not_sent:
        hint = _(
            "check the network, the proxy settings and the api address of the environment; no "
            "request reached WeChat"
        )
        return NotSentError(fault.message, hint=hint, location=endpoint)
    hint = _("check the network and the proxies in between, then run the same command again")
    what = _("{fault}; it is unknown whether the request arrived").format(fault=fault.message)
    return NoResponseError(what, hint=hint, location=endpoint)


def raise_for_errcode(endpoint: str, answer: ApiResponse, secrets: Iterable[str] = ()) -> None:
    """Raise `ApiError` unless the errcode is 0.

    Args:
        endpoint: the path that answered.
        answer: what `parse_response` gave.
        secrets: values that must not appear, should the platform echo them.

    Raises:
        ApiError: with meaning and hint of the errcode table, errmsg without its rid, and the answer.
    """
    errcode: int = answer["errcode"]
    if errcode == 0:
        return
    full_text = redact(str(answer.get("errmsg", "")), secrets)
    errmsg, rid = _split_rid(full_text)
    entry = lookup(errcode, endpoint)
    details = ", ".join(filter(None, [f"errcode {errcode}", errmsg, f"rid {rid}" if rid else ""]))
    raise ApiError(
        endpoint=endpoint,
        errcode=errcode,
        errmsg=errmsg,
        rid=rid,
        what=_("{meaning} ({details})").format(meaning=_(entry.meaning), details=details),
        hint=_hint(entry, errmsg),
        answer={**answer, "errmsg": full_text},
    )


def require(endpoint: str, answer: ApiResponse, key: str) -> Any:  # JSON
    """Take a key a good answer always has.

    Raises:
        NoResponseError: it is absent, so something else than the platform has answered.
    """
    if answer.get(key) in (None, ""):
        what = _("the response has no {key}").format(key=key)
        raise transport_error(endpoint, TransportFailure(not_sent=False, message=what))
    return answer[key]


def _with_numbers(answer: ApiResponse) -> ApiResponse | TransportFailure:
    answer.setdefault("errcode", 0)
    if "msgid" in answer:
        answer.setdefault("msg_id", answer["msgid"])
    try:
        return answer | {key: _as_int(answer[key]) for key in _IDS if key in answer}
    except (TypeError, ValueError):
        return TransportFailure(
            not_sent=False, message=_("the response has an errcode or id that is not a number")
        )


def _as_int(value: object) -> int:
    """A float would have lost the last digits of a 64-bit id already."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def _split_rid(text: str) -> tuple[str, str | None]:
    found = _RID.search(text)
    return (text[: found.start()].strip(), found["rid"]) if found else (text.strip(), None)


def _hint(entry: Errcode, errmsg: str) -> str:
    found = _IP.search(errmsg) if entry.hint_for_ip else None
    return _(entry.hint_for_ip).format(ip=found["ip"]) if found else _(entry.hint)
