"""Articles as given to draft/add in, the draft that answers to them out: for when its answer was lost.

Taking the wrong draft would send the wrong text, so what is not certain is not found; adding a draft a second
time costs nothing but an entry in the draft box.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from wechat_campaigns.core.ports import ReadApi

PAGE = 20
"""Drafts of one batchget page. Source: draft_batchget, read 2026-11."""
PAGES = 10
"""How far back a lost draft is looked for: it was added minutes or hours ago, not months."""
CLOCKS_DIFFER_BY = timedelta(seconds=60)
GIVEN_BACK = ("title", "author", "content_source_url", "thumb_media_id")
"""Fields that come back as they were given; content is rewritten, an empty digest filled in."""

_TAG = re.compile(r"<[^>]*>")
_PICTURE = re.compile(r"""src=["'](?:https?:)?//([^"'?#]+)""")


def find(
    articles: Sequence[Mapping[str, Any]], *, since: datetime, taken: Collection[str], api: ReadApi
) -> str | None:
    """Look for the draft that these articles became.

    Args:
        articles: the `articles` of draft/add.
        since: when adding it was tried.
        taken: media_ids of drafts known to belong to other sends.
        api: reads of the account.

    Returns:
        Its media_id; None when there is none, or more than one could be it.

    Raises:
        ApiError, UnreachableError, LostAnswerError: the drafts could not be listed.

    Source: draft_batchget, read 2026-11; that content and empty digests change is a field report.
    """
    wanted = [_face(article) for article in articles]
    oldest = (since - CLOCKS_DIFFER_BY).timestamp()
    found = [
        str(item["media_id"])
        for item in _drafts(api)
        if item["media_id"] not in taken
        and int(item.get("update_time", 0)) >= int(oldest)
        and [_face(article) for article in item.get("content", {}).get("news_item", [])] == wanted
        and _digests_fit(articles, item["content"]["news_item"])
    ]
    return found[0] if len(found) == 1 else None


def _drafts(api: ReadApi) -> Iterator[Mapping[str, Any]]:
    for page in range(PAGES):
        items = api.draft_batchget(page * PAGE, PAGE).get("item", [])
        yield from items
        if len(items) < PAGE:
            return


def _face(article: Mapping[str, Any]) -> tuple[object, ...]:
    content = str(article.get("content", ""))
    words = "".join(html.unescape(_TAG.sub("", content)).split())
    listed = (article.get("image_info") or {}).get("image_list") or []
    pictures = sorted(_PICTURE.findall(content)) + [str(image.get("image_media_id")) for image in listed]
    return words, tuple(pictures), *(str(article.get(name) or "") for name in GIVEN_BACK)


def _digests_fit(given: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]) -> bool:
    pairs = zip(given, kept, strict=True)
    return all(not one.get("digest") or one["digest"] == other.get("digest") for one, other in pairs)
