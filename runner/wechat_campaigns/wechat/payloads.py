"""A send in, the exact body of its mass call out; the part of its kind of message is made in `messages`."""

from collections.abc import Collection
from typing import Any

from wechat_campaigns.core.content import Content, MediaIds
from wechat_campaigns.core.model import Send


def endpoint(send: Send) -> str:
    """Return the mass endpoint of a send."""
    return "message/mass/send" if send.filter.openids else "message/mass/sendall"


def mass_body(
    send: Send,
    *,
    tag_id: int | None,
    ids: MediaIds,
    draft_media_id: str | None,
    skipped: Collection[int] = (),
) -> dict[str, Any]:
    """Write the body of mass/sendall or mass/send, without `clientmsgid`.

    Args:
        tag_id: WeChat's id when the filter names a tag.
        draft_media_id: the draft made for it, when `needs_draft`.
        skipped: which of its openids are left out, from 0.

    Source: sendAll and massSend, read 2026-11.
    """
    body: dict[str, Any] = {"msgtype": send.msgtype, **_part(send.content, ids, draft_media_id)}
    if send.by_hand:
        return body  # the rest is chosen in the console
    if send.filter.openids:
        left_out = frozenset(skipped)
        body["touser"] = [one for index, one in enumerate(send.filter.openids) if index not in left_out]
    elif send.filter.is_to_all:
        body["filter"] = {"is_to_all": True}
    elif tag_id is None:
        raise AssertionError(f"{send.id} is to be sent to a tag whose id is not known")
    else:
        body["filter"] = {"is_to_all": False, "tag_id": tag_id}
    if "mpnews" in body:
        body["send_ignore_reprint"] = int(send.send_ignore_reprint)
    return body


def preview_body(send: Send, *, ids: MediaIds, draft_media_id: str | None) -> dict[str, Any]:
    """Write the body of mass/preview, recipient left out.

    Preview knows a single picture only: of several, the first is shown.

    Source: preview, read 2026-11.
    """
    body: dict[str, Any] = {"msgtype": send.msgtype, **_part(send.content, ids, draft_media_id)}
    if images := body.pop("images", None):
        body["image"] = {"media_id": images["media_ids"][0]}
    return body


def _part(content: Content, ids: MediaIds, draft_media_id: str | None) -> dict[str, Any]:
    part = {"media_id": draft_media_id} if content.needs_draft else content.part(ids)
    return {content.body_key: part}
