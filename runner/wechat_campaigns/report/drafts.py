"""The drafts of some accounts, and who uses each → text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.plan.draft_box import short_id
from wechat_campaigns.plan.draft_uses import BoxDraft
from wechat_campaigns.report.phrases import moment
from wechat_campaigns.report.text import TextOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDrafts:
    """What was listed of one account."""

    drafts: tuple[BoxDraft, ...]
    total: int
    """As WeChat counts; above the number listed when there are too many to list."""


def drafts_text(accounts: Mapping[str, AccountDrafts], options: TextOptions) -> str:
    """Draw a table of the drafts, then what can be done."""
    headings = ["Account", "media_id", "Content", "Updated", "Used by", "Note"]
    rows = [
        [
            name,
            short_id(one.entry.media_id),
            " / ".join(one.entry.titles),
            moment(one.entry.updated_at, options.timezone),
            _(", ").join(one.used_by),
            _note(one),
        ]
        for name, found in accounts.items()
        for one in found.drafts
    ]
    if len(accounts) == 1:
        headings, rows = headings[1:], [row[1:] for row in rows]
    table = options.table(headings, rows) if rows else ""
    lines = [line for name, found in accounts.items() for line in _lines(name, found)]
    return "\n\n".join(filter(None, [table, "\n".join(lines)]))


def _note(draft: BoxDraft) -> str:
    if draft.left_behind:
        return _("left behind by an edit of {send}").format(send=draft.made_for)
    return _("made for {send}").format(send=draft.made_for) if draft.made_for else ""


def _lines(name: str, found: AccountDrafts) -> Iterable[str]:
    if not found.drafts:
        yield _("{account}: the draft box is empty").format(account=name)
    if found.total > len(found.drafts):
        more = _("{account}: {count:,} of {total:,} drafts are listed, to keep within WeChat's quota")
        yield more.format(account=name, count=len(found.drafts), total=found.total)
    if left := sum(one.left_behind for one in found.drafts):
        yield ngettext(
            "{account}: an edit left {count} draft behind; delete it in the WeChat console",
            "{account}: edits left {count} drafts behind; delete them in the WeChat console",
            left,
        ).format(account=name, count=left)


def drafts_data(accounts: Mapping[str, AccountDrafts]) -> dict[str, Any]:
    """Return the drafts of each account as plain data."""
    return {
        "accounts": {
            name: {"total": found.total, "drafts": [_row(one) for one in found.drafts]}
            for name, found in accounts.items()
        }
    }


def _row(draft: BoxDraft) -> dict[str, Any]:
    return {
        "media_id": draft.entry.media_id,
        "titles": list(draft.entry.titles),
        "updated_at": draft.entry.updated_at.astimezone(UTC).isoformat(timespec="seconds"),
        "made_for": draft.made_for or None,
        "used_by": list(draft.used_by),
        "left_behind": draft.left_behind,
    }
