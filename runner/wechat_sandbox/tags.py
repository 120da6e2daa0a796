"""Tags: create, list, rename, delete; their followers."""

import sqlite3

from wechat_sandbox import bitmaps, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import TAGGERS, ApiCall, mapping, named_row, number, serve, text
from wechat_sandbox.users import PAGE, followers_after, followers_of, openid_list, openid_page, tag_ids

FIRST_ID = 100
MAX_TAGS = 100
NAME_BYTES = 30
"""As the error has it; characters by the text of the parameter."""
SYSTEM_IDS = (0, 1, 2)
TAGS_A_FOLLOWER = 20
BATCH = 50
DELETABLE_MEMBERS = 100_000


def tag_name(call: ApiCall) -> str:
    """Read a tag's name; 45157 when missing, 45158 when too long."""
    name = mapping(call.body, "tag", 45157).get("name")
    if not isinstance(name, str) or not name.strip():
        raise ErrcodeError(45157)
    if len(name.encode()) > NAME_BYTES:
        raise ErrcodeError(45158)
    return name


def own_tag_id(call: ApiCall) -> int:
    """Read the id of a tag that may be changed; 45058 for a system tag."""
    tag_id = number(mapping(call.body, "tag", 45159), "id", 45159)
    if tag_id in SYSTEM_IDS:
        raise ErrcodeError(45058)
    return tag_id


def find_tag(call: ApiCall, tag_id: int) -> sqlite3.Row:
    """Return a tag; 45159 without one."""
    return named_row(call, 45159, "tag", id=tag_id)


def named_tag(call: ApiCall) -> sqlite3.Row:
    """Return the tag that the `tagid` of a body names."""
    return find_tag(call, number(call.body, "tagid", 45159))


def not_left(call: ApiCall, followers: int) -> int:
    """Refuse with 40003 when one of the followers has left the account; the same followers."""
    if followers & ~call.account.subscribed:
        raise ErrcodeError(40003)
    return followers


def check_tags_a_follower(call: ApiCall, followers: int) -> None:
    """Refuse with 45059 when one of the followers has as many tags as WeChat allows."""
    sets = (members(tag) for tag in list_tags(call.db, call.appid))
    if followers & bitmaps.in_at_least(sets, TAGS_A_FOLLOWER):
        raise ErrcodeError(45059)


def list_tags(db: sqlite3.Connection, appid: str) -> list[sqlite3.Row]:
    """List an account's tags by id."""
    return store.select(db, "tag", order="id", appid=appid)


def tags_json(db: sqlite3.Connection, account: OfficialAccount) -> list[Json]:
    """List an account's tags with how many followers each has, those who left not counted."""
    return [
        {"id": tag["id"], "name": tag["name"], "count": (members(tag) & account.subscribed).bit_count()}
        for tag in list_tags(db, account.appid)
    ]


def add(db: sqlite3.Connection, appid: str, tag_id: int, name: str) -> None:
    """Create a tag without followers."""
    db.execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)", (appid, tag_id, name, b""))


def members(tag: sqlite3.Row) -> int:
    """Read a tag's followers, those who left included."""
    return bitmaps.from_blob(tag["members"])


def save_members(db: sqlite3.Connection, appid: str, tag_id: int, followers: int) -> None:
    """Write a tag's followers."""
    blob = bitmaps.to_blob(followers)
    db.execute("UPDATE tag SET members = ? WHERE appid = ? AND id = ?", (blob, appid, tag_id))


@serve("/cgi-bin/tags/create", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def create(call: ApiCall) -> Json:
    """Create a tag. Source: createTag (2026-11)."""
    name = tag_name(call)
    tags = list_tags(call.db, call.appid)
    if any(tag["name"] == name for tag in tags):
        raise ErrcodeError(45157)
    if sum(tag["id"] not in SYSTEM_IDS for tag in tags) >= MAX_TAGS:
        raise ErrcodeError(45056)
    tag_id = max([FIRST_ID - 1, *(tag["id"] for tag in tags)]) + 1
    add(call.db, call.appid, tag_id, name)
    return {"tag": {"id": tag_id, "name": name}}


@serve("/cgi-bin/tags/get", method="ANY", who=TAGGERS, daily=1000, daily_test=100)
def get(call: ApiCall) -> Json:
    """List the tags with how many followers each has. Source: getTags (2026-11)."""
    return {"tags": tags_json(call.db, call.account)}


@serve("/cgi-bin/tags/update", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def update(call: ApiCall) -> Json:
    """Rename a tag. Source: updateTag (2026-11)."""
    tag_id = own_tag_id(call)
    name = tag_name(call)
    find_tag(call, tag_id)
    tags = list_tags(call.db, call.appid)
    if any(tag["name"] == name and tag["id"] != tag_id for tag in tags):
        raise ErrcodeError(45157)
    call.db.execute("UPDATE tag SET name = ? WHERE appid = ? AND id = ?", (name, call.appid, tag_id))
    return OK


@serve("/cgi-bin/tags/delete", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def delete(call: ApiCall) -> Json:
    """Delete a tag. Source: deleteTag (2026-11)."""
    tag_id = own_tag_id(call)
    if members(find_tag(call, tag_id)).bit_count() > DELETABLE_MEMBERS:
        raise ErrcodeError(45057)
    call.db.execute("DELETE FROM tag WHERE appid = ? AND id = ?", (call.appid, tag_id))
    return OK


@serve("/cgi-bin/user/tag/get", who=TAGGERS, needs_body=True)
def list_members(call: ApiCall) -> Json:
    """List a tag's followers, 10,000 a page.

    Source: getTagFans (2026-11); the page size is not stated there.
    """
    followers = members(named_tag(call)) & call.account.subscribed
    after = followers_after(call, followers, call.body.get("next_openid"))
    return openid_page(call.db, call.appid, after, PAGE)


@serve("/cgi-bin/tags/members/batchtagging", who=TAGGERS, needs_body=True, daily=100_000, daily_test=1000)
def tag_members(call: ApiCall) -> Json:
    """Add followers to a tag. Source: batchTagging (2026-11)."""
    tag, followers = named_tag(call), not_left(call, openid_list(call, BATCH))
    check_tags_a_follower(call, followers & ~members(tag))
    save_members(call.db, call.appid, tag["id"], members(tag) | followers)
    return OK


@serve("/cgi-bin/tags/members/batchuntagging", who=TAGGERS, needs_body=True, daily=100_000, daily_test=1000)
def untag_members(call: ApiCall) -> Json:
    """Remove followers from a tag. Source: batchUntagging (2026-11); the batch limit is not stated there."""
    tag, followers = named_tag(call), not_left(call, openid_list(call, BATCH))
    save_members(call.db, call.appid, tag["id"], members(tag) & ~followers)
    return OK


@serve("/cgi-bin/tags/getidlist", who=TAGGERS, needs_body=True)
def ids_of_follower(call: ApiCall) -> Json:
    """List one follower's tags. Source: getUserTags (2026-11)."""
    follower = not_left(call, followers_of(call, [text(call.body, "openid", 40003)]))
    return {"tagid_list": tag_ids(call.db, call.appid, follower)}
