"""Tags: create, list, rename, delete; who has them."""

from __future__ import annotations

from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import TAGGERS, ApiCall, serve, text
from wechat_sandbox.tags import models, rules
from wechat_sandbox.users.models import openid_page, tag_ids
from wechat_sandbox.users.rules import PAGE, followers_after, followers_of, openid_list


@serve("/cgi-bin/tags/create", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def create(call: ApiCall) -> Json:
    """Create a tag.

    Source: createTag (2026-11). The 30 are characters here; older lists say bytes.
    """
    name = rules.tag_name(call)
    tags = models.list_tags(call.db, call.appid)
    if any(tag["name"] == name for tag in tags):
        raise ErrcodeError(45157)
    if sum(tag["id"] not in rules.SYSTEM_IDS for tag in tags) >= rules.MAX_TAGS:
        raise ErrcodeError(45056)
    tag_id = max([models.FIRST_ID - 1, *(tag["id"] for tag in tags)]) + 1
    models.add(call.db, call.appid, tag_id, name)
    return {"tag": {"id": tag_id, "name": name}}


@serve("/cgi-bin/tags/get", method="ANY", who=TAGGERS, daily=1000, daily_test=100)
def get(call: ApiCall) -> Json:
    """List the tags with how many followers each has. Source: getTags (2026-11)."""
    return {"tags": models.tags_json(call.db, call.account)}


@serve("/cgi-bin/tags/update", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def update(call: ApiCall) -> Json:
    """Rename a tag. Source: updateTag (2026-11)."""
    tag_id = rules.own_tag_id(call)
    name = rules.tag_name(call)
    rules.find_tag(call, tag_id)
    tags = models.list_tags(call.db, call.appid)
    if any(tag["name"] == name and tag["id"] != tag_id for tag in tags):
        raise ErrcodeError(45157)
    call.db.execute("UPDATE tag SET name = ? WHERE appid = ? AND id = ?", (name, call.appid, tag_id))
    return OK


@serve("/cgi-bin/tags/delete", who=TAGGERS, needs_body=True, daily=1000, daily_test=100)
def delete(call: ApiCall) -> Json:
    """Delete a tag. Source: deleteTag (2026-11)."""
    tag_id = rules.own_tag_id(call)
    if models.members(rules.find_tag(call, tag_id)).bit_count() > rules.DELETABLE_MEMBERS:
        raise ErrcodeError(45057)
    call.db.execute("DELETE FROM tag WHERE appid = ? AND id = ?", (call.appid, tag_id))
    return OK


@serve("/cgi-bin/user/tag/get", who=TAGGERS, needs_body=True)
def members(call: ApiCall) -> Json:
    """List a tag's followers, 10,000 a page.

    Source: getTagFans (2026-11); the page size is not stated there.
    """
    followers = models.members(rules.named_tag(call)) & call.account.subscribed
    after = followers_after(call, followers, call.body.get("next_openid"))
    return openid_page(call.db, call.appid, after, PAGE)


@serve("/cgi-bin/tags/members/batchtagging", who=TAGGERS, needs_body=True, daily=100_000, daily_test=1000)
def tag_members(call: ApiCall) -> Json:
    """Put followers under a tag. Source: batchTagging (2026-11)."""
    tag, followers = rules.named_tag(call), rules.not_left(call, openid_list(call, rules.BATCH))
    rules.check_tags_a_follower(call, followers & ~models.members(tag))
    models.save_members(call.db, call.appid, tag["id"], models.members(tag) | followers)
    return OK


@serve("/cgi-bin/tags/members/batchuntagging", who=TAGGERS, needs_body=True, daily=100_000, daily_test=1000)
def untag_members(call: ApiCall) -> Json:
    """Take followers from a tag. Source: batchUntagging (2026-11); the batch limit is not stated there."""
    tag, followers = rules.named_tag(call), rules.not_left(call, openid_list(call, rules.BATCH))
    models.save_members(call.db, call.appid, tag["id"], models.members(tag) & ~followers)
    return OK


@serve("/cgi-bin/tags/getidlist", who=TAGGERS, needs_body=True)
def ids_of_follower(call: ApiCall) -> Json:
    """List one follower's tags. Source: getUserTags (2026-11)."""
    follower = rules.not_left(call, followers_of(call, [text(call.body, "openid", 40003)]))
    return {"tagid_list": tag_ids(call.db, call.appid, follower)}
