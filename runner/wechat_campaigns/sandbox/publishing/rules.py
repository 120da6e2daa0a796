"""What the platform refuses of calls that name a publication."""

from __future__ import annotations

import sqlite3

from wechat_campaigns.sandbox.calls import ApiCall, named_row, number, text
from wechat_campaigns.sandbox.publishing import models


def find_publication(call: ApiCall) -> sqlite3.Row:
    """Look up the publication that a publish_id names; 53502 without one."""
    query = "SELECT * FROM publish WHERE appid = ? AND publish_id = ?"
    return named_row(call, 53502, query, call.appid, number(call.body, "publish_id", 40002))


def find_article(call: ApiCall) -> sqlite3.Row:
    """Look up the publication that an article_id names, deleted ones included; 53600 without one."""
    query = "SELECT * FROM publish WHERE appid = ? AND article_id = ? AND status IN (?, ?)"
    article_id = text(call.body, "article_id", 53600)
    return named_row(call, 53600, query, call.appid, article_id, models.DONE, models.DELETED)
