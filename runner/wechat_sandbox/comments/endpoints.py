"""Comments of sent articles: open and close, list, elect, delete, reply."""

from __future__ import annotations

from wechat_sandbox.answers import OK, Json
from wechat_sandbox.calls import VERIFIED, ApiCall, serve
from wechat_sandbox.comments import models, rules


@serve("/cgi-bin/comment/open", who=VERIFIED, needs_body=True)
def open_comments(call: ApiCall) -> Json:
    """Open an article to comments. Source: openarticlecomment (2026-11)."""
    place, article, readers = rules.find_article(call)
    models.open_comments(call.db, place, article, readers, call.now)
    return OK


@serve("/cgi-bin/comment/close", who=VERIFIED, needs_body=True)
def close(call: ApiCall) -> Json:
    """Close an article to comments. Source: closecomment (2026-11)."""
    models.close_comments(call.db, rules.find_article(call)[0], call.now)
    return OK


@serve("/cgi-bin/comment/list", who=VERIFIED, needs_body=True)
def list_comments(call: ApiCall) -> Json:
    """List a page of the comments of one type. Source: listcomment (2026-11); the order is not stated."""
    place, (begin, count, kind) = rules.find_article(call)[0], rules.page(call)
    rows = [
        row
        for row in models.list_comments(call.db, place, call.now)
        if not kind or row["elected"] == (kind == 2)
    ]
    page = [models.comment_json(row) for row in rows[begin : begin + count]]
    return {**OK, "total": len(rows), "comment": page}


@serve("/cgi-bin/comment/markelect", who=VERIFIED, needs_body=True)
def markelect(call: ApiCall) -> Json:
    """Elect a comment (精选). Source: electcomment (2026-11)."""
    models.change(call.db, rules.find_electable(call), elected=1)
    return OK


@serve("/cgi-bin/comment/unmarkelect", who=VERIFIED, needs_body=True)
def unmarkelect(call: ApiCall) -> Json:
    """Make an elected comment a normal one. Source: unelectcomment (2026-11)."""
    models.change(call.db, rules.find_comment(call), elected=0)
    return OK


@serve("/cgi-bin/comment/delete", who=VERIFIED, needs_body=True)
def delete(call: ApiCall) -> Json:
    """Delete a comment with its reply. Source: delcomment (2026-11)."""
    models.delete(call.db, rules.find_comment(call))
    return OK


@serve("/cgi-bin/comment/reply/add", who=VERIFIED, needs_body=True)
def reply_add(call: ApiCall) -> Json:
    """Reply to a comment, once. Source: replycomment (2026-11)."""
    comment = rules.find_comment(call)
    models.change(call.db, comment, reply=rules.reply_text(call, comment), replied_at=call.now)
    return OK


@serve("/cgi-bin/comment/reply/delete", who=VERIFIED, needs_body=True)
def reply_delete(call: ApiCall) -> Json:
    """Delete the reply of a comment. Source: delreplycomment (2026-11)."""
    comment = rules.find_comment(call)
    rules.check_reply(call, comment)
    models.change(call.db, comment, reply="")
    return OK
