"""The control calls that change the sandbox: the clock, faults, accounts, media, a new beginning."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from wechat_sandbox import accounts, bitmaps, clock, faults, progress, seeds, store
from wechat_sandbox.answers import Json
from wechat_sandbox.callbacks import pusher
from wechat_sandbox.calls import UploadedFile
from wechat_sandbox.control import queries
from wechat_sandbox.control.queries import ControlCall
from wechat_sandbox.drafts import models as drafts
from wechat_sandbox.mass import models as mass
from wechat_sandbox.media import models as media
from wechat_sandbox.shapes import FLAG, NAME, NUMBER, TEXT, answer_of, body_of
from wechat_sandbox.users.models import numbers_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SAMPLES = {
    "image": ("sample.png", PNG),
    "thumb": ("sample.jpg", "/9j/2Q=="),
    "voice": ("sample.mp3", "SUQzBAAAAAAAAA=="),
    "video": ("sample.mp4", "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"),
}  # fmt: skip
"""The smallest file of each kind, for media registered without data."""
CLOCK: Final[Json] = {
    **body_of({"advance_s": NUMBER, "at": {"type": "string", "format": "date-time"}, "reset": FLAG}),
    "minProperties": 1,
    "maxProperties": 1,
}
MEDIA: Final = body_of(
    {
        "appid": TEXT,
        "media_id": TEXT,
        "kind": {"type": "string", "enum": [*SAMPLES, "mpvideo", "news"]},
        "articles": {"type": "array", "items": answer_of(title=NAME)},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
        **dict.fromkeys(("name", "title", "description"), TEXT),
        **dict.fromkeys(("permanent", "by_api"), FLAG),
    },
    ("appid", "kind"),
)


def prepare(name: str, body: Any, timestamp: int) -> None:
    """Check a new callback URL over the network, before the call holds the state.

    Raises:
        ValueError: The URL does not answer.
    """
    if name == "accounts" and body.get("callback"):
        pusher.check(accounts.Callback(**body["callback"]), timestamp)


def reset(call: ControlCall) -> Json:
    """Forget everything and plant the seed again."""
    store.wipe(call.db)
    return {"followers": seeds.plant(call.db, call.seed, call.wall)}


def seed(call: ControlCall) -> Json:
    """Add or change accounts, tags and followers."""
    return {"followers": seeds.plant(call.db, call.body, call.now)}


def move_clock(call: ControlCall) -> Json:
    """Move the clock: `advance_s`, or `at` (RFC 3339), or `reset`."""
    if "advance_s" in call.body:
        clock.move(call.db, call.wall, advance_s=call.body["advance_s"])
    elif "at" in call.body:
        moment = datetime.fromisoformat(call.body["at"])
        if moment.tzinfo is None:
            raise ValueError("at needs an offset, as in 2026-12-01T19:00:00+08:00")
        clock.move(call.db, call.wall, to_unix=moment.timestamp())
    else:
        clock.move(call.db, call.wall, to_unix=call.wall)
    return queries.clock_state(replace(call, now=progress.advance(call.db, call.wall)))


def add_faults(call: ControlCall) -> Json:
    """Add one fault, or a list of them."""
    for spec in call.body if isinstance(call.body, list) else [call.body]:
        faults.add(call.db, spec)
    return queries.list_faults(call)


def delete_faults(call: ControlCall) -> Json:
    """Cancel every fault."""
    call.db.execute("DELETE FROM fault")
    return queries.list_faults(call)


def change_account(call: ControlCall) -> Json:
    """Change switches of an account: `appid`, `kind`, and any of its options."""
    switches = {key: value for key, value in call.body.items() if key in accounts.SWITCHES}
    account = queries.account_of(call.db, call.body["appid"])
    kind, options = call.body.get("kind", account.kind), accounts.options_from(switches, account.options)
    account = replace(account, kind=kind, options=options)
    accounts.save(call.db, account)
    return queries.account_json(call.db, account)


def change_followers(call: ControlCall) -> Json:
    """Let followers of `appid` leave or come back: `openids` and `subscribe`."""
    account = queries.account_of(call.db, call.body["appid"])
    numbers = numbers_of(call.db, account.appid, call.body["openids"])
    followers, subscribe = bitmaps.from_numbers(numbers.values()), call.body.get("subscribe", True)
    subscribed = account.subscribed | followers if subscribe else account.subscribed & ~followers
    accounts.save(call.db, replace(account, subscribed=subscribed))
    return {"followers": subscribed.bit_count()}


def add_media(call: ControlCall) -> Json:
    """Make media with a chosen `media_id`, of `kind` image, thumb, voice, video, mpvideo or news.

    A news makes a draft of the given `articles`, or of one sample article. Media count as those of the web
    console, unless `by_api`.
    """
    body = call.body
    account, kind = queries.account_of(call.db, body["appid"]), body["kind"]
    media_id = body.get("media_id") or media.new_media_id()
    if kind == "news":
        # Without the checks of draft/add.
        articles = body.get("articles") or [{"title": media_id, "content": "<p>示例</p>"}]
        drafts.save(call.db, account.appid, media_id, articles, call.now)
        return {"media_id": media_id}
    name, sample = SAMPLES["video" if kind == "mpvideo" else kind]
    try:
        data = base64.b64decode(body.get("data_base64", sample), validate=True)
    except binascii.Error as error:
        raise ValueError("data_base64 is no base64 text") from error
    row = media.add(
        call.db,
        appid=account.appid,
        kind=kind,
        permanent=body.get("permanent", True),
        upload=UploadedFile(filename=body.get("name", name), data=data),
        now=call.now,
        title=body.get("title", ""),
        description=body.get("description", ""),
        media_id=media_id,
        by_api=body.get("by_api", False),
    )
    return {"media_id": row["media_id"], "url": row["url"]}


def add_original(call: ControlCall) -> Json:
    """Add to the library of originals: `title`, `url`, `can_reprint`."""
    row = {"url": "http://mp.weixin.qq.com/s/original", "can_reprint": False, **call.body}
    store.insert(call.db, "original", row)
    return {"originals": [dict(row) for row in call.db.execute("SELECT * FROM original ORDER BY id")]}


def decide_job(call: ControlCall) -> Json:
    """Let the administrator `confirm` or `refuse` a waiting job: `msg_id` and `decision`."""
    msg_id = call.body.get("msg_id")
    if msg_id is None or not 0 < msg_id < 2**63:
        raise ValueError("the number of a job belongs in the path: POST /_sandbox/admin/MSG_ID")
    if not mass.decide(call.db, msg_id, confirmed=call.body["decision"] == "confirm", now=call.now):
        raise ValueError(f"no job {msg_id} waits for the administrator")
    return {"job": mass.list_jobs(call.db, msg_id=msg_id)[0]}
