"""The page behind a card: an article, its pictures, or the notice that it was recalled."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from wechat_sandbox import accounts, clock
from wechat_sandbox.comments.models import ArticlePlace, is_open
from wechat_sandbox.inbox import files, markup, messages

WEB = ("http://", "https://")


def page(db: sqlite3.Connection, kind: str, item: int, index: int) -> dict[str, Any]:
    """Make the variables of the article template; `shape` is news, pictures or recalled.

    Raises:
        LookupError: There is no such message, or nothing in it that opens.
    """
    row = messages.row_of(db, kind, item)
    account = accounts.find(db, row["appid"])
    common = {"account": account.name if account else row["appid"], "preview": kind == "preview"}
    if index in messages.recalled_parts(row):
        return {**common, "shape": "recalled", "title": ""}
    content = json.loads(row["content"])
    articles = content.get("articles", ())
    holder: Mapping[str, Any]
    if 1 <= index <= len(articles):
        holder = articles[index - 1]
    elif "images" in content and index == 1:
        holder = content
    else:
        raise LookupError("nothing in this message opens as a page")
    html = markup.sanitize(str(holder.get("content", "")), lambda url: files.by_url(db, url))
    link = str(holder.get("content_source_url", ""))
    is_pictures = "images" in holder or holder.get("article_type") == "newspic"
    return {
        **common,
        "time": datetime.fromtimestamp(row["created_at"], clock.CHINA).strftime("%Y-%m-%d %H:%M"),
        "shape": "pictures" if is_pictures else "news",
        "title": str(holder.get("title", "")),
        "author": str(holder.get("author", "")),
        "html": Markup(html),  # noqa: S704 - sanitize() wrote every tag and escaped every text
        "pictures": messages.pictures_of(db, row["appid"], holder),
        "source": link if link.lower().startswith(WEB) else "",
        "comments": _is_open_to_comments(db, row, kind, index, holder),
    }


def _is_open_to_comments(
    db: sqlite3.Connection, row: sqlite3.Row, kind: str, index: int, article: Mapping[str, Any]
) -> bool:
    """Return whether comments may be written: of a preview or a picture message, as it was sent."""
    if kind == "preview" or row["msg_data_id"] is None:
        return bool(article.get("need_open_comment"))
    place = ArticlePlace(appid=row["appid"], msg_data_id=row["msg_data_id"], idx=index - 1)
    return is_open(db, place, article)
