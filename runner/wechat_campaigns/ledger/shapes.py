"""Of what the data of each kind of event consists: a program that writes to the store may write anything."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import Event, EventKind, moment

INFORMING: Final = frozenset(
    {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.SEEN, LedgerKind.PREVIEW, LedgerKind.CALLBACK}
    | {LedgerKind.STATUS, LedgerKind.RECALL, LedgerKind.FOLLOWERS, LedgerKind.NOTIFIED, LedgerKind.APPROVED}
)
"""What allows, stops and hides no send where it is ignored. All else decides: odd, it stops every send."""
LARGEST: Final = 2**63


class ListOf(tuple[Any, ...]):
    """A list of this many values, each of its own shape."""

    __slots__ = ()


def is_moment(value: object) -> bool:
    """Return whether a value is a date as events have it."""
    try:
        return isinstance(value, str) and moment(value) is not None
    except ValueError:
        return False


def _is_day(value: object) -> bool:
    return isinstance(value, str) and len(value) == 10 and is_moment(f"{value}T12:00:00+08:00")


_EACH: Final = "*"
"""Stands for every key of a mapping."""
_WORDS: Final = {_EACH: str}
_NUMBER: Final = (int, None)
_SEND: Final = {"send": str, "revision": int}
_NAMED: Final = {"send?": str, "revision?": int}
_OF_PERSON: Final = {"actor?": _WORDS, "reason?": str}
_RIGHT: Final = {**_OF_PERSON, "plan_digest?": (str, None), "overrides?": _WORDS, "approvals?": [str]}
_BODY: Final = {
    "msgtype?": str,
    "filter?": {"tag_id?": _NUMBER},
    "text?": {"content?": str},
    "mpnews?": {"media_id?": str},
}
_MESSAGE: Final = {
    **_SEND, **_RIGHT, "content_digest": str, "message_digest?": (str, None), "formerly?": [str],
    "words_sample?": str, "filter?": {"tag?": (str, None)}, "tag?": (str, None), "account?": str,
    "endpoint?": str, "recipients?": str, "audience?": {"count?": _NUMBER}, "draft?": (str, None),
    "titles?": [str], "list_sha256?": str, "openids_sample?": str, "body?": _BODY,
}  # fmt: skip
_CALL: Final = {"at": is_moment, "not_after?": (is_moment, None), "clientmsgid?": str, "body_sha256?": str}
_END: Final = {
    **_SEND,
    "intent": str,
    "msg_id?": _NUMBER,
    "msg_data_id?": _NUMBER,
    "errcode?": int,
    "reason?": str,
}
_APPROVALS: Final = {"approvers?": _WORDS, "count?": int, "reviewers?": [str]}
_UNIT: Final = ListOf((str, int, str, ({_EACH: (str, int, None)}, None), _NUMBER))

SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    EventKind.INTENT: _MESSAGE | _CALL,
    EventKind.HANDED_OVER: _MESSAGE | _CALL,
    EventKind.BASELINE: _MESSAGE,
    EventKind.RESEND: _SEND | _RIGHT | _CALL,
    EventKind.ACCEPTED: _END,
    EventKind.DUPLICATE: _END,
    EventKind.IN_USE: _END,
    EventKind.REJECTED: _END,
    EventKind.SETTLED: {
        **_SEND, **_OF_PERSON, "sent": bool, "msg_id?": _NUMBER, "msg_data_id?": _NUMBER, "sent_on?": _is_day
    },
    EventKind.HOLD: {**_OF_PERSON, "held": bool, "ends?": [str]},
    LedgerKind.INIT: {**_OF_PERSON, "environment?": str, "scope?": str, "accounts?": [str]},
    LedgerKind.GUARD: {
        **_OF_PERSON, "environment": str, "replaces?": str, "rules?": {"approvals?": (_APPROVALS, None)},
    },
    LedgerKind.CAMPAIGNS_FOLDER: {"folder": str, "in_git": bool, "root": str, "namespace": str},
    LedgerKind.TRUSTED: {**_OF_PERSON, "distrusted?": [str]},
    LedgerKind.WITHDRAWN: {**_OF_PERSON, "sends?": ([str], None)},
    LedgerKind.APPROVED: {
        "environment": str, "rules": str, "saw": {"seq": int, "hash?": str}, "sends": [_UNIT], "who": [str],
        "at": is_moment, "approver?": str, "run?": str, "commit?": (str, None), "plan_digest?": (str, None),
    },
    LedgerKind.UPLOAD: {"upload": str, "result": (str, None)},
    LedgerKind.DRAFT: {
        **_SEND, "sha256": str, "media_id": str, "stored?": (str, None), "changed?": [str]
    },
    LedgerKind.SEEN: {
        **_NAMED, "handed_over": str, "draft": str, "gone": bool,
        "published": [ListOf((int, str))], "jobs": [int]
    },
    LedgerKind.PREVIEW: {**_NAMED, "content_digest": str},
    LedgerKind.STATUS: {**_SEND, "msg_status": str},
    LedgerKind.RECALL: {**_SEND, **_OF_PERSON, "article_idx?": _NUMBER},
    LedgerKind.FOLLOWERS: {"followers": str},
    LedgerKind.NOTIFIED: {"notices": [str], "pushed?": int, "to?": str},
    LedgerKind.CALLBACK: {
        "msg_id": int, "status": str, "addressed": int, "sent": int, "left_out": int, "failed": int,
        "links?": [str], "originals?": [{"article_idx": str, "url": str}],
    },
}  # fmt: skip
"""By kind, the keys that are read, those that may be missing with a `?`. Others may stand beside them."""


def check_shape(event: Event) -> None:
    """Refuse an event that does not have the shape of its kind.

    Raises:
        TamperedLedgerError: it does not.
    """
    if not fits(event):
        raise TamperedLedgerError(odd_text(event), location=event.stream)


def odd_text(event: Event) -> str:
    """Write that an event does not have the shape of its kind."""
    return _("event {number} ({kind}) has data that this program never writes").format(
        number=event.seq, kind=event.kind
    )


def fits(event: Event) -> bool:
    """Return whether the data of an event has the shape of its kind."""
    return _fits(event.data, SHAPES[event.kind])


def _fits(value: Any, shape: Any) -> bool:
    """Return whether a value has a shape: a type, a mapping, a list, a `ListOf`, alternatives or a check."""
    if isinstance(shape, Mapping):
        return isinstance(value, Mapping) and all(_has(value, key, inner) for key, inner in shape.items())
    if isinstance(shape, ListOf):
        is_list = isinstance(value, list | tuple) and len(value) == len(shape)
        return is_list and all(map(_fits, value, shape))
    if isinstance(shape, list):
        return isinstance(value, list | tuple) and all(_fits(item, shape[0]) for item in value)
    if isinstance(shape, tuple):
        return any(_fits(value, one) for one in shape)
    if shape is int:
        return type(value) is int and abs(value) < LARGEST
    if isinstance(shape, type) or shape is None:
        return value is None if shape is None else isinstance(value, shape)
    check: Callable[[object], bool] = shape
    return check(value)


def _has(value: Mapping[str, Any], key: str, shape: Any) -> bool:
    if key == _EACH:
        return all(_fits(item, shape) for item in value.values())
    name = key.removesuffix("?")
    return _fits(value[name], shape) if name in value else name != key
