"""Followers: the list, profiles; tags and their followers."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice

from wechat_sandbox import accounts, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import TAGGERS, ApiCall, mapping, named_row, number, serve, strings, text

PAGE = 10_000
INFO_BATCH = 100
FIRST_TAG_ID = 100
MAX_TAGS = 100
NAME_BYTES = 30
"""As the error has it; characters by the text of the parameter."""
SYSTEM_IDS = (0, 1, 2)
TAGS_A_FOLLOWER = 20
TAG_BATCH = 50
DELETABLE_MEMBERS = 100_000
"""A tag with more followers cannot be deleted."""


def numbers_of(db: sqlite3.Connection, appid: str, openids: Iterable[str]) -> dict[str, int]:
    """Find the follower numbers of openids; those of other accounts are left out."""
    rows = db.execute(
        "SELECT openid, n FROM follower WHERE appid = ? AND openid IN (SELECT value FROM json_each(?))",
        (appid, json.dumps(list(openids))),
    )
    return {row[0]: row[1] for row in rows}


def openids_of(db: sqlite3.Connection, appid: str, numbers: Sequence[int]) -> list[str]:
    """Find the openids of follower numbers; both are in ascending order of the numbers."""
    # As one value: ten thousand rows take twice as long.
    query = (
        "SELECT json_group_array(openid) FROM (SELECT openid FROM follower"
        " WHERE appid = ? AND n IN (SELECT value FROM json_each(?)) ORDER BY n)"
    )
    openids: list[str] = json.loads(db.execute(query, (appid, json.dumps(numbers))).fetchone()[0])
    return openids


def follower_number(call: ApiCall, openid: object) -> int:
    """Find a follower's number; 40003 when the account has no follower of that openid."""
    numbers = numbers_of(call.db, call.appid, [openid]) if isinstance(openid, str) else {}
    if not numbers:
        raise ErrcodeError(40003)
    return next(iter(numbers.values()))


