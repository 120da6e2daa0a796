"""Read WeChat's JSON object out of a reply, or raise the error that says what to do."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from wechat_campaigns.core.errcodes import Errcode, lookup
from wechat_campaigns.core.errors import ApiError, NoResponseError, NotSentError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact

ApiResponse = dict[str, Any]

_RID = re.compile(r"[\s,;]*\brid:\s*(?P<rid>[0-9A-Za-z-]+)\s*$")
_HINT = re.compile(r"\s*\bhint:\s*\[[^\]]*\]\s*$")
_IP = re.compile(r"invalid ip[\s:]+(?P<ip>[0-9A-Fa-f.:]+)")
_IDS = ("msg_id", "msg_data_id", "errcode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered, whatever it was."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""


def fits(value: object, shape: Any) -> bool:
    """Return whether a value of an answer is of the type that the vendor's page gives it.

    Args:
        shape: `str`; `int`, which WeChat also writes as text; a list with the shape of its items; a dict with
            the shapes of an object's keys, where a key with a question mark may be missing. An object may
            have other keys too.
    """
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            (key.endswith("?") and value.get(key[:-1]) is None) or fits(value.get(key.rstrip("?")), part)
            for key, part in shape.items()
        )
    return _as_int(value) is not None if shape is int else isinstance(value, shape)


def parse_response(endpoint: str, reply: Reply) -> ApiResponse:
    """Read the JSON object of a reply.

    Returns:
        The object with `errcode` (0 when WeChat gave none), `msg_id` and `msg_data_id` as int.

    Raises:
        NoResponseError: this cannot be WeChat's answer: another status than 200, no JSON, no object.

    Source: sendAll (2026-11) for ids beyond 32 bits; older pages name 45065's id `msgid`.
    """
    if reply.status != 200:
        what = _("the server returned HTTP status {status}").format(status=reply.status)
        raise no_response_error(endpoint, what)
    answer = None
    # Errors are raised outside the handlers: the text of JSON's own error may hold a token.
    with suppress(ValueError, RecursionError):
        # Names written by users have been seen with control characters, which strict JSON refuses.
        data = json.loads(reply.body.decode("utf-8-sig", errors="replace"), strict=False)
        # An emoji cut in two (`\ud83d`) is valid JSON, and can be neither printed nor recorded.
        answer = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", errors="replace"))
    if not isinstance(answer, dict):
        raise no_response_error(endpoint, _("the response is not a JSON object, or is incomplete"))
    answer.setdefault("errcode", 0)
    if "msgid" in answer:
        answer.setdefault("msg_id", answer["msgid"])
    ids = {key: _as_int(answer[key]) for key in _IDS if key in answer}
    for key, number in ids.items():
        if number is None:
            raise _unusable_error(endpoint, key)
    return answer | ids


def not_sent_error(endpoint: str, fault: str, hint: str = "") -> NotSentError:
    """Make the error of a request that certainly was not sent; without a hint of its own, the usual one."""
    hint = hint or _(
        "check the network, the proxy settings and the api address of the environment; no "
        "request reached WeChat"
    )
    return NotSentError(fault, hint=hint, location=endpoint)


def no_response_error(endpoint: str, fault: str, hint: str = "") -> NoResponseError:
    """Make the error of a request that may have arrived; without a hint of its own, the usual one."""
    hint = hint or _("check the network and the proxies in between, then run the same command again")
    what = _("{fault}; it is unknown whether the request arrived").format(fault=fault)
    return NoResponseError(what, hint=hint, location=endpoint)


def raise_for_errcode(endpoint: str, answer: ApiResponse, secrets: Iterable[str] = ()) -> None:
    """Raise `ApiError` unless the errcode is 0.

    Args:
        secrets: values that must not appear, should WeChat echo them.

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
        what=_("{what} ({detail})").format(what=_(entry.meaning), detail=details),
        hint=_hint(entry, errmsg),
        answer={**answer, "errmsg": full_text},
    )


def require(endpoint: str, answer: ApiResponse, key: str, shape: Any = str) -> Any:  # JSON
    """Return a value that a good answer always has; `shape` as `fits` takes it.

    Raises:
        NoResponseError: it is absent or has another shape, so something else than WeChat has answered.
    """
    value = answer.get(key)
    if value in (None, "") or not fits(value, shape):
        raise _unusable_error(endpoint, key)
    return value


def _unusable_error(endpoint: str, key: str) -> NoResponseError:
    return no_response_error(endpoint, _("the response has no usable {key}").format(key=key))


def _as_int(value: object) -> int | None:
    """A float would have lost the last digits of a 64-bit id already."""
    with suppress(ValueError):
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    return None


def _split_rid(text: str) -> tuple[str, str | None]:
    """Split an errmsg into the text for people and the rid; WeChat's `hint: […]` between them goes.

    Source: answers that developers reported up to 2025 (2026-11); the first group of a rid is
    the unix time in hex.
    """
    found = _RID.search(text)
    rest, rid = (text[: found.start()], found["rid"]) if found else (text, None)
    return _HINT.sub("", rest).strip(), rid


def _hint(entry: Errcode, errmsg: str) -> str:
    found = _IP.search(errmsg) if entry.hint_for_ip else None
    return _(entry.hint_for_ip).format(ip=found["ip"]) if found else _(entry.hint)
