"""The account's draft box in, the drafts that campaigns name out: found by title or media_id, and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.content import Media
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ApiError, UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.names import close_matches
from wechat_campaigns.messages import Article, Articles, Draft, Newspic
from wechat_campaigns.messages.articles import FLAGS, TEXTS
from wechat_campaigns.plan.stored_draft import Stored, fingerprint
from wechat_campaigns.protocol.events import Event

if TYPE_CHECKING:  # an offline plan does without it
    from wechat_campaigns.wechat.endpoints import ReadOnlyApi

PAGE: Final = 20
"""Drafts of one draft/batchget. Source: draft_batchget, read 2026-11."""
MAX_PAGES: Final = 100
"""A tenth of the calls that an account has in a day."""
MEDIA_ID_INVALID: Final = 40007
"""What draft/get answers for a draft that does not exist."""
NEAREST: Final = 3
LEAST_ID_CHARS: Final = 16
"""Of a media_id that is shortened."""
_LAZY_PICTURE: Final = re.compile(r"(<img\b(?![^>]*\ssrc=)[^>]*?\s)data-src=", re.IGNORECASE)
_PLATFORM_HTTP: Final = re.compile(r"http://(?=mm(?:biz|ecoa)\.q(?:pic|logo)\.cn/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxEntry:
    """A draft as the list of the draft box has it."""

    media_id: str
    titles: tuple[str, ...]
    """Of its articles, in order."""
    updated_at: datetime
    """When it was saved last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDrafts:
    """What was listed of one account."""

    drafts: tuple[BoxEntry, ...]
    made_for: Mapping[str, str]
    """By media_id, the send that this program made a draft for."""
    replaced: frozenset[str]
    """The media_ids of drafts that this program made before another one for the same send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDraft:
    """What was read of a draft."""

    fingerprint: str
    content: Articles | Newspic


def list_drafts(api: ReadOnlyApi) -> Iterator[BoxEntry]:
    """List the drafts of an account, each once, the newest first, and at most 2,000.

    Raises:
        ApiError, NotSentError, NoResponseError: a page could not be read.
    """
    seen: set[str] = set()
    for offset in range(0, MAX_PAGES * PAGE, PAGE):
        page = api.draft_batchget(offset, PAGE)
        for item in page["item"]:
            # A draft that is saved meanwhile moves the others on to the next page.
            if item["media_id"] not in seen:
                seen.add(item["media_id"])
                yield _entry(item)
        if not page["item"] or offset + PAGE >= int(page["total_count"]):
            return


def _entry(item: Mapping[str, Any]) -> BoxEntry:
    return BoxEntry(
        media_id=item["media_id"],
        titles=tuple(_text(article, "title") for article in item["content"]["news_item"]),
        updated_at=datetime.fromtimestamp(int(item["update_time"]), UTC),
    )


def read_news_items(media_id: str, api: ReadOnlyApi) -> Stored | None:
    """Read the articles of a draft as they are now; None when it is gone: used up, or deleted.

    Raises:
        ApiError, NotSentError, NoResponseError: it could not be read.
    """
    try:
        items: Stored = api.draft_get(media_id)["news_item"]
    except ApiError as error:
        if error.errcode == MEDIA_ID_INVALID:
            return None
        raise
    return items


def is_gone(api: ReadOnlyApi, media_id: str) -> bool:
    """Return whether the draft box has no such draft; else as `read_news_items`."""
    return read_news_items(media_id, api) is None


def read_draft(media_id: str, api: ReadOnlyApi) -> StoredDraft | None:
    """Read a draft and fingerprint it; else as `read_news_items`."""
    items = read_news_items(media_id, api)
    if not items:
        return None
    return StoredDraft(fingerprint=fingerprint(items), content=stored_content(items))


def draft_fingerprint(media_id: str, api: ReadOnlyApi) -> str | None:
    """Read the fingerprint of a draft as it is now; else as `read_draft`."""
    stored = read_draft(media_id, api)
    return stored.fingerprint if stored is not None else None


def stored_content(items: Stored) -> Articles | Newspic:
    """Return what followers see of a draft."""
    first = items[0]
    if len(items) == 1 and (pictures := _pictures(first)):
        return Newspic(title=_text(first, "title"), text=_text(first, "content"), images=pictures)
    return Articles(articles=tuple(map(_article, items)))


def _article(item: Mapping[str, Any]) -> Article:
    texts: dict[str, Any] = {name: _text(item, name) for name in TEXTS}
    flags: dict[str, Any] = {name: _text(item, name) == "1" for name in FLAGS}
    return Article(
        title=_text(item, "title"),
        html=_shown_html(_text(item, "content")),
        cover=Media(media_id=_text(item, "thumb_media_id")),
        **texts,
        **flags,
    )


def _shown_html(html: str) -> str:
    """Return HTML with the addresses under which phones load pictures: WeChat writes `data-src`, and http."""
    return _PLATFORM_HTTP.sub("https://", _LAZY_PICTURE.sub(r"\1src=", html))


def _pictures(item: Mapping[str, Any]) -> tuple[Media, ...]:
    listed = (item.get("image_info") or {}).get("image_list") or []
    return tuple(Media(media_id=_text(image, "image_media_id")) for image in listed)


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value)


# --- the draft that a campaign names ----------------------------------------------------------------------


def fetch_drafts(
    named: Sequence[Draft], api: ReadOnlyApi, made: Iterable[str] = ()
) -> tuple[tuple[BoxEntry, ...], dict[str, StoredDraft | None]]:
    """Read the drafts that campaigns name, each once; a title that not exactly one draft has names none.

    Args:
        made: media_ids of drafts to read beside them.

    Returns:
        The draft box, listed only for a title; and the drafts by media_id, None for one that is gone.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat did not answer a read.
    """
    box = tuple(list_drafts(api)) if any(one.title for one in named) else ()
    by_title = (find_by_title(draft.title, box) for draft in named if draft.title)
    media_ids = {*made, *(draft.media_id for draft in named if not draft.title)}
    media_ids |= {entries[0].media_id for entries in by_title if len(entries) == 1}
    return box, {media_id: read_draft(media_id, api) for media_id in sorted(media_ids)}


def short_id(media_id: str) -> str:
    """Shorten a media_id; those of one account begin alike, so the end stays."""
    return media_id if len(media_id) <= LEAST_ID_CHARS else f"{media_id[:4]}…{media_id[-8:]}"


def find_by_title(title: str, box: Iterable[BoxEntry]) -> tuple[BoxEntry, ...]:
    """List the drafts whose first article has exactly this title, blanks apart."""
    return tuple(entry for entry in box if _plain(title) in _spellings(entry))


def find_by_name(name: str, box: Sequence[BoxEntry]) -> BoxEntry:
    """Find a draft by its title or its media_id, which may be shortened as `short_id` does.

    Raises:
        UsageError: none has it, or several have; says what there is.
    """
    found = tuple(entry for entry in box if name in (entry.media_id, short_id(entry.media_id)))
    found = found or find_by_title(name, box)
    if len(found) == 1:
        return found[0]
    message, hint = _not_one(name, found, box)
    raise UsageError(message, hint=hint)


def _spellings(entry: BoxEntry) -> tuple[str, ...]:
    """Return a title as WeChat has it; it may come back with `&amp;` for `&`."""
    return tuple(_plain(form(title)) for title in entry.titles[:1] for form in (str, unescape))


def _plain(title: str) -> str:
    return " ".join(title.split())


def with_stored_draft(send: Send, box: Sequence[BoxEntry], drafts: Mapping[str, StoredDraft | None]) -> Send:
    """Return a send what was read of the draft that it names; as it is when nothing was, or it names none."""
    content = send.content
    if not isinstance(content, Draft):
        return send
    found = find_by_title(content.title, box) if content.title else ()
    media_id = found[0].media_id if len(found) == 1 else content.media_id
    content, stored = replace(content, media_id=media_id), drafts.get(media_id)
    if stored is not None:
        content = replace(content, fingerprint=stored.fingerprint, stored=stored.content)
    return replace(send, content=content)


def with_recorded_draft(send: Send, intent: Event | None) -> Send:
    """Return the fingerprint that the ledger has of the draft that a send's call named."""
    content = send.content
    mark = intent.data.get("draft") if intent is not None else None
    if not isinstance(content, Draft) or intent is None or mark is None:
        return send
    if send.content_digest == intent.data["content_digest"]:
        return send  # written by a version whose digests had no fingerprint
    return replace(send, content=replace(content, fingerprint=str(mark)))