def openid_page(call: ApiCall, followers: int, after: object) -> Json:
    """Answer the first 10,000 followers of a set behind an openid, if one is given.

    Returns:
        `{"count", "data": {"openid": […]}, "next_openid"}`, without `data` when empty.

    Raises:
        ErrcodeError: 40003 when the account has no follower of that openid.
    """
    start = follower_number(call, str(after)) + 1 if after else 0
    numbers = list(islice(store.numbers_in(followers, start), PAGE))
    openids = openids_of(call.db, call.appid, numbers)
    if not openids:
        return {"count": 0, "next_openid": ""}
    return {"count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1]}


def openid_list(call: ApiCall) -> int:
    """Read an openid_list of at most `TAG_BATCH` followers.

    Raises:
        ErrcodeError: 40031 for what is not a list of openids, 40032 when empty or too long, and the codes of
            `followers_of`.
    """
    openids = strings(call.body, "openid_list", 40031)
    if not 1 <= len(openids) <= TAG_BATCH:
        raise ErrcodeError(40032)
    return followers_of(call, openids)


def followers_of(call: ApiCall, openids: Sequence[str]) -> int:
    """Find the followers of openids.

    Raises:
        ErrcodeError: 49003 for a follower of another account, 40003 for an unknown openid or one who left.
    """
    numbers = numbers_of(call.db, call.appid, openids)
    if len(numbers) < len(set(openids)):
        others = (account.appid for account in accounts.list_accounts(call.db) if account.appid != call.appid)
        foreign = any(numbers_of(call.db, appid, openids) for appid in others)
        raise ErrcodeError(49003 if foreign else 40003)
    followers = store.set_of(numbers.values())
    if followers & ~call.account.subscribed:
        raise ErrcodeError(40003)
    return followers


@serve("/cgi-bin/user/get", method="GET", who=TAGGERS, daily=500, daily_test=100)
def get(call: ApiCall) -> Json:
    """List the followers, 10,000 a page. Source: getFans (2026-11)."""
    everyone = call.account.subscribed
    page = openid_page(call, everyone, call.request.query.get("next_openid"))
    return {"total": everyone.bit_count(), **page}


@serve("/cgi-bin/user/info", method="GET", who=TAGGERS, daily=5_000_000, daily_test=500_000)
def info(call: ApiCall) -> Json:
    """Return the profile of one follower, without name and picture since 2021.

    Source: getUserInfo (2026-11).
    """
    return _info(call, call.request.query.get("openid"))


def _info(call: ApiCall, openid: object) -> Json:
    """Describe a follower; one who left has no profile and no tags, as reported in 2020 and 2025."""
    follower = follower_number(call, openid)
    if not call.account.subscribed >> follower & 1:
        return {"subscribe": 0, "openid": openid, "tagid_list": []}
    row = named_row(call, 40003, "follower", n=follower)
    return {
        "subscribe": 1,
        "openid": openid,
        "sex": 0,
        "language": "zh_CN",
        **dict.fromkeys(("nickname", "city", "province", "country", "headimgurl", "remark"), ""),
        "subscribe_time": row["subscribe_time"],
        "groupid": 0,
        "tagid_list": tag_ids(call, 1 << follower),
        "subscribe_scene": "ADD_SCENE_QR_CODE",
        "qr_scene": 0,
        "qr_scene_str": "",
    }


@serve("/cgi-bin/user/info/batchget", who=TAGGERS)
def info_batchget(call: ApiCall) -> Json:
    """Return the profiles of up to 100 followers. Source: batchUserInfo (2026-11)."""
    users = call.body.get("user_list")
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise ErrcodeError(40031)
    if not 1 <= len(users) <= INFO_BATCH:
        raise ErrcodeError(40032)
    return {"user_info_list": [_info(call, user.get("openid")) for user in users]}


def tag_name(call: ApiCall) -> str:
    """Read a tag's name; 45157 when missing, 45158 when too long."""
    name = mapping(call.body, "tag", 45157).get("name")
    if not isinstance(name, str) or not name.strip():
        raise ErrcodeError(45157)
    if len(name.encode()) > NAME_BYTES:
        raise ErrcodeError(45158)
    return name


def own_tag(call: ApiCall) -> sqlite3.Row:
    """Return the tag that a body names and that may be changed; 45058 for a system tag, 45159 without one."""
    tag_id = number(mapping(call.body, "tag", 45159), "id", 45159)
    if tag_id in SYSTEM_IDS:
        raise ErrcodeError(45058)
    return named_row(call, 45159, "tag", id=tag_id)


def named_tag(call: ApiCall) -> sqlite3.Row:
    """Return the tag that the `tagid` of a body names; 45159 without one."""
    return named_row(call, 45159, "tag", id=number(call.body, "tagid", 45159))


def list_tags(db: sqlite3.Connection, appid: str) -> list[sqlite3.Row]:
    """List an account's tags by id."""
    return store.select(db, "tag", order="id", appid=appid)


def tag_ids(call: ApiCall, follower: int) -> list[int]:
    """List the tags of one follower, a set of one."""
    return [tag["id"] for tag in list_tags(call.db, call.appid) if members(tag) & follower]


def tags_json(db: sqlite3.Connection, account: OfficialAccount) -> list[Json]:
    """List an account's tags with how many followers each has, those who left not counted."""
    return [
        {"id": tag["id"], "name": tag["name"], "count": (members(tag) & account.subscribed).bit_count()}
        for tag in list_tags(db, account.appid)
    ]


def add_tag(db: sqlite3.Connection, appid: str, name: str, tag_id: int | None = None) -> int:
    """Create a tag without followers, of the next free id unless one is given; its id."""
    if tag_id is None:
        tag_id = max([FIRST_TAG_ID - 1, *(tag["id"] for tag in list_tags(db, appid))]) + 1
    db.execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)", (appid, tag_id, name, b""))
    return tag_id


def members(tag: sqlite3.Row) -> int:
    """Read a tag's followers, those who left included."""
    return store.read_set(tag["members"])


