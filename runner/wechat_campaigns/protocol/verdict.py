"""Judge an answer to a mass call: what it makes certain about this one call, and nothing more."""

from collections.abc import Mapping
from typing import Any, Final

from wechat_campaigns.protocol.events import EventKind

CLIENTMSGID_EXISTS: Final = 45065
"""A job with this clientmsgid exists. Source: sendAll, read 2026-11."""
CLIENTMSGID_IN_USE: Final = 45066
"""Such a job is being made. Source: a developer's report of 2020 in the vendor's forum, read 2026-11."""

REJECTING: Final[Mapping[str, frozenset[int]]] = {  # in words: `core/errcodes.yaml`
    "getAccessToken: looked at before the request is": frozenset({40001, 40014, 41001, 42001}),
    "getApiQuota: counted before a request is looked at": frozenset({45009, 45011}),
    "global return codes: it is not a request": frozenset({40033, 40038, 43002, 43003, 44002, 47001, 47002}),
    "global return codes: the caller may not": frozenset({40013, 48001, 48003, 48004, 50001, 50002, 61007}),
    "sendAll, massSend: the allowance is used up": frozenset({45028}),
    "sendAll, massSend: the account may not": frozenset({45062, 48008}),
    "sendAll, massSend: the recipients": frozenset({40003, 40031, 40032, 40050, 40130, 40152, 43004}),
    "sendAll, massSend: the content": frozenset({40007, 40008, 40035, 40097, 40128, 44004, 45002}),
    "sendAll: a video that was uploaded by API": frozenset({48022}),
    "sendAll, massSend: the key is too long": frozenset({45067}),
    "draft_add, the vendor's forum: the kind is retired": frozenset({45106, 45113}),
}
"""After these errcodes this call certainly made no job; by source, read 2026-11. No other frees a send."""
_REJECTED: Final = frozenset().union(*REJECTING.values())


def verdict(answer: Mapping[str, Any]) -> EventKind | None:
    """Read an answer: the kind of event that ends its call, or None: it proves nothing."""
    errcode = answer.get("errcode")
    if errcode == 0:
        # An acceptance names its job: a 0 without one proves nothing.
        msg_id = answer.get("msg_id")
        return EventKind.ACCEPTED if isinstance(msg_id, int) and msg_id > 0 else None
    if errcode == CLIENTMSGID_EXISTS:
        return EventKind.DUPLICATE
    if errcode == CLIENTMSGID_IN_USE:
        return EventKind.IN_USE
    # An answer that names a job beside its errcode contradicts itself.
    return EventKind.REJECTED if errcode in _REJECTED and not answer.get("msg_id") else None
