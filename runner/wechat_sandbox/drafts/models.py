"""Drafts, and articles as WeChat answers them."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from wechat_sandbox import store
from wechat_sandbox.answers import Json, encode


def save(db: sqlite3.Connection, appid: str, media_id: str, articles: Sequence[Json], now: float) -> None:
    """Write a draft, new or changed."""
    row = {"appid": appid, "media_id": media_id, "articles": encode(articles), "updated_at": now}
    store.insert(db, "draft", row, replace=True)


def delete(db: sqlite3.Connection, appid: str, media_id: str) -> None:
    """Remove a draft, because it was deleted, sent or published."""
    db.execute("DELETE FROM draft WHERE appid = ? AND media_id = ?", (appid, media_id))


def article_url(appid: str, msg_data_id: int, index: int) -> str:
    """Make the permanent link of an article that was sent or published; `index` counts from 1."""
    digest = hashlib.sha256(f"{appid}/{msg_data_id}/{index}".encode()).digest()
    return f"http://mp.weixin.qq.com/s/{base64.urlsafe_b64encode(digest)[:22].decode()}"


def article_json(article: Mapping[str, Any], url: str, *, content: bool = True) -> Json:
    """Write an article as draft/get does, with its link; without its content on demand."""
    return {**{key: value for key, value in article.items() if content or key != "content"}, "url": url}
