"""The drafts of some accounts → text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from wechat_campaigns.core.i18n import _
from wechat_campaigns.plan.draft_box import BoxEntry, short_id
from wechat_campaigns.report.phrases import moment
from wechat_campaigns.report.text import TextOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDrafts:
    """What was listed of one account."""

    drafts: tuple[BoxEntry, ...]
    made_for: Mapping[str, str]
    """By media_id, the send that this program made a draft for."""
    replaced: frozenset[str]
    """The media_ids of drafts that this program made before another one for the same send."""
    total: int
    """As WeChat counts; above the number listed when there are too many to list."""


def drafts_text(accounts: Mapping[str, AccountDrafts], options: TextOptions) -> str:
    """Draw a table of the drafts, then what is not listed."""
    headings = ["Account", "media_id", "Content", "Updated", "Note"]
    rows = [
        [
            name,
            short_id(one.media_id),
            " / ".join(one.titles),
            moment(one.updated_at, options.timezone),
            _note(one.media_id, found),
        ]
        for name, found in accounts.items()
        for one in found.drafts
    ]
    if len(accounts) == 1:
        headings, rows = headings[1:], [row[1:] for row in rows]
    table = options.table(headings, rows) if rows else ""
    lines = [line for name, found in accounts.items() for line in _lines(name, found)]
    return "\n\n".join(filter(None, [table, "\n".join(lines)]))


def _note(media_id: str, found: AccountDrafts) -> str:
    note = (
        _("made for {send}; replaced by a newer draft")
        if media_id in found.replaced
        else _("made for {send}")
    )
    return note.format(send=found.made_for[media_id]) if media_id in found.made_for else ""


def _lines(name: str, found: AccountDrafts) -> Iterable[str]:
    if not found.drafts:
        yield _("{account}: the draft box is empty").format(account=name)
    if found.total > len(found.drafts):
        more = _("{account}: {count:,} of {total:,} drafts are listed, to keep within WeChat's quota")
        yield more.format(account=name, count=len(found.drafts), total=found.total)


def drafts_data(accounts: Mapping[str, AccountDrafts]) -> dict[str, Any]:
    """Return the drafts of each account as plain data."""
    return {
        "accounts": {
            name: {"total": found.total, "drafts": [_row(one, found) for one in found.drafts]}
            for name, found in accounts.items()
        }
    }


def _row(draft: BoxEntry, found: AccountDrafts) -> dict[str, Any]:
    return {
        "media_id": draft.media_id,
        "titles": list(draft.titles),
        "updated_at": draft.updated_at.astimezone(UTC).isoformat(timespec="seconds"),
        "made_for": found.made_for.get(draft.media_id),
        "replaced": draft.media_id in found.replaced,
    }
