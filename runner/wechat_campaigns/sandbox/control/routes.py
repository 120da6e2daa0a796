"""Every call under `/_sandbox/`: its body, its route, its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from wechat_campaigns.sandbox import progress, strict_json
from wechat_campaigns.sandbox.answers import Json
from wechat_campaigns.sandbox.control import commands, queries
from wechat_campaigns.sandbox.control.queries import ControlCall
from wechat_campaigns.sandbox.dispatcher import Dispatcher

ROUTES: dict[tuple[str, str], Callable[[ControlCall], Json]] = {
    ("GET", "deliveries"): queries.list_deliveries,
    ("GET", "jobs"): queries.list_jobs,
    ("GET", "requests"): queries.list_requests,
    ("POST", "reset"): commands.reset,
    ("POST", "seed"): commands.seed,
    ("GET", "clock"): queries.clock_state,
    ("POST", "clock"): commands.move_clock,
    ("GET", "faults"): queries.list_faults,
    ("POST", "faults"): commands.add_faults,
    ("DELETE", "faults"): commands.delete_faults,
    ("GET", "accounts"): queries.list_accounts,
    ("POST", "accounts"): commands.change_account,
    ("GET", "followers"): queries.list_followers,
    ("POST", "followers"): commands.change_followers,
    ("GET", "inbox"): queries.inbox,
    ("POST", "media"): commands.add_media,
    ("POST", "originals"): commands.add_original,
    ("POST", "admin"): commands.decide_job,
    ("GET", "events"): queries.list_events,
    ("GET", "rules"): queries.list_rules,
    ("GET", "state"): queries.state,
}
"""All but POST snapshot and POST restore, which need the store itself."""


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
        dispatcher: the emulated platform.
        seed: what a reset goes back to.
        method: GET, POST or DELETE.
        name: what comes after `/_sandbox/`.
        raw: the body.
        query: the parameters.
        msg_id: the job named in the path, added to the body.

    Returns:
        The answer and its HTTP status; a mistake in the call is a 400 that says what is wrong.
    """
    try:
        body = read_body(raw)
        if (method, name) == ("POST", "snapshot"):
            return {"snapshot": dispatcher.store.snapshot()}, 200
        if (method, name) == ("POST", "restore"):
            return _restore(dispatcher, body), 200
        route = ROUTES.get((method, name))
        if route is None:
            names = [*(" ".join(known) for known in ROUTES), "POST snapshot", "POST restore"]
            return {"error": f"there is no {method} /_sandbox/{name}; there are {', '.join(names)}"}, 404
        if msg_id is not None and isinstance(body, dict):
            body = {**body, "msg_id": msg_id}
        wall = dispatcher.wall()
        commands.prepare(name, body, int(wall))
        with dispatcher.store.transaction() as db:
            now = progress.advance(db, wall)
            return route(ControlCall(db=db, now=now, wall=wall, query=query, body=body, seed=seed)), 200
    except ValueError as error:
        return {"error": str(error)}, 400


def _restore(dispatcher: Dispatcher, body: Any) -> Json:
    """Go back to a snapshot."""
    name = str(body.get("snapshot")) if isinstance(body, dict) else ""
    if not dispatcher.store.restore(name):
        raise ValueError("there is no snapshot of that name; POST /_sandbox/snapshot makes one")
    return {"snapshot": name}


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
