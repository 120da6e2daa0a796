"""What a send needs on the platform before it can be posted: files uploaded once, its draft added once.

Every result is recorded as soon as it is known. Uploading a file twice costs a little library space;
adding a draft twice is avoided by looking for the first one when its answer was lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from runner import drafts, wire
from runner.digest import sha256
from runner.errors import ApiError, StalePlanError
from runner.ledger.events import Event, Kind
from runner.ledger.state import LedgerState
from runner.model import Articles, FileInfo, Media, Newspic
from runner.plan import Planned
from runner.ports import Api

Record = Callable[[Kind, Mapping[str, Any]], Event]
Read = Callable[[FileInfo], bytes]

MEDIA_ID_INVALID = 40007


def upload(planned: Planned, *, api: Api, state: LedgerState, record: Record, read: Read) -> wire.Ids:
    """Upload what is missing and name everything.

    Args:
        planned: the send with its uploads.
        api: of its account.
        state: kept current by `record`.
        record: appends an event of this account.
        read: gives a file's bytes.

    Raises:
        ApiError, UnreachableError, LostAnswerError: an upload failed; nothing was sent.
        StalePlanError: a file changed since it was planned.
    """
    done: dict[str, str] = {}
    named = planned.resolved.named
    for item, reusable in planned.resolved.uploads:
        known = state.uploads.get((planned.account.appid, item.key))
        result = reusable or (known.result if known and item.life is None else None)
        if result is None:
            result = _upload(item, api=api, ids=wire.Ids(uploaded=done, named=named), read=read)
            record(Kind.UPLOAD, {"upload": item.key, "result": result})
        done[item.key] = result
    return wire.Ids(uploaded=done, named=named)


def draft(planned: Planned, ids: wire.Ids, *, api: Api, state: LedgerState, record: Record) -> str | None:
    """Add the draft a send needs, or find the one already added for it.

    Returns:
        Its media_id, or None when the content needs no draft.

    Raises:
        ApiError, UnreachableError, LostAnswerError: no draft; nothing was sent. After a lost answer the
            next run looks for the draft before adding another.
    """
    content = planned.send.content
    if not isinstance(content, Articles | Newspic):
        return None
    articles = wire.draft_articles(content, ids)
    data = {"send": planned.send.id, "revision": planned.send.revision, "sha256": sha256(articles)}
    key = (planned.account.appid, planned.send.id, planned.send.revision)
    known = state.drafts.get(key)
    media_id = None
    if known is not None and known.sha256 == data["sha256"]:
        if known.media_id is not None and _exists(known.media_id, api):
            return known.media_id
        if known.media_id is None:
            media_id = drafts.find(articles, since=known.at, taken=_others(state, key), api=api)
    if media_id is None:
        record(Kind.DRAFTING, data)
        media_id = api.draft_add(articles)
    record(Kind.DRAFT, {**data, "media_id": media_id})
    return media_id


def _upload(item: wire.Upload, *, api: Api, ids: wire.Ids, read: Read) -> str:
    if item.endpoint == wire.UPLOADVIDEO:
        source = ids.uploaded[item.of.key] if isinstance(item.of, wire.Upload) else _video(item, ids)
        return str(api.media_uploadvideo(source, item.title, item.description)["media_id"])
    if item.file is None:
        raise AssertionError("an upload without a file is a conversion")
    data = read(item.file)
    if hashlib.sha256(data).hexdigest() != item.file.sha256:
        raise StalePlanError(
            "the file changed while the plan was being applied",
            remedy="run the same command again",
            where=str(item.file.path),
        )
    name = item.file.path.name
    if item.endpoint == wire.UPLOADIMG:
        # The platform answers with http; phones refuse mixed content, and the host serves both.
        return api.media_uploadimg(name, data).replace("http://", "https://", 1)
    answer = api.material_add_material(item.kind, name, data, title=item.title, introduction=item.description)
    return str(answer["media_id"])


def _video(item: wire.Upload, ids: wire.Ids) -> str:
    if not isinstance(item.of, Media):
        raise AssertionError("a conversion names what it converts")
    return ids.of(item.of, "video")


def _others(state: LedgerState, mine: tuple[str, str, int]) -> frozenset[str]:
    known = (draft.media_id for key, draft in state.drafts.items() if key != mine)
    return frozenset(media_id for media_id in known if media_id is not None)


def _exists(media_id: str, api: Api) -> bool:
    try:
        api.draft_get(media_id)
    except ApiError as error:
        if error.errcode == MEDIA_ID_INVALID:
            return False
        raise
    return True
