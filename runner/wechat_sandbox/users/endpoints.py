"""Followers: the list, profiles, the block list."""

from __future__ import annotations

from dataclasses import replace

from wechat_sandbox import accounts
from wechat_sandbox.answers import OK, ErrcodeError, Json
from wechat_sandbox.calls import TAGGERS, VERIFIED, ApiCall, serve
from wechat_sandbox.users import rules
from wechat_sandbox.users.models import openid_page, tag_ids


@serve("/cgi-bin/user/get", method="GET", who=TAGGERS, daily=500, daily_test=100)
def get(call: ApiCall) -> Json:
    """List the followers, 10,000 a page. Source: getFans (2026-11)."""
    everyone = call.account.subscribed
    after = rules.followers_after(call, everyone, call.request.query.get("next_openid"))
    return {"total": everyone.bit_count(), **openid_page(call.db, call.appid, after, rules.PAGE)}


@serve("/cgi-bin/user/info", method="GET", who=TAGGERS, daily=5_000_000, daily_test=500_000)
def info(call: ApiCall) -> Json:
    """Return the profile of one follower, without name and picture since 2021.

    Source: getUserInfo (2026-11).
    """
    return _info(call, call.request.query.get("openid"))


def _info(call: ApiCall, openid: object) -> Json:
    """Describe a follower; one who left is `{"subscribe": 0, "openid"}`."""
    follower = rules.follower_number(call, openid)
    if not call.account.subscribed >> follower & 1:
        return {"subscribe": 0, "openid": openid}
    row = call.db.execute(
        "SELECT * FROM follower WHERE appid = ? AND n = ?", (call.appid, follower)
    ).fetchone()
    return {
        "subscribe": 1,
        "openid": openid,
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": row["subscribe_time"],
        "remark": row["remark"],
        "groupid": 0,
        "tagid_list": tag_ids(call.db, call.appid, 1 << follower),
        "subscribe_scene": "ADD_SCENE_QR_CODE",
        "qr_scene": 0,
        "qr_scene_str": "",
    }


@serve("/cgi-bin/user/info/batchget", who=TAGGERS, needs_body=True)
def info_batchget(call: ApiCall) -> Json:
    """Return the profiles of up to 100 followers. Source: batchUserInfo (2026-11)."""
    users = call.body.get("user_list")
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise ErrcodeError(40031)
    if not 1 <= len(users) <= rules.INFO_BATCH:
        raise ErrcodeError(40032)
    return {"user_info_list": [_info(call, user.get("openid")) for user in users]}


@serve("/cgi-bin/user/info/updateremark", who=TAGGERS, needs_body=True)
def update_remark(call: ApiCall) -> Json:
    """Set the remark of one follower. Source: updateRemark (2026-11)."""
    follower, remark = rules.follower_number(call, call.body.get("openid")), call.body.get("remark")
    if not isinstance(remark, str) or len(remark.encode()) >= rules.REMARK_BYTES:
        raise ErrcodeError(40092)
    call.db.execute(
        "UPDATE follower SET remark = ? WHERE appid = ? AND n = ?", (remark, call.appid, follower)
    )
    return OK


@serve("/cgi-bin/tags/members/getblacklist", who=VERIFIED)
def get_block_list(call: ApiCall) -> Json:
    """List the blocked followers, 1000 a page. Source: getBlacklist (2026-11)."""
    blocked = call.account.blocked
    after = rules.followers_after(call, blocked, call.body.get("begin_openid"))
    return {"total": blocked.bit_count(), **openid_page(call.db, call.appid, after, rules.BLOCK_PAGE)}


@serve("/cgi-bin/tags/members/batchblacklist", who=VERIFIED, needs_body=True)
def block(call: ApiCall) -> Json:
    """Block followers. Source: batchBlacklist (2026-11)."""
    blocked = call.account.blocked | rules.openid_list(call, rules.BLOCK_BATCH)
    accounts.save(call.db, replace(call.account, blocked=blocked))
    return OK


@serve("/cgi-bin/tags/members/batchunblacklist", who=VERIFIED, needs_body=True)
def unblock(call: ApiCall) -> Json:
    """Unblock followers. Source: batchUnblacklist (2026-11)."""
    blocked = call.account.blocked & ~rules.openid_list(call, rules.BLOCK_BATCH)
    accounts.save(call.db, replace(call.account, blocked=blocked))
    return OK
