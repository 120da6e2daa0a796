"""The calls under `/_sandbox/`: how they are run and described, and those that steer the sandbox.

`views.py` has those that look into it. The OpenAPI 3.1 document lists WeChat's paths beside them.
"""

import base64
import binascii
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from wechat_sandbox import accounts, bitmaps, callbacks, clock, drafts, mass, media, seeds, store
from wechat_sandbox.accounts import KIND, SWITCHES, OfficialAccount
from wechat_sandbox.answers import FLAG, INTEGER, NAME, NUMBER, TEXT, TEXTS, Json, body_of, check, read_json
from wechat_sandbox.calls import ENDPOINTS, Endpoint, UploadedFile
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

PARAMETERS: Final[Mapping[str, tuple[Json, str]]] = {
    "appid": (TEXT, "Only this account."),
    "msg_id": (INTEGER, "Only this job."),
    "tag_id": (INTEGER, "Only followers with this tag."),
    "limit": (INTEGER, "At most this many rows; default 1000."),
    "offset": (INTEGER, "How many rows to leave out before."),
    "path": (TEXT, "Only requests to this path, such as `/cgi-bin/tags/get`."),
    "after": (INTEGER, "Only requests with a higher id."),
    "search": (TEXT, "Part of nickname, remark, WeChat name or openid."),
    "openid": (TEXT, "The follower."),
}
NEEDED: Final = frozenset(
    {("followers", "appid"), ("phone", "appid"), ("phone", "openid"), ("sends", "appid")}
)
"""Parameters without which a call is a 400."""
ERROR: Final[Json] = {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}
COMPONENTS: Final[Json] = {
    "schemas": {"Error": ERROR},
    "parameters": {"access_token": {"name": "access_token", "in": "query", "required": True, "schema": TEXT}},
    "responses": {
        name: {"description": description, "content": {"application/json": {"schema": schema}}}
        for name, description, schema in (
            ("Done", "Done.", {"type": "object"}),
            ("Wrong", "What is wrong.", {"$ref": "#/components/schemas/Error"}),
            ("Foreign", "Another Host or Origin.", {"$ref": "#/components/schemas/Error"}),
            ("Answer", "WeChat's answer, errors too.", {"type": "object"}),
        )
    },
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRoute:
    """One control call: what runs it, and what it takes."""

    run: Run
    query: tuple[str, ...] = ()
    """Names of the parameters."""
    body: Json | None = None
    """The shape of the body; None: it is ignored."""


ROUTES: dict[tuple[str, str], ControlRoute] = {}
"""Every control call by its method and by what comes after `/_sandbox/`; `docs/sandbox.md` lists them too."""


def route(method: str, name: str, *query: str, body: Json | None = None) -> Callable[[Run], Run]:
    """Register the function that runs a control call."""

    def register(run: Run) -> Run:
        ROUTES[method, name] = ControlRoute(run=run, query=query, body=body)
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
    found = ROUTES.get((method, name))
    if found is None:
        names = ", ".join(" ".join(known) for known in ROUTES)
        return {"error": f"there is no {method} /_sandbox/{name}; there are {names}"}, 404
    try:
        body = read_json(raw) if raw.strip() and found.body else {}
        if found.body is not None:
            check(body, found.body)
        if name == "accounts" and body.get("callback"):
            # Over the network, before the call holds the state.
            callbacks.check(accounts.Callback(**body["callback"]), int(dispatcher.wall()))
        with dispatcher.transaction() as (db, now):
            call = ControlCall(db=db, now=now, dispatcher=dispatcher, query=query, body=body, seed=seed)
            return found.run(call), 200
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
        "blocked": account.blocked.bit_count(),
        "sends": mass.count_sends(db, account.appid),
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
    followers, subscribe = bitmaps.from_numbers(numbers.values()), call.body.get("subscribe", True)
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


@route("POST", "admin", body=body_of({"msg_id": INTEGER, "confirm": FLAG}, ("msg_id", "confirm")))
def decide_job(call: ControlCall) -> Json:
    """Confirm or refuse as the administrator a job that waits because of `protection`."""
    msg_id = call.body["msg_id"]
    is_number = 0 < msg_id < 2**63
    if not is_number or not mass.decide(call.db, msg_id, confirmed=call.body["confirm"], now=call.now):
        raise ValueError(f"no job {msg_id} waits for the administrator")
    return {"job": mass.list_jobs(call.db, msg_id=msg_id)[0]}


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


@route("POST", "snapshot")
def snapshot(call: ControlCall) -> Json:
    """Keep the whole state in memory, in place of the one kept before."""
    call.dispatcher.store.kept = store.copy(call.db)
    return {}


@route("POST", "restore")
def restore(call: ControlCall) -> Json:
    """Return to the state that was kept."""
    if not call.dispatcher.store.kept:
        raise ValueError("no state was kept; POST /_sandbox/snapshot keeps one")
    store.paste(call.db, call.dispatcher.store.kept)
    return {}


@route("POST", "reset")
def reset(call: ControlCall) -> Json:
    """Forget everything and plant the seed again."""
    store.wipe(call.db)
    return {"followers": seeds.plant(call.db, call.seed, call.dispatcher.wall())}


@route("GET", "openapi.json")
def document(_call: ControlCall | None = None) -> Json:
    """Describe these calls and list WeChat's paths: this document."""
    paths: dict[str, Json] = {}
    for method, name in ROUTES:
        paths.setdefault(f"/_sandbox/{name}", {})[method.lower()] = _control(method, name)
    for endpoint in ENDPOINTS.values():
        methods = ("get", "post") if endpoint.method == "ANY" else (endpoint.method.lower(),)
        paths[endpoint.path] = {method: _wechat(method, endpoint) for method in methods}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WeChat sandbox",
            "version": "1.0",
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "The calls under /_sandbox/ look into a running sandbox and steer it. They are not"
            " part of WeChat and need no access_token. Content-Type is ignored. Of WeChat's own paths this"
            " lists what is served; WeChat's pages describe what they take and return.",
        },
        "servers": [{"url": "http://127.0.0.1:8090", "description": "`wechat-sandbox` as it starts"}],
        "paths": paths,
        "components": COMPONENTS,
    }


def _control(method: str, name: str) -> Json:
    found = ROUTES[method, name]
    operation: Json = {
        "operationId": f"{method.lower()}_{name.replace('.', '_')}",
        "tags": ["control"],
        "summary": _summary(found.run),
        "responses": {
            code: {"$ref": f"#/components/responses/{name}"}
            for code, name in (("200", "Done"), ("400", "Wrong"), ("403", "Foreign"))
        },
    }
    if found.query:
        operation["parameters"] = [_parameter(name, key) for key in found.query]
    if found.body is not None:
        content = {"application/json": {"schema": found.body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _summary(run: object) -> str:
    return str(run.__doc__).partition("\n")[0].rstrip(".")


def _parameter(name: str, key: str) -> Json:
    schema, description = PARAMETERS[key]
    required = (name, key) in NEEDED
    return {"name": key, "in": "query", "required": required, "description": description, "schema": schema}


def _wechat(method: str, endpoint: Endpoint) -> Json:
    token = [{"$ref": "#/components/parameters/access_token"}]
    return {
        "operationId": method + endpoint.path.replace("/", "_"),
        "tags": ["WeChat"],
        "summary": _summary(endpoint.run),
        "parameters": token if endpoint.needs_token else [],
        "responses": {"200": {"$ref": "#/components/responses/Answer"}},
    }
