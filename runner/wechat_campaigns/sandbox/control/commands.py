"""The control calls that change the sandbox: the clock, faults, accounts, media, a new beginning."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import datetime
from typing import Any

from wechat_campaigns.sandbox import accounts, bitmaps, clock, faults, progress, seeds, store
from wechat_campaigns.sandbox.answers import Json
from wechat_campaigns.sandbox.callbacks import pusher
from wechat_campaigns.sandbox.calls import UploadedFile
from wechat_campaigns.sandbox.control import queries
from wechat_campaigns.sandbox.control.queries import ControlCall
from wechat_campaigns.sandbox.drafts import models as drafts
from wechat_campaigns.sandbox.mass import models as mass
from wechat_campaigns.sandbox.media import models as media
from wechat_campaigns.sandbox.users.models import numbers_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SAMPLES = {
    "image": ("sample.png", PNG),
    "thumb": ("sample.jpg", "/9j/2Q=="),
    "voice": ("sample.mp3", "SUQzBAAAAAAAAA=="),
    "video": ("sample.mp4", "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"),
}  # fmt: skip
"""The smallest file of each kind, for media registered without data."""


def prepare(name: str, body: Any, timestamp: int) -> None:
    """Check a new callback URL over the network, before the call holds the state.

    Raises:
        ValueError: The URL does not answer.
    """
    if name == "accounts" and isinstance(body, dict) and body.get("callback"):
        callback = accounts.options_from({"callback": body["callback"]}).callback
        if callback is not None:
            pusher.check(callback, timestamp)


def reset(call: ControlCall) -> Json:
    """Forget everything and plant the seed again."""
    store.wipe(call.db)
    return {"followers": seeds.plant(call.db, call.seed, call.wall)}


def seed(call: ControlCall) -> Json:
    """Add or change accounts, tags and followers."""
    if not isinstance(call.body, dict):
        raise ValueError("a seed is an object with the one key accounts, a list")
    return {"followers": seeds.plant(call.db, call.body, call.now)}


def move_clock(call: ControlCall) -> Json:
    """Move the clock: `advance_s`, or `at` (RFC 3339), or `reset`."""
    body = _object(call)
    if body.keys() - {"advance_s", "at", "reset"} or len(body) != 1:
        raise ValueError("give one of advance_s (seconds), at (a time with offset) and reset (true)")
    if "advance_s" in body:
        step = body["advance_s"]
        if isinstance(step, bool) or not isinstance(step, int | float):
            raise ValueError("advance_s is a number of seconds")
        clock.move(call.db, call.wall, advance_s=step)
    elif "at" in body:
        moment = datetime.fromisoformat(str(body["at"]))
        if moment.tzinfo is None:
            raise ValueError("at needs an offset, as in 2026-12-01T19:00:00+08:00")
        clock.move(call.db, call.wall, to_unix=moment.timestamp())
    else:
        clock.move(call.db, call.wall, to_unix=call.wall)
    return queries.clock_state(replace(call, now=progress.advance(call.db, call.wall)))


def _object(call: ControlCall) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise ValueError("the body is a JSON object")
    return call.body


def add_faults(call: ControlCall) -> Json:
    """Add one fault, or a list of them."""
    specs = call.body if isinstance(call.body, list) else [call.body]
    if not all(isinstance(spec, dict) for spec in specs):
        raise ValueError("a fault is an object of endpoint, kind, times…")
    for spec in specs:
        faults.add(call.db, spec)
    return queries.list_faults(call)


def delete_faults(call: ControlCall) -> Json:
    """Cancel every fault."""
    call.db.execute("DELETE FROM fault")
    return queries.list_faults(call)


def change_account(call: ControlCall) -> Json:
    """Change switches of an account: `appid`, `kind`, and any of its options."""
    body = dict(_object(call))
    account = queries.account_of(call.db, body.pop("appid", None))
    kind = body.pop("kind", account.kind)
    if not isinstance(kind, str) or kind not in accounts.KINDS:
        raise ValueError(f"kind is one of {', '.join(accounts.KINDS)}")
    account = replace(account, kind=kind, options=accounts.options_from(body, account.options))
    accounts.save(call.db, account)
    return queries.account_json(call.db, account)


def change_followers(call: ControlCall) -> Json:
    """Let followers of `appid` leave or come back: `openids` and `subscribe`."""
    body = _object(call)
    account = queries.account_of(call.db, body.get("appid"))
    openids = body.get("openids")
    if not isinstance(openids, list):
        raise ValueError("openids is a list")
    followers = bitmaps.from_numbers(numbers_of(call.db, account.appid, openids).values())
    subscribe = body.get("subscribe", True)
    subscribed = account.subscribed | followers if subscribe else account.subscribed & ~followers
    accounts.save(call.db, replace(account, subscribed=subscribed))
    return {"followers": subscribed.bit_count()}


def add_media(call: ControlCall) -> Json:
    """Make media with a chosen `media_id`, of `kind` image, thumb, voice, video, mpvideo or news.

    A news makes a draft of the given `articles`, or of one sample article. Media count as those of the web
    console, unless `by_api`.
    """
    body = _object(call)
    account, kind = queries.account_of(call.db, body.get("appid")), body.get("kind")
    media_id = str(body.get("media_id") or media.new_media_id())
    if kind == "news":
        return _add_draft(call, account.appid, media_id, body.get("articles"))
    name, sample = SAMPLES.get("video" if kind == "mpvideo" else str(kind), ("", ""))
    if not name:
        raise ValueError(f"kind is one of {', '.join(SAMPLES)}, mpvideo, news")
    try:
        data = base64.b64decode(body.get("data_base64", sample), validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError("data_base64 is no base64 text") from error
    row = media.add(
        call.db,
        appid=account.appid,
        kind=str(kind),
        permanent=bool(body.get("permanent", True)),
        upload=UploadedFile(filename=str(body.get("name", name)), data=data),
        now=call.now,
        title=str(body.get("title", "")),
        description=str(body.get("description", "")),
        media_id=media_id,
        by_api=bool(body.get("by_api", False)),
    )
    return {"media_id": row["media_id"], "url": row["url"]}


def _add_draft(call: ControlCall, appid: str, media_id: str, articles: Any) -> Json:
    """Make a draft of these articles, without the checks of draft/add."""
    articles = articles or [{"title": media_id, "content": "<p>示例</p>"}]
    if not isinstance(articles, list) or not all(isinstance(a, dict) and a.get("title") for a in articles):
        raise ValueError("articles is a list of objects with a title")
    drafts.save(call.db, appid, media_id, articles, call.now)
    return {"media_id": media_id}


def add_original(call: ControlCall) -> Json:
    """Add to the library of originals: `title`, `url`, `can_reprint`."""
    body = _object(call)
    if not isinstance(body.get("title"), str):
        raise ValueError("title is a string")
    row = {
        "title": body["title"],
        "url": str(body.get("url", "http://mp.weixin.qq.com/s/original")),
        "can_reprint": bool(body.get("can_reprint", False)),
    }
    store.insert(call.db, "original", row)
    return {"originals": [dict(row) for row in call.db.execute("SELECT * FROM original ORDER BY id")]}


def decide_job(call: ControlCall) -> Json:
    """Let the administrator `confirm` or `refuse` a waiting job: `msg_id` and `decision`."""
    body = _object(call)
    msg_id, decision = body.get("msg_id"), body.get("decision")
    if decision not in ("confirm", "refuse") or type(msg_id) is not int or not 0 < msg_id < 2**63:
        raise ValueError("POST /_sandbox/admin/MSG_ID takes a decision, confirm or refuse")
    if not mass.decide(call.db, msg_id, confirmed=decision == "confirm", now=call.now):
        raise ValueError(f"no job {msg_id} waits for the administrator")
    return {"job": mass.list_jobs(call.db, msg_id=msg_id)[0]}
