"""Follower calls: the list and what is told about each."""

from __future__ import annotations

from typing import Any

from wechat_campaigns.sandbox.answers import OK, Refused
from wechat_campaigns.sandbox.api_tags import follower_number, follower_page, tag_ids
from wechat_campaigns.sandbox.calls import TAGGERS, Call, Endpoint

PAGE = 10_000
BATCH = 100


def user_get(call: Call) -> dict[str, Any]:
    """List the followers, 10,000 a page. Source: getFans (2026-11)."""
    everyone = call.account.subscribed
    page = follower_page(call, everyone, call.query.get("next_openid"), PAGE)
    return {"total": everyone.bit_count(), **page}


def user_info(call: Call) -> dict[str, Any]:
    """Tell what is known of one follower; names and pictures are not, since 2021.

    Source: getUserInfo (2026-11).
    """
    return _info(call, call.query.get("openid"))


def _info(call: Call, openid: Any) -> dict[str, Any]:
    """Describe a follower; one who left is `{"subscribe": 0, "openid"}`."""
    follower = follower_number(call, openid)
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
        "tagid_list": tag_ids(call, follower),
        "subscribe_scene": "ADD_SCENE_QR_CODE",
        "qr_scene": 0,
        "qr_scene_str": "",
    }


def user_info_batchget(call: Call) -> dict[str, Any]:
    """Tell what is known of up to 100 followers. Source: batchUserInfo (2026-11)."""
    wanted = call.body.get("user_list")
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise Refused(40031)
    if not 1 <= len(wanted) <= BATCH:
        raise Refused(40032)
    return {"user_info_list": [_info(call, item.get("openid")) for item in wanted]}


def update_remark(call: Call) -> dict[str, Any]:
    """Set the remark of one follower. Source: updateRemark (2026-11)."""
    follower, remark = follower_number(call, call.body.get("openid")), call.body.get("remark")
    if not isinstance(remark, str) or len(remark) >= 30:
        raise Refused(40035)
    call.db.execute(
        "UPDATE follower SET remark = ? WHERE appid = ? AND n = ?", (remark, call.appid, follower)
    )
    return OK


ENDPOINTS = (
    Endpoint(path="/cgi-bin/user/get", run=user_get, method="GET", who=TAGGERS, daily=500, daily_test=100),
    Endpoint(
        path="/cgi-bin/user/info",
        run=user_info,
        method="GET",
        who=TAGGERS,
        daily=5_000_000,
        daily_test=500_000,
    ),
    Endpoint(path="/cgi-bin/user/info/batchget", run=user_info_batchget, who=TAGGERS, needs_body=True),
    Endpoint(path="/cgi-bin/user/info/updateremark", run=update_remark, who=TAGGERS, needs_body=True),
)
