"""The drafts of some accounts, and who uses each → text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from wechat_campaigns.core.i18n import _
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
    deleted: tuple[BoxDraft, ...] = ()
    kept: tuple[tuple[BoxDraft, str], ...] = ()
    """What an edit left behind and was not deleted, and why."""


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
    for draft, reason in found.kept:
        yield _("{account}: draft {draft} stays: {reason}").format(
            account=name, draft=short_id(draft.entry.media_id), reason=reason
        )
    kept = {draft.entry.media_id for draft, _reason in found.kept}
    if any(one.left_behind and one.entry.media_id not in kept for one in found.drafts):
        yield _("{account}: `campaign drafts --clean` deletes what edits left behind").format(account=name)


def deleted_line(account: str, draft: BoxDraft) -> str:
    """Write that a draft was deleted."""
    return _("  {account}: deleted draft {draft}, made for {send}").format(
        account=account, draft=short_id(draft.entry.media_id), send=draft.made_for
    )


def drafts_data(accounts: Mapping[str, AccountDrafts]) -> dict[str, Any]:
    """Return the drafts of each account as plain data."""
    return {
        "accounts": {
            name: {
                "total": found.total,
                "drafts": [_row(one) for one in found.drafts],
                "deleted": [draft.entry.media_id for draft in found.deleted],
                "kept": [
                    {"media_id": draft.entry.media_id, "reason": reason} for draft, reason in found.kept
                ],
            }
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
