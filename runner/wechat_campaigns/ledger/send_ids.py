"""Ids as users write them in, ids as the ledger keeps them out, and back: what knows of namespaces.

A namespace goes before the id: `sale` of the namespace `shop` is kept as `shop:sale`. What others keep in the
same ledger is shown in full, `office:sale`; `:sale` is a send of those who have no namespace.
"""

from __future__ import annotations

import re
from typing import Final

from wechat_campaigns.protocol.keys import normalize_id

_NAMED: Final = re.compile(r"(?P<namespace>[^:\[\]#]*):(?P<id>.+)", re.DOTALL)


def ledger_id(namespace: str, send_id: str) -> str:
    """Return an id as the ledger keeps it.

    Args:
        send_id: as a user writes it, alone or in full.
    """
    full = _NAMED.fullmatch(send_id)
    if full is not None:
        return send_id if full["namespace"] else full["id"]
    return f"{namespace}:{send_id}" if namespace else send_id


def display_id(namespace: str, kept_id: str) -> str:
    """Return an id of the ledger as users of this namespace write it: in full when it is of another."""
    own = namespace_of(kept_id)
    if normalize_id(own) == normalize_id(namespace):
        return kept_id.partition(":")[2] if own else kept_id
    return kept_id if own else f":{kept_id}"


def namespace_of(kept_id: str) -> str:
    """Return the namespace of an id of the ledger; empty for none."""
    full = _NAMED.fullmatch(kept_id)
    return full["namespace"] if full is not None else ""


def list_id(send_id: str) -> str:
    """Return the id that the batches of an openid list have in common; any other id as it is."""
    return send_id.partition("#")[0]
