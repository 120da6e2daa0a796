"""One planned send and a tester in, one real message out, remembered by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import uploads, wire
from runner.digest import sha256
from runner.ledger.events import Entry, Event, Kind, Ledger
from runner.ledger.state import LedgerState
from runner.plan import Planned
from runner.ports import Api


def preview(
    planned: Planned,
    receiver: Mapping[str, str],
    *,
    api: Api,
    ledger: Ledger,
    state: LedgerState,
    read: uploads.Read,
) -> None:
    """Upload what is needed, send the preview, record it.

    Args:
        planned: with its audience resolved.
        receiver: `{"towxname": …}` or `{"touser": …}`; kept only as a hash.
        api: of its account, with writes.
        ledger: where it is recorded.
        state: kept current.
        read: gives a file's bytes.

    Raises:
        ApiError, UnreachableError, LostAnswerError: it was not, or perhaps not, delivered; not recorded.

    Source: preview, read 2026-11.
    """

    def record(kind: Kind, data: Mapping[str, Any]) -> Event:
        event = ledger.append(Entry(stream=planned.account.appid, kind=kind, data=data))
        state.add(event)
        return event

    ids = uploads.upload(planned, api=api, state=state, record=record, read=read)
    draft = uploads.draft(planned, ids, api=api, state=state, record=record)
    body = wire.mass_body(planned.send, tag_id=planned.resolved.tag_id, ids=ids, draft_media_id=draft)
    api.mass_preview({**wire.preview_body(body), **receiver})
    record(
        Kind.PREVIEW,
        {
            "send": planned.send.id,
            "revision": planned.send.revision,
            "digest": planned.digest,
            "to": sha256(dict(receiver)),
        },
    )
