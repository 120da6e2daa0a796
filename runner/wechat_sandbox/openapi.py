"""Describe the control calls as an OpenAPI 3.1 document, with WeChat's paths beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wechat_sandbox.answers import INTEGER, TEXT, Json
from wechat_sandbox.calls import ENDPOINTS, Endpoint
from wechat_sandbox.control import ROUTES, ControlCall, route

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
