"""The draft box, the campaigns and the ledger in, who needs which draft out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.model import Articles, Draft, Newspic, Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import RETRYABLE_STATUSES, DraftRecord, SendStatus
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import BoxEntry, find_by_title
from wechat_campaigns.plan.resolve import RemoteFacts, Resolution, resolve
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.wechat import payloads

RUNNING: Final = frozenset({SendStatus.UNKNOWN, SendStatus.ACCEPTED})
"""Of sends that may still need the draft that was posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxDraft:
    """A draft of the draft box, and who needs it."""

    entry: BoxEntry
    made_for: str = ""
    """The send that this program made it for; empty for one of the console or of an editor."""
    used_by: tuple[str, ...] = ()
    """The sends that are to be made with it, or whose call named it and has no final result."""
    left_behind: bool = False
    """Whether this program made it and an edit of the campaign left it unused."""


def drafted_names(sends: Iterable[Send], context: DecisionContext) -> set[tuple[str, str]]:
    """List the material names that have to be looked up to compare sends with the drafts made for them."""
    return {pair for send in sends if _made_last(send, context) for pair in payloads.names(send.content)}


def draft_uses(
    box: Sequence[BoxEntry],
    sends: Iterable[Send],
    context: DecisionContext,
    *,
    appid: str,
    materials: Mapping[tuple[str, str], tuple[str, ...]],
) -> tuple[BoxDraft, ...]:
    """Return who needs each draft.

    Args:
        sends: of all campaigns; those of other accounts are left out.
        materials: media_ids by what `drafted_names` lists.
    """
    state, used = context.state, defaultdict[str, list[str]](list)
    mine = [send for send in sends if context.account(send).appid == appid]
    for media_id, name in _running(appid, state):
        used[media_id].append(name)
    for send in mine:
        if context.made_record(send) is None:
            for media_id in _needed(send, box, context, materials):
                used[media_id].append(send.id)
    found = []
    for entry in box:
        made, users = (
            state.made_drafts.get((appid, entry.media_id)),
            tuple(dict.fromkeys(used[entry.media_id])),
        )
        found.append(
            BoxDraft(
                entry=entry,
                made_for=made.send if made is not None else "",
                used_by=users,
                left_behind=made is not None and not users and _is_left_behind(entry, made, mine, context),
            )
        )
    return tuple(found)


def merged_uses(uses: Sequence[BoxDraft]) -> BoxDraft:
    """Join what several environments say of one draft: it is left behind only where none of them needs it."""
    users = tuple(dict.fromkeys(name for one in uses for name in one.used_by))
    left_behind = not users and any(one.left_behind for one in uses)
    return replace(uses[0], used_by=users, left_behind=left_behind)


def same_articles(content: Articles | Newspic, resolved: Resolution, known: DraftRecord) -> bool:
    """Return whether a draft that was made is what a content would make of it now."""
    done = {upload.key: result for upload, result in resolved.uploads if result is not None}
    if len(done) < len(resolved.uploads):
        return False  # a picture that is not uploaded yet was not in it
    ids = payloads.MediaIds(upload_results=done, material_ids=resolved.material_ids)
    return sha256(payloads.draft_articles(content, ids)) == known.sha256


def _running(appid: str, state: LedgerState) -> Iterator[tuple[str, str]]:
    """Yield the drafts in the stored bodies of calls without a final result, of this program or another."""
    for record in state.sends.values():
        if record.appid == appid and record.status in RUNNING and record.intent is not None:
            news = record.intent.data.get("body", {}).get("mpnews", {})
            yield str(news.get("media_id")), record.send


def _made_last(send: Send, context: DecisionContext) -> DraftRecord | None:
    return context.state.drafts.get(context.state.key(context.account(send).appid, send.id, send.revision))


def _needed(
    send: Send,
    box: Sequence[BoxEntry],
    context: DecisionContext,
    materials: Mapping[tuple[str, str], tuple[str, ...]],
) -> list[str]:
    """List the drafts that a send would take; of a title all that have it."""
    content = send.content
    if isinstance(content, Draft):
        named = [entry.media_id for entry in find_by_title(content.title, box)] if content.title else []
        return named or [content.media_id]
    known = _made_last(send, context)
    if known is None or not isinstance(content, Articles | Newspic):
        return []
    facts, appid = RemoteFacts(materials=materials), context.account(send).appid
    resolved = resolve(send, appid, facts, context.state, context.now)
    if set(payloads.names(content)) - set(resolved.material_ids):
        return [known.media_id]  # unknown, so it stays
    return [known.media_id] if same_articles(content, resolved, known) else []


def _is_left_behind(
    entry: BoxEntry, made: DraftRecord, sends: Sequence[Send], context: DecisionContext
) -> bool:
    """Return whether a draft that no send needs was made for a campaign that was edited since.

    That of a campaign that is not in this folder is not: another branch may have it.
    """
    state, name = context.state, normalize_id(made.send)
    current = next((send for send in sends if normalize_id(send.id) == name), None)
    if current is None or current.revision < made.revision:
        return False
    key = state.key(context.account(current).appid, current.id, made.revision)
    if state.drafts[key].media_id != entry.media_id:
        return True
    record = state.sends.get(key)
    return record is None or record.status in RETRYABLE_STATUSES
