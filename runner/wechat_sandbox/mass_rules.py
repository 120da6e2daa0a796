"""What WeChat refuses of mass sends. Each rule states its source and what is uncertain about WeChat.

Where sources disagree, the reading that refuses holds.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from wechat_sandbox import clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ApiCall, mapping, named_row, number, optional_text, strings, text
from wechat_sandbox.drafts import comment_flags, find_news
from wechat_sandbox.followers import follower_number, numbers_of
from wechat_sandbox.media import find_images, find_media
from wechat_sandbox.tokens import count

CLIENTMSGID_BYTES = 32
OPENIDS = range(2, 10_001)
MONTHLY = 4
DAILY = 1
CONFIRM_S = 30 * 60
"""How long a job waits for the administrator."""
PREVIEWS_A_DAY = 100
"""By WeChat name, and by openid as well, as older reports have it."""
NOT_CONTENT = ("send_ignore_reprint", "clientmsgid")
RECALLABLE = ("mpnews", "mpvideo")
TEXT_BYTES = 2048
"""Not documented for mass text; the limit of the customer message."""


def clientmsgid(body: Mapping[str, Any]) -> str:
    """Read a clientmsgid, at most 32 bytes; without one WeChat derives it from audience and content.

    Source: sendAll; an answer to 36 characters that a developer reported in 2023 (2026-11). Which characters
    it may have is not stated.
    """
    value = body.get("clientmsgid")
    if value is None or value == "":
        content = {key: value for key, value in body.items() if key not in NOT_CONTENT}
        return "auto:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if not isinstance(value, str):
        raise ErrcodeError(40035)
    if len(value.encode()) > CLIENTMSGID_BYTES:
        raise ErrcodeError(45067)
    return value


def check_repeat(call: ApiCall, client_id: str) -> None:
    """Refuse at once a clientmsgid used within 24 hours (`clientmsgid_s`), with the job's msg_id: 45065.

    Source: sendAll; answers that developers reported up to 2025 (2026-11). Whether a job that failed keeps
    its clientmsgid blocked is not stated: here it does. 45066 comes only while a fault delays the first
    request.
    """
    job = call.db.execute(
        "SELECT msg_id FROM job WHERE appid = ? AND clientmsgid = ? AND created_at > ?"
        " ORDER BY created_at DESC LIMIT 1",
        (call.appid, client_id, call.now - call.account.options.clientmsgid_s),
    ).fetchone()
    if job is not None:
        raise ErrcodeError(45065, msg_id=job["msg_id"])


def openid_audience(call: ApiCall) -> int:
    """Read the 2 to 10,000 openids of the account's own followers that a send addresses.

    Source: massSend; an answer to three openids, strangers among them, that a developer reported in 2023
    (2026-11): 40130, so strangers do not count. Whether a stranger among enough others refuses the call is
    not stated: here it does, 40003.
    """
    openids = strings(call.body, "touser", 40031)
    if len(openids) >= OPENIDS.stop:
        raise ErrcodeError(40032)
    numbers = numbers_of(call.db, call.appid, openids)
    followers = [openid for openid in openids if openid in numbers]
    if len(followers) < OPENIDS.start:
        raise ErrcodeError(40130)
    if len(followers) < len(openids):
        raise ErrcodeError(40003)
    return store.set_of(numbers.values())


def filter_audience(call: ApiCall) -> tuple[bool, int]:
    """Read a filter: everyone, or one tag of the account; 40008, 40035 or 40152 without one.

    Source: sendAll; answers that developers reported in 2023 (2026-11). An unknown tag_id answers 40152 by
    the page, -1 in field reports. A tag_id sent as a string stands in examples and was answered 268488001.
    The old group_id is still read.
    """
    condition = call.body.get("filter")
    if not isinstance(condition, dict):
        raise ErrcodeError(40035)
    if isinstance(condition.get("is_to_all"), str):
        raise ErrcodeError(40008)
    if condition.get("is_to_all") in (True, 1):
        return True, call.account.subscribed
    tag_id = number(condition, "tag_id" if "tag_id" in condition else "group_id", 40152)
    if isinstance(condition.get("tag_id"), str):
        raise ErrcodeError(268488001)
    tag = named_row(call, 40152, "tag", id=tag_id)
    return False, store.read_set(tag["members"]) & call.account.subscribed


def check_allowance(call: ApiCall, *, to_all: bool) -> None:
    """Refuse with 45028 a 订阅号 that has sent today, a 服务号 to everyone today or four times this month.

    Source: Batch sends guide (2026-11). The day of a 服务号 stands on one page and nobody reported it. A
    failed job gives its allowance back; sends of the web console do not exist here.
    """
    today, month = (clock.day_start(call.now), DAILY), (clock.month_start(call.now), MONTHLY)
    limits: tuple[tuple[float, int], ...] = ()
    if call.account.kind == "subscription":
        limits = (today,)
    elif call.account.kind == "service" and to_all:
        limits = (today, month)
    for since, limit in limits if call.account.options.quota else ():
        used = call.db.execute(
            "SELECT COUNT(*) FROM job"
            " WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL' AND is_to_all >= ?",
            (call.appid, since, call.account.kind == "service"),
        ).fetchone()[0]
        if used >= limit:
            raise ErrcodeError(45028)


def check_test_account(call: ApiCall) -> None:
    """Refuse what a test account may not send: mass/send is 48001 before this, other types are 48008.

    Source: answers that developers reported in 2025 and 2026, older reports of 48008 (2026-11). Whether other
    types than articles and text are refused is unclear, and whether anything is delivered: here both are so.
    """
    if call.account.kind == "test" and call.body.get("msgtype") not in ("mpnews", "text"):
        raise ErrcodeError(48008)


def check_permanent(call: ApiCall, media: sqlite3.Row) -> sqlite3.Row:
    """Refuse temporary images and voices of a send with 40128; a preview takes them.

    Source: sendAll, an answer of WeChat to temporary media (2026-11); of mass/send it is assumed.
    """
    if not media["permanent"] and not is_preview(call):
        raise ErrcodeError(40128)
    return media


def check_video(call: ApiCall, media: sqlite3.Row) -> sqlite3.Row:
    """Check a video: one of the web console, else 48022.

    Source: sendAll, staff in the vendor's forum (2026-11).
    """
    if media["kind"] == "video" and not media["permanent"]:
        raise ErrcodeError(40007)
    if media["by_api"] and not call.account.options.api_video:
        raise ErrcodeError(48022)
    return media


def reach(call: ApiCall, addressed: int) -> int:
    """Drop silently who left or has had four messages of a 服务号 this month.

    Source: Batch sends guide, MASSSENDJOBFINISH (2026-11). Filters by region or sex do not exist here.
    """
    reached = addressed & call.account.subscribed
    if not call.account.options.quota or call.account.kind != "service":
        return reached
    rows = call.db.execute(
        "SELECT delivered FROM job WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL'",
        (call.appid, clock.month_start(call.now)),
    )
    return reached & ~store.in_at_least((store.read_set(row[0]) for row in rows), MONTHLY)


def needs_confirmation(account: OfficialAccount, *, to_all: bool) -> bool:
    """Return whether a send waits for the administrator: one to everyone, with protection on.

    Source: Batch sends guide, API 群发保护 (2026-11). The call is accepted; WeChat may answer 89505 instead.
    """
    return to_all and account.options.protection


def check_recallable(job: sqlite3.Row | None) -> sqlite3.Row:
    """Refuse to recall what is not a finished article or video job: 40059, 40065.

    Source: deleteMassMsg (2026-11). Which of the two a text job answers is not stated; here it is 40059.
    """
    if job is None or job["msgtype"] not in RECALLABLE:
        raise ErrcodeError(40059)
    if job["status"] != "SEND_SUCCESS":
        raise ErrcodeError(40065)
    return job


def preview_follower(call: ApiCall) -> int:
    """Find the follower a preview goes to; 40132, 40003 or 43004 without one."""
    if call.body.get("towxname"):
        wxname = text(call.body, "towxname", 40132)
        follower = int(named_row(call, 40132, "follower", wxname=wxname)["n"])
    else:
        follower = follower_number(call, text(call.body, "touser", 40003))
    if not call.account.subscribed >> follower & 1:
        raise ErrcodeError(43004)
    return follower


def count_preview(call: ApiCall) -> None:
    """Count a preview; refuse with 45009 when the day has had enough of them."""
    used = count(call.db, call.appid, "towxname", f"preview {clock.day(call.now)}")
    if call.account.options.quota and used > PREVIEWS_A_DAY:
        raise ErrcodeError(45009)


def is_preview(call: ApiCall) -> bool:
    """Return whether a call is a preview; any other mass call sends."""
    return call.request.path.endswith("/preview")


def read_message(call: ApiCall) -> Json:
    """Check msgtype and body object of a mass call; a preview does not take `images`.

    Returns:
        What a follower will see: `articles`, `text`, `voice`, `images`, `video` or `card`.

    Raises:
        ErrcodeError: 40008 when they do not match, 40007 for media, 44004, 45002, 40128, 40215, 45113, 48022.
    """
    present = READERS.keys() & call.body.keys()
    if len(present) != 1:
        raise ErrcodeError(40008)
    key = present.pop()
    read, msgtypes = READERS[key]
    if call.body.get("msgtype") not in msgtypes or (key == "images" and is_preview(call)):
        raise ErrcodeError(40008)
    return read(call, mapping(call.body, key, 40008))


def _text(_call: ApiCall, body: Mapping[str, Any]) -> Json:
    content = text(body, "content", 44004)
    if len(content.encode()) > TEXT_BYTES:
        raise ErrcodeError(45002)
    return {"text": content}


def _mpnews(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype mpnews: a draft that is not used up, or articles that were uploaded."""
    return {"articles": json.loads(find_news(call, body)["articles"])}


