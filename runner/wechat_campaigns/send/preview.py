"""One planned send and a tester in, one real message out, remembered by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import reporting_unrecorded
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Tester
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.quota import count_today
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.send import drafting, uploads
from wechat_campaigns.wechat import payloads

PER_DAY = 100
"""Previews of one account. Source: preview, read 2026-11 (by WeChat name; by openid as reported)."""


def recipient(name: str, testers: Mapping[str, Tester]) -> dict[str, str]:
    """Say in the platform's words who is meant: a tester's alias, or else a WeChat name."""
    tester = testers.get(name)
    if tester is not None and tester.openid is not None:
        return {"touser": tester.openid}
    return {"towxname": tester.wxname or name if tester is not None else name}


def used_today(appid: str, state: LedgerState, now: datetime) -> int:
    """Count today's previews of an account, in China time, as the ledger knows."""
    return count_today(state.preview_times, appid, now)


def preview(planned: PlannedSend, to: Mapping[str, str], ports: uploads.UploadPorts) -> tuple[str, ...]:
    """Upload what is needed, send the preview, record it.

    Args:
        to: `{"towxname": …}` or `{"touser": …}`; kept only as a hash.

    Returns:
        What is good to know about the draft shown.

    Raises:
        UsageError: a material name of it has no media_id.
        PolicyError, WeChatError: its draft was edited, or is not what was meant.
        ApiError, NotSentError, NoResponseError: it was not, or perhaps not, delivered; not recorded.
        LedgerError: it could not be recorded; its message tells when the preview was sent all the same.

    Source: preview, read 2026-11.
    """
    uploads.check_material_names(planned)
    with uploads.forgetting(planned, ports):
        ids = uploads.upload(planned, ports)
        draft = drafting.ensure_draft(planned, ids, ports)
        body = payloads.preview_body(planned.send, ids=ids, draft_media_id=draft.media_id if draft else None)
        ports.api.mass_preview({**body, **to})
    data = {
        **ports.state.send_fields(planned.send.id, planned.send.revision),
        "content_digest": planned.content_digest,
        "to": sha256(dict(to)),
    }
    with reporting_unrecorded(_("the preview was sent")):
        ports.record(EventKind.PREVIEW, data)
    return draft.notes if draft is not None else ()
