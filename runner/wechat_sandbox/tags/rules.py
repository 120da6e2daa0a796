"""What WeChat refuses of tags, and how many it takes."""

from __future__ import annotations

import sqlite3

from wechat_sandbox import bitmaps
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall, mapping, named_row, number
from wechat_sandbox.tags import models

MAX_TAGS = 100
NAME_LENGTH = 30
"""Characters by the text of the parameter, strictly bytes as the error has it."""
SYSTEM_IDS = (0, 1, 2)
TAGS_A_FOLLOWER = 20
BATCH = 50
DELETABLE_MEMBERS = 100_000


def tag_name(call: ApiCall) -> str:
    """Read a tag's name; 45157 when missing, 45158 when too long."""
    name = mapping(call.body, "tag", 45157).get("name")
    if not isinstance(name, str) or not name.strip():
        raise ErrcodeError(45157)
    if len(name.encode() if call.strict else name) > NAME_LENGTH:
        raise ErrcodeError(45158)
    return name


def own_tag_id(call: ApiCall) -> int:
    """Read the id of a tag that may be changed; 45058 for a system tag."""
    tag_id = number(mapping(call.body, "tag", 45159), "id", 45159)
    if tag_id in SYSTEM_IDS:
        raise ErrcodeError(45058)
    return tag_id


def find_tag(call: ApiCall, tag_id: int) -> sqlite3.Row:
    """Look a tag up; 45159 when there is none."""
    return named_row(call, 45159, "SELECT * FROM tag WHERE appid = ? AND id = ?", call.appid, tag_id)


def named_tag(call: ApiCall) -> sqlite3.Row:
    """Look up the tag that the `tagid` of a body names."""
    return find_tag(call, number(call.body, "tagid", 45159))


def not_left(call: ApiCall, followers: int) -> int:
    """Refuse with 40003 when one of the followers has left the account; the same followers."""
    if followers & ~call.account.subscribed:
        raise ErrcodeError(40003)
    return followers


def check_tags_a_follower(call: ApiCall, followers: int) -> None:
    """Refuse with 45059 when one of the followers has as many tags as WeChat allows."""
    sets = (models.members(tag) for tag in models.list_tags(call.db, call.appid))
    if followers & bitmaps.in_at_least(sets, TAGS_A_FOLLOWER):
        raise ErrcodeError(45059)
