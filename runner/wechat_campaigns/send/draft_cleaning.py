"""Drafts that an edit left behind in, those deleted out; one that was edited by hand since stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.draft_box import draft_fingerprint
from wechat_campaigns.plan.draft_uses import BoxDraft
from wechat_campaigns.wechat.endpoints import WeChatApi

MOST: Final = 100
"""Drafts of one run: each is read first, and an account may read 500 a day (getDraft, 2026-11)."""


def delete_drafts(
    drafts: Iterable[BoxDraft], api: WeChatApi, state: LedgerState, appid: str
) -> Iterator[tuple[BoxDraft, str]]:
    """Delete drafts, one after the other.

    Args:
        drafts: of the account, each left behind by an edit.
        state: the folded ledger, read under the account's lock, which is held.

    Yields:
        Each draft when it is deleted, and why it stays; empty when it is gone.

    Raises:
        ApiError, NotSentError, NoResponseError: a call failed; the drafts before it are deleted.

    Source: draft_delete (2026-11).
    """
    for draft in drafts:
        media_id = draft.entry.media_id
        mark = draft_fingerprint(media_id, api)
        if mark is not None and mark != state.made_drafts[appid, media_id].stored_digest:
            yield draft, _("it was edited by hand after the program made it")
            continue
        if mark is not None:
            api.draft_delete(media_id)
        yield draft, ""
