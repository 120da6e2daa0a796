"""Every call under `/_sandbox/`: its body, its route, its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from wechat_sandbox import progress, strict_json
from wechat_sandbox.accounts import KIND, SWITCHES
from wechat_sandbox.answers import Json
from wechat_sandbox.control import commands, openapi, queries
from wechat_sandbox.control.openapi import ControlRoute
from wechat_sandbox.control.queries import ControlCall
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.faults import FAULT
from wechat_sandbox.seeds import SEED
from wechat_sandbox.shapes import (
    COUNTS,
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXTS,
    answer_of,
    body_of,
    check,
)

_CLOCK = answer_of(now=TEXT, offset_s=NUMBER)
_FAULTS = answer_of(faults=OBJECTS)
_ACCOUNT = answer_of(
    appid=TEXT, name=TEXT, kind=KIND, options=OBJECT, followers=INTEGER, blocked=INTEGER, tags=OBJECTS
)

ROUTES: dict[tuple[str, str], ControlRoute] = {
    ("GET", "deliveries"): ControlRoute(
        run=queries.list_deliveries,
        query=("appid", "msg_id", "limit"),
        returns=answer_of(deliveries=OBJECTS, jobs=OBJECTS, total=INTEGER, previews=OBJECTS),
    ),
    ("GET", "jobs"): ControlRoute(
        run=queries.list_jobs, query=("appid", "msg_id"), returns=answer_of(jobs=OBJECTS)
    ),
    ("GET", "requests"): ControlRoute(
        run=queries.list_requests,
        query=("appid", "path", "after", "limit"),
        returns=answer_of(requests=OBJECTS),
    ),
    ("GET", "events"): ControlRoute(
        run=queries.list_events, query=("appid",), returns=answer_of(events=OBJECTS)
    ),
    ("GET", "accounts"): ControlRoute(
        run=queries.list_accounts, returns=answer_of(accounts={"type": "array", "items": _ACCOUNT})
    ),
    ("POST", "accounts"): ControlRoute(
        run=commands.change_account,
        body=body_of({"appid": TEXT, "kind": KIND, **SWITCHES}, ("appid",)),
        returns=_ACCOUNT,
    ),
    ("GET", "followers"): ControlRoute(
        run=queries.list_followers, query=("appid", "limit"), returns=answer_of(followers=OBJECTS)
    ),
    ("POST", "followers"): ControlRoute(
        run=commands.change_followers,
        body=body_of({"appid": TEXT, "openids": TEXTS, "subscribe": FLAG}, ("appid", "openids")),
        returns=answer_of(followers=INTEGER),
    ),
    ("GET", "inbox"): ControlRoute(
        run=queries.inbox, query=("appid", "openid"), returns=answer_of(messages=OBJECTS)
    ),
    ("POST", "seed"): ControlRoute(run=commands.seed, body=SEED, returns=answer_of(followers=COUNTS)),
    ("POST", "media"): ControlRoute(
        run=commands.add_media, body=commands.MEDIA, returns=answer_of(media_id=TEXT)
    ),
    ("POST", "originals"): ControlRoute(
        run=commands.add_original,
        body=body_of({"title": TEXT, "url": TEXT, "can_reprint": FLAG}, ("title",)),
        returns=answer_of(originals=OBJECTS),
    ),
    ("POST", "admin"): ControlRoute(
        run=commands.decide_job,
        body=body_of(
            {"msg_id": INTEGER, "decision": {"type": "string", "enum": ["confirm", "refuse"]}}, ("decision",)
        ),
        returns=answer_of(job=OBJECT),
    ),
    ("GET", "clock"): ControlRoute(run=queries.clock_state, returns=_CLOCK),
    ("POST", "clock"): ControlRoute(run=commands.move_clock, body=commands.CLOCK, returns=_CLOCK),
    ("GET", "faults"): ControlRoute(run=queries.list_faults, returns=_FAULTS),
    ("POST", "faults"): ControlRoute(
        run=commands.add_faults,
        body={"anyOf": [FAULT, {"type": "array", "items": FAULT}]},
        returns=_FAULTS,
    ),
    ("DELETE", "faults"): ControlRoute(run=commands.delete_faults, returns=_FAULTS),
    ("POST", "snapshot"): ControlRoute(
        summary="Keep the whole state in memory, for the last 20 times", returns=answer_of(snapshot=TEXT)
    ),
    ("POST", "restore"): ControlRoute(
        summary="Return to a snapshot",
        body=body_of({"snapshot": TEXT}, ("snapshot",)),
        returns=answer_of(snapshot=TEXT),
    ),
    ("POST", "reset"): ControlRoute(run=commands.reset, returns=answer_of(followers=COUNTS)),
    ("GET", "state"): ControlRoute(
        run=queries.state,
        returns=answer_of(
            clock=_CLOCK,
            **dict.fromkeys(("accounts", "jobs", "faults", "drafts", "media"), OBJECTS),
            rows=COUNTS,
        ),
    ),
    ("GET", "rules"): ControlRoute(run=queries.list_rules, returns=answer_of(rules=OBJECTS, errmsg=OBJECT)),
    ("GET", "openapi.json"): ControlRoute(
        run=lambda _call: openapi.document(ROUTES), summary="Describe these calls: this document"
    ),
}
"""Every control call; `docs/sandbox.md` lists them too."""


class _Loader(yaml.SafeLoader):
    """YAML in which times stay text, as they are in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def handle(
    dispatcher: Dispatcher,
    seed: Mapping[str, Any],
    method: str,
    name: str,
    raw: bytes,
    query: Mapping[str, str],
    msg_id: int | None = None,
) -> tuple[Json, int]:
    """Run a control call.

    Args:
        seed: what a reset goes back to.
        name: what comes after `/_sandbox/`.
        msg_id: the job named in the path, added to the body.

    Returns:
        The answer and its HTTP status; a mistake in the call is a 400 that says what is wrong.
    """
    try:
        body = read_body(raw)
        route = ROUTES.get((method, name))
        if route is None:
            names = ", ".join(" ".join(known) for known in ROUTES)
            return {"error": f"there is no {method} /_sandbox/{name}; there are {names}"}, 404
        if route.body is not None:
            check(body, route.body)
        if name == "restore" and not dispatcher.store.restore(body["snapshot"]):
            raise ValueError("there is no snapshot of that name; POST /_sandbox/snapshot makes one")
        if route.run is None:
            return body if name == "restore" else {"snapshot": dispatcher.store.snapshot()}, 200
        if msg_id is not None:
            body = {**body, "msg_id": msg_id}
        wall = dispatcher.wall()
        commands.prepare(name, body, int(wall))
        with dispatcher.store.transaction() as db:
            now = progress.advance(db, wall)
            return route.run(ControlCall(db=db, now=now, wall=wall, query=query, body=body, seed=seed)), 200
    except ValueError as error:
        return {"error": str(error)}, 400


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
