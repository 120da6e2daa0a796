"""The sandbox's own calls under `/_sandbox/`: look, move the clock, order faults, begin anew."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import yaml

from wechat_campaigns.sandbox import (
    accounts,
    bits,
    clock,
    faults,
    jobs,
    look,
    media,
    progress,
    pusher,
    seeds,
    store,
    strict_json,
)
from wechat_campaigns.sandbox.answers import encode
from wechat_campaigns.sandbox.calls import Upload
from wechat_campaigns.sandbox.look import Order, Told

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SAMPLES = {
    "image": ("sample.png", PNG),
    "thumb": ("sample.jpg", "/9j/2Q=="),
    "voice": ("sample.mp3", "SUQzBAAAAAAAAA=="),
    "video": ("sample.mp4", "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"),
}  # fmt: skip
"""The smallest file of each kind, for media registered without data."""


class _Loader(yaml.SafeLoader):
    """YAML in which times stay text, as they are in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_body(raw: bytes) -> Any:
    """Read a body as JSON or YAML, which holds JSON too.

    Raises:
        ValueError: It is neither, or it repeats parts by name: a few of them can stand for gigabytes.
    """
    try:
        return strict_json.read(raw) if raw.strip() else {}
    except strict_json.TooDeepError:
        raise
    except ValueError:
        pass
    try:
        text = raw.decode("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError("the body repeats a part by an alias (*name); write it out")
        body = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is neither JSON nor YAML: {str(error).splitlines()[0]}") from error
    try:
        strict_json.check(body)
    except ValueError as error:
        raise ValueError(f"the body holds what JSON cannot: {error}") from error
    return body


def prepare(name: str, body: Any, timestamp: int) -> None:
    """Do what a control call needs of the network, before it holds the state: ask a new callback URL.

    Raises:
        ValueError: The URL does not answer.
    """
    if name == "accounts" and isinstance(body, dict) and body.get("callback"):
        callback = accounts.options_from({"callback": body["callback"]}).callback
        if callback is not None:
            pusher.check(callback, timestamp)


def reset(order: Order) -> Told:
    """Forget everything and plant the seed again."""
    store.wipe(order.db)
    return {"followers": seeds.plant(order.db, order.seed, order.wall)}


def plant(order: Order) -> Told:
    """Add or change accounts, tags and followers."""
    if not isinstance(order.body, dict):
        raise ValueError("a seed is an object with the one key accounts, a list")
    return {"followers": seeds.plant(order.db, order.body, order.now)}


def move_clock(order: Order) -> Told:
    """Move the clock: `advance_s`, or `at` (RFC 3339), or `reset`."""
    body = _object(order)
    if body.keys() - {"advance_s", "at", "reset"} or len(body) != 1:
        raise ValueError("give one of advance_s (seconds), at (a time with offset) and reset (true)")
    if "advance_s" in body:
        step = body["advance_s"]
        if isinstance(step, bool) or not isinstance(step, int | float):
            raise ValueError("advance_s is a number of seconds")
        clock.move(order.db, order.wall, advance_s=step)
    elif "at" in body:
        moment = datetime.fromisoformat(str(body["at"]))
        if moment.tzinfo is None:
            raise ValueError("at needs an offset, as in 2026-12-01T19:00:00+08:00")
        clock.move(order.db, order.wall, to_unix=moment.timestamp())
    else:
        clock.move(order.db, order.wall, to_unix=order.wall)
    now = clock.now_unix(order.db, order.wall)
    progress.advance(order.db, now)
    return look.tell_clock(replace(order, now=now))


def _object(order: Order) -> dict[str, Any]:
    """Read a body that must be an object."""
    if not isinstance(order.body, dict):
        raise ValueError("the body is a JSON object")
    return order.body


def order_faults(order: Order) -> Told:
    """Order one fault, or a list of them."""
    specs = order.body if isinstance(order.body, list) else [order.body]
    if not all(isinstance(spec, dict) for spec in specs):
        raise ValueError("a fault is an object of endpoint, kind, times…")
    for spec in specs:
        faults.order(order.db, spec)
    return look.list_faults(order)


def drop_faults(order: Order) -> Told:
    """Cancel every fault."""
    order.db.execute("DELETE FROM fault")
    return look.list_faults(order)


def switch_account(order: Order) -> Told:
    """Change switches of an account: `appid`, `kind`, and any of its options."""
    body = dict(_object(order))
    account = look.account_of(order, body.pop("appid", None))
    kind = body.pop("kind", account.kind)
    if not isinstance(kind, str) or kind not in accounts.KINDS:
        raise ValueError(f"kind is one of {', '.join(accounts.KINDS)}")
    changed = replace(account, kind=kind, options=accounts.options_from(body, account.options))
    accounts.save(order.db, changed)
    return look.told_account(order.db, changed)


def follow(order: Order) -> Told:
    """Let followers of `appid` leave or come back: `openids` and `subscribe`."""
    body = _object(order)
    account = look.account_of(order, body.get("appid"))
    openids = body.get("openids")
    if not isinstance(openids, list):
        raise ValueError("openids is a list")
    numbers = accounts.numbers_of(order.db, account.appid, openids).values()
    chosen = bits.from_members(numbers)
    coming = body.get("subscribe", True)
    subscribed = account.subscribed | chosen if coming else account.subscribed & ~chosen
    accounts.save(order.db, replace(account, subscribed=subscribed))
    return {"followers": subscribed.bit_count()}


def register_media(order: Order) -> Told:
    """Make media with a chosen `media_id`, of `kind` image, thumb, voice, video, mpvideo or news.

    A news makes a draft of the given `articles`, or of one sample article.
    """
    body = _object(order)
    account, kind = look.account_of(order, body.get("appid")), body.get("kind")
    media_id = str(body.get("media_id") or media.new_media_id())
    if kind == "news":
        return _register_draft(order, account.appid, media_id, body.get("articles"))
    name, sample = SAMPLES.get("video" if kind == "mpvideo" else str(kind), ("", ""))
    if not name:
        raise ValueError(f"kind is one of {', '.join(SAMPLES)}, mpvideo, news")
    try:
        data = base64.b64decode(body.get("data_base64", sample), validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError("data_base64 is no base64 text") from error
    row = media.keep(
        order.db,
        appid=account.appid,
        kind=str(kind),
        permanent=bool(body.get("permanent", True)),
        upload=Upload(filename=str(body.get("name", name)), data=data),
        now=order.now,
        title=str(body.get("title", "")),
        description=str(body.get("description", "")),
        media_id=media_id,
    )
    return {"media_id": row["media_id"], "url": row["url"]}


def _register_draft(order: Order, appid: str, media_id: str, articles: Any) -> Told:
    """Make a draft as it is given, without the checks of draft/add."""
    kept = articles or [{"title": media_id, "content": "<p>示例</p>"}]
    if not isinstance(kept, list) or not all(isinstance(item, dict) and item.get("title") for item in kept):
        raise ValueError("articles is a list of objects with a title")
    order.db.execute(
        "INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?)", (appid, media_id, encode(kept), order.now)
    )
    return {"media_id": media_id}


def originals(order: Order) -> Told:
    """Add to the library of originals: `title`, `url`, `can_reprint`."""
    body = _object(order)
    if not isinstance(body.get("title"), str):
        raise ValueError("title is a string")
    row = {
        "title": body["title"],
        "url": str(body.get("url", "http://mp.weixin.qq.com/s/original")),
        "can_reprint": bool(body.get("can_reprint", False)),
    }
    store.insert(order.db, "original", row)
    return {"originals": [dict(row) for row in order.db.execute("SELECT * FROM original ORDER BY id")]}


def decide(order: Order) -> Told:
    """Let the administrator `confirm` or `refuse` a waiting job: `msg_id` and `decision`."""
    body = _object(order)
    msg_id, decision = body.get("msg_id"), body.get("decision")
    if decision not in ("confirm", "refuse") or type(msg_id) is not int or not 0 < msg_id < 2**63:
        raise ValueError("POST /_sandbox/admin/MSG_ID takes a decision, confirm or refuse")
    if not jobs.decide(order.db, msg_id, confirmed=decision == "confirm", now=order.now):
        raise ValueError(f"no job {msg_id} waits for the administrator")
    return {"job": jobs.listing(order.db, msg_id=msg_id)[0]}


ROUTES: dict[tuple[str, str], Callable[[Order], Told]] = {
    ("GET", "deliveries"): look.deliveries,
    ("GET", "jobs"): look.list_jobs,
    ("GET", "requests"): look.requests,
    ("POST", "reset"): reset,
    ("POST", "seed"): plant,
    ("GET", "clock"): look.tell_clock,
    ("POST", "clock"): move_clock,
    ("GET", "faults"): look.list_faults,
    ("POST", "faults"): order_faults,
    ("DELETE", "faults"): drop_faults,
    ("GET", "accounts"): look.list_accounts,
    ("POST", "accounts"): switch_account,
    ("GET", "followers"): look.followers,
    ("POST", "followers"): follow,
    ("GET", "inbox"): look.inbox,
    ("POST", "media"): register_media,
    ("POST", "originals"): originals,
    ("POST", "admin"): decide,
    ("GET", "events"): look.list_events,
    ("GET", "rules"): look.list_rules,
    ("GET", "state"): look.state,
}