def save_members(db: sqlite3.Connection, appid: str, tag_id: int, followers: int) -> None:
    """Write a tag's followers."""
    blob = store.set_blob(followers)
    db.execute("UPDATE tag SET members = ? WHERE appid = ? AND id = ?", (blob, appid, tag_id))


@serve("/cgi-bin/tags/create", who=TAGGERS, daily=1000, daily_test=100)
def create_tag(call: ApiCall) -> Json:
    """Create a tag. Source: createTag (2026-11)."""
    name = tag_name(call)
    tags = list_tags(call.db, call.appid)
    if any(tag["name"] == name for tag in tags):
        raise ErrcodeError(45157)
    if sum(tag["id"] not in SYSTEM_IDS for tag in tags) >= MAX_TAGS:
        raise ErrcodeError(45056)
    return {"tag": {"id": add_tag(call.db, call.appid, name), "name": name}}


@serve("/cgi-bin/tags/get", method="ANY", who=TAGGERS, daily=1000, daily_test=100)
def get_tags(call: ApiCall) -> Json:
    """List the tags with how many followers each has. Source: getTags (2026-11)."""
    return {"tags": tags_json(call.db, call.account)}


@serve("/cgi-bin/tags/update", who=TAGGERS, daily=1000, daily_test=100)
def rename_tag(call: ApiCall) -> Json:
    """Rename a tag. Source: updateTag (2026-11)."""
    tag_id, name = own_tag(call)["id"], tag_name(call)
    tags = list_tags(call.db, call.appid)
    if any(tag["name"] == name and tag["id"] != tag_id for tag in tags):
        raise ErrcodeError(45157)
    call.db.execute("UPDATE tag SET name = ? WHERE appid = ? AND id = ?", (name, call.appid, tag_id))
    return OK


@serve("/cgi-bin/tags/delete", who=TAGGERS, daily=1000, daily_test=100)
def delete_tag(call: ApiCall) -> Json:
    """Delete a tag; its followers stay. Source: deleteTag (2026-11)."""
    tag = own_tag(call)
    if members(tag).bit_count() > DELETABLE_MEMBERS:
        raise ErrcodeError(45057)
    call.db.execute("DELETE FROM tag WHERE appid = ? AND id = ?", (call.appid, tag["id"]))
    return OK


@serve("/cgi-bin/tags/getidlist", who=TAGGERS)
def ids_of_follower(call: ApiCall) -> Json:
    """List one follower's tags. Source: getUserTags (2026-11)."""
    return {"tagid_list": tag_ids(call, followers_of(call, [text(call.body, "openid", 40003)]))}


@serve("/cgi-bin/user/tag/get", who=TAGGERS)
def list_members(call: ApiCall) -> Json:
    """List a tag's followers, 10,000 a page.

    Source: getTagFans (2026-11); the page size is not stated there.
    """
    followers = members(named_tag(call)) & call.account.subscribed
    return openid_page(call, followers, call.body.get("next_openid"))


@serve("/cgi-bin/tags/members/batchtagging", who=TAGGERS, daily=100_000, daily_test=1000)
def tag_members(call: ApiCall) -> Json:
    """Add followers to a tag. Source: batchTagging (2026-11)."""
    tag, followers = named_tag(call), openid_list(call)
    sets = (members(other) for other in list_tags(call.db, call.appid))
    if followers & ~members(tag) & store.in_at_least(sets, TAGS_A_FOLLOWER):
        raise ErrcodeError(45059)
    save_members(call.db, call.appid, tag["id"], members(tag) | followers)
    return OK


@serve("/cgi-bin/tags/members/batchuntagging", who=TAGGERS, daily=100_000, daily_test=1000)
def untag_members(call: ApiCall) -> Json:
    """Remove followers from a tag. Source: batchUntagging (2026-11); the batch limit is not stated there."""
    tag, followers = named_tag(call), openid_list(call)
    save_members(call.db, call.appid, tag["id"], members(tag) & ~followers)
    return OK
