"""The calls under `/_sandbox/`: how they are run, and those that steer; `views.py` has those that look."""

import base64
import binascii
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from wechat_sandbox import accounts, answers, callbacks, clock, drafts, mass, media, seeds, store
from wechat_sandbox.accounts import KIND, SWITCHES, OfficialAccount
from wechat_sandbox.answers import FLAG, INTEGER, NAME, NUMBER, TEXT, TEXTS, Json, body_of, check, read_json
from wechat_sandbox.calls import ApiCall, HttpRequest, UploadedFile
from wechat_sandbox.dispatcher import FAULT, Dispatcher, add_fault, pending_faults
from wechat_sandbox.followers import numbers_of, tags_json

LISTED = 1000
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
ARTICLE: Final[Json] = {"type": "object", "properties": {"title": NAME}, "required": ["title"]}
MEDIA: Final = body_of(
    {
        "appid": TEXT,
        "media_id": TEXT,
        "kind": {"type": "string", "enum": [*SAMPLES, "mpvideo", "news"]},
        "articles": {"type": "array", "items": ARTICLE},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
        **dict.fromkeys(("name", "title", "description"), TEXT),
        **dict.fromkeys(("permanent", "by_api"), FLAG),
    },
    ("appid", "kind"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCall:
    """One control call."""

    db: sqlite3.Connection
    now: float
    dispatcher: Dispatcher
    query: Mapping[str, str]
    body: Any
    seed: Mapping[str, Any]
    """What a reset plants again."""

    @property
    def account(self) -> OfficialAccount:
        """Return the account that the query or the body names."""
        appid = str(self.query.get("appid") or self.body.get("appid") or "")
        account = accounts.find(self.db, appid)
        if account is None:
            raise ValueError(f"`appid` names no account: {appid!r}; GET /_sandbox/accounts lists them")
        return account

    def number(self, key: str) -> int | None:
        """Read a number of the query; None when it is absent or empty."""
        value = self.query.get(key, "")
        if value and not (value.isascii() and value.isdecimal() and len(value) < 19):
            raise ValueError(f"{key} is a number")
        return int(value) if value else None

    @property
    def limit(self) -> int:
        """Return how many rows are wanted at most."""
        return min(self.number("limit") or LISTED, LISTED)


Run = Callable[[ControlCall], Json]
ROUTES: dict[tuple[str, str], tuple[Run, Json | None]] = {}
"""By method and what comes after `/_sandbox/`: what runs it, and the schema of its body."""


def route(method: str, name: str, *, body: Json | None = None) -> Callable[[Run], Run]:
    """Register the function that runs a control call; without a schema its body is ignored."""

    def register(run: Run) -> Run:
        ROUTES[method, name] = run, body
        return run

    return register


def handle(
    dispatcher: Dispatcher,
    seed: Mapping[str, Any],
    method: str,
    name: str,
    raw: bytes,
    query: Mapping[str, str],
) -> tuple[Json, int]:
    """Run a control call.

    Args:
        seed: what a reset goes back to.
        name: what comes after `/_sandbox/`.

    Returns:
        The answer and its HTTP status; a mistake in the call is a 400 that says what is wrong.
    """
    if (method, name) not in ROUTES:
        names = ", ".join(" ".join(known) for known in ROUTES)
        return {"error": f"unknown call {method} /_sandbox/{name}; the calls are {names}"}, 404
    run, shape = ROUTES[method, name]
    try:
        body = read_json(raw) if raw.strip() and shape else {}
        if shape is not None:
            check(body, shape)
        if name == "accounts" and body.get("callback"):
            # Over the network, before the call holds the state.
            callbacks.check(accounts.Callback(**body["callback"]), int(dispatcher.wall()))
        with dispatcher.transaction() as (db, now):
            call = ControlCall(db=db, now=now, dispatcher=dispatcher, query=query, body=body, seed=seed)
            return run(call), 200
    except ValueError as error:
        return {"error": str(error)}, 400


@route("GET", "accounts")
def list_accounts(call: ControlCall) -> Json:
    """Return the accounts, their switches, tags, and how many follow them."""
    return {"accounts": [_account_json(call.db, account) for account in accounts.list_accounts(call.db)]}


def _account_json(db: sqlite3.Connection, account: OfficialAccount) -> Json:
    """Describe an account without its secret and keys."""
    options = asdict(account.options)
    if options["callback"]:
        options["callback"] = {"url": options["callback"]["url"]}
    return {
        "appid": account.appid,
        "name": account.name,
        "kind": account.kind,
        "options": options,
        "followers": account.subscribed.bit_count(),
        "sends": store.count(db, "job", appid=account.appid),
        "previews": store.count(db, "preview", appid=account.appid),
        "tags": tags_json(db, account),
    }


@route("POST", "accounts", body=body_of({"appid": TEXT, "kind": KIND, **SWITCHES}, ("appid",)))
def change_account(call: ControlCall) -> Json:
    """Change the kind or the switches of an account."""
    switches = {key: value for key, value in call.body.items() if key in SWITCHES}
    account = call.account
    kind, options = call.body.get("kind", account.kind), accounts.options_from(switches, account.options)
    account = replace(account, kind=kind, options=options)
    accounts.save(call.db, account)
    return _account_json(call.db, account)


@route(
    "POST",
    "followers",
    body=body_of({"appid": TEXT, "openids": TEXTS, "subscribe": FLAG}, ("appid", "openids")),
)
def change_followers(call: ControlCall) -> Json:
    """Make followers of `appid` leave or come back."""
    account = call.account
    numbers = numbers_of(call.db, account.appid, call.body["openids"])
    followers, subscribe = store.set_of(numbers.values()), call.body.get("subscribe", True)
    subscribed = account.subscribed | followers if subscribe else account.subscribed & ~followers
    accounts.save(call.db, replace(account, subscribed=subscribed))
    return {"followers": subscribed.bit_count()}


@route("POST", "seed", body=seeds.SEED)
def seed(call: ControlCall) -> Json:
    """Add or change accounts, tags and followers."""
    return {"followers": seeds.plant(call.db, call.body, call.now)}


@route("POST", "media", body=MEDIA)
def add_media(call: ControlCall) -> Json:
    """Add media of the web console, or with `by_api` uploaded ones, or a draft (`kind` news).

    A draft has the given `articles`, or one sample article, without the checks of draft/add.
    """
    body, account, kind = call.body, call.account, call.body["kind"]
    media_id = body.get("media_id") or media.new_media_id()
    if kind == "news":
        articles = body.get("articles") or [{"title": media_id, "content": "<p>示例</p>"}]
        drafts.save(call.db, account.appid, media_id, articles, call.now)
        return {"media_id": media_id}
    name, sample = SAMPLES["video" if kind == "mpvideo" else kind]
    try:
        data = base64.b64decode(body.get("data_base64", sample), validate=True)
    except binascii.Error as error:
        raise ValueError("data_base64 is not base64 text") from error
    words = {key: body.get(key, "") for key in ("title", "description")}
    row = media.add(
        call.db,
        appid=account.appid,
        kind=kind,
        permanent=body.get("permanent", True),
        upload=UploadedFile(filename=body.get("name", name), data=data),
        now=call.now,
        media_id=media_id,
        by_api=body.get("by_api", False),
        **words,
    )
    return {"media_id": row["media_id"], "url": row["url"]}


CONSOLE: Final = body_of({"appid": TEXT, "media_id": TEXT, "tag_id": INTEGER}, ("appid", "media_id"))


@route("POST", "console", body=CONSOLE)
def send_in_console(call: ControlCall) -> Json:
    """Mass send a draft as a person does in the web console: to everyone, or to a tag."""
    tag_id = call.body.get("tag_id")
    body = {
        "filter": {"is_to_all": True} if tag_id is None else {"is_to_all": False, "tag_id": tag_id},
        "msgtype": "mpnews",
        "mpnews": {"media_id": call.body["media_id"]},
    }
    request = HttpRequest(method="POST", path=mass.SENDALL, query={})
    made = ApiCall(db=call.db, now=call.now, account=call.account, request=request, body=body)
    try:
        return mass.sendall(made)
    except answers.ErrcodeError as error:
        raise ValueError(f"the console refuses it, as the API with errcode {error.errcode}") from None


@route("POST", "admin", body=body_of({"msg_id": INTEGER, "confirm": FLAG}, ("msg_id", "confirm")))
def decide_job(call: ControlCall) -> Json:
    """Confirm or refuse as the administrator a job that waits because of `protection`."""
    msg_id = call.body["msg_id"]
    is_number = 0 < msg_id < 2**63
    job = mass.decide(call.db, msg_id, confirmed=call.body["confirm"], now=call.now) if is_number else None
    if job is None:
        raise ValueError(f"no job {msg_id} waits for the administrator")
    return {"job": mass.whole_job_json(job)}


@route("GET", "clock")
def clock_state(call: ControlCall) -> Json:
    """Return the sandbox's time."""
    return {"now": clock.iso(call.now), "offset_s": clock.offset_s(call.db)}


@route("POST", "clock", body=CLOCK)
def move_clock(call: ControlCall) -> Json:
    """Move the clock by `advance_s`, or to `at` (RFC 3339), or back with `reset`."""
    wall = call.dispatcher.wall()
    if "advance_s" in call.body:
        clock.move(call.db, wall, advance_s=call.body["advance_s"])
    elif "at" in call.body:
        moment = datetime.fromisoformat(call.body["at"])
        if moment.tzinfo is None:
            raise ValueError("at needs an offset, as in 2026-12-01T19:00:00+08:00")
        clock.move(call.db, wall, to_unix=moment.timestamp())
    else:
        clock.move(call.db, wall, to_unix=wall)
    return clock_state(replace(call, now=call.dispatcher.advance(call.db)))


@route("GET", "faults")
def list_faults(call: ControlCall) -> Json:
    """Return the faults that are still to come."""
    return {"faults": pending_faults(call.db)}


@route("POST", "faults", body={"anyOf": [FAULT, {"type": "array", "items": FAULT}]})
def add_faults(call: ControlCall) -> Json:
    """Add one fault, or a list of them."""
    for spec in call.body if isinstance(call.body, list) else [call.body]:
        add_fault(call.db, spec)
    return list_faults(call)


@route("DELETE", "faults")
def delete_faults(call: ControlCall) -> Json:
    """Cancel every fault."""
    call.db.execute("DELETE FROM fault")
    return list_faults(call)


@route("POST", "reset")
def reset(call: ControlCall) -> Json:
    """Forget everything and plant the seed again."""
    store.wipe(call.db)
    return {"followers": seeds.plant(call.db, call.seed, call.dispatcher.wall())}