def draft_problem(send: Send, box: Sequence[BoxEntry]) -> Diagnostic | None:
    """Return why the draft that a send names was not found; None when it was, or it names none."""
    content = send.content
    if not isinstance(content, Draft) or content.fingerprint:
        return None
    found = find_by_title(content.title, box) if content.title else ()
    if content.title and len(found) != 1:
        message, hint = _not_one(content.title, found, box)
    else:  # it was used up, or deleted
        message = _("the draft box has no draft {name}").format(name=content.name)
        hint = _("run `campaign drafts` for the drafts that there are; a successful send uses its draft up")
    rule = "ambiguous-draft" if len(found) > 1 else "unknown-draft"
    return Diagnostic(location=send.location, path="$.content", rule=rule, message=message, hint=hint)


def _not_one(name: str, found: Sequence[BoxEntry], box: Sequence[BoxEntry]) -> tuple[str, str]:
    """Return why a name stands for no draft, because none has it or several have, and what to do."""
    if found:
        ids = _(", ").join(entry.media_id for entry in found[:NEAREST])
        message = _("the draft box has {count} drafts titled {title}").format(count=len(found), title=name)
        return message, _("name one of them by `media_id`: {ids}").format(ids=ids)
    message = _("the draft box has no draft {name}").format(name=name)
    titles = list(dict.fromkeys(_plain(entry.titles[0]) for entry in box if entry.titles))
    if not titles:
        return message, _("write the draft in the WeChat console first: the draft box is empty")
    close = close_matches(name, titles, most=NEAREST, cutoff=0.3) or titles[:NEAREST]
    hint = _("did you mean {names}? `campaign {command}` lists all")
    return message, hint.format(names=_(", ").join(close), command="drafts")
