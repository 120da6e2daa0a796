"""Make the draft that a planned article send needs: add it, read it back, leave it alone when edited.

A draft is recorded before it is read back. When the answer to `draft/add` is lost, or a crash comes before
the record, the next run adds another: the first stays unsent in the draft box, which costs an entry there.
A draft in which readers would lose something is not handed out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.content import MediaIds
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import PolicyError, WeChatError
from wechat_campaigns.core.i18n import _, english_text
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import DraftRecord
from wechat_campaigns.plan.draft_box import draft_fingerprint, read_news_items
from wechat_campaigns.plan.hints import edited_by_hand_hint
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.stored_draft import Stored, fingerprint, losses
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.send import uploads
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

MAX_DIFFERENCES = 3
"""How many differences an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyDraft:
    """A draft that can be sent."""

    media_id: str
    is_new: bool
    """False when it was there before."""
    mark: str
    """Fingerprint of what is in it."""
    notes: tuple[str, ...] = ()
    """What a person should know: what WeChat changed, which older draft stays behind."""


def ensure_draft(planned: PlannedSend, ids: MediaIds, account: AccountWriter) -> ReadyDraft | None:
    """Add the draft a send needs, or take the one already added for it; None when its content needs none.

    Raises:
        PolicyError: the draft was edited by hand since it was made.
        WeChatError: readers would get other words, pictures or links than were meant.
        ApiError, NotSentError, NoResponseError: no draft; nothing was sent.

    Source: draft_add and getDraft, read 2026-11.
    """
    content = planned.send.content
    if not content.needs_draft:
        return None
    articles = content.draft_articles(ids)
    send, api, state = planned.send, account.api, account.state
    key = state.key(planned.account.appid, send.id, send.revision)
    data: dict[str, Any] = {"send": send.id, "revision": send.revision, "sha256": sha256(articles)}
    before = state.drafts.get(key)
    known = before if before is not None and before.sha256 == data["sha256"] else None
    stored = read_news_items(known.media_id, api) if known is not None else None
    added = known is None or stored is None
    if known is None or stored is None:
        known = None
        data["media_id"] = api.draft_add(articles)
        account.record(LedgerKind.DRAFT, data)
        # Right after draft/add, draft/get answered 40007, as a developer reported (2024-09): read once more.
        stored = read_news_items(data["media_id"], api) or api.draft_get(data["media_id"])["news_item"]
    else:
        data["media_id"] = known.media_id
    mark = fingerprint(stored)
    _check(articles, stored, mark, known, data, account)
    notes = _unused_draft_note(before, data)
    return ReadyDraft(media_id=data["media_id"], is_new=added, mark=mark, notes=notes)


def edited_draft_id(intent: Event, *, api: ReadOnlyApi) -> str | None:
    """Return the draft that a stored body would send, when it is not what it was at its first call.

    A draft that is gone is not edited: WeChat has used it up, or refuses the call.

    Raises:
        ApiError, NotSentError, NoResponseError: it could not be read.
    """
    data = intent.data
    if data["body"]["msgtype"] != "mpnews":
        return None
    media_id, noted = str(data["body"]["mpnews"]["media_id"]), data.get("draft")
    if noted is None:
        return None
    return media_id if draft_fingerprint(media_id, api) not in (None, noted) else None


def create_draft(planned: PlannedSend, account: AccountWriter) -> ReadyDraft | None:
    """Upload what is needed and make the draft; nothing is sent.

    Args:
        account: the one of the send, its lock held.

    Raises:
        UsageError: a material name of it has no media_id.
        StalePlanError: a file changed meanwhile.
        CampaignError: as `ensure_draft` says.
    """
    uploads.check_material_names(planned)
    with uploads.forgetting(planned, account):
        return ensure_draft(planned, uploads.upload(planned, account), account)


def _check(
    articles: Stored,
    stored: Stored,
    mark: str,
    known: DraftRecord | None,
    data: Mapping[str, Any],
    account: AccountWriter,
) -> None:
    """Refuse a draft that lacks what was given, or that is not what it was when it was made."""
    lost = losses(articles, stored)
    if known is None or known.stored_digest is None:
        # Kept in English whatever the reader speaks: a later run may speak another language.
        changed = [english_text(one) for one in lost]
        account.record(LedgerKind.DRAFT, {**data, "stored": mark, "changed": changed})
    elif known.stored_digest != mark:
        edits = [one for one in lost if english_text(one) not in known.stored_changes]
        raise _draft_edited_error(data["media_id"], edits)
    if lost:
        raise WeChatError(
            _("the stored draft lost part of the article: {losses}").format(losses=_some(lost)),
            hint=_(
                "check the draft in the WeChat console, correct the article and run again; or send "
                "the draft as it is: `content: {{media_id: {media_id}}}`"
            ).format(media_id=data["media_id"]),
            location=_("draft {media_id}").format(media_id=data["media_id"]),
        )


def _draft_edited_error(media_id: str, edits: Sequence[str]) -> PolicyError:
    return PolicyError(
        _("the draft was edited by hand after the program made it: {edits}").format(
            edits=_some(edits) or _("its markup changed")
        ),
        hint=edited_by_hand_hint(media_id),
        location=_("draft {media_id}").format(media_id=media_id),
    )


def _unused_draft_note(before: DraftRecord | None, data: Mapping[str, Any]) -> tuple[str, ...]:
    if before is None or before.sha256 == data["sha256"]:
        return ()
    left = _("draft {media_id}, made before the last edit, stays in the draft box and is not sent")
    return (left.format(media_id=before.media_id),)


def _some(whats: Sequence[str]) -> str:
    told = _("; ").join(whats[:MAX_DIFFERENCES])
    if len(whats) <= MAX_DIFFERENCES:
        return told
    return _("{told} and {count} more").format(told=told, count=len(whats) - MAX_DIFFERENCES)
