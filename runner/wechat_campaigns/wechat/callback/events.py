"""The XML of an event in, what the ledger keeps of it out; no openid among it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.render.limits.table import MAX_ARTICLES
from wechat_campaigns.wechat.callback.xml import BadXmlError

MASS_FINISHED = "MASSSENDJOBFINISH"
MAX_TEXT = 1024


def entry_of(event: Element, appid: str) -> Entry | None:
    """Return what the ledger should keep of an event; None for events that are not about a mass job.

    Raises:
        BadXmlError: it is about a mass job and lacks its number or its counts.

    Source: Callback_on_finish, read 2026-11.
    """
    if event.findtext("Event", "").strip() != MASS_FINISHED:
        return None
    addressed, after_filters = _number(event, "TotalCount"), _number(event, "FilterCount")
    data: dict[str, Any] = {
        "msg_id": _number(event, "MsgID"),
        "status": _text(event, "Status"),
        "addressed": addressed,
        "sent": _number(event, "SentCount"),
        "left_out": max(0, addressed - after_filters),
        "failed": _number(event, "ErrorCount"),
        "originals": list(_originals(event)),
        "links": [_text(item, "ArticleUrl") for item in _items(event, "ArticleUrlResult")],
    }
    return Entry(stream=appid, kind=LedgerKind.CALLBACK, data=data)


def _items(event: Element, name: str) -> list[Element]:
    items = event.findall(f"{name}/ResultList/item")[:MAX_ARTICLES]
    return sorted(items, key=lambda item: _text(item, "ArticleIdx"))


def _originals(event: Element) -> Iterator[dict[str, str]]:
    """List the articles that the originality check found published before, each with that address."""
    for item in _items(event, "CopyrightCheckResult"):
        if url := _text(item, "OriginalArticleUrl"):
            yield {"article_idx": _text(item, "ArticleIdx"), "url": url}


def _text(element: Element, path: str) -> str:
    return element.findtext(path, "").strip()[:MAX_TEXT]


def _number(element: Element, name: str) -> int:
    text = _text(element, name)
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise BadXmlError(f"the event's {name} is no number")
    return int(text)