def _voice(call: ApiCall, body: Mapping[str, Any]) -> Json:
    row = check_permanent(call, find_media(call, body.get("media_id"), kinds=("voice",)))
    return {"voice": {"media_id": row["media_id"], "name": row["name"]}}


def _image(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read the older single picture form."""
    row = check_permanent(call, find_media(call, body.get("media_id"), kinds=("image",)))
    return {"images": [{"media_id": row["media_id"], "url": row["url"]}]}


def _images(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read the current picture form."""
    rows = [check_permanent(call, row) for row in find_images(call, body.get("media_ids"))]
    comment_flags(call, body)
    return {
        "images": [{"media_id": row["media_id"], "url": row["url"]} for row in rows],
        "title": optional_text(body, "title"),
        "recommend": optional_text(body, "recommend", "分享图片"),
    }


def _mpvideo(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype mpvideo: an id of media/uploadvideo, or a permanent video."""
    row = check_video(call, find_media(call, body.get("media_id"), kinds=("mpvideo", "video")))
    words = {key: optional_text(body, key) or row[key] for key in ("title", "description")}
    return {"video": {"media_id": row["media_id"], **words}}


def _wxcard(call: ApiCall, body: Mapping[str, Any]) -> Json:
    """Read msgtype wxcard, which WeChat refuses since 2024-08-10."""
    if not call.account.options.retired_cards:
        raise ErrcodeError(45113)
    return {"card": {"card_id": text(body, "card_id", 40035)}}


READERS: dict[str, tuple[Callable[[ApiCall, Mapping[str, Any]], Json], tuple[str, ...]]] = {
    "text": (_text, ("text",)),
    "mpnews": (_mpnews, ("mpnews",)),
    "voice": (_voice, ("voice",)),
    "image": (_image, ("image",)),
    "images": (_images, ("image",)),
    "mpvideo": (_mpvideo, ("mpvideo", "video")),  # the second is what the massSend page calls it
    "wxcard": (_wxcard, ("wxcard",)),
}
"""By the key of the body object: what reads it, and the msgtypes that may have it."""
