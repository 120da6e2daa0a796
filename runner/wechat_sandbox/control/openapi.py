"""Describe the control calls as an OpenAPI 3.1 document, from the table of their routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wechat_sandbox.answers import Json
from wechat_sandbox.shapes import INTEGER, TEXT, answer_of

PARAMETERS: Final[Mapping[str, tuple[Json, str]]] = {
    "appid": (TEXT, "Only this account."),
    "msg_id": (INTEGER, "Only this job."),
    "limit": (INTEGER, "At most this many rows; default 1000."),
    "path": (TEXT, "Only requests to this path, such as `/cgi-bin/tags/get`."),
    "after": (INTEGER, "Only requests with a higher id."),
    "openid": (TEXT, "The follower."),
}
NEEDED: Final = frozenset({("followers", "appid"), ("inbox", "appid"), ("inbox", "openid")})
"""Parameters without which a call is a 400."""
IN_PATH: Final[Mapping[str, str]] = {"admin": "msg_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRoute:
    """One control call: what runs it, and what it takes and returns."""

    run: Callable[[Any], Json] | None = None
    """None: the call needs the store itself."""
    summary: str = ""
    """Default: the first line of the function's docstring."""
    query: tuple[str, ...] = ()
    """Names of `PARAMETERS`."""
    body: Json | None = None
    """None: the body is ignored."""
    returns: Json = field(default_factory=lambda: {"type": "object"})


def document(routes: Mapping[tuple[str, str], ControlRoute]) -> Json:
    """Write the document.

    Args:
        routes: by method and by what comes after `/_sandbox/`.

    Returns:
        The OpenAPI document as plain data.
    """
    paths: dict[str, Json] = {}
    for (method, name), route in routes.items():
        argument = IN_PATH.get(name)
        path = f"/_sandbox/{name}/{{{argument}}}" if argument else f"/_sandbox/{name}"
        paths.setdefault(path, {})[method.lower()] = _operation(method, name, route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WeChat sandbox: control calls",
            "version": "1.0",
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Look into a running sandbox and steer it. These calls are not part of WeChat and"
            " need no access_token. Bodies are JSON, or YAML without aliases; Content-Type is ignored.",
        },
        "servers": [{"url": "http://127.0.0.1:8090", "description": "`wechat-sandbox` as it starts"}],
        "paths": paths,
        "components": {"schemas": {"Error": answer_of(error=TEXT)}},
    }


def _operation(method: str, name: str, route: ControlRoute) -> Json:
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    operation: Json = {
        "operationId": f"{method.lower()}_{name.replace('.', '_')}",
        "summary": route.summary or str(route.run.__doc__).partition("\n")[0].rstrip("."),
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": route.returns}}},
            "400": {"description": "What is wrong.", "content": {"application/json": error}},
            "403": {"description": "Another Host or Origin.", "content": {"application/json": error}},
        },
    }
    parameters = [_parameter(name, key) for key in route.query]
    if name in IN_PATH:
        parameters.append(_parameter(name, IN_PATH[name], place="path"))
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": route.body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(name: str, key: str, place: str = "query") -> Json:
    schema, description = PARAMETERS[key]
    required = place == "path" or (name, key) in NEEDED
    return {"name": key, "in": place, "required": required, "description": description, "schema": schema}
