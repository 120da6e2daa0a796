"""Tag calls: create, list, rename, delete, members, the block list."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from wechat_campaigns.sandbox import accounts, bits
from wechat_campaigns.sandbox.answers import OK, Refused
from wechat_campaigns.sandbox.calls import (
    TAGGERS,
    VERIFIED,
    Call,
    Endpoint,
    mapping,
    named_row,
    number,
    strings,
)

MAX_TAGS = 100
NAME_CHARS = 30
FIRST_ID = 100
SYSTEM_IDS = (0, 1, 2)
TAGS_A_FOLLOWER = 20
BATCH = 50
BLOCK_BATCH = 20
BLOCK_PAGE = 1000
MEMBER_PAGE = 10_000
DELETABLE_MEMBERS = 100_000


def create(call: Call) -> dict[str, Any]:
    """Create a tag.

    Source: createTag (2026-11). The 30 are characters here; older lists say bytes.
    """
    name = _name(call)
    rows = call.db.execute("SELECT id, name FROM tag WHERE appid = ?", (call.appid,)).fetchall()
    if any(row["name"] == name for row in rows):
        raise Refused(45157)
    if sum(row["id"] not in SYSTEM_IDS for row in rows) >= MAX_TAGS:
        raise Refused(45056)
    tag_id = max([FIRST_ID - 1, *(row["id"] for row in rows)]) + 1
    call.db.execute("INSERT INTO tag VALUES (?, ?, ?, ?)", (call.appid, tag_id, name, b""))
    return {"tag": {"id": tag_id, "name": name}}


def _name(call: Call) -> str:
    """Read and check a tag's name."""
    name = mapping(call.body, "tag", 45157).get("name")
    if not isinstance(name, str) or not name.strip():
        raise Refused(45157)
    if len(name) > NAME_CHARS:
        raise Refused(45158)
    return name


def get(call: Call) -> dict[str, Any]:
    """List the tags with how many followers each has. Source: getTags (2026-11)."""
    rows = call.db.execute("SELECT id, name, members FROM tag WHERE appid = ? ORDER BY id", (call.appid,))
    return {
        "tags": [
            {
                "id": row["id"],
                "name": row["name"],
                "count": (bits.from_blob(row["members"]) & call.account.subscribed).bit_count(),
            }
            for row in rows
        ]
    }


def update(call: Call) -> dict[str, Any]:
    """Rename a tag. Source: updateTag (2026-11)."""
    tag_id = _own_id(call)
    name = _name(call)
    _row(call, tag_id)
    taken = call.db.execute(
        "SELECT 1 FROM tag WHERE appid = ? AND name = ? AND id != ?", (call.appid, name, tag_id)
    ).fetchone()
    if taken:
        raise Refused(45157)
    call.db.execute("UPDATE tag SET name = ? WHERE appid = ? AND id = ?", (name, call.appid, tag_id))
    return OK


def delete(call: Call) -> dict[str, Any]:
    """Delete a tag. Source: deleteTag (2026-11)."""
    tag_id = _own_id(call)
    if _members(_row(call, tag_id)).bit_count() > DELETABLE_MEMBERS:
        raise Refused(45057)
    call.db.execute("DELETE FROM tag WHERE appid = ? AND id = ?", (call.appid, tag_id))
    return OK


def _own_id(call: Call) -> int:
    """Read the id of a tag that may be changed."""
    tag_id = number(mapping(call.body, "tag", 45159), "id", 45159)
    if tag_id in SYSTEM_IDS:
        raise Refused(45058)
    return tag_id


def _row(call: Call, tag_id: int) -> sqlite3.Row:
    """Look a tag up."""
    return named_row(call, 45159, "SELECT * FROM tag WHERE appid = ? AND id = ?", call.appid, tag_id)


def _members(row: sqlite3.Row) -> int:
    """Read a tag's members."""
    return bits.from_blob(row["members"])


def members(call: Call) -> dict[str, Any]:
    """List a tag's followers, 10,000 a page.

    Source: getTagFans (2026-11); the page size is not stated there.
    """
    row = _row(call, number(call.body, "tagid", 45159))
    return follower_page(
        call, _members(row) & call.account.subscribed, call.body.get("next_openid"), MEMBER_PAGE
    )


def follower_page(call: Call, chosen: int, after: Any, size: int) -> dict[str, Any]:
    """Build one page of openids.

    Args:
        call: the call.
        chosen: the whole set of followers.
        after: the openid the page begins behind; empty for the first page.
        size: how many openids a page holds.

    Returns:
        `{"count", "data": {"openid": […]}, "next_openid"}`, without `data` when empty.

    Raises:
        Refused: 40003 for an openid that is not of this account.
    """
    if after:
        start = accounts.numbers_of(call.db, call.appid, [str(after)]).get(str(after))
        if start is None:
            raise Refused(40003)
        chosen = chosen >> (start + 1) << (start + 1)
    openids = accounts.openids_of(call.db, call.appid, bits.to_members(chosen)[:size])
    if not openids:
        return {"count": 0, "next_openid": ""}
    return {"count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1]}


def tag_members(call: Call) -> dict[str, Any]:
    """Put followers under a tag. Source: batchTagging (2026-11)."""
    row, chosen = _batch(call)
    fresh = chosen & ~_members(row)
    if fresh & _fully_tagged(call):
        raise Refused(45059)
    _write(call, row["id"], _members(row) | chosen)
    return OK


def _fully_tagged(call: Call) -> int:
    """Find the followers who have as many tags as the platform allows."""
    rows = call.db.execute("SELECT members FROM tag WHERE appid = ?", (call.appid,))
    return bits.over((bits.from_blob(row[0]) for row in rows), TAGS_A_FOLLOWER)


def untag_members(call: Call) -> dict[str, Any]:
    """Take followers from a tag. Source: batchUntagging (2026-11); the batch limit is not stated there."""
    row, chosen = _batch(call)
    _write(call, row["id"], _members(row) & ~chosen)
    return OK


def _batch(call: Call) -> tuple[sqlite3.Row, int]:
    """Read tag and followers of a tagging call."""
    row = _row(call, number(call.body, "tagid", 45159))
    return row, _followers(call, BATCH)


def _followers(call: Call, limit: int) -> int:
    """Read an openid_list of at most `limit` followers."""
    openids = strings(call.body, "openid_list", 40031)
    if not 1 <= len(openids) <= limit:
        raise Refused(40032)
    known = accounts.numbers_of(call.db, call.appid, openids)
    if len(known) < len(set(openids)):
        raise Refused(49003 if _elsewhere(call, openids) else 40003)
    return bits.from_members(known.values())


def _elsewhere(call: Call, openids: list[str]) -> bool:
    """Tell whether an openid follows another account."""
    others = (account for account in accounts.every(call.db) if account.appid != call.appid)
    return any(accounts.numbers_of(call.db, other.appid, openids) for other in others)


def _write(call: Call, tag_id: int, chosen: int) -> None:
    """Store a tag's members."""
    call.db.execute(
        "UPDATE tag SET members = ? WHERE appid = ? AND id = ?", (bits.to_blob(chosen), call.appid, tag_id)
    )


def ids_of_follower(call: Call) -> dict[str, Any]:
    """List one follower's tags. Source: getUserTags (2026-11)."""
    return {"tagid_list": tag_ids(call, follower_number(call, call.body.get("openid")))}


def follower_number(call: Call, openid: Any) -> int:
    """Find a follower's number; 40003 when the account has none of that openid."""
    found = accounts.numbers_of(call.db, call.appid, [openid]) if isinstance(openid, str) else {}
    if not found:
        raise Refused(40003)
    return found[openid]


def tag_ids(call: Call, follower: int) -> list[int]:
    """List the tag ids of a follower number."""
    rows = call.db.execute("SELECT id, members FROM tag WHERE appid = ? ORDER BY id", (call.appid,))
    return [row["id"] for row in rows if _members(row) >> follower & 1]


def blocked(call: Call) -> dict[str, Any]:
    """List the blocked followers, 1000 a page. Source: getBlacklist (2026-11)."""
    total = call.account.blocked.bit_count()
    return {
        "total": total,
        **follower_page(call, call.account.blocked, call.body.get("begin_openid"), BLOCK_PAGE),
    }


def block(call: Call) -> dict[str, Any]:
    """Block followers. Source: batchBlacklist (2026-11)."""
    chosen = call.account.blocked | _followers(call, BLOCK_BATCH)
    accounts.save(call.db, replace(call.account, blocked=chosen))
    return OK


def unblock(call: Call) -> dict[str, Any]:
    """Unblock followers. Source: batchUnblacklist (2026-11)."""
    chosen = call.account.blocked & ~_followers(call, BLOCK_BATCH)
    accounts.save(call.db, replace(call.account, blocked=chosen))
    return OK


ENDPOINTS = (
    Endpoint(
        path="/cgi-bin/tags/create", run=create, who=TAGGERS, needs_body=True, daily=1000, daily_test=100
    ),
    Endpoint(path="/cgi-bin/tags/get", run=get, method="ANY", who=TAGGERS, daily=1000, daily_test=100),
    Endpoint(
        path="/cgi-bin/tags/update", run=update, who=TAGGERS, needs_body=True, daily=1000, daily_test=100
    ),
    Endpoint(
        path="/cgi-bin/tags/delete", run=delete, who=TAGGERS, needs_body=True, daily=1000, daily_test=100
    ),
    Endpoint(path="/cgi-bin/user/tag/get", run=members, who=TAGGERS, needs_body=True),
    Endpoint(
        path="/cgi-bin/tags/members/batchtagging",
        run=tag_members,
        who=TAGGERS,
        needs_body=True,
        daily=100_000,
        daily_test=1000,
    ),
    Endpoint(
        path="/cgi-bin/tags/members/batchuntagging",
        run=untag_members,
        who=TAGGERS,
        needs_body=True,
        daily=100_000,
        daily_test=1000,
    ),
    Endpoint(path="/cgi-bin/tags/getidlist", run=ids_of_follower, who=TAGGERS, needs_body=True),
    Endpoint(path="/cgi-bin/tags/members/getblacklist", run=blocked, who=VERIFIED),
    Endpoint(path="/cgi-bin/tags/members/batchblacklist", run=block, who=VERIFIED, needs_body=True),
    Endpoint(path="/cgi-bin/tags/members/batchunblacklist", run=unblock, who=VERIFIED, needs_body=True),
)
